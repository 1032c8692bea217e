"""When senders were heard, when the hub itself could hear them, and what is made of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, func, insert, select, update

from hub.stores.adapters import adapter, adapter_version
from hub.stores.base import AnyRow, Document, RowId, UtcTime, insert_or_ignore, metadata
from hub.stores.dashboard import LAST_RECEIVED_AT
from hub.stores.exchange import envelope
from hub.stores.registry import sender

AWAY_AFTER = timedelta(minutes=10)  # without a sign of life the hub counts as down

sender_rhythm = Table(
    "sender_rhythm",
    metadata,
    Column("sender_id", ForeignKey("sender.id"), primary_key=True, autoincrement=False),
    Column("waits", Document),  # slots of an hour by slot of the working day; null: no rhythm yet
    Column("days", Integer, nullable=False),
    Column("learned_at", UtcTime, nullable=False),
    Column("voice", String(10), nullable=False),
    Column("since", UtcTime),
    Column("judged_at", UtcTime, nullable=False),
)

hub_presence = Table(
    "hub_presence",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("began_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A sender that is in use, and when its last message came; None: never."""

    sender_id: int
    code: str
    name: str
    last_received_at: datetime | None


def heard_senders(unit: Connection) -> list[Heard]:
    """Senders that are not disabled, by code."""
    columns = (sender.c.id, sender.c.code, sender.c.name, LAST_RECEIVED_AT.label("last"))
    query = select(*columns).where(sender.c.disabled_notice.is_(None)).order_by(sender.c.code)
    return [Heard(*row) for row in unit.execute(query).all()]


def heard_hours(unit: Connection, since: datetime) -> Mapping[int, Sequence[datetime]]:
    """The hours in which each sender was heard, by sender id."""
    is_postgresql = unit.dialect.name == "postgresql"
    shaped = func.to_char(func.timezone("UTC", envelope.c.received_at), 'YYYY-MM-DD"T"HH24', type_=String)
    hour = shaped if is_postgresql else func.substr(envelope.c.received_at, 1, 13, type_=String)
    query = select(envelope.c.sender_id, hour.label("hour")).where(envelope.c.received_at >= since).distinct()
    heard: dict[int, list[datetime]] = defaultdict(list)
    for row in unit.execute(query):
        heard[row.sender_id].append(datetime.strptime(row.hour, "%Y-%m-%dT%H").replace(tzinfo=UTC))
    return heard


def be_seen(unit: Connection, now: datetime) -> None:
    """A sign of life of the hub: lengthens the span it has been up, or begins a new one after it was away."""
    last = unit.execute(select(hub_presence).order_by(hub_presence.c.id.desc()).limit(1)).first()
    if last is None or now - last.seen_at > AWAY_AFTER:
        unit.execute(insert(hub_presence).values(began_at=now, seen_at=now))
    elif now > last.seen_at:
        unit.execute(update(hub_presence).where(hub_presence.c.id == last.id).values(seen_at=now))


def spans_up(unit: Connection, since: datetime) -> list[tuple[datetime, datetime]]:
    """The spans for which the hub is known to have been up, from the last one that began before `since`."""
    query = select(hub_presence.c.began_at, hub_presence.c.seen_at).where(hub_presence.c.seen_at >= since)
    return [(row.began_at, row.seen_at) for row in unit.execute(query.order_by(hub_presence.c.id)).all()]


def kept(unit: Connection) -> dict[int, AnyRow]:
    """What is kept of every sender's rhythm, by sender id."""
    return {row.sender_id: row for row in unit.execute(select(sender_rhythm)).all()}


def keep(unit: Connection, sender_id: int, values: Mapping[str, Any], now: datetime) -> None:
    """Puts a sender's row; columns that are not given stay as they are."""
    row = {"sender_id": sender_id, "days": 0, "voice": "UNKNOWN", "learned_at": now, "judged_at": now}
    unit.execute(insert_or_ignore(unit, sender_rhythm, ("sender_id",)).values(row))
    unit.execute(update(sender_rhythm).where(sender_rhythm.c.sender_id == sender_id).values(values))


def declared_rhythms(unit: Connection) -> list[tuple[str, Mapping[str, Any]]]:
    """What the adapter versions in force say of the rhythm of their senders: sender's code and `rhythm`."""
    rhythm = adapter_version.c.document["rhythm"]
    query = select(adapter.c.sender_code, rhythm.label("rhythm"))
    query = query.join(adapter_version, adapter_version.c.id == adapter.c.active_version_id)
    rows = unit.execute(query.where(adapter.c.disabled_notice.is_(None), adapter.c.sender_code.is_not(None))).all()
    return [(row.sender_code, row.rhythm) for row in rows if row.rhythm]


def kept_voices(unit: Connection, most: int) -> dict[str, str]:
    """The last judgement by code of sender, for the gauges."""
    query = select(sender.c.code, sender_rhythm.c.voice).join_from(sender_rhythm, sender)
    in_use = query.where(sender.c.disabled_notice.is_(None)).order_by(sender.c.code).limit(most)
    return {row.code: row.voice for row in unit.execute(in_use).all()}
