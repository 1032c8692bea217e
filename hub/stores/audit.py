"""Who did what: one row per act, in the transaction of the act, chained so that a changed or missing row shows."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, String, Table, insert, select, text

from hub.domain.times import as_json
from hub.stores.base import AnyRow, Document, RowId, UtcTime, metadata

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("action", String(50), nullable=False),
    Column("object_type", String(30), nullable=False),
    Column("object_id", String(100), nullable=False),
    Column("outcome", String(10), nullable=False),  # DONE or REFUSED
    Column("address", String(64), nullable=False),
    Column("detail", Document, nullable=False),  # names and reasons, never personal data
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

_CHAIN_LOCK = 4_550_001  # any constant will do; it names the audit chain among PostgreSQL's advisory locks
_BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True)
class Act:
    """What is recorded of one act. `actor` is a user name, `cli` for the command line, `system` for the hub itself."""

    actor: str
    action: str
    object_type: str
    object_id: str
    outcome: str = "DONE"
    address: str = ""
    detail: Mapping[str, Any] | None = None


def record(unit: Connection, act: Act, now: datetime) -> None:
    """Adds the act to the chain. When this fails the act fails with it: both are one transaction."""
    if unit.dialect.name == "postgresql":
        unit.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    last = unit.execute(select(audit_event.c.hash).order_by(audit_event.c.id.desc()).limit(1)).scalar()
    row = {
        "at": now,
        "actor": act.actor,
        "action": act.action,
        "object_type": act.object_type,
        "object_id": act.object_id,
        "outcome": act.outcome,
        "address": act.address,
        "detail": dict(act.detail or {}),
        "previous_hash": last or _BEGINNING,
    }
    unit.execute(insert(audit_event).values(row | {"hash": _hash(row)}))


def _hash(row: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in row.items() if name not in ("id", "hash", "at")}
    return hashlib.sha256(
        json.dumps(plain | {"at": as_json(row["at"])}, ensure_ascii=False, sort_keys=True).encode()
    ).hexdigest()


def head(unit: Connection) -> AnyRow | None:
    """The last act of the chain."""
    return unit.execute(select(audit_event).order_by(audit_event.c.id.desc()).limit(1)).first()


def last_of(unit: Connection, action: str) -> AnyRow | None:
    """The last act of this name."""
    mine = select(audit_event).where(audit_event.c.action == action)
    return unit.execute(mine.order_by(audit_event.c.id.desc()).limit(1)).first()


def broken_links(unit: Connection) -> Iterator[int]:
    """Ids of rows that were changed, or before which a row is missing."""
    previous = _BEGINNING
    for row in unit.execute(select(audit_event).order_by(audit_event.c.id)).all():
        if row.previous_hash != previous or row.hash != _hash(dict(row._mapping)):
            yield row.id
        previous = row.hash
