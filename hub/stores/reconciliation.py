"""对账: what the hub holds from one sender for one day, by received time in China."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, select

from hub.domain.receipts import DayCount, Reconciliation, RecordState
from hub.domain.times import day_bounds
from hub.stores.base import AnyRow
from hub.stores.bulk import rows_by_key
from hub.stores.case_library import case_library
from hub.stores.exchange import envelope, quarantine
from hub.stores.outbox import outbox
from hub.stores.processes import process_record
from hub.stores.registry import sender_org
from hub.stores.results import result_record
from hub.stores.service_items import service_item_version

MOST_NUMBERS = 20_000


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """One record as it came in. `digest` is that of its message; `code` says why it was refused or set aside."""

    message_id: str
    receipt_no: str
    digest: str
    kind: str
    seq: int
    record_id: str | None
    state: RecordState
    code: str | None = None


def reconcile(unit: Connection, sender_id: int, day: date) -> Reconciliation:
    """The digest is the SHA-256 (hex) of lines `messageId TAB seq TAB recordId LF`, sorted, of records not rejected."""
    counts: Counter[tuple[str, str]] = Counter()
    lines: list[str] = []
    for held in held_of_day(unit, sender_id, day):
        counts[held.kind, held.state.value] += 1
        if held.state is not RecordState.REJECTED:
            lines.append(f"{held.message_id}\t{held.seq}\t{held.record_id}\n")
    digest = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    return Reconciliation(day, digest, tuple(DayCount(*key, count) for key, count in sorted(counts.items())))


def held_of_day(unit: Connection, sender_id: int, day: date) -> Iterator[HeldRecord]:
    """Every record that came that day, in order of arrival, and where it is now."""
    start, end = day_bounds(day)
    of_the_day = (
        (envelope.c.sender_id == sender_id) & (envelope.c.received_at >= start) & (envelope.c.received_at < end)
    )
    aside = _set_aside(unit, of_the_day)
    columns = [column for column in envelope.c if column.name != "body_sealed"]
    messages = select(*columns, outbox.c.attempts).outerjoin(outbox, outbox.c.envelope_id == envelope.c.id)
    for row in unit.execute(messages.where(of_the_day).order_by(envelope.c.id)).all():
        yield from _records(row, aside)


def _set_aside(unit: Connection, of_the_day: Any) -> dict[tuple[int, int], str]:
    """The error code of open quarantine rows by message and place."""
    query = select(quarantine.c.envelope_id, quarantine.c.seq, quarantine.c.code).join_from(quarantine, envelope)
    rows = unit.execute(query.where(of_the_day, quarantine.c.state == "OPEN"))
    return {(row.envelope_id, row.seq): row.code for row in rows}


def _records(row: AnyRow, aside: Mapping[tuple[int, int], str]) -> Iterator[HeldRecord]:
    message = (row.message_id, row.receipt_no, row.digest, row.kind)
    refused = {error[0]: error[2] for error in reversed(row.errors)}
    waiting = RecordState.QUEUED if row.attempts else RecordState.RECEIVED
    rest = RecordState.STORED if row.processed_at is not None else waiting
    for seq, record_id in enumerate(row.record_ids, start=1):
        if seq in refused:
            yield HeldRecord(*message, seq, record_id, RecordState.REJECTED, refused[seq])
        elif (row.id, seq) in aside:
            yield HeldRecord(*message, seq, record_id, RecordState.QUARANTINED, aside[row.id, seq])
        else:
            yield HeldRecord(*message, seq, record_id, rest)


def stored_days(unit: Connection, sender_id: int, record_ids: Iterable[str]) -> dict[str, datetime]:
    """When records of a sender that are stored were last received, whatever the day."""
    keys = [(sender_id, record_id) for record_id in record_ids]
    found: dict[str, datetime] = {}
    for query, key in _STORED:
        for row in rows_by_key(unit, query, key, keys):
            found[row.number] = max(row.received_at, found.get(row.number, row.received_at))
    return found


def _ids_of(table: Table, record_id: Column[Any]) -> Select[Any]:
    return select(record_id.label("number"), table.c.received_at)


_STEP_IDS = _ids_of(process_record, process_record.c.record_id)
_RESULT_IDS = _ids_of(result_record, result_record.c.record_id)
_ITEM_CODES = _ids_of(service_item_version, service_item_version.c.item_code)
_STORED = (
    (_STEP_IDS, (process_record.c.sender_id, process_record.c.record_id)),
    (_RESULT_IDS, (result_record.c.sender_id, result_record.c.record_id)),
    (_ITEM_CODES, (service_item_version.c.sender_id, service_item_version.c.item_code)),
)
_CASE_NOS = select(case_library.c.case_no.label("number"), process_record.c.received_at).join_from(
    process_record, case_library
)
_KNOWN_CASES = select(case_library.c.case_no)
_SERIES: Mapping[str, tuple[Select[Any], Table]] = {
    "caseNo": (_CASE_NOS, process_record),
    "processRecordId": (_STEP_IDS, process_record),
    "resultRecordId": (_RESULT_IDS, result_record),
}


def numbers_received(
    unit: Connection, sender_id: int, start: datetime, end: datetime
) -> dict[str, list[tuple[str, datetime]]]:
    """Case numbers and record ids that came in that time, each with when, the latest `MOST_NUMBERS` of a series."""
    numbers = {}
    for name, (query, table) in _SERIES.items():
        mine = (table.c.sender_id == sender_id) & (table.c.received_at >= start) & (table.c.received_at < end)
        rows = unit.execute(query.where(mine).order_by(table.c.id.desc()).limit(MOST_NUMBERS)).all()
        numbers[name] = [(row.number, row.received_at) for row in rows]
    return numbers


def known_numbers(unit: Connection, sender_id: int, series: str, numbers: Iterable[str]) -> set[str]:
    """Which of the numbers are held after all, from whatever day."""
    wanted = list(numbers)
    if series != "caseNo":
        return set(stored_days(unit, sender_id, wanted))
    orgs = unit.execute(select(sender_org.c.org_code).where(sender_org.c.sender_id == sender_id)).scalars().all()
    keys = [(org_code, number) for org_code in orgs for number in wanted]
    rows = rows_by_key(unit, _KNOWN_CASES, (case_library.c.org_code, case_library.c.case_no), keys)
    return {row.case_no for row in rows}
