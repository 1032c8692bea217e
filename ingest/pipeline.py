"""From accepted messages to stored and judged facts: read, store, judge."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, TypeVar

from adapters.messages import records_of
from adapters.samples import masked_sample
from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.receipts import path_in_message
from hub.domain.record_json import to_json
from hub.domain.records import RECORD_KINDS, ProcessRecord, Record, RecordKind, ResultRecord, ServiceItem
from hub.stores import case_library, exchange, processes, registry, results, service_items, supervision
from hub.stores.exchange import SetAside, Waiting
from hub.stores.facts import Incoming, Stored
from hub.stores.quarantine_acts import discarded_seqs
from hub.stores.sealing import Sealer
from hub.stores.session import Connection
from supervision.case_judging import judge_cases
from supervision.law import Law

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of a batch, by message: records newly stored, records set aside, cases touched."""

    added: Mapping[int, int]
    aside: Mapping[int, Sequence[SetAside]]
    cases: Mapping[int, set[int]]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Processes batches of messages, each batch within one unit of work of its caller."""

    sealer: Sealer
    law: Callable[[], Law]
    judged: Callable[[int, float], None] = lambda cases, seconds: None
    """Told how many cases were judged, and how long that took."""

    def process(self, unit: Connection, batch: Sequence[Waiting], now: datetime) -> Processed:
        """Stores every record of the batch or sets it aside, judges every case touched, marks the messages processed.

        Safe to repeat: what is stored already is recognised by its key, and what staff discarded is passed by. Raises
        RetryableError when the database fails.
        """
        envelope_ids = [waiting.envelope_id for waiting in batch]
        exchange.clear_quarantine(unit, envelope_ids, now)
        incoming, aside = _read(batch, discarded_seqs(unit, envelope_ids))
        processed = self._store(unit, incoming, aside, now)
        self._judge(unit, sorted(set().union(*processed.cases.values())), now)
        for envelope_id, records in aside.items():
            exchange.set_aside(unit, envelope_id, records, now)
        exchange.complete(unit, batch, now)
        return processed

    def _judge(self, unit: Connection, case_ids: Sequence[int], now: datetime) -> None:
        started = perf_counter()
        judge_cases(unit, case_ids, self.law(), now)
        self.judged(len(case_ids), perf_counter() - started)

    def _store(
        self, unit: Connection, incoming: Sequence[Incoming[Any]], aside: dict[int, list[SetAside]], now: datetime
    ) -> Processed:
        """Writes stores 1–3; the cases touched must be judged."""
        steps, outcomes = _only(incoming, ProcessRecord), _only(incoming, ResultRecord)
        about_cases: list[Incoming[ProcessRecord] | Incoming[ResultRecord]] = [*steps, *outcomes]
        seen = case_library.sightings((entry.record, entry.received_at) for entry in about_cases)
        case_ids = case_library.ensure_cases(unit, seen) if seen else {}
        stored: list[Stored[Any]] = [
            service_items.store_items(unit, _only(incoming, ServiceItem)),
            processes.store_process_records(unit, self.sealer, steps, case_ids),
            results.store_results(unit, outcomes, case_ids),
        ]
        for part in stored:
            for entry, error in part.refused:
                aside.setdefault(entry.envelope_id, []).append(_contradicting(entry, error))
        registry.learn_department_names(unit, _names(steps, stored[0].added))
        new_items = {entry.record.item_code for entry in stored[0].added}
        supervision.wake_cases(unit, case_library.cases_of_items(unit, new_items), now)
        cases: dict[int, set[int]] = {}
        for entry in (entry for part in stored[1:] for entry in part.added):
            cases.setdefault(entry.envelope_id, set()).add(case_ids[entry.record.org_code, entry.record.case_no])
        return Processed(Counter(entry.envelope_id for part in stored for entry in part.added), aside, cases)


def _names(steps: Sequence[Incoming[ProcessRecord]], items: Sequence[Incoming[ServiceItem]]) -> dict[str, str]:
    named = {entry.record.org_code: entry.record.org_name for entry in steps if entry.record.org_name}
    return named | {entry.record.org_code: entry.record.org_name for entry in items}


def _only(incoming: Iterable[Incoming[Any]], record_class: type[R]) -> list[Incoming[R]]:
    return [entry for entry in incoming if isinstance(entry.record, record_class)]


def _read(
    batch: Sequence[Waiting], discarded: Mapping[int, frozenset[int]]
) -> tuple[list[Incoming[Any]], dict[int, list[SetAside]]]:
    """Canonical records of all messages; a record that can no longer be read is set aside, its neighbours go on."""
    incoming: list[Incoming[Any]] = []
    aside: dict[int, list[SetAside]] = {}
    for waiting in batch:
        kind, envelope_id = RECORD_KINDS[waiting.kind], waiting.envelope_id
        origin = (waiting.sender_id, envelope_id)
        passed_by = waiting.rejected_seqs | discarded.get(envelope_id, frozenset())
        for seq, reading, node in records_of(waiting.body_format, kind, waiting.body, waiting.charset):
            if seq in passed_by:
                continue
            if reading.record is None:
                aside.setdefault(envelope_id, []).append(_unreadable(kind, seq, reading.issues[0], node))
            else:
                incoming.append(Incoming(kind, reading.record, *origin, seq, waiting.received_at, reading.notes))
    return incoming, aside


def _unreadable(kind: RecordKind, seq: int, issue: FieldIssue, node: object) -> SetAside:
    path = path_in_message(kind.element, seq, issue.path)
    return SetAside(seq, None, RejectedError(issue.code, issue.message), path, masked_sample(node))


def _contradicting(entry: Incoming[Any], error: RejectedError) -> SetAside:
    path = path_in_message(entry.kind.element, entry.seq, error.path or "")
    return SetAside(entry.seq, entry.record_id, error, path, masked_sample(to_json(entry.record)))
