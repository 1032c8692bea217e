"""对账: what the hub holds from one sender for one day, by received time in China."""

import hashlib
from datetime import date, datetime

from sqlalchemy import Connection, select

from hub.domain.receipts import DayCount, Reconciliation, RecordState
from hub.domain.times import day_bounds
from hub.stores.base import AnyRow
from hub.stores.exchange import envelope, record_states


def reconcile(unit: Connection, sender_id: int, day: date) -> Reconciliation:
    """The digest is the SHA-256 (hex) of lines `messageId TAB seq TAB recordId LF`, sorted, of records not rejected."""
    counts: dict[tuple[str, str], int] = {}
    lines: list[str] = []
    for row in _messages(unit, sender_id, *day_bounds(day)):
        for held in record_states(unit, row):
            counts[row.kind, held.state.value] = counts.get((row.kind, held.state.value), 0) + 1
            if held.state is not RecordState.REJECTED:
                lines.append(f"{row.message_id}\t{held.seq}\t{held.record_id}\n")
    digest = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    return Reconciliation(day, digest, tuple(DayCount(*key, count) for key, count in sorted(counts.items())))


def _messages(unit: Connection, sender_id: int, start: datetime, end: datetime) -> list[AnyRow]:
    of_the_day = (envelope.c.received_at >= start) & (envelope.c.received_at < end)
    query = select(envelope).where(envelope.c.sender_id == sender_id, of_the_day).order_by(envelope.c.id)
    return list(unit.execute(query))
