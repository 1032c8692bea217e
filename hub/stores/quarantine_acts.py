"""What staff do with quarantined records: replay or discard. Nothing is deleted, every act is in the audit."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from hub.domain.errors import NotFoundError, RejectedError
from hub.stores.audit import Act, record
from hub.stores.base import AnyRow
from hub.stores.exchange import enqueue, quarantine


def replay(unit: Connection, quarantine_id: int, actor: str, now: datetime, address: str = "") -> None:
    """Has the record's message processed again; what is stored already is recognised, so nothing doubles.

    Raises NotFoundError HUB-4043, RejectedError HUB-5002 when the record is not open any more.
    """
    row = _open_row(unit, quarantine_id)
    enqueue(unit, [row.envelope_id], now)
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
