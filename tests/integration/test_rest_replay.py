"""Replay jobs over REST."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.domain.codes import ROLES
from hub.gateway.rest.models import Problem
from hub.gateway.rest.replay_models import ReplayItemList, ReplayJob, ReplayJobList
from hub.stores.session import Database
from ingest.replay import ReplayKeeper
from tests.builders import a_small_hub, a_step
from tests.integration.rest_door import RestDoor, a_rest_door

REPLAYS = "/api/v1/replays"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[RestDoor]:
    """One message stored, and one whose record contradicts it."""
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    hub = a_small_hub(database)
    hub.push_case(a_step(record_id="s1"))
    hub.push_case(a_step(record_id="s1", step_name="别的内容"))
    yield a_rest_door(hub)
    database.dispose()


def ask(door: RestDoor, content: Any, key: str = "k-1", role: str = "it_staff") -> Any:
    headers = door.bearer(role) | ({"Idempotency-Key": key} if key else {})
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return door.client.post(REPLAYS, content=body, headers=headers)


def act(door: RestDoor, job_id: int, name: str, role: str = "it_staff") -> Any:
    return door.client.post(f"{REPLAYS}/{job_id}/{name}", headers=door.bearer(role))


def keep(door: RestDoor) -> None:
    keeper = ReplayKeeper(door.hub.database, door.hub.consumer.pipeline, door.hub.clock)
    while keeper.step() + door.hub.consumer.work_once():
        pass


def problem_code(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return Problem.model_validate(answer.json()).code


def test_a_job_is_made_rehearsed_started_and_ends_with_its_accounts(door: RestDoor) -> None:
    made = ask(door, {"state": "QUARANTINED", "code": "HUB-6002", "batchSize": 5})
    assert (made.status_code, made.json()["state"]) == (201, "REHEARSING")
    job_id = made.json()["id"]
    assert made.headers["location"] == f"{REPLAYS}/{job_id}"
    keep(door)
    job = ReplayJob.model_validate(door.get(f"{REPLAYS}/{job_id}").json())
    assert job.state == "DRAFT"
    assert job.forecast is not None
    assert job.forecast.failing_records == {"HUB-6002": 1}
    assert act(door, job_id, "start").json()["state"] == "RUNNING"
    keep(door)
    job = ReplayJob.model_validate(door.get(f"{REPLAYS}/{job_id}").json())
    assert (job.state, job.counts.QUARANTINED, job.item_count) == ("DONE", 1, 1)
    [item] = ReplayItemList.model_validate(door.get(f"{REPLAYS}/{job_id}/items?state=QUARANTINED").json()).items
    assert (item.state, item.held_count) == ("QUARANTINED", 1)
    assert len(ReplayJobList.model_validate(door.get(f"{REPLAYS}?state=DONE").json()).items) == 1


def test_the_same_key_gives_the_same_job(door: RestDoor) -> None:
    first = ask(door, {"state": "PROCESSED"})
    again = ask(door, {"state": "PROCESSED"})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert problem_code(ask(door, {"state": "QUARANTINED"}), 422) == "HUB-6001"
    assert ask(door, {"state": "PROCESSED"}, "k-2").json()["id"] != first.json()["id"]


def test_acts_are_refused_where_the_state_does_not_allow_them(door: RestDoor) -> None:
    job_id = ask(door, {"state": "PROCESSED", "dryRun": False}).json()["id"]
    assert problem_code(act(door, job_id, "pause"), 409) == "HUB-5003"
    assert [act(door, job_id, name).json()["state"] for name in ("start", "start", "pause", "resume", "cancel")] == [
        "RUNNING", "RUNNING", "PAUSED", "RUNNING", "CANCELLED",
    ]  # fmt: skip
    assert problem_code(act(door, 99, "start"), 404) == "HUB-4044"
    assert problem_code(door.get(f"{REPLAYS}/x"), 404) == "HUB-4044"
    assert problem_code(act(door, job_id, "explode"), 404) == "HUB-4043"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({}, "HUB-3001"),
        ({"state": "PROCESSED", "receiptNos": ["R1"]}, "HUB-3001"),
        ({"state": "ANY"}, "HUB-3004"),
        ({"state": "PROCESSED", "batchSize": 0}, "HUB-3006"),
        ({"state": "PROCESSED", "from": "2026-02-30"}, "HUB-3007"),
        ({"states": "PROCESSED"}, "HUB-3002"),
        (b"{", "HUB-1022"),
        (b"\xff\xfe", "HUB-1022"),
        ({"quarantineIds": [10**30]}, "HUB-3006"),
    ],
)
def test_a_request_that_says_nothing_clear_is_refused(door: RestDoor, content: Any, code: str) -> None:
    assert problem_code(ask(door, content), 422) == code
    assert door.stored("replay_job") == 0


def test_what_does_not_exist_is_told_as_such(door: RestDoor) -> None:
    assert problem_code(ask(door, {"receiptNos": ["R-none"]}), 404) == "HUB-4041"
    assert problem_code(ask(door, {"quarantineIds": [99]}), 404) == "HUB-4043"
    assert problem_code(ask(door, {"state": "QUARANTINED", "code": "HUB-4003"}), 404) == "HUB-4043"


def test_a_request_needs_its_key_and_a_bounded_body(door: RestDoor) -> None:
    assert problem_code(ask(door, {"state": "PROCESSED"}, key=""), 400) == "HUB-1018"
    assert problem_code(ask(door, b" " * 300_000), 413) == "HUB-1003"


@pytest.mark.parametrize("role", ROLES)
def test_who_may_see_and_who_may_run_replays(door: RestDoor, role: str) -> None:
    runs, sees = role in ("it_staff", "system_admin"), role in ("it_staff", "system_admin", "supervisor")
    assert ask(door, {"state": "PROCESSED", "dryRun": False}, role=role).status_code == (201 if runs else 403)
    job_id = ask(door, {"state": "PROCESSED", "dryRun": False}).json()["id"]
    for path in ("", f"/{job_id}", f"/{job_id}/items"):
        assert door.get(REPLAYS + path, role).status_code == (200 if sees else 403)
    assert act(door, job_id, "start", role).status_code == (200 if runs else 403)


def test_acts_are_audited_under_the_name_of_the_program(door: RestDoor) -> None:
    job_id = ask(door, {"state": "PROCESSED", "dryRun": False}).json()["id"]
    act(door, job_id, "start")
    acts = door.hub.rows("SELECT actor, action FROM audit_event WHERE object_type = 'replay' ORDER BY id")
    assert acts == [("token:it_staff 程序", "replay.create"), ("token:it_staff 程序", "replay.start")]
