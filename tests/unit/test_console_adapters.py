"""Pages of senders and adapters: what they say, what their forms do, what they refuse."""

import re
from datetime import date

import pytest
from fastapi.testclient import TestClient

from hub.console.services import Registration
from hub.domain.codes import ROLES
from tests.fake_adapters import SECRET
from tests.fake_console import FakeConsole
from tests.unit.test_console_pages import csrf_of, signed_in

A_SENDER = {
    "code": "SL-01", "name": "水利审批系统", "departments": "33032400SL 样例县水利局\n33032400SY",
    "vendor": "样例软件", "contact": "经办人丙",
}  # fmt: skip


@pytest.fixture
def services() -> FakeConsole:
    return FakeConsole()


@pytest.fixture
def browser(services: FakeConsole) -> TestClient:
    return signed_in(services)


def post(browser: TestClient, path: str, **form: str):
    csrf = csrf_of(browser.get("/").text)
    return browser.post(path, data={"csrf": csrf, **form})


# --- senders ------------------------------------------------------------------------------------------------------


def test_senders_are_found_by_state(browser: TestClient) -> None:
    assert re.findall(r'<a href="/senders/([A-Z]+)">', browser.get("/senders?state=DISABLED").text) == ["ZGH"]
    assert re.findall(r'<a href="/senders/([A-Z]+)">', browser.get("/senders?state=SILENT").text) == ["WJW"]
    assert re.findall(r'<a href="/senders/([A-Z]+)">', browser.get("/senders?state=NEVER").text) == ["ZJJ"]


def test_a_sender_is_registered_and_its_secret_shown_once(services: FakeConsole, browser: TestClient) -> None:
    page = post(browser, "/senders", **A_SENDER).text
    assert SECRET in page
    assert SECRET not in browser.get("/senders/SL-01").text
    (_, _, asked) = services.registry.done[0]
    assert asked.departments == {"33032400SL": "样例县水利局", "33032400SY": "水利审批系统"}
    assert asked.registration == Registration(vendor="样例软件", contact="经办人丙")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"code": ""}, "请填写报送方代码"),
        ({"departments": " \n"}, "请填写它代表的部门"),
        ({"code": "SCJG"}, "已经登记"),
    ],
)
def test_a_registration_that_cannot_be_keeps_what_was_typed(
    browser: TestClient, wrong: dict[str, str], words: str
) -> None:
    answer = post(browser, "/senders", **A_SENDER | wrong)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="水利审批系统"' in answer.text


def test_rotating_shows_a_secret_and_the_old_one_can_then_be_revoked(
    services: FakeConsole, browser: TestClient
) -> None:
    assert "作废旧密钥" not in browser.get("/senders/SCJG").text
    assert SECRET in post(browser, "/senders/SCJG/rotate").text
    assert "作废旧密钥" in browser.get("/senders/SCJG").text
    assert post(browser, "/senders/SCJG/revoke", credential="1").headers["location"] == "/senders/SCJG"
    held = services.registry.rows[0]["credentials"]
    assert [row["revokedAt"] is None for row in held] == [True, False]


def test_the_only_secret_is_not_revoked(browser: TestClient) -> None:
    answer = post(browser, "/senders/SCJG/revoke", credential="1")
    assert (answer.status_code, "唯一有效的密钥" in answer.text) == (422, True)


def test_stopping_a_sender_needs_words_for_it(services: FakeConsole, browser: TestClient) -> None:
    assert "请填写停用说明" in post(browser, "/senders/SCJG/disable").text
    assert services.registry.rows[0]["disabledNotice"] is None
    post(browser, "/senders/SCJG/disable", notice="系统升级")
    assert "系统升级" in browser.get("/senders/SCJG").text


@pytest.mark.parametrize(("text", "status"), [("2.5", 303), ("", 303), ("-1", 422), ("０", 422), ("1e9", 422)])
def test_a_quota_is_a_positive_number_or_nothing(browser: TestClient, text: str, status: int) -> None:
    assert post(browser, "/senders/SCJG/quota", messages_per_second=text).status_code == status


def test_the_registration_form_for_print_names_no_secret(browser: TestClient) -> None:
    page = browser.get("/senders/SCJG/registration").text
    assert "样例软件" in page
    assert "/api/v1/push/" in page
    assert SECRET not in page


# --- adapters -----------------------------------------------------------------------------------------------------


def test_an_adapter_shows_what_may_be_done_now(browser: TestClient) -> None:
    page = browser.get("/adapters/package").text
    offered = set(re.findall(r'name="act" value="([a-z]+)"', page))
    assert offered == {"activate", "disable", "rollback"}
    assert 'name="fingerprint" value="' + "f" * 64 in page


