"""Messages, receipts, the queue and the quarantine."""

import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from hub.domain.envelopes import Arrival
from hub.domain.errors import FieldIssue, NotFoundError, RejectedError
from hub.domain.receipts import ReceiptStatus, RecordState
from hub.domain.records import PROCESS
from hub.stores import quarantine_acts
from hub.stores.exchange import envelope as envelope_table
from ingest.consumer import MAX_ATTEMPTS
from tests.builders import ORG_CODE, SmallHub, a_step, an_acceptance


def states(hub: SmallHub, message_id: str) -> list[RecordState]:
    return [held.state for held in hub.exchange.receipt(hub.sender, message_id=message_id).record_states]


def test_second_push_of_same_message_returns_first_receipt(hub: SmallHub) -> None:
    step = an_acceptance()
    first = hub.push(PROCESS, [step], "m-1")
    hub.clock.move_to(hub.clock() + timedelta(minutes=5))
    second = hub.push(PROCESS, [step], "m-1")
    assert second == first.as_duplicate()
    assert second.status is ReceiptStatus.DUPLICATE


def test_same_records_in_other_bytes_are_the_same_message(hub: SmallHub) -> None:
    message = hub.envelope(PROCESS, [an_acceptance()], "m-1")
    hub.exchange.receive(message)
    other = hub.envelope(
        PROCESS,
        [],
        "m-1",
        body=message.body.replace(b"<record>", b"\n  <record>"),
        digest="other",
        arrivals=message.arrivals,
    )
    assert hub.exchange.receive(other).status is ReceiptStatus.DUPLICATE


def test_same_message_id_with_other_content_is_refused(hub: SmallHub) -> None:
    hub.push(PROCESS, [an_acceptance()], "m-1")
    with pytest.raises(RejectedError) as refused:
        hub.push(PROCESS, [an_acceptance(opinion="另一内容")], "m-1")
    assert refused.value.code == "HUB-6001"


def test_message_with_refused_records_is_partial_and_names_them(hub: SmallHub) -> None:
    issue = FieldIssue("HUB-3001", "stepName", "缺少必填项")
    message = hub.envelope(PROCESS, [a_step(), a_step()])
    message = hub.envelope(
        PROCESS, [a_step(), a_step()], arrivals=[message.arrivals[0], Arrival(2, "bad", ORG_CODE, (issue,))]
    )
    receipt = hub.exchange.receive(message)
    assert (receipt.status, receipt.accepted_count, receipt.rejected_count) == (ReceiptStatus.PARTIAL, 1, 1)
    assert [(error.seq, error.record_id, error.code, error.path) for error in receipt.errors] == [
        (2, "bad", "HUB-3001", "record[2]/stepName")
    ]


def test_message_without_a_good_record_is_kept_but_never_queued(hub: SmallHub) -> None:
    issue = FieldIssue("HUB-3001", "stepName", "缺少必填项")
    receipt = hub.exchange.receive(
        hub.envelope(PROCESS, [a_step()], "m-1", arrivals=[Arrival(1, "bad", None, (issue,))])
    )
    assert receipt.status is ReceiptStatus.REJECTED
    assert hub.consumer.work_once() == 0
    assert states(hub, "m-1") == [RecordState.REJECTED]


def test_record_state_goes_from_received_to_stored(hub: SmallHub) -> None:
    hub.push(PROCESS, [an_acceptance()], "m-1")
    assert states(hub, "m-1") == [RecordState.RECEIVED]
    hub.work()
    assert states(hub, "m-1") == [RecordState.STORED]


def test_another_senders_receipt_is_not_found(hub: SmallHub) -> None:
    receipt = hub.push(PROCESS, [an_acceptance()])
    stranger = type(hub.sender)(99, "other", "别的系统", frozenset())
    with pytest.raises(NotFoundError):
        hub.exchange.receipt(stranger, receipt_no=receipt.receipt_no)


def test_same_record_and_revision_with_other_content_is_quarantined_not_overwritten(hub: SmallHub) -> None:
    hub.push(PROCESS, [an_acceptance(record_id="r-1", opinion="同意")])
    hub.push(PROCESS, [an_acceptance(record_id="r-1", opinion="不同意"), a_step(record_id="r-2")], "m-2")
    hub.work()
    assert states(hub, "m-2") == [RecordState.QUARANTINED, RecordState.STORED]
    assert hub.rows("SELECT opinion FROM process_record WHERE record_id = 'r-1'") == [("同意",)]
    assert hub.rows("SELECT code, record_id, state FROM quarantine") == [("HUB-6002", "r-1", "OPEN")]


def spoil(hub: SmallHub, message_id: str) -> None:
    """Makes a stored body unreadable, as a broken disk or a lost key would."""
    with hub.database.unit() as unit:
        mine = envelope_table.c.message_id == message_id
        unit.execute(update(envelope_table).where(mine).values(body_sealed=b"\x01" + b"?" * 64))


