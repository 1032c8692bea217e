"""Every page over HTTP: who may see it, what it says, and what hostile input does to it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.console.session import RIGHTS, Right
from hub.domain.codes import ROLES
from hub.domain.service_states import Service, ServiceState
from tests.fake_console import NOW, PASSWORD, FakeConsole, fake_app

PAYLOAD = "<img src=x onerror=alert(1)>\"'</script>"
RIGHT_BY_PAGE = {
    "/": Right.HOME, "/cases": Right.CASES, "/cases/{case}": Right.CASES, "/cards": Right.CARDS,
    "/cards/{card}": Right.CARDS, "/messages": Right.MESSAGES, "/messages/R20260318-00001": Right.MESSAGES,
    "/quarantine": Right.QUARANTINE, "/quarantine/1": Right.QUARANTINE, "/errors": Right.HELP,
    "/errors/HUB-3001": Right.HELP, "/service-state": Right.SERVICE_STATE,
    "/replays": Right.REPLAYS, "/replays/1": Right.REPLAYS, "/quality": Right.MESSAGES,
    "/quality/senders/SCJG": Right.MESSAGES, "/quality/records": Right.MESSAGES, "/reconciliation": Right.MESSAGES,
    "/senders": Right.ADAPTERS, "/senders/SCJG": Right.ADAPTERS, "/senders/SCJG/registration": Right.CHANGE_ADAPTERS,
    "/sender-registration": Right.CHANGE_ADAPTERS, "/adapters": Right.ADAPTERS, "/adapters/package": Right.ADAPTERS,
    "/adapters/package/versions/2": Right.ADAPTERS, "/adapters/package/diff?old=1&new=2": Right.ADAPTERS,
    "/adapters/package/drift": Right.ADAPTERS, "/adapter-library": Right.ADAPTERS,
    "/adapter-library/inf-tables": Right.ADAPTERS, "/unmapped-codes": Right.ADAPTERS,
    "/adapter-start": Right.CHANGE_ADAPTERS, "/adapters/package/draft": Right.CHANGE_ADAPTERS,
}  # fmt: skip
ACTIONS = ("/quarantine/1/replay", "/quarantine/1/discard")


@pytest.fixture
def services() -> FakeConsole:
    return FakeConsole()


def a_browser(services: FakeConsole, public_url: str = "") -> TestClient:
    address = public_url or "http://testserver"
    return TestClient(fake_app(services, public_url), base_url=address, follow_redirects=False)


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def signed_in(services: FakeConsole, role: str = "it_staff") -> TestClient:
    browser = a_browser(services)
    form = {"name": role, "password": PASSWORD, "csrf": csrf_of(browser.get("/login").text), "next": "/"}
    assert browser.post("/login", data=form).status_code == 303
    return browser


def addresses(services: FakeConsole) -> dict[str, Right]:
    case = next(case for case in services.search_everything() if case["cards"] and case["orgCode"].endswith("11H"))
    return {
        path.format(case=case["unifiedNo"], card=case["cards"][0]["id"]): right for path, right in RIGHT_BY_PAGE.items()
    }


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_the_pages_it_has_a_right_to_and_no_other(services: FakeConsole, role: str) -> None:
    browser = signed_in(services, role)
    answers = {path: browser.get(path).status_code for path in addresses(services)}
    assert answers == {path: 200 if right in RIGHTS[role] else 403 for path, right in addresses(services).items()}


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_offers_only_what_the_role_may_open(services: FakeConsole, role: str) -> None:
    browser = signed_in(services, role)
    menu = re.search(r'<nav class="side".*?</nav>', browser.get("/").text, re.DOTALL)
    assert menu
    assert {browser.get(path).status_code for path in re.findall(r'href="([^"]+)"', menu[0])} == {200}


@pytest.mark.parametrize("role", [role for role in ROLES if Right.MEND_QUARANTINE not in RIGHTS[role]])
def test_roles_without_the_right_cannot_change_the_quarantine(services: FakeConsole, role: str) -> None:
    browser = signed_in(services, role)
    csrf = csrf_of(browser.get("/").text)
    for path in ACTIONS:
        assert browser.post(path, data={"csrf": csrf, "reason": "重复", "confirmed": "yes"}).status_code == 403
    assert services.audit == []


def test_a_visitor_without_session_is_led_to_sign_in_and_back(services: FakeConsole) -> None:
    answer = a_browser(services).get("/cases?q=证&state=FINISHED")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/cases%3Fq%3D%25E8%25AF%2581%26state%3DFINISHED"


def test_a_fragment_request_without_session_makes_the_browser_leave_the_page(services: FakeConsole) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/cases?q=a"}
    answer = a_browser(services).get("/cases", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?next=/cases%3Fq%3Da")


def test_a_department_user_does_not_find_cases_of_other_departments(services: FakeConsole) -> None:
    browser = signed_in(services, "department")
    foreign = next(case for case in services.search_everything() if not case["orgCode"].endswith("11H"))
    assert browser.get(f"/cases/{foreign['unifiedNo']}").status_code == 404
    assert foreign["orgName"] not in browser.get("/cases?limit=100").text


def test_wrong_password_and_unknown_user_get_the_same_answer(services: FakeConsole) -> None:
    browser = a_browser(services)
    csrf = csrf_of(browser.get("/login").text)
    form = {"password": "wrong", "csrf": csrf}
    answers = [browser.post("/login", data={"name": name, **form}) for name in ("it_staff", "nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text.replace("it_staff", "nobody") == answers[1].text


@pytest.mark.parametrize("target", ["//evil.example", "http://evil.example/", "/\\evil.example", "javascript:a()"])
def test_signing_in_never_leads_to_another_site(services: FakeConsole, target: str) -> None:
    browser = a_browser(services)
    form = {"name": "it_staff", "password": PASSWORD, "csrf": csrf_of(browser.get("/login").text), "next": target}
    assert browser.post("/login", data=form).headers["location"] == "/"


def test_signing_in_needs_the_token_of_the_served_form(services: FakeConsole) -> None:
    browser = a_browser(services)
    browser.get("/login")
    answer = browser.post("/login", data={"name": "it_staff", "password": PASSWORD, "csrf": "0" * 64})
    assert answer.status_code == 403
    assert browser.get("/").status_code == 303


def test_a_form_without_token_changes_nothing(services: FakeConsole) -> None:
    browser = signed_in(services)
    for csrf in ("", "0" * 64, "口"):
        answer = browser.post("/quarantine/1/discard", data={"csrf": csrf, "reason": "重复", "confirmed": "yes"})
        assert answer.status_code == 403
    assert services.audit == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://testserver.evil.example", "http://[broken"])
def test_a_form_from_another_origin_changes_nothing(services: FakeConsole, origin: str) -> None:
    browser = signed_in(services)
    form = {"csrf": csrf_of(browser.get("/").text), "reason": "重复", "confirmed": "yes"}
    assert browser.post("/quarantine/1/discard", data=form, headers={"Origin": origin}).status_code == 403
    assert services.audit == []


def test_signing_out_ends_the_session_on_the_server(services: FakeConsole) -> None:
    browser = signed_in(services)
    session = dict(browser.cookies)
    browser.post("/logout", data={"csrf": csrf_of(browser.get("/").text)})
    thief = a_browser(services)
    thief.cookies.update(session)
    assert thief.get("/").status_code == 303


def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(services: FakeConsole) -> None:
    browser = a_browser(services, "https://hub.example")
    cookie = browser.get("/login").headers["set-cookie"]
    assert cookie.startswith("__Host-hub_sign_in=")
    assert {"HttpOnly", "SameSite=lax", "Secure", "Path=/"} <= set(cookie.split(",")[0].split("; "))


def test_every_answer_carries_the_security_headers(services: FakeConsole) -> None:
    browser = signed_in(services)
    pages = [*addresses(services), "/login", "/cases/none", "/static/app.css", "/static/none"]
    for answer in map(browser.get, pages):
        assert answer.headers["content-security-policy"] == (
            "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; "
            "frame-ancestors 'none'; form-action 'self'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert {browser.get(page).headers["cache-control"] for page in addresses(services)} == {"no-store"}


def poisoned(value: Any, key: str = "") -> Any:
    """Every text that a sender could have written, with markup at its end."""
    if isinstance(value, dict):
        return {name: poisoned(held, name) for name, held in value.items() if name != "inputs"}
    if isinstance(value, list | tuple):
        return [poisoned(held, key) for held in value]
    return value + PAYLOAD if isinstance(value, str) and is_free_text(key) else value


def is_free_text(key: str) -> bool:
    told_apart_by_code = {
        "unifiedNo", "orgCode", "id", "state", "level", "card", "kind", "unit", "limitUnit", "day", "from", "to", "at",
        "start", "receiptNo", "code", "status", "startDay", "sender",
    }  # fmt: skip
    return key not in told_apart_by_code and not key.endswith("At")


def test_markup_in_any_text_field_is_shown_as_text() -> None:
    services = FakeConsole(change=poisoned)
    services.recompute_card = lambda user, card_id: None  # type: ignore[method-assign]  # its inputs are poisoned too
    browser = signed_in(services)
    paths = [path for path, right in addresses(services).items() if right is not Right.HELP]
    for path in [*paths, f"/cases?q={PAYLOAD}", "/cards?ruleCode=" + PAYLOAD, "/messages?q=" + PAYLOAD]:
        page = browser.get(path).text
        assert "<img" not in page, path
        assert 'onerror=alert(1)>"' not in page, path
    assert "&lt;img src=x" in browser.get(paths[2]).text


def test_no_page_shows_an_unmasked_id_or_phone_number() -> None:
    def careless(value: Any, key: str = "") -> Any:
        """Numbers in free text, where no field expects them."""
        if isinstance(value, dict):
            return {name: careless(held, name) for name, held in value.items()}
        if isinstance(value, list):
            return [careless(held) for held in value]
        is_prose = key in ("opinion", "message", "basis", "summary")
        return "本人 330324199001010003 电话 13800000000" if is_prose else value

    services = FakeConsole(change=careless)
    browser = signed_in(services)
    for path in addresses(services):
        page = browser.get(path).text
        assert "330324199001010003" not in page, path
        assert "13800000000" not in page, path
    form = {"csrf": csrf_of(browser.get("/").text), "reason": "核对"}
    assert "330324********0003" in browser.post("/messages/R20260318-00001/body", data=form).text


def look_at_body(browser: TestClient, reason: str) -> tuple[int, bool]:
    form = {"csrf": csrf_of(browser.get("/").text), "reason": reason}
    answer = browser.post("/messages/R20260318-00001/body", data=form)
    return answer.status_code, "pushProcess" in answer.text


def test_message_body_is_shown_for_a_recorded_reason_only(services: FakeConsole) -> None:
    browser = signed_in(services)
    assert look_at_body(browser, " ") == (422, False)
    assert look_at_body(browser, "部门来电核对") == (200, True)
    assert services.audit == [("it_staff", "R20260318-00001", "部门来电核对")]


def test_message_body_stays_closed_to_roles_without_the_right(services: FakeConsole) -> None:
    assert look_at_body(signed_in(services, "supervisor"), "好奇") == (403, False)
    assert services.audit == []


def pages_of_cases(browser: TestClient) -> Iterator[list[str]]:
    path: str | None = "/cases"
    while path:
        page = browser.get(path).text
        yield re.findall(r'<th scope="row"><a href="/cases/(\w+)"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else None


def test_following_next_shows_every_case_once(services: FakeConsole) -> None:
    pages = list(pages_of_cases(signed_in(services)))
    assert [len(page) for page in pages] == [20, 20, 8]
    assert len({number for page in pages for number in page}) == 48


def test_filters_narrow_the_list_and_can_be_taken_off_one_by_one(services: FakeConsole) -> None:
    page = signed_in(services).get("/cases?q=证&card=YELLOW&state=nonsense&from=not-a-day").text
    chips = re.findall(r'class="chip" href="([^"]+)"', page)
    assert chips == ["/cases?card=YELLOW", "/cases?q=%E8%AF%81"]
    assert "<mark>证</mark>" in page


def test_a_fragment_request_gets_the_results_only(services: FakeConsole) -> None:
    answer = signed_in(services).get("/cases", headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<section id="results"')
    assert "HX-Request" in answer.headers["vary"]


def test_one_box_finds_exact_numbers_and_searches_the_rest(services: FakeConsole) -> None:
    browser = signed_in(services)
    number = services.search_everything()[0]["unifiedNo"]
    targets = [browser.get(f"/search?q={q}").headers["location"] for q in (number, "R20260318-00003", "王")]
    assert targets == [f"/cases/{number}", "/messages/R20260318-00003", "/cases?q=%E7%8E%8B"]


@pytest.mark.parametrize(
    ("role", "path"), [("system_admin", "/messages?q=a"), ("auditor", "/?q=a"), ("supervisor", "/cases?q=a")]
)
def test_the_one_box_never_leads_where_the_role_may_not_go(services: FakeConsole, role: str, path: str) -> None:
    browser = signed_in(services, role)
    assert browser.get("/search?q=a").headers["location"] == path
    assert browser.get(path).status_code == 200


def test_case_page_tells_late_out_of_order_and_corrected_records(services: FakeConsole) -> None:
    late = next(case for case in services.search_everything() if case["corrections"])
    page = signed_in(services).get(f"/cases/{late['unifiedNo']}").text
    for words in ("迟报 14 天", "乱序：晚于后续环节到达", "已更正，第 2 版", "承诺 7 个工作日，自 2026-02-26"):
        assert words in page
    assert "重新计算：一致" in page


def test_card_that_recomputes_differently_says_so(services: FakeConsole) -> None:
    services.recompute_card = lambda user, card_id: False  # type: ignore[method-assign]
    card = next(case for case in services.search_everything() if case["cards"])["cards"][0]
    assert "重新计算：不一致" in signed_in(services).get(f"/cards/{card['id']}").text


def test_discarding_needs_a_reason_and_a_confirmation(services: FakeConsole) -> None:
    browser = signed_in(services)
    csrf = csrf_of(browser.get("/quarantine/1").text)
    refused = [
        browser.post("/quarantine/1/discard", data={"csrf": csrf, **form})
        for form in ({"confirmed": "yes"}, {"reason": "重复"}, {"reason": "长" * 501, "confirmed": "yes"})
    ]
    assert [answer.status_code for answer in refused] == [422, 422, 422]
    answer = browser.post("/quarantine/1/discard", data={"csrf": csrf, "reason": " 重复 ", "confirmed": "yes"})
    assert (answer.status_code, services.audit) == (303, [("it_staff", "1", "重复")])


def test_the_message_after_an_action_is_shown_once(services: FakeConsole) -> None:
    browser = signed_in(services)
    csrf = csrf_of(browser.get("/").text)
    target = browser.post("/quarantine/1/replay", data={"csrf": csrf}).headers["location"]
    assert "已提交重放" in browser.get(target).text
    assert "已提交重放" not in browser.get(target).text


def test_a_replay_that_fails_again_says_why(services: FakeConsole) -> None:
    browser = signed_in(services)
    answer = browser.post("/quarantine/2/replay", data={"csrf": csrf_of(browser.get("/").text)})
    assert answer.status_code == 422
    assert "重放未成功：办件仍属于另一个部门" in answer.text


def test_a_form_larger_than_any_of_ours_is_refused(services: FakeConsole) -> None:
    browser = signed_in(services)
    form = {"csrf": csrf_of(browser.get("/").text), "reason": "长" * 100_000, "confirmed": "yes"}
    assert browser.post("/quarantine/1/discard", data=form).status_code == 413


def test_internet_explorer_is_told_to_switch(services: FakeConsole) -> None:
    agent = {"User-Agent": "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko"}
    assert "请切换到极速模式" in a_browser(services).get("/login", headers=agent).text


@pytest.mark.parametrize("path", ["../session.py", "..%2fsession.py", "%2e%2e/session.py", "vendor", ""])
def test_static_addresses_reach_only_the_listed_files(services: FakeConsole, path: str) -> None:
    assert "csrf_token" not in a_browser(services).get(f"/static/{path}").text


def test_assets_named_by_the_pages_exist_and_may_be_kept_forever(services: FakeConsole) -> None:
    browser = a_browser(services)
    assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', browser.get("/login").text)
    answers = [browser.get(asset) for asset in assets]
    assert [answer.status_code for answer in answers] == [200] * 6
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)


# --- replay jobs --------------------------------------------------------------------------------------------------


def test_ticked_records_become_a_replay_that_is_rehearsed_first(services: FakeConsole) -> None:
    browser = signed_in(services)
    page = browser.get("/quarantine").text
    assert 'name="entry-1"' in page
    form = {"csrf": csrf_of(page), "page_key": "p", "scope": "ticked", "entry-1": "yes", "entry-3": "yes", "code": ""}
    target = browser.post("/replays", data=form).headers["location"]
    assert services.audit == [("it_staff", "replay", "1,3")]
    assert "正在试运行" in browser.get(target).text


def test_every_record_of_a_reason_becomes_a_replay(services: FakeConsole) -> None:
    browser = signed_in(services)
    page = browser.get("/quarantine?code=HUB-6002").text
    assert 'name="code" value="HUB-6002"' in page
    form = {"csrf": csrf_of(page), "page_key": "p", "scope": "found", "code": "HUB-6002"}
    assert browser.post("/replays", data=form).status_code == 303
    assert services.audit == [("it_staff", "replay", "HUB-6002")]


@pytest.mark.parametrize(
    "form", [{"scope": "ticked", "code": ""}, {"scope": "found"}, {"scope": "ticked", "entry-x": "1"}]
)
def test_a_replay_of_nothing_is_refused(services: FakeConsole, form: dict[str, str]) -> None:
    browser = signed_in(services)
    csrf = csrf_of(browser.get("/quarantine").text)
    assert browser.post("/replays", data={"csrf": csrf, **form}).status_code == 400
    assert services.audit == []


def test_a_whole_page_of_records_can_be_ticked(services: FakeConsole) -> None:
    browser = signed_in(services)
    ticked = {f"entry-{number}": "yes" for number in range(1, 101)}
    form = {"csrf": csrf_of(browser.get("/quarantine").text), "page_key": "p", "scope": "ticked", "code": "", **ticked}
    assert browser.post("/replays", data=form).status_code == 303


def test_a_replay_is_started_paused_and_a_wrong_act_is_explained(services: FakeConsole) -> None:
    browser = signed_in(services)
    page = browser.get("/replays/1").text
    assert "开始重放" in page
    csrf = csrf_of(page)
    refused = browser.post("/replays/1/pause", data={"csrf": csrf})
    assert (refused.status_code, "不能这样操作" in refused.text) == (422, True)
    for act in ("start", "pause"):
        assert browser.post(f"/replays/1/{act}", data={"csrf": csrf}).headers["location"] == "/replays/1"
    assert browser.post("/replays/1/explode", data={"csrf": csrf}).status_code == 404
    assert browser.get("/replays/99").status_code == 404
    assert [act for _, _, act in services.audit] == ["start", "pause"]


@pytest.mark.parametrize("role", [role for role in ROLES if Right.RUN_REPLAYS not in RIGHTS[role]])
def test_who_only_sees_replays_has_no_buttons_and_no_way_to_act(services: FakeConsole, role: str) -> None:
    browser = signed_in(services, role)
    csrf = csrf_of(browser.get("/").text)
    for path in ("/replays", "/replays/1/start"):
        assert browser.post(path, data={"csrf": csrf, "scope": "found", "code": ""}).status_code == 403
    if Right.REPLAYS in RIGHTS[role]:
        assert "开始重放" not in browser.get("/replays/1").text


# --- the state of the service -----------------------------------------------------------------------------------


def in_state(services: FakeConsole, state: str) -> None:
    services.in_force = Service(ServiceState(state), NOW, "system_admin", "换盘演练")


@pytest.mark.parametrize("state", ["INTAKE_ONLY", "READ_ONLY"])
def test_a_state_is_shown_on_every_page_and_nothing_can_be_changed(services: FakeConsole, state: str) -> None:
    browser = signed_in(services)
    csrf = csrf_of(browser.get("/").text)
    in_state(services, state)
    page = browser.get("/cases")
    assert page.status_code == 200
    assert "换盘演练" in page.text
    for path in ACTIONS:
        assert browser.post(path, data={"csrf": csrf, "reason": "重复", "confirmed": "yes"}).status_code == 503
    assert services.audit == []


def test_normal_service_has_no_banner(services: FakeConsole) -> None:
    assert 'id="service-state"' not in signed_in(services).get("/").text


def test_maintenance_leaves_the_page_of_the_state_to_the_system_administrator_alone(services: FakeConsole) -> None:
    in_state(services, "MAINTENANCE")
    assert signed_in(services).get("/").status_code == 503
    browser = signed_in(services, "system_admin")
    assert browser.get("/messages").status_code == 503
    csrf = csrf_of(browser.get("/service-state").text)
    answer = browser.post("/service-state", data={"csrf": csrf, "state": "NORMAL", "reason": "换盘完成"})
    assert answer.status_code == 303
    assert services.audit == [("system_admin", "NORMAL", "换盘完成")]
    assert browser.get("/messages").status_code == 200


def test_a_state_without_reason_is_not_set(services: FakeConsole) -> None:
    browser = signed_in(services, "system_admin")
    csrf = csrf_of(browser.get("/service-state").text)
    assert browser.post("/service-state", data={"csrf": csrf, "state": "READ_ONLY", "reason": ""}).status_code == 422
    assert services.in_force == Service()


@pytest.mark.parametrize("role", [role for role in ROLES if role != "system_admin"])
def test_no_other_role_sets_the_state(services: FakeConsole, role: str) -> None:
    browser = signed_in(services, role)
    csrf = csrf_of(browser.get("/").text)
    form = {"csrf": csrf, "state": "MAINTENANCE", "reason": "x"}
    assert browser.post("/service-state", data=form).status_code == 403
    assert services.in_force == Service()
