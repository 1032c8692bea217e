"""The ticket of a message, from acceptance to the commit that stores and judges it."""

from dataclasses import replace
from datetime import timedelta

from hub.domain.records import PROCESS
from hub.stores import outbox
from ingest.consumer import BATCH_RECORDS, MAX_BEGINNINGS
from ingest.sql_queue import LEASE
from tests.builders import SmallHub, a_step, an_acceptance

SECOND = timedelta(seconds=1)
ANYTIME = timedelta(days=1)


def push(hub: SmallHub, count: int) -> None:
    for number in range(count):
        hub.push(PROCESS, [an_acceptance(case_no=f"C-{number}", record_id=f"r-{number}")], f"m-{number}")


def stored(hub: SmallHub) -> int:
    return int(hub.rows("SELECT count(*) FROM process_record")[0][0])


def test_messages_of_a_dead_worker_are_taken_again_when_its_lease_is_over(hub: SmallHub) -> None:
    push(hub, 2)
    assert [ticket.is_suspect for ticket in hub.consumer.queue.take()] == [False, False]
    hub.clock.move_to(hub.clock() + LEASE - SECOND)
    assert hub.consumer.queue.take() == []
    hub.clock.move_to(hub.clock() + SECOND)
    assert [ticket.is_suspect for ticket in hub.consumer.queue.take()] == [True, True]
    hub.clock.move_to(hub.clock() + LEASE)
    hub.work()
    assert stored(hub) == 2


def test_message_that_was_begun_too_often_is_quarantined_and_its_neighbour_is_not(hub: SmallHub) -> None:
    push(hub, 2)
    for _ in range(MAX_BEGINNINGS):
        with hub.database.unit() as unit:
            outbox.begin_attempt(unit, 1)
    hub.work()
    assert hub.rows("SELECT code, state FROM quarantine") == [("HUB-9020", "OPEN")]
    assert stored(hub) == 1


def test_batch_ends_where_it_has_enough_records(hub: SmallHub) -> None:
    for number in range(3):
        steps = [a_step(record_id=f"r-{number}-{place}") for place in range(BATCH_RECORDS // 2)]
        hub.push(PROCESS, steps, f"m-{number}")
    assert len(hub.consumer.queue.take()) == 2


def test_relay_is_handed_each_due_message_once_and_again_what_it_gave_back(hub: SmallHub) -> None:
    push(hub, 3)
    now = hub.clock()
    with hub.database.unit() as unit:
        first, second = outbox.hand_over(unit, now, 2), outbox.hand_over(unit, now, 2)
        outbox.make_due(unit, [first[1].outbox_id], now + SECOND)
    assert [len(first), len(second)] == [2, 1]
    with hub.database.unit() as unit:
        assert outbox.hand_over(unit, now, 9) == []
        assert [ticket.outbox_id for ticket in outbox.hand_over(unit, now + SECOND, 9)] == [first[1].outbox_id]


def test_what_was_published_long_ago_and_not_processed_is_due_again(hub: SmallHub) -> None:
    push(hub, 2)
    now = hub.clock()
    with hub.database.unit() as unit:
        outbox.hand_over(unit, now, 1)
        outbox.hand_over(unit, now + ANYTIME, 1)
        assert outbox.is_any_stranded(unit, now + SECOND)
        assert outbox.make_stranded_due(unit, now + SECOND, now, 10) == 1
        assert not outbox.is_any_stranded(unit, now + SECOND)
        assert [ticket.outbox_id for ticket in outbox.hand_over(unit, now, 9)] == [1]


def test_note_about_a_message_that_is_processed_already_changes_nothing(hub: SmallHub) -> None:
    push(hub, 1)
    hub.work()
    with hub.database.unit() as unit:
        outbox.make_due(unit, [1], hub.clock())
        assert outbox.begin_attempt(unit, 1) == 0
        assert outbox.waiting_count(unit, 10) == 0
    assert replace(hub.consumer).work_once() == 0


def test_backlog_is_counted_no_further_than_asked(hub: SmallHub) -> None:
    push(hub, 4)
    with hub.database.read() as unit:
        assert outbox.waiting_count(unit, 3) == 3
        assert outbox.waiting_count(unit, 9) == 4
