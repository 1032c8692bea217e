"""What staff do with quarantined records: replay or discard. Nothing is deleted, every act is in the audit."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from hub.domain.errors import NotFoundError, RejectedError
from hub.stores.audit import Act, record
from hub.stores.base import AnyRow
from hub.stores.exchange import enqueue, envelope, quarantine
from hub.stores.outbox import outbox


def replay(unit: Connection, quarantine_id: int, actor: str, now: datetime, address: str = "") -> None:
    """Has the record's message processed again; what is stored already is recognised, so nothing doubles.

    Raises NotFoundError HUB-4043, RejectedError HUB-5002 when the record is not open any more.
    """
    row = _open_row(unit, quarantine_id)
    enqueue_absent(unit, [row.envelope_id], now)
    mine = quarantine.c.id == quarantine_id
    unit.execute(update(quarantine).where(mine).values(resolved_by=actor))
    record(unit, Act(actor, "quarantine.replay", "quarantine", str(quarantine_id), address=address), now)


def discard(unit: Connection, quarantine_id: int, actor: str, reason: str, now: datetime, address: str = "") -> None:
    """Closes the record with a reason; the message itself stays. Raises as `replay`, HUB-3001 without a reason."""
    if not reason.strip():
        raise RejectedError("HUB-3001", "作废须写明理由", "reason")
    _open_row(unit, quarantine_id)
    values = {"state": "DISCARDED", "resolved_at": now, "resolved_by": actor, "reason": reason.strip()[:500]}
    unit.execute(update(quarantine).where(quarantine.c.id == quarantine_id).values(values))
    act = Act(
        actor,
        "quarantine.discard",
        "quarantine",
        str(quarantine_id),
        address=address,
        detail={"reason": reason.strip()[:500]},
    )
    record(unit, act, now)


def _open_row(unit: Connection, quarantine_id: int) -> AnyRow:
    row = unit.execute(select(quarantine).where(quarantine.c.id == quarantine_id).with_for_update()).first()
    if row is None:
        raise NotFoundError("HUB-4043", "没有这条隔离记录")
    if row.state != "OPEN":
        raise RejectedError("HUB-5002", "这条记录已经处理过")
    return row


def enqueue_absent(unit: Connection, envelope_ids: Sequence[int], now: datetime) -> list[int]:
    """Puts those messages before the workers that are not there yet; which they were.

    The lock on the message keeps two from doing so at once; one that is being locked elsewhere is passed by.
    """
    locked = select(envelope.c.id).where(envelope.c.id.in_(envelope_ids)).order_by(envelope.c.id)
    held = unit.execute(locked.with_for_update(skip_locked=True, key_share=True)).scalars().all()
    waiting = set(unit.execute(select(outbox.c.envelope_id).where(outbox.c.envelope_id.in_(held))).scalars().all())
    absent = [id_ for id_ in held if id_ not in waiting]
    if absent:
        enqueue(unit, absent, now)
    return absent


def discarded_seqs(unit: Connection, envelope_ids: Sequence[int]) -> dict[int, frozenset[int]]:
    """Which records of each message staff discarded: they are not processed again."""
    query = select(quarantine.c.envelope_id, quarantine.c.seq)
    query = query.where(quarantine.c.envelope_id.in_(envelope_ids), quarantine.c.state == "DISCARDED")
    found: dict[int, frozenset[int]] = {}
    for row in unit.execute(query).all():
        found[row.envelope_id] = found.get(row.envelope_id, frozenset()) | {row.seq}
    return found
