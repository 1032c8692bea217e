"""The outbox: one row per message that is accepted and not yet processed.

With `db://` workers take the rows themselves; with a broker the relay publishes them and a worker is told the number.
Either way the worker deletes the row in the unit that stores and judges, so a message told twice is done once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Select,
    String,
    Table,
    delete,
    func,
    select,
    update,
)

from hub.stores.base import RowId, UtcTime, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("envelope_id", ForeignKey("envelope.id"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("available_at", UtcTime, nullable=False),
    Column("records", Integer, nullable=False, server_default="1"),
    Column("published_at", UtcTime),  # null: neither with the broker nor with a worker
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_error", String(200)),
)
_UNPUBLISHED = outbox.c.published_at.is_(None)
Index("ix_outbox_unpublished", outbox.c.id, sqlite_where=_UNPUBLISHED, postgresql_where=_UNPUBLISHED)
Index("ix_outbox_envelope_id", outbox.c.envelope_id)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A message before a worker: its outbox row and size. A suspect was begun before and not brought to an end."""

    outbox_id: int
    records: int
    is_suspect: bool


def is_any_due(unit: Connection, now: datetime) -> bool:
    return unit.execute(select(outbox.c.id).where(outbox.c.available_at <= now).limit(1)).first() is not None


def take_due(unit: Connection, now: datetime, until: datetime, *, messages: int, records: int) -> list[Ticket]:
    """Waiting messages, oldest first, leased until then; other workers take those behind them.

    At most `messages`, and no more once `records` are reached.
    """
    due = _oldest(outbox.c.available_at <= now, messages)
    taken: list[Ticket] = []
    counted = 0
    for row in unit.execute(due).all():
        if counted >= records:
            break
        taken.append(Ticket(row.id, row.records, row.published_at is not None or row.attempts > 0))
        counted += row.records
    if taken:
        mine = outbox.c.id.in_([ticket.outbox_id for ticket in taken])
        unit.execute(update(outbox).where(mine).values(published_at=now, available_at=until))
    return taken


def hand_over(unit: Connection, now: datetime, limit: int) -> list[Ticket]:
    """Due messages that are not with the broker, oldest first; from this commit on they count as published."""
    _forgetful(unit)
    due = _oldest(_UNPUBLISHED & (outbox.c.available_at <= now), limit).cte()
    handed = update(outbox).where(outbox.c.id.in_(select(due.c.id))).values(published_at=now)
    rows = unit.execute(handed.returning(outbox.c.id, outbox.c.records, outbox.c.attempts)).all()
    return sorted((Ticket(row.id, row.records, row.attempts > 0) for row in rows), key=attrgetter("outbox_id"))


def _oldest(condition: ColumnElement[bool], limit: int) -> Select[Any]:
    """Rows locked for this unit; those that others hold are passed by."""
    columns = (outbox.c.id, outbox.c.records, outbox.c.published_at, outbox.c.attempts)
    return select(*columns).where(condition).order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)


def make_due(unit: Connection, outbox_ids: Collection[int], at: datetime) -> None:
    """Takes messages back from the broker: they are due again from then on.

    A row that a worker holds is left alone: it will soon be gone, and waiting would hold up all the others.
    """
    if outbox_ids:
        free = select(outbox.c.id).where(outbox.c.id.in_(outbox_ids)).with_for_update(skip_locked=True)
        unit.execute(update(outbox).where(outbox.c.id.in_(free)).values(available_at=at, published_at=None))


def is_any_stranded(unit: Connection, published_before: datetime) -> bool:
    stranded = outbox.c.published_at < published_before
    return unit.execute(select(outbox.c.id).where(stranded).limit(1)).first() is not None


def make_stranded_due(unit: Connection, published_before: datetime, now: datetime, limit: int) -> int:
    """Takes back what was published long ago and never processed; how many."""
    stranded = select(outbox.c.id).where(outbox.c.published_at < published_before).order_by(outbox.c.id).limit(limit)
    ids = list(unit.execute(stranded.with_for_update(skip_locked=True)).scalars())
    make_due(unit, ids, now)
    return len(ids)


def begin_attempt(unit: Connection, outbox_id: int) -> int:
    """Counts an attempt before it is made, so that a deadly one counts too; 0 when the row is gone or held."""
    free = select(outbox.c.id).where(outbox.c.id == outbox_id).with_for_update(skip_locked=True)
    counted = update(outbox).where(outbox.c.id.in_(free)).values(attempts=outbox.c.attempts + 1)
    return unit.execute(counted.returning(outbox.c.attempts)).scalar() or 0


def postpone(unit: Connection, outbox_id: int, until: datetime, code: str) -> None:
    """Puts a failed message back for a later attempt."""
    later = {"available_at": until, "published_at": None, "last_error": code}
    unit.execute(update(outbox).where(outbox.c.id == outbox_id).values(later))


def remove(unit: Connection, outbox_ids: Sequence[int]) -> None:
    unit.execute(delete(outbox).where(outbox.c.id.in_(outbox_ids)))


def waiting_count(unit: Connection, at_most: int) -> int:
    """Messages not yet processed, counted no further than `at_most`."""
    some = select(outbox.c.id).limit(at_most).subquery()
    return unit.execute(select(func.count()).select_from(some)).scalar_one()


def _forgetful(unit: Connection) -> None:
    """What the relay notes may be lost in a crash: the message is then published twice, and done once."""
    if unit.dialect.name == "postgresql":
        unit.exec_driver_sql("SET LOCAL synchronous_commit TO off")
