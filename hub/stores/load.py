"""How much waits, and whether the database takes anything: what the doors look at before they let more in."""

from sqlalchemy import Connection, func, select, text

from hub.stores.outbox import outbox


def is_backlog_over(unit: Connection, most: int) -> bool:
    """Whether more than `most` messages wait. Looks at two ends of the key, and counts, never past `most`, at need."""
    first, last = unit.execute(select(func.min(outbox.c.id), func.max(outbox.c.id))).one()
    if first is None or last - first < most:
        return False
    some = select(outbox.c.id).limit(most + 1).subquery()
    return unit.execute(select(func.count()).select_from(some)).scalar_one() > most


def is_read_only(unit: Connection) -> bool:
    """Whether the server refuses to write: a standby in recovery, or one set to read only."""
    if unit.dialect.name != "postgresql":
        return False
    return bool(unit.execute(text("SHOW transaction_read_only")).scalar_one() == "on")