@pytest.mark.parametrize("role", ["supervisor", "auditor"])
def test_who_may_only_look_is_offered_no_act(services: FakeConsole, role: str) -> None:
    browser = signed_in(services, role)
    assert 'name="act"' not in browser.get("/adapters/package").text
    assert post(browser, "/adapters/package/acts", act="activate", version="3").status_code == 403
    assert services.adapters.acts == []


def test_an_act_is_asked_for_with_reason_day_and_fingerprint(services: FakeConsole, browser: TestClient) -> None:
    answer = post(
        browser, "/adapters/package/acts", act="disable", reason="对方系统升级", planned_end="2026-03-20",
        fingerprint="f" * 64,
    )  # fmt: skip
    assert answer.headers["location"] == "/adapters/package"
    (_, _, asked) = services.adapters.acts[0]
    assert (asked.act, asked.version, asked.reason) == ("disable", None, "对方系统升级")
    assert (asked.planned_end, asked.fingerprint) == (date(2026, 3, 20), "f" * 64)


def test_an_act_on_a_version_that_changed_since_says_so(browser: TestClient) -> None:
    answer = post(browser, "/adapters/package/acts", act="activate", version="3", fingerprint="0" * 64)
    assert (answer.status_code, "内容已经改变" in answer.text) == (422, True)


@pytest.mark.parametrize("day", ["2026-02-30", "明天"])
def test_a_day_that_does_not_exist_is_refused(services: FakeConsole, browser: TestClient, day: str) -> None:
    answer = post(browser, "/adapters/package/acts", act="disable", reason="升级", planned_end=day)
    assert (answer.status_code, services.adapters.acts) == (422, [])


def test_versions_are_compared_by_what_they_mean(browser: TestClient) -> None:
    page = browser.get("/adapters/package/diff?old=1&new=2").text
    assert "交换包 1" in page
    assert "交换包 2" in page
    assert "没有差别" in browser.get("/adapters/package/diff?old=1&new=1").text


@pytest.mark.parametrize("path", ["/adapters/none", "/adapters/package/versions/9", "/adapters/package/versions/x",
                                  "/adapters/package/diff", "/adapter-library/none", "/senders/none"])  # fmt: skip
def test_what_does_not_exist_is_not_found(browser: TestClient, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_a_version_is_shown_without_its_samples(browser: TestClient) -> None:
    page = browser.get("/adapters/package/versions/2").text
    assert "routes:" in page
    assert "samples:" not in page


def test_drift_is_a_part_of_the_page_when_it_is_asked_for_in_place(browser: TestClient) -> None:
    part = browser.get("/adapters/package/drift", headers={"HX-Request": "true"}).text
    assert "NEWCOL" in part
    assert "<html" not in part


def test_every_shipped_adapter_can_be_looked_at(browser: TestClient) -> None:
    codes = re.findall(r'href="/adapter-library/([a-z0-9-]+)"', browser.get("/adapter-library").text)
    assert len(codes) >= 8
    assert {browser.get(f"/adapter-library/{code}").status_code for code in codes} == {200}


# --- codes without a counterpart ----------------------------------------------------------------------------------


def test_a_code_is_mapped_once_and_what_had_it_is_replayed(services: FakeConsole, browser: TestClient) -> None:
    answer = post(browser, "/unmapped-codes/1/map", token="PASSED")
    assert answer.headers["location"] == "/replays/1"
    assert [row["state"] for row in services.adapters.codes] == ["MAPPED", "OPEN", "OPEN"]


def test_a_token_that_is_none_is_refused_on_the_same_page(browser: TestClient) -> None:
    answer = post(browser, "/unmapped-codes/1/map", token="NONSENSE")
    assert (answer.status_code, "标准代码表里没有这个值" in answer.text) == (422, True)


def test_leaving_a_code_unmapped_needs_its_reason(services: FakeConsole, browser: TestClient) -> None:
    post(browser, "/unmapped-codes/2/ignore", reason="测试数据")
    assert services.adapters.ignored == [("2", "测试数据")]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "it_staff"])
def test_only_it_staff_map_codes(services: FakeConsole, role: str) -> None:
    assert post(signed_in(services, role), "/unmapped-codes/1/map", token="PASSED").status_code == 403
    assert services.adapters.codes[0]["state"] == "OPEN"


# --- links --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["it_staff", "supervisor", "auditor"])
@pytest.mark.parametrize("path", ["/senders", "/senders/SCJG", "/adapters", "/adapters/package", "/unmapped-codes",
                                  "/adapter-library", "/adapters/package/versions/2"])  # fmt: skip
def test_no_page_links_to_what_its_reader_may_not_open(services: FakeConsole, role: str, path: str) -> None:
    browser = signed_in(services, role)
    links = set(re.findall(r'<a [^>]*href="(/[^"#]*)"', browser.get(path).text))
    assert links
    assert {link for link in links if browser.get(link.replace("&amp;", "&")).status_code == 403} == set()
