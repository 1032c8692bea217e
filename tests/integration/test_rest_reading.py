"""Reading over REST: cases, cards, messages, quarantine and figures, each within the asker's scope."""

import re
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from adapters.event_log import read_stream
from hub.domain.codes import ROLES
from hub.gateway.rest import models
from hub.stores.session import Database
from tests.builders import (
    DAY,
    MONDAY_MORNING,
    ORG_CODE,
    a_result,
    a_small_hub,
    a_special,
    a_step,
    an_acceptance,
    an_application,
)
from tests.integration.rest_door import RestDoor, a_rest_door

CASE_NO = "GS20260302-0007"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestDoor]:
    """Only for reading. Holds one finished case that was over its promise, and one still running."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('hub') / 'hub.db'}")
    hub = a_small_hub(database, MONDAY_MORNING + 30 * DAY)
    hub.push_case(
        an_acceptance(record_id="s1"),
        a_step(
            record_id="s2", step_seq=2, step_name="现场核查", step_status="PAUSED", handled_at=MONDAY_MORNING + DAY,
            special=a_special(ended_at=MONDAY_MORNING + 2 * DAY),
        ),
        a_step(record_id="s3", step_seq=3, step_name="审查", step_status="PASSED", handled_at=MONDAY_MORNING + 2 * DAY),
        a_result(record_id="r1", finished_at=MONDAY_MORNING + 21 * DAY),
    )  # fmt: skip
    other = an_application(title="烟花零售许可")
    hub.push_case(an_acceptance(record_id="t1", case_no="甲〔2026〕2/1 号", application=other))
    yield a_rest_door(hub)
    database.dispose()


def the_case(door: RestDoor) -> dict[str, Any]:
    row: dict[str, Any] = door.get("/api/v1/cases", params={"q": CASE_NO}).json()["items"][0]
    return row


def problem_code(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return models.Problem.model_validate(answer.json()).code


def test_every_answer_has_the_shape_of_the_openapi_document(door: RestDoor) -> None:
    card_id = door.get("/api/v1/cards").json()["items"][0]["id"]
    receipt_no = door.get("/api/v1/messages").json()["items"][0]["receiptNo"]
    shapes: dict[str, type[BaseModel]] = {
        "cases": models.CaseList,
        f"cases/{the_case(door)['unifiedNo']}": models.CaseDetail,
        f"cases/by/{ORG_CODE}/甲〔2026〕2/1 号": models.CaseDetail,
        "cards": models.CardList,
        f"cards/{card_id}": models.CardDetail,
        "messages": models.MessageList,
        f"messages/{receipt_no}": models.MessageDetail,
        "figures": models.Figures,
        f"receipts/{receipt_no}": models.Receipt,
    }
    for path, shape in shapes.items():
        answer = door.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        shape.model_validate(answer.json())


def test_case_tells_its_whole_story(door: RestDoor) -> None:
    case = door.get(f"/api/v1/cases/{the_case(door)['unifiedNo']}").json()
    assert [step["stepName"] for step in case["steps"]] == ["受理", "现场核查", "审查"]
    assert (case["state"], case["result"]["resultStatus"], len(case["specials"])) == ("FINISHED", "GRANTED", 1)
    assert case["acceptedAt"] == "2026-03-02T09:30:00.000+08:00"
    assert case["card"] == case["cards"][0]["level"] == "YELLOW"
    assert case["cards"][0]["evidence"]


def test_personal_data_is_masked(door: RestDoor) -> None:
    text = door.get(f"/api/v1/cases/{the_case(door)['unifiedNo']}").text
    for personal in ("申请人甲", "330324199001010003", "13800000000", "经办人丙", "批准人丁"):
        assert personal not in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 2),
        ({"q": "烟"}, 1),
        ({"q": "商店 设立"}, 1),
        ({"state": "FINISHED"}, 1),
        ({"card": "YELLOW"}, 1),
        ({"card": "REMINDER"}, 0),
        ({"orgCode": ORG_CODE, "itemCode": "33032400GS-XK-0012"}, 2),
        ({"orgCode": "33032400AJ"}, 0),
        ({"from": "2026-03-02", "to": "2026-03-02"}, 2),
        ({"from": "2026-03-03"}, 0),
        ({"q": "", "state": "", "card": "", "from": "", "after": ""}, 2),
    ],
)
def test_cases_are_found_by_each_filter(door: RestDoor, query: dict[str, str], found: int) -> None:
    assert len(door.get("/api/v1/cases", params=query).json()["items"]) == found


def test_paging_shows_every_case_once(door: RestDoor) -> None:
    first = door.get("/api/v1/cases?limit=1").json()
    second = door.get("/api/v1/cases", params={"limit": "1", "after": first["next"]}).json()
    assert second["next"] is None
    assert {page["items"][0]["caseNo"] for page in (first, second)} == {CASE_NO, "甲〔2026〕2/1 号"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "HUB-3006"),
        ("limit=201", "HUB-3006"),
        ("limit=ten", "HUB-3004"),
        ("state=DONE", "HUB-3004"),
        ("card=GREEN", "HUB-3004"),
        ("from=2027-02-29", "HUB-3007"),
        ("to=1772409600", "HUB-3007"),
        ("after=elsewhere", "HUB-3004"),
        ("orgcode=33032400GS", "HUB-3002"),
        (f"q={'长' * 101}", "HUB-3005"),
        ("q=a%00b", "HUB-1006"),
    ],
)
def test_parameter_that_cannot_be_is_refused_unechoed(door: RestDoor, query: str, code: str) -> None:
    answer = door.get(f"/api/v1/cases?{query}")
    assert problem_code(answer, 422) == code
    name, _, value = query.partition("=")
    assert not re.search(rf"{name if code == 'HUB-3002' else value}(?!\d)", answer.json()["errors"][0]["message"])


def test_repeated_parameter_is_a_bad_request(door: RestDoor) -> None:
    assert problem_code(door.get("/api/v1/cases?state=FINISHED&state=ACCEPTED"), 400) == "HUB-3003"


def test_search_words_are_never_read_as_a_query_language(door: RestDoor) -> None:
    for words in ('"', "a OR b", "NEAR(", "*", "x' OR '1'='1", "%", "列:甲"):
        answer = door.get("/api/v1/cases", params={"q": words})
        assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("path", ["cases/none", f"cases/by/{ORG_CODE}/none", "cases/none/xes"])
def test_case_that_is_not_there(door: RestDoor, path: str) -> None:
    assert problem_code(door.get(f"/api/v1/{path}"), 404) == "HUB-4042"


@pytest.mark.parametrize("card_id", ["0", "x", "9" * 30])
def test_card_that_is_not_there(door: RestDoor, card_id: str) -> None:
    assert problem_code(door.get(f"/api/v1/cards/{card_id}"), 404) == "HUB-4043"


# --- who may see what -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["cases", "cards", "messages", "quarantine", "figures", "receipts/x"])
def test_nothing_is_told_to_strangers(door: RestDoor, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Digest x"}):
        assert problem_code(door.client.get(f"/api/v1/{path}", headers=headers), 401) == "HUB-2001"


def test_department_sees_its_own_cases_and_no_others(door: RestDoor) -> None:
    unified_no = the_case(door)["unifiedNo"]
    card_id = door.get("/api/v1/cards").json()["items"][0]["id"]
    for org_codes, seen, status in (([ORG_CODE], 2, 200), (["33032400AJ"], 0, 404), ([], 0, 404)):
        headers = door.bearer("department", org_codes)
        assert len(door.client.get("/api/v1/cases", headers=headers).json()["items"]) == seen
        for path in (f"cases/{unified_no}", f"cases/{unified_no}/xes", f"cards/{card_id}"):
            assert door.client.get(f"/api/v1/{path}", headers=headers).status_code == status


def test_sender_reads_the_cases_of_its_own_organisations(door: RestDoor) -> None:
    unified_no = the_case(door)["unifiedNo"]
    other = door.other_sender("33032400AJ")
    assert door.client.get(f"/api/v1/cases/{unified_no}", auth=door.basic).status_code == 200
    assert door.client.get(f"/api/v1/cases/{unified_no}", auth=other).status_code == 404
    assert door.client.get("/api/v1/cases", auth=other).json()["items"] == []
    assert problem_code(door.client.get("/api/v1/cards", auth=door.basic), 403) == "HUB-2003"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reads_what_it_may(door: RestDoor, role: str) -> None:
    allowed = {"cases", "cards", "figures"}
    allowed |= {"messages"} if role != "department" else set()
    allowed |= {"quarantine"} if role in ("it_staff", "system_admin") else set()
    for path in ("cases", "cards", "figures", "messages", "quarantine"):
        assert door.get(f"/api/v1/{path}", role).status_code == (200 if path in allowed else 403)


def test_staff_of_some_departments_does_not_read_the_countys_messages(door: RestDoor) -> None:
    answer = door.client.get("/api/v1/messages", headers=door.bearer("supervisor", [ORG_CODE]))
    assert problem_code(answer, 403) == "HUB-2007"


# --- cards, messages, quarantine --------------------------------------------------------------------------------


def test_cards_are_found_by_each_filter(door: RestDoor) -> None:
    query = {"level": "YELLOW", "ruleCode": "T04", "orgCode": ORG_CODE}
    [card] = door.get("/api/v1/cards", params=query).json()["items"]
    assert (card["caseNo"], card["state"]) == (CASE_NO, "OPEN")
    assert door.get("/api/v1/cards?state=CLEARED&level=YELLOW").json()["items"] == []
    assert "events" in door.get(f"/api/v1/cards/{card['id']}").json()


def test_messages_are_found_by_each_filter(door: RestDoor) -> None:
    receipt_no = door.get("/api/v1/messages?limit=1").json()["items"][0]["receiptNo"]
    for query, found in (
        ({"q": receipt_no}, 1), ({"sender": "gs-system", "state": "PROCESSED", "status": "ACCEPTED"}, 3),
        ({"state": "WAITING"}, 0), ({"sender": "nobody"}, 0),
    ):  # fmt: skip
        assert len(door.get("/api/v1/messages", params=query).json()["items"]) == found


def test_quarantined_record_is_listed_with_its_reason(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    door = a_rest_door(a_small_hub(database))
    door.hub.push_case(a_step(record_id="s3"))
    door.hub.push_case(a_step(record_id="s3", step_name="别的内容"))
    page = door.get("/api/v1/quarantine?state=OPEN&code=HUB-6002", "it_staff").json()
    [held] = models.QuarantineList.model_validate(page).items
    assert (held.record_id, held.code) == ("s3", "HUB-6002")
    assert door.get("/api/v1/quarantine?state=DISCARDED", "it_staff").json()["items"] == []
    database.dispose()


# --- XES --------------------------------------------------------------------------------------------------------


def test_case_as_event_log_is_read_back_by_our_own_reader(door: RestDoor) -> None:
    unified_no = the_case(door)["unifiedNo"]
    answer = door.get(f"/api/v1/cases/{unified_no}/xes")
    assert answer.headers["content-type"] == "application/xml"
    [trace] = read_stream(BytesIO(answer.content))
    assert trace.attributes["concept:name"] == unified_no
    assert [event["concept:name"] for event in trace.events] == ["受理", "现场核查", "审查", "办结"]
    first, paused = trace.events[:2]
    assert datetime.fromisoformat(first["time:timestamp"]) == MONDAY_MORNING
    assert (first["org:resource"], first["org:group"]) == ("GS0031", "注册科")
    assert (first["lifecycle:transition"], paused["lifecycle:transition"]) == ("complete", "suspend")
    assert datetime.fromisoformat(first["receivedAt"]) == door.hub.clock()
