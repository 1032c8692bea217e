"""Data quality and reconciliation over REST."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.domain.codes import ROLES
from hub.gateway.rest.models import Problem
from hub.gateway.rest.quality_models import (
    ComparisonAnswer,
    QualityList,
    QualityRecordList,
    ReconciliationAnswer,
    SenderQualityDetail,
    SilenceList,
)
from hub.stores.session import Database
from tests.builders import DAY, MONDAY_MORNING, a_small_hub, a_step
from tests.integration.rest_door import RestDoor, a_rest_door

QUALITY = "/api/v1/quality"
ACCOUNTS = "/api/v1/reconciliations"
SPAN = "from=2026-03-02&to=2026-03-02"
READERS = {"auditor", "it_staff", "security_admin", "supervisor", "system_admin"}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestDoor]:
    """Three records stored, of which one was late."""
    folder: Path = tmp_path_factory.mktemp("quality")
    database = Database(f"sqlite:///{folder / 'hub.db'}")
    hub = a_small_hub(database)
    hub.push_case(*(a_step(record_id=f"s{number}", office=None) for number in (1, 2)))
    hub.push_case(a_step(record_id="s3", handled_at=MONDAY_MORNING - 3 * DAY))
    while hub.quality().refresh_once():
        pass
    yield a_rest_door(hub)
    database.dispose()


def compare(door: RestDoor, content: Any, query: str = "", **how: Any) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return door.client.post(f"{ACCOUNTS}{query}", content=body, **(how or {"auth": door.basic}))


def problem_code(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return Problem.model_validate(answer.json()).code


def test_senders_are_told_with_their_score_and_its_parts(door: RestDoor) -> None:
    [row] = QualityList.model_validate(door.get(f"{QUALITY}?{SPAN}").json()).items
    assert row.sender == "gs-system"
    assert 80 < (row.score or 0) < 100
    assert [(part.faults, part.of) for part in row.parts if part.name == "timeliness"] == [(1, 3)]


def test_every_figure_of_a_sender_leads_to_as_many_records(door: RestDoor) -> None:
    shown = SenderQualityDetail.model_validate(door.get(f"{QUALITY}/senders/gs-system?{SPAN}").json())
    assert len(shown.days) == 1
    for measure, amount in shown.totals.model_dump(by_alias=True).items():
        if measure in {"SILENT_DAYS", "WORKING_DAYS"}:
            continue
        listed = door.get(f"{QUALITY}/records?{SPAN}&sender=gs-system&measure={measure}")
        told = QualityRecordList.model_validate(listed.json())
        assert (measure, told.figure, sum(row.amount for row in told.items)) == (measure, amount, amount)


def test_the_records_behind_a_figure_are_narrowed_by_code(door: RestDoor) -> None:
    told = door.get(f"{QUALITY}/records?{SPAN}&measure=MISSING&code=office").json()
    assert (told["figure"], sorted(row["recordId"] for row in told["items"])) == (2, ["s1", "s2"])


def test_silence_is_told_of_every_sender(door: RestDoor) -> None:
    [row] = SilenceList.model_validate(door.get(f"{QUALITY}/silence").json()).items
    assert (row.voice, row.voice_title) == ("UNKNOWN", "节奏未知")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{QUALITY}?from=2026-03-03&to=2026-03-02", 422, "HUB-4037"),
        (f"{QUALITY}?from=2020-01-01", 422, "HUB-4037"),
        (f"{QUALITY}?from=yesterday", 422, "HUB-3007"),
        (f"{QUALITY}/records", 422, "HUB-3001"),
        (f"{QUALITY}/records?measure=ANY", 422, "HUB-3004"),
        (f"{QUALITY}/records?measure=LATE&after=x", 422, "HUB-3004"),
        (f"{QUALITY}/senders/nobody", 404, "HUB-4043"),
        (ACCOUNTS, 422, "HUB-3001"),
        (f"{ACCOUNTS}?sender=nobody", 404, "HUB-4043"),
    ],
)
def test_a_question_that_says_nothing_clear_is_refused(door: RestDoor, path: str, status: int, code: str) -> None:
    assert problem_code(door.get(path), status) == code


@pytest.mark.parametrize("path", [QUALITY, f"{QUALITY}/silence", f"{QUALITY}/records?measure=LATE"])
def test_quality_is_for_staff_of_the_whole_county(door: RestDoor, path: str) -> None:
    assert {role for role in ROLES if door.get(path, role).status_code == 200} == READERS
    assert problem_code(door.client.get(path, auth=door.basic), 403) == "HUB-2003"


def test_a_sender_asks_for_its_own_account(door: RestDoor) -> None:
    answer = door.client.get(f"{ACCOUNTS}?date=2026-03-02", auth=door.basic)
    told = ReconciliationAnswer.model_validate(answer.json())
    assert [(held.state, held.count) for held in told.counts] == [("STORED", 3)]
    assert problem_code(door.client.get(f"{ACCOUNTS}?sender=other", auth=door.basic), 403) == "HUB-2003"


def test_a_list_in_json_or_csv_is_compared(door: RestDoor) -> None:
    as_json = compare(door, {"date": "2026-03-02", "records": ["s1", {"recordId": "lost"}]})
    as_csv = compare(door, "记录标识\ns1\nlost\n".encode("gb18030"), "?date=2026-03-02")
    assert as_json.status_code == as_csv.status_code == 200
    assert as_json.json() == as_csv.json()
    told = ComparisonAnswer.model_validate(as_json.json())
    assert (told.equal, told.missing_here.items[0].record_id) == (1, "lost")
    assert sorted(row.record_id for row in told.missing_there.items) == ["s2", "s3"]


def test_staff_compare_for_a_sender_that_they_name(door: RestDoor) -> None:
    staff = {"headers": door.bearer("it_staff")}
    assert compare(door, ["s1"], "?sender=gs-system&date=2026-03-02", **staff).json()["equal"] == 1
    assert problem_code(compare(door, ["s1"], **staff), 422) == "HUB-3001"
    assert problem_code(compare(door, ["s1"], headers=door.bearer("department")), 403) == "HUB-2007"


@pytest.mark.parametrize(
    ("content", "query", "status", "code"),
    [
        (b"{", "", 422, "HUB-4035"),
        (b" " * (8 * 2**20 + 1), "", 413, "HUB-1003"),
        (["s1"] * 50_001, "", 413, "HUB-4036"),
        ({"date": "2026-03-03", "records": []}, "", 422, "HUB-4037"),
        ({"date": "2026-03-01", "records": []}, "?date=2026-03-02", 422, "HUB-4037"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(
    door: RestDoor, content: Any, query: str, status: int, code: str
) -> None:
    assert problem_code(compare(door, content, query), status) == code
