"""From a department's samples to a finished draft, in a real browser: by mouse, by keyboard, without scripts."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.draft_samples import a_document, a_result, an_acceptance
from tests.e2e.test_console_browser import (
    CHROMIUM,
    Log,
    Served,
    browser,
    log,
    page,
    playwright_session,
    served,
    sign_in,
)
from tests.fake_console import a_user

__all__ = ["browser", "log", "page", "playwright_session", "served"]
pytestmark = [
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium; name one in HUB_CHROMIUM"),
    pytest.mark.timeout(180),
]
DRAFT = "/adapters/shuili-qsxk/draft"


@pytest.fixture
def sample_files(tmp_path: Path) -> list[Path]:
    bodies = {f"sl{n}.xml": an_acceptance(n) for n in range(1, 4)} | {f"bj{n}.xml": a_result(n) for n in range(1, 4)}
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
    return sorted(tmp_path.glob("*.xml"))


def begin(page: Page, address: str, files: list[Path]) -> None:
    page.goto(f"{address}/adapter-start")
    page.get_by_label("适配器名称").fill("水利局取水许可")
    page.get_by_label("适配器代码").fill("shuili-qsxk")
    page.get_by_label("样例文件").set_input_files(files)
    page.get_by_role("button", name="识别并起草").click()
    expect(page.get_by_role("heading", name="已起草：水利局取水许可")).to_be_visible()


def test_samples_become_a_draft_whose_fields_are_chosen_and_seen_at_once(
    page: Page, served: Served, sample_files: list[Path], log: Log
) -> None:
    begin(page, served.address, sample_files)
    page.get_by_role("link", name="核对映射").click()
    page.get_by_role("link", name=re.compile("SL-step")).click()
    page.get_by_role("link", name="环节开始时间").or_(page.get_by_role("link", name="显示全部字段")).first.click()
    page.get_by_role("link", name="环节开始时间", exact=True).click()
    page.get_by_role("button", name="用 SQSJ 作为 环节开始时间").click()
    chosen = page.locator(".field-on")
    expect(chosen.locator("td code")).to_have_text("SQSJ")
    expect(chosen).to_contain_text("2026-03-01 09:15:00")
    expect(page.locator(".pane-record")).to_contain_text('"startedAt"')
    assert "startedAt" in served.services.adapters.drafts["shuili-qsxk"]["routes"][-1]["fields"]
    assert log.complaints == []


def test_what_is_typed_is_previewed_and_only_kept_when_saved(page: Page, served: Served) -> None:
    served.services.adapters.create(a_user(), a_document())
    page.goto(f"{served.address}{DRAFT}?field=opinion")
    page.get_by_label("选择器").fill("BLYJ")
    expect(page.locator("#preview")).to_contain_text("材料齐全")
    assert "opinion" not in served.services.adapters.drafts["shuili-qsxk"]["routes"][0]["fields"]
    page.get_by_role("button", name="保存这个字段").click()
    expect(page.locator(".field-on td code")).to_have_text("BLYJ")
    expect(page.locator("#announce")).to_have_text("映射已更新")


def test_a_mistake_is_told_in_place_and_what_was_typed_stays(page: Page, served: Served) -> None:
    served.services.adapters.create(a_user(), a_document())
    page.goto(f"{served.address}{DRAFT}?field=opinion")
    page.get_by_label("选择器").fill("A[")
    page.get_by_role("button", name="保存这个字段").click()
    expect(page.get_by_role("alert")).to_contain_text("选择器不能用")
    expect(page.get_by_label("选择器")).to_have_value("A[")


def test_the_editor_is_worked_with_the_keyboard_alone(page: Page, served: Served) -> None:
    served.services.adapters.create(a_user(), a_document())
    page.goto(f"{served.address}{DRAFT}")
    page.get_by_role("link", name="处理意见", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("选择器")).to_be_focused()
    page.keyboard.type("BLYJ")
    page.keyboard.press("Enter")
    expect(page.locator(".field-on td code")).to_have_text("BLYJ")


def test_no_tab_of_the_editor_asks_another_site_or_breaks_its_policy(page: Page, served: Served, log: Log) -> None:
    served.services.adapters.create(a_user(), a_document())
    tabs = ["", "?field=stepStatus", "?show=all", "/codes", "/settings", "/samples", "/document", "/trial?limit=20"]
    for path in ["/adapter-start", *(DRAFT + tab for tab in tabs)]:
        page.goto(served.address + path)
        widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1], path
    assert {address for address in log.addresses if not address.startswith((served.address, "data:"))} == set()
    assert log.complaints == []


def test_the_editor_works_without_scripts(browser: Browser, served: Served) -> None:
    served.services.adapters.create(a_user(), a_document())
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    sign_in(page, served.address)
    page.goto(f"{served.address}{DRAFT}")
    page.get_by_role("link", name="处理意见", exact=True).click()
    page.get_by_role("link", name="固定值", exact=True).click()
    page.get_by_label("固定值").fill("同意受理")
    page.get_by_role("button", name="保存这个字段").click()
    expect(page.get_by_text("草稿已保存")).to_be_visible()
    expect(page.locator(".field-on")).to_contain_text("同意受理")
    context.close()
