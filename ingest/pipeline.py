"""From accepted messages to stored and judged facts: read, store, judge."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, TypeVar

from adapters.messages import ADAPTED, records_of
from adapters.samples import masked_sample
from hub.adapting.intake import Reread, joined, reread
from hub.adapting.keeper import AdapterKeeper
from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.receipts import path_in_message
from hub.domain.record_json import to_json
from hub.domain.records import RECORD_KINDS, ProcessRecord, Record, RecordKind, ResultRecord, ServiceItem
from hub.stores import (
    case_library,
    emptied_cases,
    exchange,
    processes,
    registry,
    results,
    service_items,
    supervision,
    unmapped_codes,
)
from hub.stores.exchange import SetAside, Waiting
from hub.stores.facts import Incoming, Rereads, Stored
from hub.stores.quarantine_acts import discarded_seqs, enqueue_absent
from hub.stores.sealing import Sealer
from hub.stores.session import Connection
from supervision.case_judging import judge_cases
from supervision.law import Law

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of a batch, by message: the sender's records newly stored, those set aside, cases touched."""

    added: Mapping[int, int]
    aside: Mapping[int, Sequence[SetAside]]
    cases: Mapping[int, set[int]]
    again: Collection[int] = ()
    """Messages that are to be read again because of these."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Processes batches of messages, each batch within one unit of work of its caller."""

    sealer: Sealer
    law: Callable[[], Law]
    adapters: AdapterKeeper
    judged: Callable[[int, float], None] = lambda cases, seconds: None
    """Told how many cases were judged, and how long that took."""

    def process(self, unit: Connection, batch: Sequence[Waiting], now: datetime) -> Processed:
        """Stores every record of the batch or sets it aside, judges every case touched, marks the messages processed.

        Safe to repeat: what is stored already is recognised by its key, and what staff discarded is passed by. Raises
        RetryableError when the database fails.
        """
        envelope_ids = [waiting.envelope_id for waiting in batch]
        exchange.clear_quarantine(unit, envelope_ids, now)
        incoming, aside = self._read(unit, batch, discarded_seqs(unit, envelope_ids))
        processed = self._store(unit, incoming, aside, _read_whole(batch, aside), now)
        self._judge(unit, sorted(set().union(*processed.cases.values())), now)
        for envelope_id, records in aside.items():
            exchange.set_aside(unit, envelope_id, records, now)
        exchange.complete(unit, batch, now)
        if processed.again:
            enqueue_absent(unit, sorted(processed.again), now)
        return processed

    def _read(
        self, unit: Connection, batch: Sequence[Waiting], discarded: Mapping[int, frozenset[int]]
    ) -> tuple[list[Incoming[Any]], dict[int, list[SetAside]]]:
        """Canonical records of all messages, and what is set aside."""
        incoming: list[Incoming[Any]] = []
        aside: dict[int, list[SetAside]] = {}
        read: list[Reread] = []
        orgs = registry.org_codes_of(unit, {one.sender_id for one in batch if one.body_format == ADAPTED})
        for waiting in batch:
            passed_by = waiting.rejected_seqs | discarded.get(waiting.envelope_id, frozenset())
            if waiting.body_format != ADAPTED:
                _read_published(waiting, passed_by, incoming, aside)
                continue
            read.append(reread(self.adapters, waiting, passed_by, orgs[waiting.sender_id]))
            incoming += read[-1].incoming
            if read[-1].aside:
                aside[waiting.envelope_id] = list(read[-1].aside)
        unmapped_codes.note(unit, joined([code for one in read for code in one.unmapped]))
        return incoming, aside

    def _judge(self, unit: Connection, case_ids: Sequence[int], now: datetime) -> None:
        started = perf_counter()
        judge_cases(unit, case_ids, self.law(), now)
        self.judged(len(case_ids), perf_counter() - started)

    def _store(
        self,
        unit: Connection,
        incoming: Sequence[Incoming[Any]],
        aside: dict[int, list[SetAside]],
        rereads: Rereads,
        now: datetime,
    ) -> Processed:
        """Writes stores 1–3; the cases touched must be judged."""
        steps, outcomes = _only(incoming, ProcessRecord), _only(incoming, ResultRecord)
        about_cases: list[Incoming[ProcessRecord] | Incoming[ResultRecord]] = [*steps, *outcomes]
        seen = case_library.sightings((entry.record, entry.received_at) for entry in about_cases)
        case_ids = case_library.ensure_cases(unit, seen) if seen else {}
        stored: list[Stored[Any]] = [
            service_items.store_items(unit, _only(incoming, ServiceItem), rereads),
            processes.store_process_records(unit, self.sealer, steps, case_ids, rereads),
            results.store_results(unit, outcomes, case_ids, rereads),
        ]
        for part in stored:
            for entry, error in part.refused:
                _put_aside(aside, entry.envelope_id, _contradicting(entry, error))
        registry.learn_department_names(unit, _names(steps, stored[0].added))
        new_items = {entry.record.item_code for entry in stored[0].added}
        supervision.wake_cases(unit, case_library.cases_of_items(unit, new_items), now)
        cases: dict[int, set[int]] = {}
        for entry in (entry for part in stored[1:] for entry in part.added):
            cases.setdefault(entry.envelope_id, set()).add(case_ids[entry.record.org_code, entry.record.case_no])
        lost = [(envelope_id, left) for part in stored[1:] for envelope_id, left in part.left.items()]
        gone = emptied_cases.drop_emptied(unit, set().union(*(left for _, left in lost)))
        for envelope_id, left in lost:
            cases.setdefault(envelope_id, set()).update(left - gone)
        added = {(entry.envelope_id, entry.seq) for part in stored for entry in part.added}
        failing = {(envelope_id, record.seq) for envelope_id, records in aside.items() for record in records}
        again = set().union(*(part.again for part in stored))
        return Processed(Counter(envelope_id for envelope_id, _ in added - failing), aside, cases, again)


