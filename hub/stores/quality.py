"""Data quality by sender, kind and day: figures that are kept, how they are made anew, and the records behind each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Date,
    ForeignKey,
    PrimaryKeyConstraint,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from hub.domain.errors import RejectedError
from hub.domain.records import RECORD_KINDS
from hub.domain.times import as_json, china_day, day_bounds
from hub.stores.base import AnyRow, RowId, UtcTime, insert_or_ignore, metadata
from hub.stores.exchange import envelope
from hub.stores.paging import LARGEST_PAGE, Page
from hub.stores.quality_measures import MEASURES, Span
from hub.stores.registry import sender
from hub.stores.session import Database

REFRESHED_DAYS = 35  # a message of any of these days may still be replayed, stored late or discarded
FRESH_FOR = timedelta(seconds=30)
OLDER_FRESH_FOR = timedelta(minutes=30)
FURTHEST_OFFSET = 100_000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

quality_daily = Table(
    "quality_daily",
    metadata,
    Column("day", Date, nullable=False),
    Column("sender_id", ForeignKey("sender.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("measure", String(20), nullable=False),
    Column("code", String(100), nullable=False),
    Column("amount", RowId, nullable=False),
    PrimaryKeyConstraint("day", "sender_id", "kind", "measure", "code"),
)

quality_refresh = Table(
    "quality_refresh",
    metadata,
    Column("day", Date, primary_key=True),
    Column("refreshed_at", UtcTime, nullable=False),
)


Figure = tuple[int, str, str, str, int]  # sender id, kind, measure, code, amount


def live(unit: Connection, day: date, late_after: timedelta) -> list[Figure]:
    """The figures of a day counted from the source, sorted."""
    span = _span(unit, day, late_after)
    rows = [row for name in MEASURES for row in unit.execute(_counted(name, span)).all()]
    return sorted((row.sender_id, row.kind, row.measure, row.code, int(row.amount)) for row in rows)


def put(unit: Connection, day: date, figures: Sequence[Figure]) -> None:
    """Replaces the figures kept of a day."""
    unit.execute(delete(quality_daily).where(quality_daily.c.day == day))
    names = ("sender_id", "kind", "measure", "code", "amount")
    if figures:
        unit.execute(insert(quality_daily), [{"day": day, **dict(zip(names, row, strict=True))} for row in figures])


def _span(unit: Connection, day: date, late_after: timedelta) -> Span:
    return Span(*day_bounds(day), late_after, unit.dialect.name)


def _counted(name: str, span: Span) -> Select[Any]:
    rows = MEASURES[name].rows(span).subquery()
    columns = (rows.c.sender_id, rows.c.kind, literal(name, String).label("measure"), rows.c.code)
    return select(*columns, func.sum(rows.c.weight).label("amount")).group_by(
        rows.c.sender_id, rows.c.kind, rows.c.code
    )


def refresh_one(database: Database, now: datetime, late_after: timedelta) -> date | None:
    """Makes the figures of one day anew: today's, else the stalest of the last days; None when all are fresh.

    Several processes may do so at once: each takes a day that no other has just taken. Counting holds no write lock.
    """
    with database.unit() as unit:
        day = _take_stale_day(unit, now)
    if day is None:
        return None
    with database.read() as unit:
        figures = live(unit, day, late_after)
    with database.unit() as unit:
        put(unit, day, figures)
    return day


def _take_stale_day(unit: Connection, now: datetime) -> date | None:
    today = china_day(now)
    days = [today - timedelta(days=back) for back in range(REFRESHED_DAYS)]
    kept = select(quality_refresh.c.day, quality_refresh.c.refreshed_at).where(quality_refresh.c.day >= days[-1])
    known = {row.day: row.refreshed_at for row in unit.execute(kept)}
    stalest = min(days[1:], key=lambda day: known.get(day, _LONG_AGO))
    turns = ((today, FRESH_FOR), (stalest, OLDER_FRESH_FOR))
    return next((day for day, fresh_for in turns if _claim(unit, day, now, now - fresh_for)), None)


def _claim(unit: Connection, day: date, now: datetime, stale_since: datetime) -> bool:
    unit.execute(insert_or_ignore(unit, quality_refresh, ("day",)).values(day=day, refreshed_at=_LONG_AGO))
    mine = (quality_refresh.c.day == day) & (quality_refresh.c.refreshed_at <= stale_since)
    return unit.execute(update(quality_refresh).where(mine).values(refreshed_at=now)).rowcount == 1


def note_repeat(unit: Connection, sender_id: int, message_id: str) -> None:
    """Counts one more delivery of a message that was there already."""
    mine = (envelope.c.sender_id == sender_id) & (envelope.c.message_id == message_id)
    unit.execute(update(envelope).where(mine).values(repeats=envelope.c.repeats + 1))


@dataclass(frozen=True, slots=True)
class QualityQuery:
    """Figures of days, both included; of one sender or all."""

    first_day: date
    last_day: date
    sender: str | None = None


def daily(unit: Connection, wanted: QualityQuery) -> Sequence[AnyRow]:
    """The figures kept: day, sender, kind, measure, code, amount."""
    query = select(sender.c.code.label("sender"), *(column for column in quality_daily.c if column.name != "sender_id"))
    query = query.join_from(quality_daily, sender)
    query = query.where(quality_daily.c.day.between(wanted.first_day, wanted.last_day))
    if wanted.sender is not None:
        query = query.where(sender.c.code == wanted.sender)
    return unit.execute(query.order_by(quality_daily.c.day)).all()


def refreshed_at(unit: Connection, day: date) -> datetime | None:
    return unit.execute(select(quality_refresh.c.refreshed_at).where(quality_refresh.c.day == day)).scalar()


@dataclass(frozen=True, slots=True)
class BehindQuery:
    """The rows behind one figure; None and "" mean all. `measure` is a key of MEASURES."""

    measure: str
    first_day: date
    last_day: date
    sender: str | None = None
    kind: str | None = None
    code: str | None = None
    limit: int = 50
    after: str | None = None


def behind(unit: Connection, wanted: BehindQuery, late_after: timedelta) -> tuple[int, Page]:
    """The figure itself, and a page of the rows that make it. Raises RejectedError HUB-3004 on a foreign cursor."""
    span = Span(day_bounds(wanted.first_day)[0], day_bounds(wanted.last_day)[1], late_after, unit.dialect.name)
    rows = MEASURES[wanted.measure].rows(span).subquery()
    matching = select(rows, sender.c.code.label("sender"), sender.c.name.label("sender_name"))
    matching = matching.join(sender, sender.c.id == rows.c.sender_id)
    for column, value in ((sender.c.code, wanted.sender), (rows.c.kind, wanted.kind), (rows.c.code, wanted.code)):
        if value:
            matching = matching.where(column == value)
    figure = unit.execute(select(func.coalesce(func.sum(matching.subquery().c.weight), 0))).scalar_one()
    offset, limit = _offset(wanted.after), max(1, min(wanted.limit, LARGEST_PAGE))
    listed = matching.add_columns(envelope.c.receipt_no, envelope.c.received_at)
    listed = listed.join(envelope, envelope.c.id == rows.c.envelope_id)
    listed = listed.order_by(rows.c.envelope_id.desc(), rows.c.record_id, rows.c.code)
    found = unit.execute(listed.offset(offset).limit(limit + 1)).all()
    more = len(found) > limit and offset + limit <= FURTHEST_OFFSET
    return int(figure), Page([_row(row) for row in found[:limit]], str(offset + limit) if more else None)


def _offset(after: str | None) -> int:
    if after is None:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) < 7 and int(after) <= FURTHEST_OFFSET):
        raise RejectedError("HUB-3004", "翻页标记无效", "after")
    return int(after)


def _row(row: AnyRow) -> dict[str, Any]:
    return {
        "receiptNo": row.receipt_no,
        "sender": row.sender,
        "senderName": row.sender_name,
        "kind": row.kind,
        "kindTitle": RECORD_KINDS[row.kind].title,
        "recordId": row.record_id,
        "code": row.code,
        "amount": int(row.weight),
        "receivedAt": as_json(row.received_at),
    }
