"""The console in a real browser: the way of a county official, with every request and policy breach on record."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, expect, sync_playwright

from tests.fake_console import PASSWORD, FakeConsole, fake_app

CHROMIUM = os.environ.get("HUB_CHROMIUM", "/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
pytestmark = [
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium; name one in HUB_CHROMIUM"),
    pytest.mark.timeout(120),
]


@dataclass
class Served:
    address: str
    services: FakeConsole


@dataclass
class Log:
    """What the browser asked for and complained about."""

    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def request(self, request: Request) -> None:
        self.addresses.append(request.url)

    def message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def served() -> Iterator[Served]:
    services = FakeConsole()
    server = uvicorn.Server(uvicorn.Config(fake_app(services), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(f"http://127.0.0.1:{port}", services)
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def playwright_session() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright_session: Playwright) -> Iterator[Browser]:
    launched = playwright_session.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
    yield launched
    launched.close()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def page(browser: Browser, served: Served, log: Log) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    opened = context.new_page()
    opened.on("request", log.request)
    opened.on("console", log.message)
    opened.on("pageerror", lambda error: log.complaints.append(str(error)))
    sign_in(opened, served.address)
    yield opened
    context.close()


def sign_in(page: Page, address: str, role: str = "it_staff") -> None:
    page.goto(f"{address}/login")
    page.get_by_label("用户名").fill(role)
    page.get_by_label("口令").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="今日概况")).to_be_visible()


def test_a_case_is_found_by_one_character_and_explains_its_clock(page: Page, served: Served) -> None:
    page.get_by_role("link", name="办件查询").click()
    page.get_by_label("关键词").fill("旅")
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("group", name="已选条件")).to_contain_text("关键词：旅")
    assert page.url == f"{served.address}/cases?q=%E6%97%85"
    expect(page.locator("#results tbody mark").first).to_have_text("旅")

    page.locator("#results tbody th a").first.click()
    expect(page.locator(".formula")).to_contain_text("个工作日，自 2026-")
    page.get_by_text("逐日明细（").click()
    expect(page.get_by_role("table", name="逐日明细").get_by_role("row").nth(1)).to_contain_text("受理当日，不计")


def test_a_red_card_shows_its_proof_and_recomputes(page: Page) -> None:
    page.get_by_role("link", name="红牌 6").click()
    page.get_by_role("link", name="T06 超过法定时限").first.click()
    proof = page.locator(".proof")
    for words in ("《行政许可法》第四十二条", "扣除：补正", "重新计算：一致", "若于 2026-02-28 17:30 前办结"):
        expect(proof).to_contain_text(words)


def test_a_quarantined_record_is_discarded_with_a_reason(page: Page, served: Served) -> None:
    page.get_by_role("link", name="隔离区").click()
    page.get_by_role("link", name="处理 P0001-9").click()
    discard = page.get_by_role("button", name="作废这条记录")
    discard.click()  # the browser itself asks for the missing reason
    assert served.services.audit == []
    page.get_by_label("作废理由").fill("重复报送，部门已确认")
    page.get_by_label("我确认作废").check()
    discard.click()
    expect(page.get_by_role("status").filter(has_text="已作废该记录")).to_be_visible()
    assert served.services.audit == [("it_staff", "1", "重复报送，部门已确认")]


def test_going_back_from_a_filtered_list_shows_the_list_before(page: Page) -> None:
    page.get_by_role("link", name="监察牌").first.click()
    page.get_by_label("牌级").select_option("YELLOW")
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("group", name="已选条件")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("group", name="已选条件")).to_have_count(0)
    expect(page.get_by_label("牌级")).to_have_value("")


def test_a_session_that_ends_leads_from_a_list_to_the_sign_in_page(page: Page, served: Served) -> None:
    page.get_by_role("link", name="办件查询").click()
    for token in list(served.services.sessions):
        served.services.sign_out(token)
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()


def test_no_page_asks_another_site_or_breaks_its_policy(page: Page, served: Served, log: Log) -> None:
    case = next(case for case in served.services.search_everything() if case["cards"])
    paths = [
        "/", "/cases?q=证", f"/cases/{case['unifiedNo']}", "/cards", f"/cards/{case['cards'][0]['id']}", "/messages",
        "/messages/R20260318-00001", "/quarantine", "/quarantine/1", "/errors", "/errors/HUB-3001",
    ]  # fmt: skip
    for path in paths:
        page.goto(served.address + path)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip", path
        widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1], path
    assert {address for address in log.addresses if not address.startswith((served.address, "data:"))} == set()
    assert log.complaints == []


def test_everything_works_without_scripts(browser: Browser, served: Served) -> None:
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    sign_in(page, served.address)
    page.goto(f"{served.address}/cases")
    page.get_by_label("状态").select_option("FINISHED")
    page.get_by_role("button", name="查询").click()
    page.locator("#results tbody th a").first.click()
    expect(page.locator(".formula")).to_contain_text("办结时已用")
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_text("您已安全退出")).to_be_visible()
    context.close()