def _put_aside(aside: dict[int, list[SetAside]], envelope_id: int, record: SetAside) -> None:
    """Once, though a department's record may give several of ours that are refused."""
    held = aside.setdefault(envelope_id, [])
    if all(one.seq != record.seq for one in held):
        held.append(record)


def _read_whole(batch: Sequence[Waiting], aside: Mapping[int, Sequence[SetAside]]) -> Rereads:
    """Messages read again of which nothing is set aside: what they do not say any more may go."""
    again = (waiting for waiting in batch if waiting.is_reread and waiting.body_format == ADAPTED)
    return {waiting.envelope_id: waiting.received_at for waiting in again if waiting.envelope_id not in aside}


def _names(steps: Sequence[Incoming[ProcessRecord]], items: Sequence[Incoming[ServiceItem]]) -> dict[str, str]:
    named = {entry.record.org_code: entry.record.org_name for entry in steps if entry.record.org_name}
    return named | {entry.record.org_code: entry.record.org_name for entry in items}


def _only(incoming: Iterable[Incoming[Any]], record_class: type[R]) -> list[Incoming[R]]:
    return [entry for entry in incoming if isinstance(entry.record, record_class)]


def _read_published(
    waiting: Waiting, passed_by: frozenset[int], incoming: list[Incoming[Any]], aside: dict[int, list[SetAside]]
) -> None:
    """A message of the published contract. A record that can no longer be read is set aside, its neighbours go on."""
    kind, envelope_id = RECORD_KINDS[waiting.kind], waiting.envelope_id
    origin = (waiting.sender_id, envelope_id)
    for seq, reading, node in records_of(waiting.body_format, kind, waiting.body, waiting.charset):
        if seq in passed_by:
            continue
        if reading.record is None:
            aside.setdefault(envelope_id, []).append(_unreadable(kind, seq, reading.issues[0], node))
        else:
            incoming.append(Incoming(kind, reading.record, *origin, seq, waiting.received_at, reading.notes))


def _unreadable(kind: RecordKind, seq: int, issue: FieldIssue, node: object) -> SetAside:
    path = path_in_message(kind.element, seq, issue.path)
    return SetAside(seq, None, RejectedError(issue.code, issue.message), path, masked_sample(node))


def _contradicting(entry: Incoming[Any], error: RejectedError) -> SetAside:
    path = path_in_message(entry.kind.element, entry.seq, error.path or "")
    return SetAside(entry.seq, entry.record_id, error, path, masked_sample(to_json(entry.record)))
