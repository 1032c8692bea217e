"""统一办件库: one row per case with its identity and what is derived from its facts, made searchable."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    insert,
    select,
    update,
)

from hub.domain.identifiers import is_unified_no, make_unified_no, tidy
from hub.domain.item_codes import subject_of
from hub.domain.records import ProcessRecord, ResultRecord
from hub.domain.times import china_day
from hub.stores.base import AnyRow, RowId, UtcTime, insert_or_ignore, metadata
from hub.stores.registry import subjects_of

case_library = Table(
    "case_library",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("unified_no", String(23), nullable=False, unique=True),
    Column("org_code", String(18), nullable=False),
    Column("case_no", String(100), nullable=False),
    Column("item_code", String(100), nullable=False, index=True),
    Column("first_received_at", UtcTime, nullable=False),
    Column("last_received_at", UtcTime, nullable=False),
    # derived by judging, never counted up
    Column("org_name", String(200)),
    Column("item_name", String(1000)),
    Column("title", String(200)),
    Column("applicant_name", String(200)),
    Column("applicant_type", String(32)),
    Column("state", String(20), nullable=False),
    Column("applied_at", UtcTime),
    Column("accepted_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("promised_due_at", UtcTime),
    Column("statutory_due_at", UtcTime),
    Column("provisional", Boolean, nullable=False, default=False),
    Column("card_level", String(10)),
    Column("search_text", String(2000), nullable=False, default=""),
    UniqueConstraint("org_code", "case_no"),
)
Index("ix_case_library_org", case_library.c.org_code, case_library.c.id)
Index("ix_case_library_state", case_library.c.state, case_library.c.id)
Index("ix_case_library_card", case_library.c.card_level, case_library.c.id)
Index("ix_case_library_applied", case_library.c.applied_at, case_library.c.id)
Index("ix_case_library_due", case_library.c.finished_at, case_library.c.promised_due_at)

number_series = Table(
    "number_series",
    metadata,
    Column("area", String(6), nullable=False),
    Column("letters", String(2), nullable=False),
    Column("day", Date, nullable=False),
    Column("last_serial", Integer, nullable=False),
    PrimaryKeyConstraint("area", "letters", "day"),
)

allocated_case_no = Table(
    "allocated_case_no",
    metadata,
    Column("unified_no", String(23), primary_key=True),
    Column("sender_id", Integer, nullable=False),
    Column("item_code", String(100), nullable=False),
    Column("allocated_at", UtcTime, nullable=False),
)

CaseKey = tuple[str, str]  # orgCode, caseNo
NO_SUBJECT = ("000000", "QT")  # a department nobody registered with area and letters


@dataclass(frozen=True, slots=True)
class Sighting:
    """A case as the records of one batch name it. `item_code` is that of its earliest record."""

    item_code: str
    first_received_at: datetime


def sightings(records: Iterable[tuple[ProcessRecord | ResultRecord, datetime]]) -> dict[CaseKey, Sighting]:
    """The cases that a batch of records speaks of."""
    seen: dict[CaseKey, Sighting] = {}
    for record, received_at in records:
        key = (record.org_code, record.case_no)
        known = seen.get(key)
        if known is None or received_at < known.first_received_at:
            seen[key] = Sighting(record.item_code, received_at)
    return seen


def ensure_cases(unit: Connection, seen: Mapping[CaseKey, Sighting]) -> dict[CaseKey, int]:
    """Row ids of the cases, new ones created and all of them locked in key order until the unit ends.

    The lock makes workers take turns on one case, so that each judges with all facts before it.
    """
    known = _lock(unit, seen)
    fresh = sorted(key for key in seen if key not in known)
    if fresh:
        _create(unit, {key: seen[key] for key in fresh})
        known = _lock(unit, seen)
    return known


def _lock(unit: Connection, keys: Collection[CaseKey]) -> dict[CaseKey, int]:
    by_org: dict[str, list[str]] = {}
    for org_code, case_no in keys:
        by_org.setdefault(org_code, []).append(case_no)
    known: dict[CaseKey, int] = {}
    for org_code, case_nos in sorted(by_org.items()):
        query = (
            select(case_library.c.id, case_library.c.case_no)
            .where(case_library.c.org_code == org_code, case_library.c.case_no.in_(case_nos))
            .order_by(case_library.c.case_no)
            .with_for_update()
        )
        known |= {(org_code, row.case_no): row.id for row in unit.execute(query)}
    return known


def _create(unit: Connection, fresh: Mapping[CaseKey, Sighting]) -> None:
    numbers = _unified_numbers(unit, fresh)
    rows = [
        {
            "unified_no": numbers[key],
            "org_code": key[0],
            "case_no": key[1],
            "item_code": sighting.item_code,
            "first_received_at": sighting.first_received_at,
            "last_received_at": sighting.first_received_at,
            "state": "INCOMPLETE",
            "provisional": False,
            "search_text": "",
        }
        for key, sighting in fresh.items()
    ]
    unit.execute(insert_or_ignore(unit, case_library), rows)


def _unified_numbers(unit: Connection, fresh: Mapping[CaseKey, Sighting]) -> dict[CaseKey, str]:
    """A case whose own number was allocated by the hub keeps it; every other gets the next of its series."""
    own = {key: tidy(key[1]) for key in fresh if is_unified_no(key[1])}
    allocated = allocated_case_no.c.unified_no
    given = set(unit.execute(select(allocated).where(allocated.in_(set(own.values())))).scalars()) if own else set()
    taken = (
        set(unit.execute(select(case_library.c.unified_no).where(case_library.c.unified_no.in_(given))).scalars())
        if given
        else set()
    )
    numbers = {key: number for key, number in own.items() if number in given - taken}
    subjects = subjects_of(unit, {org_code for org_code, _ in fresh})
    series: dict[tuple[tuple[str, str], date], list[CaseKey]] = {}
    for key, sighting in fresh.items():
        if key not in numbers:
            subject = subjects.get(key[0]) or subject_of(key[0], sighting.item_code) or NO_SUBJECT
            series.setdefault((subject, china_day(sighting.first_received_at)), []).append(key)
    for (subject, day), keys in sorted(series.items()):
        numbers |= zip(keys, next_numbers(unit, subject, day, len(keys)), strict=True)
    return numbers


def next_numbers(unit: Connection, subject: tuple[str, str], day: date, count: int) -> list[str]:
    """The next `count` unified numbers of an area, subject letters and day."""
    area, letters = subject
    mine = (number_series.c.area == area) & (number_series.c.letters == letters) & (number_series.c.day == day)
    unit.execute(
        insert_or_ignore(unit, number_series), [{"area": area, "letters": letters, "day": day, "last_serial": 0}]
    )
    raised = update(number_series).where(mine).values(last_serial=number_series.c.last_serial + count)
    last = unit.execute(raised.returning(number_series.c.last_serial)).scalar_one()
    return [make_unified_no(area, letters, day, serial) for serial in range(last - count + 1, last + 1)]


def allocate(
    unit: Connection, sender_id: int, item_code: str, subject: tuple[str, str], now: datetime, count: int
) -> list[str]:
    """Numbers that a department may use as its own case numbers."""
    numbers = next_numbers(unit, subject, china_day(now), count)
    rows = [
        {"unified_no": number, "sender_id": sender_id, "item_code": item_code, "allocated_at": now}
        for number in numbers
    ]
    unit.execute(insert(allocated_case_no), rows)
    return numbers


def identities(unit: Connection, case_ids: Sequence[int]) -> dict[int, AnyRow]:
    """Number, first receipt and search text of each case, as they stand."""
    columns = (
        case_library.c.id,
        case_library.c.unified_no,
        case_library.c.first_received_at,
        case_library.c.search_text,
    )
    return {row.id: row for row in unit.execute(select(*columns).where(case_library.c.id.in_(case_ids)))}


def cases_of_items(unit: Connection, item_codes: Collection[str]) -> list[int]:
    """Cases that run under any of the items."""
    if not item_codes:
        return []
    return list(unit.execute(select(case_library.c.id).where(case_library.c.item_code.in_(item_codes))).scalars())


def lock_cases(unit: Connection, case_ids: Sequence[int]) -> None:
    """Locks cases in the order every writer uses: organisation, case number."""
    query = (
        select(case_library.c.id)
        .where(case_library.c.id.in_(case_ids))
        .order_by(case_library.c.org_code, case_library.c.case_no)
    )
    unit.execute(query.with_for_update()).all()


_DERIVED = (
    "item_code", "last_received_at", "org_name", "item_name", "title", "applicant_name", "applicant_type", "state",
    "applied_at", "accepted_at", "finished_at", "promised_due_at", "statutory_due_at", "provisional", "card_level",
    "search_text",
)  # fmt: skip


def write_derived(unit: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what judging derived: rows with `case_id` and every column of `_DERIVED`."""
    assignments = {name: bindparam(f"new_{name}", type_=case_library.c[name].type) for name in _DERIVED}
    query = update(case_library).where(case_library.c.id == bindparam("case_id")).values(assignments)
    unit.execute(query, [{"case_id": row["case_id"]} | {f"new_{name}": row[name] for name in _DERIVED} for row in rows])
