"""Codes of departments that no code map knew: counted, to be mapped once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    case,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.times import as_json
from hub.stores.adapters import adapter
from hub.stores.base import AnyRow, RowId, UtcTime, metadata
from hub.stores.paging import Page, page

OPEN, MAPPED, IGNORED = "OPEN", "MAPPED", "IGNORED"
UNMAPPED_STATES: Mapping[str, str] = MappingProxyType({OPEN: "未对照", MAPPED: "已对照", IGNORED: "不对照"})
LONGEST_CODE = 100
MOST_PER_MAP = 500

unmapped_code = Table(
    "unmapped_code",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("adapter_id", ForeignKey("adapter.id"), nullable=False),
    Column("code_map", String(60), nullable=False),
    Column("value", String(LONGEST_CODE), nullable=False),
    Column("target", String(100), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    Column("settled_by", String(100)),
    Column("settled_at", UtcTime),
    Column("reason", String(500)),
    UniqueConstraint("adapter_id", "code_map", "value"),
)
Index("ix_unmapped_code_state", unmapped_code.c.state, unmapped_code.c.id)


@dataclass(frozen=True, slots=True)
class Seen:
    """A code met so many times in a batch of messages of one adapter, received between the two times."""

    adapter_id: int
    code_map: str
    value: str
    target: str
    count: int
    first_at: datetime
    last_at: datetime

    @property
    def key(self) -> tuple[int, str, str]:
        return self.adapter_id, self.code_map, self.value[:LONGEST_CODE]


@dataclass(frozen=True, slots=True)
class UnmappedQuery:
    adapter: str = ""
    state: str = ""
    limit: int = 50
    after: str | None = None


def note(unit: Connection, seen: Sequence[Seen]) -> None:
    """Counts what was met; a code that was mapped and is met again (in an old version, say) stays mapped.

    Of one map only so many codes are kept: where free text stands in place of codes, nobody maps it value by value.
    """
    if not seen:
        return
    known = {tuple(row) for row in unit.execute(_KEYS.where(_of_adapters(seen)))}
    room = Counter({place: MOST_PER_MAP for place in {entry.key[:2] for entry in seen}})
    room.subtract(key[:2] for key in known)
    rows = []
    for entry in sorted(seen, key=lambda one: one.key):  # one order: two workers never wait for each other
        if entry.key not in known:
            room[entry.key[:2]] -= 1
            if room[entry.key[:2]] < 0:
                continue
        rows.append(_fresh(entry))
    if rows:
        unit.execute(_counting(unit.dialect.name), rows)


_KEYS = select(unmapped_code.c.adapter_id, unmapped_code.c.code_map, unmapped_code.c.value)


def _of_adapters(seen: Sequence[Seen]) -> ColumnElement[bool]:
    return unmapped_code.c.adapter_id.in_({entry.adapter_id for entry in seen})


def _fresh(entry: Seen) -> dict[str, Any]:
    adapter_id, code_map, value = entry.key
    return {
        "adapter_id": adapter_id, "code_map": code_map, "value": value, "target": entry.target, "count": entry.count,
        "first_seen_at": entry.first_at, "last_seen_at": entry.last_at, "state": OPEN,
    }  # fmt: skip


@cache
def _counting(dialect: str) -> Any:
    made = (postgresql if dialect == "postgresql" else sqlite).insert(unmapped_code)
    old, new = unmapped_code.c, made.excluded
    earliest = case((old.first_seen_at < new.first_seen_at, old.first_seen_at), else_=new.first_seen_at)
    latest = case((old.last_seen_at > new.last_seen_at, old.last_seen_at), else_=new.last_seen_at)
    values = {"count": old["count"] + new["count"], "first_seen_at": earliest, "last_seen_at": latest}
    return made.on_conflict_do_update(index_elements=["adapter_id", "code_map", "value"], set_=values)


def no_such_code() -> NotFoundError:
    return NotFoundError("HUB-4045", "没有这个未对照代码")


def find(unit: Connection, entry_id: int) -> AnyRow:
    """With the `code` of its adapter. Raises NotFoundError HUB-4045."""
    query = select(unmapped_code, adapter.c.code, adapter.c.title).join(adapter)
    row = unit.execute(query.where(unmapped_code.c.id == entry_id)).first()
    if row is None:
        raise no_such_code()
    return row


def settle(unit: Connection, entry_id: int, state: str, by: str, reason: str, now: datetime) -> None:
    """Raises RejectedError HUB-5006 when it is no longer open."""
    values = {"state": state, "settled_by": by, "settled_at": now, "reason": reason}
    still_open = (unmapped_code.c.id == entry_id) & (unmapped_code.c.state == OPEN)
    if unit.execute(update(unmapped_code).where(still_open).values(values)).rowcount == 0:
        raise RejectedError("HUB-5006", "这个代码已经处理过")


def settle_known(
    unit: Connection, adapter_id: int, code_map: str, values: Sequence[str], by: str, now: datetime
) -> None:
    """Codes that a new version knows are open no longer."""
    known = (
        (unmapped_code.c.adapter_id == adapter_id)
        & (unmapped_code.c.code_map == code_map)
        & (unmapped_code.c.state == OPEN)
        & unmapped_code.c.value.in_(list(values))
    )
    unit.execute(update(unmapped_code).where(known).values(state=MAPPED, settled_by=by, settled_at=now))


def reopen_unknown(unit: Connection, adapter_id: int, code_map: str, values: Sequence[str]) -> None:
    """Codes that were mapped and that the version now in force does not know: one went back to before they were."""
    lost = (
        (unmapped_code.c.adapter_id == adapter_id)
        & (unmapped_code.c.code_map == code_map)
        & (unmapped_code.c.state == MAPPED)
        & unmapped_code.c.value.not_in(list(values))
    )
    unit.execute(update(unmapped_code).where(lost).values(state=OPEN, settled_by=None, settled_at=None, reason=None))


def search(unit: Connection, wanted: UnmappedQuery) -> Page:
    query = select(unmapped_code, adapter.c.code, adapter.c.title).join(adapter)
    if wanted.adapter:
        query = query.where(adapter.c.code == wanted.adapter)
    if wanted.state:
        query = query.where(unmapped_code.c.state == wanted.state)
    return page(unit, query, unmapped_code.c.id, after=wanted.after, limit=wanted.limit, item=_row)


def open_counts(unit: Connection, adapter_ids: Sequence[int]) -> Mapping[int, int]:
    query = select(unmapped_code.c.adapter_id, func.count()).where(
        unmapped_code.c.state == OPEN, unmapped_code.c.adapter_id.in_(list(adapter_ids))
    )
    return {adapter_id: count for adapter_id, count in unit.execute(query.group_by(unmapped_code.c.adapter_id))}


def _row(row: AnyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "adapter": row.code,
        "adapterTitle": row.title,
        "codeMap": row.code_map,
        "value": row.value,
        "target": row.target,
        "count": row.count,
        "firstSeenAt": as_json(row.first_seen_at),
        "lastSeenAt": as_json(row.last_seen_at),
        "state": row.state,
        "stateTitle": UNMAPPED_STATES[row.state],
        "settledBy": row.settled_by,
        "reason": row.reason,
    }
