"""New adapters from samples, and the editor, over HTTP: what is saved, what is refused, who may."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.console.session import RIGHTS, Right
from hub.domain.codes import ROLES
from tests.draft_samples import a_document, a_result, a_sample, an_acceptance
from tests.fake_console import PASSWORD, FakeConsole, a_user, fake_app

USER = a_user()
DRAFT = "/adapters/shuili-qsxk/draft"
TABS = ("", "/codes", "/settings", "/samples", "/document", "/trial", "/trial?limit=20", "/file")


@pytest.fixture
def services() -> FakeConsole:
    made = FakeConsole()
    made.adapters.create(USER, a_document())
    return made


@pytest.fixture
def browser(services: FakeConsole) -> TestClient:
    return signed_in(services)


def signed_in(services: FakeConsole, role: str = "it_staff") -> TestClient:
    browser = TestClient(fake_app(services), follow_redirects=False)
    form = {"name": role, "password": PASSWORD, "csrf": hidden(browser.get("/login").text, "csrf"), "next": "/"}
    assert browser.post("/login", data=form).status_code == 303
    return browser


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def document(services: FakeConsole, code: str = "shuili-qsxk") -> dict[str, Any]:
    found: dict[str, Any] = services.adapters.draft(USER, code)["document"]
    return found


def fields(services: FakeConsole) -> dict[str, Any]:
    found: dict[str, Any] = document(services)["routes"][0]["fields"]
    return found


def post(browser: TestClient, tab: str, form: dict[str, Any], **more: Any) -> Any:
    page = browser.get(DRAFT).text
    said = {"csrf": hidden(page, "csrf"), "digest": hidden(page, "digest")} | form
    return browser.post(f"{DRAFT}/{tab}", data=said, **more)


def start(browser: TestClient, files: list[tuple[str, bytes]], **form: str) -> Any:
    said = {"csrf": hidden(browser.get("/adapter-start").text, "csrf"), "code": "sl-new", "title": "取水许可"} | form
    uploads = [("files", (name, body, "text/xml")) for name, body in files]
    return browser.post("/adapter-start", data=said, files=uploads or [("files", ("", b""))])


# --- from samples -------------------------------------------------------------------------------------------------


def test_samples_become_a_draft_that_is_kept(services: FakeConsole, browser: TestClient) -> None:
    files = [(f"sl{n}.xml", an_acceptance(n)) for n in range(1, 4)] + [(f"bj{n}.xml", a_result(n)) for n in range(1, 4)]
    page = start(browser, files, sender="SCJG").text
    for words in ("GB18030", "办件编号", "sl1.xml", "记录 SL", "记录 BJ"):
        assert words in page
    drafted = document(services, "sl-new")
    assert {route["store"] for route in drafted["routes"]} == {"PROCESS", "RESULT"}
    assert drafted["sender"] == "SCJG"
    assert len(drafted["samples"]) == 6


def test_what_was_detected_shows_nobodys_number(browser: TestClient) -> None:
    page = start(browser, [("a.xml", an_acceptance(1)), ("b.xml", an_acceptance(2))]).text
    assert "330324********0003" in page
    assert "330324199001010003" not in page
    assert "申请人甲" not in page


def test_a_pasted_sample_is_as_good_as_a_file(services: FakeConsole, browser: TestClient) -> None:
    start(browser, [], pasted='{"list": [{"caseNo": "A-1", "handledAt": "2026-03-01"}]}')
    assert document(services, "sl-new")["intake"]["format"] == "json"


@pytest.mark.parametrize(
    ("files", "form", "words"),
    [
        ([], {}, "请选择样例文件"),
        ([("a.xml", b"\x89PNG\x00\x01")], {}, "a.xml"),
        ([("a.xml", an_acceptance())], {"code": "Ä B"}, "适配器代码以小写字母开头"),
        ([("a.xml", an_acceptance())], {"code": "shuili-qsxk"}, "已经登记"),
    ],
)
def test_what_cannot_be_drafted_is_said_on_the_same_form(
    browser: TestClient, files: list[tuple[str, bytes]], form: dict[str, str], words: str
) -> None:
    answer = start(browser, files, **form)
    assert answer.status_code == 422
    assert words in answer.text


def test_a_shipped_document_becomes_a_draft_of_ones_own(services: FakeConsole, browser: TestClient) -> None:
    csrf = hidden(browser.get("/adapter-start").text, "csrf")
    form = {"csrf": csrf, "shipped": "receive-json", "code": "wj-json", "title": "卫健报送", "sender": "WJW"}
    answer = browser.post("/adapter-start/library", data=form)
    assert answer.headers["location"] == "/adapters/wj-json/draft"
    held = document(services, "wj-json")
    assert (held["title"], held["sender"]) == ("卫健报送", "WJW")


def test_more_files_than_allowed_and_too_much_are_refused(services: FakeConsole, browser: TestClient) -> None:
    too_many = start(browser, [(f"{n}.xml", b"<a/>") for n in range(51)])
    too_large = start(browser, [("a.xml", b" " * (21 * 1024 * 1024))])
    assert (too_many.status_code, too_large.status_code) == (400, 413)
    assert "sl-new" not in services.adapters.drafts


def test_an_upload_of_a_stranger_is_not_read(services: FakeConsole) -> None:
    stranger = TestClient(fake_app(services), follow_redirects=False)
    answer = stranger.post("/adapter-start", data={"code": "x"}, files=[("files", ("a.xml", b" " * 1_000_000))])
    assert answer.headers["location"].startswith("/login")


# --- the editor ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_only_who_may_change_adapters_opens_the_editor(services: FakeConsole, role: str) -> None:
    browser = signed_in(services, role)
    expected = 200 if Right.CHANGE_ADAPTERS in RIGHTS[role] else 403
    assert {browser.get(DRAFT + tab).status_code for tab in TABS} == {expected}
    assert browser.get("/adapter-start").status_code == expected


def test_every_tab_answers_in_whole_and_in_part(browser: TestClient) -> None:
    for tab in TABS[:-1]:
        whole, part = browser.get(DRAFT + tab).text, browser.get(DRAFT + tab, headers={"HX-Request": "true"}).text
        assert whole.startswith("<!doctype html>")
        assert part.startswith('<section id="editor"')
        assert part in whole


def test_the_three_panes_show_raw_mapping_and_record(browser: TestClient) -> None:
    page = browser.get(f"{DRAFT}?field=handledAt").text
    assert "2026-03-01 10:30" in page
    assert "HJZT" in page
    assert "&#34;stepStatus&#34;: &#34;ACCEPTED&#34;" in page
    assert '必填 <strong class="tabular">7/7</strong>' in page


def test_a_field_gets_another_source(services: FakeConsole, browser: TestClient) -> None:
    form = {"field": "startedAt", "kind": "from", "selector": "SQSJ", "converter_1": "datetime", "argument_1": ""}
    answer = post(browser, "field", form | {"back": f"{DRAFT}?field=startedAt"})
    assert answer.headers["location"] == f"{DRAFT}?field=startedAt"
    assert fields(services)["startedAt"] == {"from": "SQSJ", "convert": ["datetime"]}


def test_a_place_chosen_in_the_raw_message_keeps_what_is_done_to_the_value(
    services: FakeConsole, browser: TestClient
) -> None:
    post(browser, "choose", {"field": "handledAt", "selector": "SQSJ"})
    assert fields(services)["handledAt"] == {"from": "SQSJ", "convert": ["datetime"]}


def test_a_field_loses_its_source_and_is_missed(services: FakeConsole, browser: TestClient) -> None:
    post(browser, "field", {"field": "caseNo", "op": "remove"})
    assert "caseNo" not in fields(services)
    page = browser.get(DRAFT).text
    assert '必填 <strong class="tabular">6/7</strong>' in page
    assert "必填字段“办件编号”没有来源" in page


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"kind": "from", "selector": "//a//b//c//d"}, "选择器不能用"),
        ({"kind": "from", "selector": ""}, "请填写选择器"),
        ({"kind": "from", "selector": "A", "codes": "nothing"}, "没有这个代码对照表"),
        ({"kind": "advanced", "advanced": "from: [1]"}, "值的类型不对"),
        ({"kind": "template", "template": "{a}"}, "在 with 中没有给出"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused_and_nothing_changes(
    services: FakeConsole, browser: TestClient, form: dict[str, str], words: str
) -> None:
    before = document(services)
    answer = post(browser, "field", {"field": "opinion"} | form)
    assert answer.status_code == 422
    assert words in answer.text
    assert document(services) == before


def test_the_preview_tells_the_result_and_saves_nothing(services: FakeConsole, browser: TestClient) -> None:
    before = document(services)
    page = post(browser, "preview", {"field": "opinion", "kind": "from", "selector": "BLYJ"}).text
    assert "材料齐全" in page
    refused = post(browser, "preview", {"field": "opinion", "kind": "from", "selector": "B["})
    assert (refused.status_code, "HUB-3022" in refused.text) == (200, True)
    assert document(services) == before


def test_two_windows_do_not_overwrite_each_other(services: FakeConsole, browser: TestClient) -> None:
    page = browser.get(DRAFT).text
    stale = {"csrf": hidden(page, "csrf"), "digest": hidden(page, "digest")}
    post(browser, "field", {"field": "opinion", "kind": "from", "selector": "BLYJ"})
    form = {"field": "opinion", "kind": "constant", "constant": "无"}
    answer = browser.post(f"{DRAFT}/field", data=stale | form)
    assert answer.status_code == 409
    assert "草稿已被" in answer.text
    assert fields(services)["opinion"] == {"from": "BLYJ"}


def test_an_adapter_in_force_is_edited_as_a_new_draft(services: FakeConsole, browser: TestClient) -> None:
    page = browser.get("/adapters/package/draft").text
    form = {
        "csrf": hidden(page, "csrf"),
        "digest": "",
        "title": "字符串报文",
        "format": "xml",
        "units": "Record = //Record",
    }
    assert browser.post("/adapters/package/draft/settings", data=form).status_code == 303
    assert document(services, "package")["title"] == "字符串报文"
    assert services.adapters.in_force["package"]["title"] != "字符串报文"


def test_unmapped_codes_of_the_samples_stand_ready_in_the_code_map(services: FakeConsole, browser: TestClient) -> None:
    services.adapters.drafts["shuili-qsxk"]["samples"] = [a_sample(body=an_acceptance(status="7"))]
    assert 'value="7"' in browser.get(f"{DRAFT}/codes").text
    form = {"map": "hjzt", "op": "save", "whole": "yes", "source-0": "7", "token-0": "PASSED", "source-1": "1"}
    post(browser, "codes", form | {"token-1": "ACCEPTED", "source-2": "", "token-2": ""})
    assert document(services)["codeMaps"]["hjzt"]["values"] == {"7": "PASSED", "1": "ACCEPTED"}


def test_a_code_map_of_many_codes_is_one_form(services: FakeConsole, browser: TestClient) -> None:
    rows = {f"source-{n}": f"C{n}" for n in range(500)} | {f"token-{n}": "PASSED" for n in range(500)}
    assert post(browser, "codes", {"map": "hjzt", "op": "save", "whole": "yes"} | rows).status_code == 303
    assert len(document(services)["codeMaps"]["hjzt"]["values"]) == 500


def test_code_maps_come_and_go(services: FakeConsole, browser: TestClient) -> None:
    post(browser, "codes", {"op": "add", "map": "lx", "target": "applicantType"})
    assert document(services)["codeMaps"]["lx"] == {"target": "applicantType", "values": {}}
    assert post(browser, "codes", {"op": "add", "map": "lx", "target": "applicantType"}).status_code == 422
    post(browser, "codes", {"op": "remove", "map": "lx"})
    assert "lx" not in document(services)["codeMaps"]


def test_settings_are_changed_and_what_is_left_empty_is_gone(services: FakeConsole, browser: TestClient) -> None:
    form = {
        "title": "取水许可", "format": "xml", "encodings": "utf-8 gb18030", "units": "SL = //SL\nBJ = //BJ",
        "unknownCode": "quarantine", "messagesPerSecond": "5", "expectEvery": "60", "days": "all", "sender": "SCJG",
    }  # fmt: skip
    assert post(browser, "settings", form).status_code == 303
    held = document(services)
    assert held["intake"] == {
        "format": "xml", "encodings": ["utf-8", "gb18030"], "repair": False,
        "units": [{"name": "SL", "select": "//SL"}, {"name": "BJ", "select": "//BJ"}],
    }  # fmt: skip
    assert held["contract"] == {"unknownCode": "quarantine"}
    assert held["quota"] == {"messagesPerSecond": 5}
    assert held["rhythm"] == {"expectEvery": 60, "days": "all"}
    assert "department" not in held


def test_routes_are_added_changed_and_removed(services: FakeConsole, browser: TestClient) -> None:
    added = {"op": "add", "name": "办结", "unit": "SL", "store": "RESULT", "when": "exists: BJSJ", "corrections": ""}
    assert post(browser, "routes", added).status_code == 303
    assert document(services)["routes"][1]["when"] == {"exists": "BJSJ"}
    post(browser, "routes", added | {"op": "save", "place": "1", "when": "", "corrections": "byArrival"})
    assert document(services)["routes"][1].keys() == {"name", "unit", "store", "corrections", "fields"}
    post(browser, "routes", {"op": "remove", "place": "1"})
    assert len(document(services)["routes"]) == 1
    assert post(browser, "routes", {"op": "remove", "place": "0"}).status_code == 422


def test_a_sample_is_added_and_its_present_result_accepted(services: FakeConsole, browser: TestClient) -> None:
    page = browser.get(f"{DRAFT}/samples").text
    said = {"csrf": hidden(page, "csrf"), "digest": hidden(page, "digest")}
    files = [("files", ("second.xml", an_acceptance(2)))]
    browser.post(f"{DRAFT}/samples", data=said | {"op": "add"}, files=files)
    assert "1 个没有通过" in browser.get(f"{DRAFT}/samples").text
    post(browser, "samples", {"op": "accept", "place": "1"})
    kept = document(services)["samples"][1]
    assert kept["expect"]["records"][0]["content"]["recordId"] == "LS002"
    assert "全部通过" in browser.get(f"{DRAFT}/samples").text


def test_the_gaps_of_an_unfinished_mapping_are_never_accepted_as_expected(
    services: FakeConsole, browser: TestClient
) -> None:
    post(browser, "field", {"field": "caseNo", "op": "remove"})
    answer = post(browser, "samples", {"op": "accept_all"})
    assert answer.status_code == 422
    assert "映射还没有补齐" in answer.text


def test_the_document_is_written_read_and_downloaded(services: FakeConsole, browser: TestClient) -> None:
    text = browser.get(f"{DRAFT}/file").text
    post(browser, "document", {"text": text.replace("水利局取水许可", "水利局")})
    assert document(services)["title"] == "水利局"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("format: xml", "format: tsv", "行：适配器文档：不是允许的值"),
        ("store: PROCESS", "store: [", "行不是正确的 YAML"),
        ("adapter: shuili-qsxk", "adapter: another", "适配器代码不能改"),
    ],
)
def test_a_document_that_is_wrong_keeps_what_was_typed_and_says_the_line(
    services: FakeConsole, browser: TestClient, old: str, new: str, words: str
) -> None:
    text = browser.get(f"{DRAFT}/file").text
    answer = post(browser, "document", {"text": text.replace(old, new, 1)})
    assert answer.status_code == 422
    assert words in answer.text
    assert new in answer.text
    assert document(services) == a_document()


def test_a_trial_shows_what_would_change(browser: TestClient) -> None:
    page = browser.get(f"{DRAFT}/trial?limit=20").text
    for words in ("处理意见", "值不同", "HUB-3007"):
        assert words in page
    assert "处理意见" not in browser.get(f"{DRAFT}/trial?limit=999999").text


def test_text_of_a_sender_is_never_markup(services: FakeConsole, browser: TestClient) -> None:
    payload = "<img src=x onerror=alert(1)>\"'"
    body = an_acceptance().replace(b"LS001", b"&lt;img src=x onerror=alert(1)&gt;")
    named = a_sample(payload, body)
    services.adapters.drafts["shuili-qsxk"] |= {"title": payload, "samples": [named]}
    for tab in TABS[:-1]:
        assert "<img src=x" not in browser.get(DRAFT + tab).text


def test_a_form_never_leads_to_another_place(browser: TestClient) -> None:
    form = {"field": "opinion", "kind": "from", "selector": "BLYJ", "back": "//evil.example"}
    assert post(browser, "field", form).headers["location"] == DRAFT


@pytest.mark.parametrize("query", ["route=99", "route=x&field=nothing", "field=nothing"])
def test_an_address_that_names_nothing_is_not_found(browser: TestClient, query: str) -> None:
    assert browser.get(f"{DRAFT}?{query}").status_code == 404


def test_an_adapter_that_is_not_there_has_no_editor(browser: TestClient) -> None:
    assert {browser.get(f"/adapters/nobody/draft{tab}").status_code for tab in TABS} == {404}