def test_poison_message_does_not_stop_its_neighbours(hub: SmallHub) -> None:
    for name in ("m-1", "m-2", "m-3"):
        hub.push(PROCESS, [an_acceptance(case_no=name)], name)
    spoil(hub, "m-2")
    hub.work()
    assert states(hub, "m-1") == states(hub, "m-3") == [RecordState.STORED]
    assert states(hub, "m-2") == [RecordState.QUARANTINED]


class Stumbling:
    """A pipeline that fails on one message with an error nobody foresaw."""

    def __init__(self, hub: SmallHub) -> None:
        self._pipeline = hub.consumer.pipeline
        self.sealer = hub.sealer
        self.mended = False

    def process(self, unit: object, batch: list, now: object) -> None:
        if not self.mended and any(b"poison" in waiting.body for waiting in batch):
            raise ZeroDivisionError
        self._pipeline.process(unit, batch, now)


def test_unforeseen_failure_is_retried_then_quarantined_then_replayed(hub: SmallHub) -> None:
    pipeline = Stumbling(hub)
    consumer = replace(hub.consumer, pipeline=pipeline)
    hub.push(PROCESS, [an_acceptance(case_no="poison")], "m-1")
    hub.push(PROCESS, [an_acceptance(case_no="fine")], "m-2")
    for _ in range(MAX_ATTEMPTS):
        assert states(hub, "m-1")[0] in (RecordState.RECEIVED, RecordState.QUEUED)
        consumer.work_once()
        hub.clock.move_to(hub.clock() + timedelta(minutes=10))
    assert states(hub, "m-2") == [RecordState.STORED]
    assert states(hub, "m-1") == [RecordState.QUARANTINED]

    pipeline.mended = True
    with hub.database.unit() as unit:
        (quarantine_id,) = hub.rows("SELECT id FROM quarantine")[0]
        quarantine_acts.replay(unit, quarantine_id, "it-staff", hub.clock())
    consumer.work_once()
    assert states(hub, "m-1") == [RecordState.STORED]
    assert hub.rows("SELECT state, resolved_by FROM quarantine") == [("REPLAYED", "it-staff")]


def test_discarding_needs_a_reason_and_keeps_the_message(hub: SmallHub) -> None:
    hub.push(PROCESS, [an_acceptance(record_id="r-1", opinion="同意")])
    hub.push(PROCESS, [an_acceptance(record_id="r-1", opinion="不同意")], "m-2")
    hub.work()
    (quarantine_id,) = hub.rows("SELECT id FROM quarantine")[0]
    with pytest.raises(RejectedError), hub.database.unit() as unit:
        quarantine_acts.discard(unit, quarantine_id, "it-staff", " ", hub.clock())
    with hub.database.unit() as unit:
        quarantine_acts.discard(unit, quarantine_id, "it-staff", "部门已确认误报", hub.clock())
    assert hub.rows("SELECT state, reason FROM quarantine") == [("DISCARDED", "部门已确认误报")]
    assert hub.rows("SELECT actor, action FROM audit_event") == [("it-staff", "quarantine.discard")]
    assert hub.exchange.receipt(hub.sender, message_id="m-2").receipt_no


def test_reconciliation_counts_the_day_in_china(hub: SmallHub) -> None:
    hub.push(PROCESS, [an_acceptance(record_id="r-1"), a_step(record_id="r-2")])
    hub.work()
    hub.clock.move_to(hub.clock() + timedelta(hours=16))  # 01:30 of the next day in China, the same day in UTC
    hub.push(PROCESS, [a_step(record_id="r-3")])
    first, second = (hub.exchange.reconcile(hub.sender, day) for day in (date(2026, 3, 2), date(2026, 3, 3)))
    assert [(count.kind, count.state, count.count) for count in first.counts] == [("PROCESS", "STORED", 2)]
    assert [(count.kind, count.state, count.count) for count in second.counts] == [("PROCESS", "RECEIVED", 1)]
    assert first.digest != second.digest


def test_two_workers_share_the_queue_and_nothing_doubles(hub: SmallHub) -> None:
    for number in range(40):
        hub.push(PROCESS, [an_acceptance(case_no=f"C-{number % 7}", record_id=f"r-{number}")], f"m-{number}")
    other = replace(hub.consumer)
    workers = [threading.Thread(target=drain, args=(consumer,)) for consumer in (hub.consumer, other)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    hub.work()
    assert hub.rows("SELECT count(*), count(DISTINCT record_id) FROM process_record") == [(40, 40)]
    assert hub.rows("SELECT count(*) FROM case_library") == [(7,)]
    assert hub.rows("SELECT count(*) FROM outbox") == [(0,)]


def drain(consumer: Any) -> None:
    while consumer.work_once():
        pass
