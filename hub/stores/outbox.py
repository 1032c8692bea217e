"""The outbox: one row per message that is accepted and not yet processed.

With `db://` workers take the rows themselves; with a broker the relay publishes them and a worker is told the number.
Either way the worker deletes the row in the unit that stores and judges, so a message told twice is done once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
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
    Column("published_at", UtcTime),  # null: neither with the broker nor with a worker
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_error", String(200)),
)
Index("ix_outbox_available_at", outbox.c.available_at, outbox.c.id)
Index("ix_outbox_published_at", outbox.c.published_at, outbox.c.id)
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
    due = outbox.c.available_at <= now
    taken, counted = [], 0
    for ticket in _locked(unit, due, messages):
        if counted >= records:
            break
        taken.append(ticket)
        counted += ticket.records
    _mark(unit, taken, published_at=now, available_at=until)
    return taken


def hand_over(unit: Connection, now: datetime, limit: int) -> list[Ticket]:
    """Due messages that are not with the broker, oldest first; from this commit on they count as published."""
    _forgetful(unit)
    taken = _locked(unit, outbox.c.published_at.is_(None) & (outbox.c.available_at <= now), limit)
    _mark(unit, taken, published_at=now)
    return taken


def _locked(unit: Connection, condition: ColumnElement[bool], limit: int) -> list[Ticket]:
    envelope = metadata.tables["envelope"]
    query = (
        select(outbox.c.id, outbox.c.published_at, outbox.c.attempts, envelope.c.accepted_count)
        .join_from(outbox, envelope)
        .where(condition)
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)
    )
    return [
        Ticket(row.id, row.accepted_count, row.published_at is not None or row.attempts > 0)
        for row in unit.execute(query).all()
    ]


def _mark(unit: Connection, taken: Sequence[Ticket], **values: datetime) -> None:
    if taken:
        mine = outbox.c.id.in_([ticket.outbox_id for ticket in taken])
        unit.execute(update(outbox).where(mine).values(values))


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
