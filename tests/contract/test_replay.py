"""Replay jobs: what is selected, what a rehearsal foretells, and that every message ends in exactly one count."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from hub.console.services import ConsoleUser, ReplayAsked
from hub.console.store_replays import StoreReplays
from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.domain.records import ITEM, PROCESS
from hub.stores import quarantine_acts, replay, replay_queue, service_items
from hub.stores.exchange import envelope as envelope_table
from hub.stores.replay import Order, Selection
from hub.stores.replay_views import ItemQuery, ReplayQuery, replay_detail, search_items, search_replays
from ingest.replay import CLAIM, ReplayKeeper
from tests.builders import DAY, MONDAY_MORNING, SmallHub, a_step, an_acceptance, an_item

ACTOR = "it-staff"


@dataclass
class Replays:
    """Jobs over a small hub, with a keeper that runs when told."""

    hub: SmallHub
    keeper: ReplayKeeper

    def create(self, *, rehearse: bool = False, **selection: Any) -> int:
        order = {
            name: selection.pop(name) for name in ("batch_size", "rate_per_second", "request_key") if name in selection
        }
        with self.hub.database.unit() as unit:
            return replay.create(
                unit, Order(Selection(**selection), rehearse=rehearse, **order), ACTOR, self.hub.clock()
            )

    def turn(self, job_id: int, act: str) -> None:
        with self.hub.database.unit() as unit:
            replay.turn(unit, job_id, act, ACTOR, self.hub.clock())

    def job(self, job_id: int) -> dict[str, Any]:
        with self.hub.database.read() as unit:
            return replay_detail(unit, job_id)

    def counts(self, job_id: int) -> dict[str, int]:
        return {state: count for state, count in self.job(job_id)["counts"].items() if count}

    def forecast(self, **selection: Any) -> dict[str, Any]:
        """What a rehearsal foretells."""
        job_id = self.create(rehearse=True, **selection)
        while self.keeper.step():
            pass
        found: dict[str, Any] = self.job(job_id)["forecast"]
        return found

    def run(self, job_id: int) -> None:
        """Keeper and worker by turns until neither finds anything."""
        while self.keeper.step() + self.hub.consumer.work_once():
            pass

    def started(self, **selection: Any) -> int:
        job_id = self.create(**selection)
        self.turn(job_id, "start")
        return job_id


@pytest.fixture
def replays(hub: SmallHub) -> Replays:
    return Replays(hub, ReplayKeeper(hub.database, hub.consumer.pipeline, hub.clock))


def stored(hub: SmallHub, count: int = 3) -> list[str]:
    """Messages processed without fault, each of a case of its own; their receipt numbers."""
    names = [f"m-{number}" for number in range(count)]
    receipts = [hub.push(PROCESS, [an_acceptance(case_no=name, record_id=name)], name).receipt_no for name in names]
    hub.work()
    return receipts


RETIRED = "33032400GS-XK-0099"


def quarantined(hub: SmallHub, count: int = 2) -> list[int]:
    """Messages each with an item whose code is retired; ids of the quarantined records."""
    with hub.database.unit() as unit:
        service_items.retire(unit, RETIRED, "样例停用", hub.clock())
    for number in range(count):
        hub.push(ITEM, [an_item(item_code=RETIRED, revision=number + 1)], f"q-{number}")
    hub.work()
    return [row[0] for row in hub.rows("SELECT id FROM quarantine WHERE state = 'OPEN' ORDER BY id")]


def mend(hub: SmallHub) -> None:
    with hub.database.unit() as unit:
        unit.exec_driver_sql("DELETE FROM retired_code")


def discard(hub: SmallHub, quarantine_id: int) -> None:
    with hub.database.unit() as unit:
        quarantine_acts.discard(unit, quarantine_id, ACTOR, "部门确认误报", hub.clock())


def queued(hub: SmallHub) -> int:
    return int(hub.rows("SELECT count(*) FROM outbox")[0][0])


def refusal(act: Callable[..., object], *arguments: object, **named: Any) -> str:
    with pytest.raises(RejectedError) as refused:
        act(*arguments, **named)
    return refused.value.code


# --- what is selected -------------------------------------------------------------------------------------------


def test_a_filter_selects_what_is_quarantined_for_that_reason(hub: SmallHub, replays: Replays) -> None:
    stored(hub)
    quarantined(hub)
    assert replays.job(replays.create(state="QUARANTINED"))["itemCount"] == 2
    assert replays.job(replays.create(state="QUARANTINED", code="HUB-4003", sender="gs-system"))["itemCount"] == 2
    assert replays.job(replays.create(state="PROCESSED", kind="PROCESS"))["itemCount"] == 3
    assert refusal(replays.create, state="QUARANTINED", code="HUB-6002") == "HUB-4043"
    assert refusal(replays.create, state="PROCESSED", sender="nobody") == "HUB-4043"


def test_days_bound_the_selection_by_when_messages_were_received(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 2)
    hub.clock.move_to(MONDAY_MORNING + DAY)
    hub.push(PROCESS, [an_acceptance(case_no="later")], "later")
    hub.work()
    middle = MONDAY_MORNING + timedelta(hours=12)
    assert replays.job(replays.create(state="PROCESSED", received_to=middle))["itemCount"] == 2
    assert replays.job(replays.create(state="PROCESSED", received_from=middle))["itemCount"] == 1


def test_a_limit_takes_the_oldest_and_tells_how_many_matched(hub: SmallHub, replays: Replays) -> None:
    receipts = stored(hub, 3)
    job_id = replays.create(state="PROCESSED", limit=2)
    job = replays.job(job_id)
    assert (job["itemCount"], job["matchedCount"]) == (2, 3)
    with hub.database.read() as unit:
        items = search_items(unit, job_id, ItemQuery()).items
    assert [item["receiptNo"] for item in items] == [receipts[1], receipts[0]]


def test_a_job_is_frozen_when_it_is_made(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 2)
    job_id = replays.create(state="PROCESSED")
    hub.push(PROCESS, [an_acceptance(case_no="later")], "later")
    hub.work()
    replays.turn(job_id, "start")
    replays.run(job_id)
    assert replays.counts(job_id) == {"STORED": 2}


def test_two_records_of_one_message_are_replayed_once(hub: SmallHub, replays: Replays) -> None:
    with hub.database.unit() as unit:
        service_items.retire(unit, RETIRED, "样例停用", hub.clock())
    hub.push(ITEM, [an_item(item_code=RETIRED), an_item(item_code=RETIRED, revision=2)])
    hub.work()
    ids = [row[0] for row in hub.rows("SELECT id FROM quarantine")]
    assert len(ids) == 2
    assert replays.job(replays.create(quarantine_ids=ids))["itemCount"] == 1


def test_a_selection_that_names_what_is_not_there_is_refused(hub: SmallHub, replays: Replays) -> None:
    [receipt_no] = stored(hub, 1)
    assert refusal(replays.create, receipt_nos=[receipt_no, "R-none"]) == "HUB-4041"
    assert refusal(replays.create, quarantine_ids=[7]) == "HUB-4043"
    assert refusal(replays.create) == "HUB-3001"
    assert refusal(replays.create, receipt_nos=[receipt_no], state="PROCESSED") == "HUB-3001"
    assert refusal(replays.create, state="PROCESSED", code="HUB-4003") == "HUB-3004"
    assert refusal(replays.create, state="PROCESSED", limit=0) == "HUB-3006"
    assert hub.rows("SELECT count(*) FROM replay_job") == [(0,)]


def test_the_same_request_gives_the_same_job(hub: SmallHub, replays: Replays) -> None:
    stored(hub)
    first = replays.create(state="PROCESSED", request_key="k-1")
    assert replays.create(state="PROCESSED", request_key="k-1") == first
    assert replays.create(state="PROCESSED", request_key="k-2") != first
    assert refusal(replays.create, state="PROCESSED", limit=1, request_key="k-1") == "HUB-6001"


# --- rehearsing -------------------------------------------------------------------------------------------------


def everything(hub: SmallHub) -> list[Any]:
    tables = (
        "process_record", "result_record", "service_item_version", "case_library", "finding", "card", "card_event",
        "timer", "outbox", "quarantine", "evidence", "department", "number_series",
    )  # fmt: skip
    kept = [sorted(map(repr, hub.rows(f"SELECT * FROM {table}"))) for table in tables]  # noqa: S608
    return [*kept, hub.rows("SELECT id, processed_at FROM envelope ORDER BY id")]


def test_a_rehearsal_changes_nothing_but_its_own_job(hub: SmallHub, replays: Replays) -> None:
    stored(hub)
    quarantined(hub)
    mend(hub)
    before = everything(hub)
    replays.forecast(state="QUARANTINED")
    replays.forecast(state="PROCESSED", batch_size=2)
    assert everything(hub) == before


def test_a_rehearsal_tells_stored_records_from_new_and_failing_ones(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 3)
    quarantined(hub, 2)
    kept = replays.forecast(state="PROCESSED")
    assert (kept["messages"], kept["newRecords"], kept["unchangedRecords"]) == (5, 0, 3)
    assert (kept["failingMessages"], kept["failingRecords"]) == (2, {"HUB-4003": 2})
    mend(hub)
    assert replays.forecast(state="QUARANTINED")["newRecords"] == 2


def test_a_rehearsal_foretells_the_cards_that_the_replay_then_raises(hub: SmallHub, replays: Replays) -> None:
    hub.push(PROCESS, [an_acceptance(record_id="s1")], "m-1")
    hub.push(PROCESS, [a_step(record_id="s2", step_seq=2, handled_at=MONDAY_MORNING - 9 * DAY)], "m-2")
    poison(hub, "m-2")
    hub.work()
    cure(hub, "m-2")
    forecast = replays.forecast(state="QUARANTINED")
    assert forecast["cardsRaised"] > 0
    before = hub.rows("SELECT count(*) FROM card")[0][0]
    job_id = replays.started(state="QUARANTINED")
    replays.run(job_id)
    assert hub.rows("SELECT count(*) FROM card")[0][0] - before == forecast["cardsRaised"]


def poison(hub: SmallHub, message_id: str) -> None:
    """Makes a stored body unreadable, as a lost key would; `cure` brings it back."""
    with hub.database.unit() as unit:
        mine = envelope_table.c.message_id == message_id
        hub.bodies = {message_id: unit.execute(envelope_table.select().where(mine)).one().body_sealed}  # type: ignore[attr-defined]
        unit.execute(update(envelope_table).where(mine).values(body_sealed=b"\x01" + b"?" * 64))


def cure(hub: SmallHub, message_id: str) -> None:
    with hub.database.unit() as unit:
        mine = envelope_table.c.message_id == message_id
        unit.execute(update(envelope_table).where(mine).values(body_sealed=hub.bodies[message_id]))  # type: ignore[attr-defined]


def test_a_message_that_cannot_be_opened_spoils_no_others_forecast(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 3)
    poison(hub, "m-1")
    forecast = replays.forecast(state="PROCESSED")
    assert (forecast["unchangedRecords"], forecast["failingRecords"]) == (2, {"HUB-9004": 1})


class Stumbling:
    """A pipeline that fails with an error nobody foresaw, or is away."""

    def __init__(self, hub: SmallHub, error: Exception) -> None:
        self.sealer = hub.sealer
        self._error = error

    def process(self, *_: object) -> None:
        raise self._error


def test_an_unforeseen_failure_is_foretold_and_does_not_end_the_keeper(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 2)
    replays.keeper = ReplayKeeper(hub.database, Stumbling(hub, ZeroDivisionError()), hub.clock)  # type: ignore[arg-type]
    assert replays.forecast(state="PROCESSED")["failingRecords"] == {"HUB-9001": 2}


def test_a_batch_whose_keeper_died_is_rehearsed_again(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 2)
    job_id = replays.create(state="PROCESSED", rehearse=True)
    away = Stumbling(hub, RetryableError("HUB-9002", "断开"))
    with pytest.raises(RetryableError):
        ReplayKeeper(hub.database, away, hub.clock).step()  # type: ignore[arg-type]
    assert replays.keeper.step() == 0  # claimed
    hub.clock.move_to(hub.clock() + CLAIM)
    while replays.keeper.step():
        pass
    assert replays.job(job_id)["state"] == "DRAFT"


# --- running ----------------------------------------------------------------------------------------------------


def test_a_job_ends_with_every_message_in_one_count(hub: SmallHub, replays: Replays) -> None:
    receipts = stored(hub, 3)
    first, second, third = quarantined(hub, 3)
    discard(hub, third)
    names = [row[0] for row in hub.rows("SELECT receipt_no FROM envelope ORDER BY id")]
    job_id = replays.started(receipt_nos=names, batch_size=2)
    replays.run(job_id)
    job = replays.job(job_id)
    assert (job["state"], replays.counts(job_id)) == ("DONE", {"STORED": 3, "QUARANTINED": 2, "SKIPPED": 1})
    assert job["itemCount"] == sum(job["counts"].values()) == len(names)
    assert len(receipts) == 3
    states = hub.rows(f"SELECT state FROM quarantine WHERE id = {third}")  # noqa: S608
    assert states == [("DISCARDED",)]
    assert hub.rows("SELECT count(*) FROM quarantine WHERE state = 'OPEN'") == [(2,)]
    assert (first, second) != (None, None)


def test_replaying_what_is_stored_changes_no_store(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 3)
    tables = ("process_record", "case_library", "finding", "card", "card_event")
    before = [hub.rows(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608
    job_id = replays.started(state="PROCESSED")
    replays.run(job_id)
    assert [hub.rows(f"SELECT count(*) FROM {table}") for table in tables] == before  # noqa: S608
    assert replays.counts(job_id) == {"STORED": 3}


def test_mended_records_are_stored_and_no_longer_quarantined(hub: SmallHub, replays: Replays) -> None:
    ids = quarantined(hub, 2)
    mend(hub)
    job_id = replays.started(quarantine_ids=ids)
    replays.run(job_id)
    assert replays.counts(job_id) == {"STORED": 2}
    assert hub.rows("SELECT DISTINCT state, resolved_by FROM quarantine") == [("REPLAYED", ACTOR)]
    assert hub.rows("SELECT count(*) FROM service_item_version") == [(2,)]


def test_a_discarded_record_is_not_stored_by_replaying_its_message(hub: SmallHub, replays: Replays) -> None:
    hub.push(PROCESS, [an_acceptance(record_id="r-0")], "m-0")
    with hub.database.unit() as unit:
        service_items.retire(unit, RETIRED, "样例停用", hub.clock())
    hub.push(ITEM, [an_item(item_code=RETIRED), an_item(item_code=RETIRED, revision=2)], "m-1")
    hub.work()
    ids = [row[0] for row in hub.rows("SELECT id FROM quarantine ORDER BY seq")]
    discard(hub, ids[0])
    mend(hub)
    job_id = replays.started(quarantine_ids=ids)
    replays.run(job_id)
    assert hub.rows("SELECT revision FROM service_item_version") == [(2,)]
    assert hub.rows("SELECT seq, state FROM quarantine ORDER BY seq") == [(1, "DISCARDED"), (2, "REPLAYED")]


def test_what_was_mended_or_discarded_since_is_skipped(hub: SmallHub, replays: Replays) -> None:
    first, second = quarantined(hub, 2)
    job_id = replays.create(quarantine_ids=[first, second])
    discard(hub, first)
    mend(hub)
    with hub.database.unit() as unit:
        quarantine_acts.replay(unit, second, ACTOR, hub.clock())
    hub.work()
    replays.turn(job_id, "start")
    replays.run(job_id)
    assert replays.counts(job_id) == {"SKIPPED": 2}


def test_no_more_than_a_batch_is_ever_in_the_queue(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 7)
    job_id = replays.started(state="PROCESSED", batch_size=3)
    assert (replays.keeper.step(), queued(hub)) == (3, 3)
    assert (replays.keeper.step(), queued(hub)) == (0, 3)
    hub.work()
    assert (replays.keeper.step(), queued(hub)) == (6, 3)
    assert replays.counts(job_id) == {"STORED": 3, "QUEUED": 3, "WAITING": 1}


def test_a_rate_holds_messages_back(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 6)
    job_id = replays.started(state="PROCESSED", rate_per_second=2)
    replays.run(job_id)
    assert replays.counts(job_id) == {"QUEUED": 2, "WAITING": 4}
    hub.clock.move_to(hub.clock() + timedelta(seconds=1))
    replays.run(job_id)
    assert replays.counts(job_id) == {"STORED": 2, "QUEUED": 2, "WAITING": 2}


def test_a_message_in_the_queue_already_is_not_put_there_twice(hub: SmallHub, replays: Replays) -> None:
    [first] = quarantined(hub, 1)
    with hub.database.unit() as unit:
        quarantine_acts.replay(unit, first, ACTOR, hub.clock())
    with hub.database.unit() as unit:
        quarantine_acts.replay(unit, first, ACTOR, hub.clock())
    job_id = replays.started(quarantine_ids=[first])
    assert (replays.keeper.step(), queued(hub)) == (0, 1)
    replays.run(job_id)
    assert replays.counts(job_id) == {"QUARANTINED": 1}


def test_a_paused_job_queues_nothing_and_goes_on_when_resumed(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 4)
    job_id = replays.started(state="PROCESSED", batch_size=1)
    replays.keeper.step()
    replays.turn(job_id, "pause")
    replays.run(job_id)
    assert (replays.job(job_id)["state"], replays.counts(job_id)) == ("PAUSED", {"STORED": 1, "WAITING": 3})
    replays.turn(job_id, "resume")
    replays.run(job_id)
    assert (replays.job(job_id)["state"], replays.counts(job_id)) == ("DONE", {"STORED": 4})


def test_a_cancelled_job_closes_when_the_last_queued_message_is_settled(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 4)
    job_id = replays.started(state="PROCESSED", batch_size=1)
    replays.keeper.step()
    replays.turn(job_id, "cancel")
    assert (replays.job(job_id)["state"], replays.counts(job_id)) == ("CANCELLING", {"QUEUED": 1, "CANCELLED": 3})
    replays.run(job_id)
    job = replays.job(job_id)
    assert (job["state"], replays.counts(job_id)) == ("CANCELLED", {"STORED": 1, "CANCELLED": 3})
    assert job["finishedAt"]


def test_doing_an_act_again_changes_nothing_and_the_wrong_act_is_refused(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 1)
    job_id = replays.create(state="PROCESSED", rehearse=True)
    assert refusal(replays.turn, job_id, "start") == "HUB-5003"
    replays.keeper.step()
    replays.keeper.step()
    assert refusal(replays.turn, job_id, "pause") == "HUB-5003"
    replays.turn(job_id, "start")
    replays.run(job_id)
    before = replays.job(job_id)
    replays.turn(job_id, "start")
    assert replays.job(job_id) == before
    assert refusal(replays.turn, job_id, "cancel") == "HUB-5003"
    assert refusal(replays.turn, 99, "start") == "HUB-4044"
    with hub.database.read() as unit, pytest.raises(NotFoundError):
        search_items(unit, 99, ItemQuery())


def test_every_act_is_audited_and_the_end_with_its_accounts(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 2)
    job_id = replays.started(state="PROCESSED", batch_size=1)
    for act in ("pause", "resume", "resume"):
        replays.turn(job_id, act)
    replays.run(job_id)
    rows = hub.rows("SELECT actor, action FROM audit_event WHERE object_type = 'replay' ORDER BY id")
    assert rows == [
        (ACTOR, "replay.create"), (ACTOR, "replay.start"), (ACTOR, "replay.pause"), (ACTOR, "replay.resume"),
        ("system", "replay.finish"),
    ]  # fmt: skip


def test_two_keepers_queue_every_message_once(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 30)
    job_id = replays.started(state="PROCESSED", batch_size=5)
    enqueued: list[int] = []
    done = threading.Event()
    whole = quarantine_acts.enqueue

    def counted(unit: Any, envelope_ids: list[int], now: Any) -> None:
        enqueued.extend(envelope_ids)
        whole(unit, envelope_ids, now)

    def keep() -> None:
        while not done.is_set():
            replays.keeper.step()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quarantine_acts, "enqueue", counted)
        keepers = [threading.Thread(target=keep) for _ in range(2)]
        for keeper in keepers:
            keeper.start()
        try:
            while replays.job(job_id)["state"] == "RUNNING":
                hub.consumer.work_once()
        finally:
            done.set()
            for keeper in keepers:
                keeper.join(60)
    assert sorted(enqueued) == sorted(set(enqueued))
    assert replays.counts(job_id) == {"STORED": 30}


def test_a_keeper_that_dies_before_its_commit_leaves_the_job_as_it_was(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 3)
    job_id = replays.started(state="PROCESSED")
    with suppress(ZeroDivisionError), hub.database.unit() as unit:
        assert replay_queue.advance(unit, job_id, hub.clock()) == 3
        raise ZeroDivisionError
    assert (queued(hub), replays.counts(job_id)) == (0, {"WAITING": 3})
    replays.run(job_id)
    assert replays.counts(job_id) == {"STORED": 3}


def test_jobs_are_listed_newest_first_by_state(hub: SmallHub, replays: Replays) -> None:
    stored(hub, 1)
    first, second = replays.create(state="PROCESSED"), replays.started(state="PROCESSED")
    with hub.database.read() as unit:
        assert [job["id"] for job in search_replays(unit, ReplayQuery()).items] == [second, first]
        assert [job["id"] for job in search_replays(unit, ReplayQuery("DRAFT")).items] == [first]


def test_submitting_a_page_twice_makes_one_job_and_another_page_another(hub: SmallHub, replays: Replays) -> None:
    ids = quarantined(hub, 2)
    pages, user = StoreReplays(hub.database, hub.clock), ConsoleUser(ACTOR, "", "it_staff")
    first, again, other, everything_open = (
        pages.create(user, ReplayAsked(quarantine_ids=chosen, page_key=page))
        for chosen, page in ((ids[:1], "p"), (ids[:1], "p"), (ids[:1], "q"), ([], "p"))
    )
    assert first == again
    assert len({first, other, everything_open}) == 3
    assert pages.job(str(everything_open))["itemCount"] == 2
    assert [job["id"] for job in pages.jobs("", 20, None).items] == [everything_open, other, first]
    assert len(pages.items(str(first), "", 20, None).items) == 1
