"""统一办件库: one row per case with its identity and what is derived from its facts, made searchable."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
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
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from hub.domain.identifiers import is_unified_no, make_unified_no, tidy
from hub.domain.item_codes import subject_of
from hub.domain.records import ProcessRecord, ResultRecord
from hub.domain.times import china_day
from hub.stores.base import AnyRow, RowId, UtcTime, metadata
from hub.stores.bulk import add_missing, rows_by_key, update_rows
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
# For lists, which say `LISTED`. A case looked up by its own number must not be lured to walk its whole organisation,
# which looks as cheap to PostgreSQL as the unique key as long as the table has not been analysed.
LISTED = case_library.c.id > 0
Index(
    "ix_case_library_org_listed", case_library.c.org_code, case_library.c.id,
    sqlite_where=LISTED, postgresql_where=LISTED,
)  # fmt: skip
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
    known = _ids(unit, seen)
    fresh = sorted(key for key in seen if key not in known)
    if fresh:
        _create(unit, {key: seen[key] for key in fresh})
        known |= _ids(unit, fresh)
    lock_cases(unit, list(known.values()))
    return known


_KEYS = select(case_library.c.id, case_library.c.org_code, case_library.c.case_no)


def _ids(unit: Connection, keys: Collection[CaseKey]) -> dict[CaseKey, int]:
    rows = rows_by_key(unit, _KEYS, (case_library.c.org_code, case_library.c.case_no), keys)
    return {(row.org_code, row.case_no): row.id for row in rows}


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
    add_missing(unit, case_library, rows)


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
    series = {"area": area, "letters": letters, "day": day, "last_serial": count}
    with _brief_unit(unit) as brief:
        dialect = postgresql if unit.dialect.name == "postgresql" else sqlite
        raised = {"last_serial": number_series.c.last_serial + count}
        statement = dialect.insert(number_series).on_conflict_do_update(
            index_elements=["area", "letters", "day"], set_=raised
        )
        last = brief.execute(statement.returning(number_series.c.last_serial), series).scalar_one()
    return [make_unified_no(area, letters, day, serial) for serial in range(last - count + 1, last + 1)]


def _brief_unit(unit: Connection) -> AbstractContextManager[Connection]:
    """A unit of its own on PostgreSQL, or every worker of a department would wait for the slowest: a number once
    taken may stay unused. SQLite has one writer anyway."""
    return unit.engine.begin() if unit.dialect.name == "postgresql" else nullcontext(unit)


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
    return {row.id: row for row in rows_by_key(unit, _IDENTITIES, (case_library.c.id,), case_ids)}


_IDENTITIES = select(
    case_library.c.id, case_library.c.unified_no, case_library.c.first_received_at, case_library.c.search_text
)


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


def write_derived(unit: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what judging derived: rows with `id` and the columns that follow from the facts."""
    update_rows(unit, case_library, rows, "id")
