"""Read models of senders: who they are, when they last spoke, what they sent today, what went wrong lately."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from hub.domain.times import as_json, china_day, day_bounds
from hub.stores.base import AnyRow
from hub.stores.dashboard import LAST_RECEIVED_AT
from hub.stores.exchange import envelope, quarantine
from hub.stores.registry import credential, department, id_of, registration_of, sender, sender_org
from hub.stores.sealing import Sealer

_PROBLEMS_SHOWN = 10
_MESSAGES_LOOKED_AT = 2_000  # so that a sender without problems does not have all its messages read
_QUOTA = {
    "messagesPerSecond": sender.c.messages_per_second, "burstMessages": sender.c.burst_messages,
    "messageBytes": sender.c.message_bytes, "messageRecords": sender.c.message_records,
}  # fmt: skip


def list_senders(unit: Connection, now: datetime) -> list[dict[str, Any]]:
    """Every sender by code: `code, name, orgCodes, disabledNotice, lastReceivedAt, silentSeconds, today, quota`."""
    orgs: dict[int, list[str]] = {}
    for row in unit.execute(select(sender_org).order_by(sender_org.c.org_code)):
        orgs.setdefault(row.sender_id, []).append(row.org_code)
    return [_sender(row, now) | {"orgCodes": orgs.get(row.id, [])} for row in unit.execute(_senders(now))]


def sender_detail(unit: Connection, sealer: Sealer, code: str, now: datetime) -> dict[str, Any]:
    """One sender with its departments, secrets (never their text), registration form and recent problems.

    Raises NotFoundError HUB-4043.
    """
    sender_id = id_of(unit, code)
    row = unit.execute(_senders(now).where(sender.c.id == sender_id)).one()
    return _sender(row, now) | {
        "createdAt": as_json(row.created_at),
        "departments": _departments(unit, sender_id),
        "credentials": _credentials(unit, sender_id),
        "registration": dict(registration_of(unit, sealer, sender_id)),
        "problems": _problems(unit, sender_id),
    }


def _senders(now: datetime) -> Select[Any]:
    start, _ = day_bounds(china_day(now))
    today = (
        select(
            envelope.c.sender_id,
            func.count().label("received"),
            func.sum(envelope.c.accepted_count).label("accepted"),
            func.sum(envelope.c.rejected_count).label("rejected"),
        )
        .where(envelope.c.received_at >= start)
        .group_by(envelope.c.sender_id)
        .subquery()
    )
    counts = (today.c.received, today.c.accepted, today.c.rejected)
    columns: tuple[ColumnElement[Any], ...] = (*sender.c, LAST_RECEIVED_AT.label("last"), *counts)
    return select(*columns).outerjoin(today, today.c.sender_id == sender.c.id).order_by(sender.c.code)


def _sender(row: AnyRow, now: datetime) -> dict[str, Any]:
    return {
        "code": row.code,
        "name": row.name,
        "disabledNotice": row.disabled_notice,
        "lastReceivedAt": as_json(row.last),
        "silentSeconds": (now - row.last).total_seconds() if row.last else None,
        "today": {name: getattr(row, name) or 0 for name in ("received", "accepted", "rejected")},
        "quota": {name: getattr(row, column.name) for name, column in _QUOTA.items()},
    }


def _departments(unit: Connection, sender_id: int) -> list[dict[str, Any]]:
    query = select(department.c.org_code, department.c.name).join(sender_org).where(sender_org.c.sender_id == sender_id)
    return [{"code": row.org_code, "name": row.name} for row in unit.execute(query.order_by(department.c.org_code))]


def _credentials(unit: Connection, sender_id: int) -> list[dict[str, Any]]:
    query = select(credential).where(credential.c.sender_id == sender_id).order_by(credential.c.id.desc())
    return [
        {
            "id": row.id,
            "createdAt": as_json(row.created_at),
            "lastUsedAt": as_json(row.last_used_at),
            "revokedAt": as_json(row.revoked_at),
        }
        for row in unit.execute(query)
    ]


def _problems(unit: Connection, sender_id: int) -> list[dict[str, Any]]:
    """The newest messages with something refused or set aside, among the last `_MESSAGES_LOOKED_AT`."""
    mine = select(envelope).where(envelope.c.sender_id == sender_id)
    last = mine.order_by(envelope.c.received_at.desc()).limit(_MESSAGES_LOOKED_AT).subquery()
    held = (
        select(func.count())
        .where(quarantine.c.envelope_id == last.c.id, quarantine.c.state == "OPEN")
        .correlate(last)
        .scalar_subquery()
    )
    columns = (last.c.receipt_no, last.c.received_at, last.c.rejected_count, last.c.errors, held.label("held_count"))
    wrong = select(*columns).where((last.c.rejected_count > 0) | (held > 0))
    return [_problem(row) for row in unit.execute(wrong.order_by(last.c.id.desc()).limit(_PROBLEMS_SHOWN))]


def _problem(row: AnyRow) -> dict[str, Any]:
    first = next(iter(row.errors or ()), None)
    return {
        "receiptNo": row.receipt_no,
        "receivedAt": as_json(row.received_at),
        "rejectedCount": row.rejected_count,
        "quarantinedCount": row.held_count,
        "code": first[2] if first else None,
        "path": first[3] if first else None,
        "message": first[4] if first else None,
    }
