"""What the hub knows of its pulling: who pulls a source, how far it was read, what is owed to it, and how it goes.

Positions, memories and debts are written in the unit of work that accepts the message they belong to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    delete,
    insert,
    or_,
    select,
    update,
)

from hub.domain.errors import HubError, RetryableError
from hub.domain.times import as_json
from hub.stores.base import AnyRow, Document, RowId, UtcTime, insert_or_ignore, metadata

pull_state = Table(
    "pull_state",
    metadata,
    Column("adapter_code", String(40), primary_key=True),
    Column("next_at", UtcTime),
    Column("last_run_at", UtcTime),
    Column("last_success_at", UtcTime),
    Column("message_count", BigInteger, nullable=False),
    Column("record_count", BigInteger, nullable=False),
    Column("refused_count", BigInteger, nullable=False),
    Column("problem_code", String(10)),
    Column("problem_text", String(500)),
    Column("problem_since", UtcTime),
    Column("failures", Integer, nullable=False),  # runs in a row that did not come to their end
    Column("lease_owner", String(40)),
    Column("lease_until", UtcTime),
)

pull_position = Table(
    "pull_position",
    metadata,
    Column("adapter_code", String(40), nullable=False),
    Column("part", String(100), nullable=False),
    Column("position", Document, nullable=False),
    Column("moved_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("adapter_code", "part"),
)

# Rows within the overlap that were taken already; each reading begins a little before the last one's end.
pull_seen = Table(
    "pull_seen",
    metadata,
    Column("adapter_code", String(40), nullable=False),
    Column("part", String(100), nullable=False),
    Column("row_key", String(40), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("mark", String(100), nullable=False),  # sorts as the watermark column does
    PrimaryKeyConstraint("adapter_code", "part", "row_key"),
)
Index("ix_pull_seen_mark", pull_seen.c.adapter_code, pull_seen.c.part, pull_seen.c.mark)

# What became of rows that were taken, not yet written back to the department's table.
pull_debt = Table(
    "pull_debt",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("adapter_code", String(40), nullable=False),
    Column("part", String(100), nullable=False),
    Column("row_key", Document, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("error", Text),
)
Index("ix_pull_debt_part", pull_debt.c.adapter_code, pull_debt.c.part, pull_debt.c.id)

_LONGEST_PROBLEM = 500


@dataclass(frozen=True, slots=True)
class Place:
    """One part of an adapter's source (a table, an interface), as the rows of memory name it."""

    adapter: str
    part: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A row of a department's table that was taken; `mark` is its watermark as sortable text."""

    row_key: str
    digest: str
    mark: str


@dataclass(frozen=True, slots=True)
class Debt:
    """A row whose outcome is to be written back: taken, or refused with a text."""

    key: Sequence[Any]
    digest: str
    error: str | None = None
    debt_id: int = 0


def take_lease(unit: Connection, adapter: str, owner: str, now: datetime, until: datetime) -> bool:
    """Whether `owner` alone may pull this source until then; what a process that died held becomes free by itself."""
    plain = {"adapter_code": adapter, "message_count": 0, "record_count": 0, "refused_count": 0, "failures": 0}
    unit.execute(insert_or_ignore(unit, pull_state, ("adapter_code",)).values(plain))
    free = or_(pull_state.c.lease_until.is_(None), pull_state.c.lease_until <= now, pull_state.c.lease_owner == owner)
    mine = pull_state.c.adapter_code == adapter
    taken = update(pull_state).where(mine, free).values(lease_owner=owner, lease_until=until, last_run_at=now)
    return unit.execute(taken).rowcount == 1


def hold_lease(unit: Connection, adapter: str, owner: str, until: datetime) -> None:
    """Prolongs the lease. Raises RetryableError HUB-9029 when another process has it: nothing may be written then."""
    mine = (pull_state.c.adapter_code == adapter) & (pull_state.c.lease_owner == owner)
    if unit.execute(update(pull_state).where(mine).values(lease_until=until)).rowcount == 0:
        raise taken_by_another()


def taken_by_another() -> RetryableError:
    return RetryableError("HUB-9029", "这个来源正由另一个拉取进程处理")


def end_run(
    unit: Connection, adapter: str, owner: str, now: datetime, next_at: datetime, problem: HubError | None
) -> None:
    """Gives the lease back and notes how the run went; a problem that lasts keeps the time when it began."""
    mine = (pull_state.c.adapter_code == adapter) & (pull_state.c.lease_owner == owner)
    row = unit.execute(select(pull_state).where(mine).with_for_update()).first()
    if row is None:
        return
    values: dict[str, Any] = {"lease_owner": None, "lease_until": None, "next_at": next_at}
    if problem is None:
        values |= {"last_success_at": now, "problem_code": None, "problem_text": None, "problem_since": None}
        values["failures"] = 0
    else:
        same = row.problem_code == problem.code
        values |= {"problem_code": problem.code, "problem_text": problem.message[:_LONGEST_PROBLEM]}
        values |= {"problem_since": row.problem_since if same else now, "failures": row.failures + 1}
    unit.execute(update(pull_state).where(mine).values(values))


def failures_of(unit: Connection, adapter: str) -> int:
    query = select(pull_state.c.failures).where(pull_state.c.adapter_code == adapter)
    return unit.execute(query).scalar() or 0


def due(unit: Connection, adapters: Sequence[str], now: datetime) -> list[str]:
    """Those of the adapters whose time has come and that nobody pulls now, the longest waiting first."""
    rows = unit.execute(select(pull_state).where(pull_state.c.adapter_code.in_(adapters))).all()
    waiting = {
        row.adapter_code for row in rows
        if (row.next_at is not None and row.next_at > now) or (row.lease_until is not None and row.lease_until > now)
    }  # fmt: skip
    last = {row.adapter_code: row.last_run_at.timestamp() for row in rows if row.last_run_at is not None}
    return sorted((code for code in adapters if code not in waiting), key=lambda code: (last.get(code, 0.0), code))


def count(unit: Connection, adapter: str, records: int, refused: int) -> None:
    """Adds one message to the totals."""
    values = {
        "message_count": pull_state.c.message_count + 1,
        "record_count": pull_state.c.record_count + records,
        "refused_count": pull_state.c.refused_count + refused,
    }
    unit.execute(update(pull_state).where(pull_state.c.adapter_code == adapter).values(values))


def messages_taken(unit: Connection, adapter: str) -> int:
    """How many messages this source ever gave."""
    query = select(pull_state.c.message_count).where(pull_state.c.adapter_code == adapter)
    return unit.execute(query).scalar() or 0


def position_of(unit: Connection, place: Place) -> Mapping[str, Any] | None:
    query = select(pull_position.c.position).where(*_at(pull_position, place))
    position: Mapping[str, Any] | None = unit.execute(query).scalar()
    return position


def move_to(unit: Connection, place: Place, position: Mapping[str, Any], now: datetime) -> None:
    values = {"position": dict(position), "moved_at": now}
    named = {"adapter_code": place.adapter, "part": place.part}
    if unit.execute(update(pull_position).where(*_at(pull_position, place)).values(values)).rowcount == 0:
        unit.execute(insert(pull_position).values(named | values))


def digests_seen(unit: Connection, place: Place, row_keys: Sequence[str]) -> dict[str, str]:
    """Digest by row key of those that were taken already."""
    query = select(pull_seen.c.row_key, pull_seen.c.digest).where(
        *_at(pull_seen, place), pull_seen.c.row_key.in_(row_keys)
    )
    return {row.row_key: row.digest for row in unit.execute(query)}


def remember(unit: Connection, place: Place, rows: Sequence[Seen]) -> None:
    known = pull_seen.c.row_key.in_([row.row_key for row in rows])
    unit.execute(delete(pull_seen).where(*_at(pull_seen, place), known))
    values = [
        {"adapter_code": place.adapter, "part": place.part, "row_key": row.row_key, "digest": row.digest,
         "mark": row.mark} for row in rows
    ]  # fmt: skip
    unit.execute(insert(pull_seen), values)


def forget_before(unit: Connection, place: Place, mark: str) -> None:
    """Rows that no reading will meet again."""
    unit.execute(delete(pull_seen).where(*_at(pull_seen, place), pull_seen.c.mark < mark))


def owe(unit: Connection, place: Place, debts: Sequence[Debt]) -> None:
    unit.execute(insert(pull_debt), [
        {"adapter_code": place.adapter, "part": place.part, "row_key": list(debt.key), "digest": debt.digest,
         "error": debt.error} for debt in debts
    ])  # fmt: skip


def debts_of(unit: Connection, place: Place, limit: int) -> list[Debt]:
    query = select(pull_debt).where(*_at(pull_debt, place)).order_by(pull_debt.c.id).limit(limit)
    return [Debt(row.row_key, row.digest, row.error, row.id) for row in unit.execute(query)]


def settle(unit: Connection, debts: Sequence[Debt]) -> None:
    unit.execute(delete(pull_debt).where(pull_debt.c.id.in_([debt.debt_id for debt in debts])))


def _at(table: Table, place: Place) -> tuple[Any, Any]:
    return table.c.adapter_code == place.adapter, table.c.part == place.part


def pull_states(unit: Connection) -> dict[str, dict[str, Any]]:
    """How the pulling of each adapter goes, by adapter code, for pages and the command line."""
    positions: dict[str, dict[str, Any]] = {}
    for row in unit.execute(select(pull_position).order_by(pull_position.c.part)):
        positions.setdefault(row.adapter_code, {})[row.part] = row.position
    rows = unit.execute(select(pull_state).order_by(pull_state.c.adapter_code))
    return {row.adapter_code: _shown(row, positions.get(row.adapter_code, {})) for row in rows}


def _shown(row: AnyRow, positions: Mapping[str, Any]) -> dict[str, Any]:
    problem = None
    if row.problem_code is not None:
        problem = {"code": row.problem_code, "text": row.problem_text, "since": as_json(row.problem_since)}
    return {
        "adapter": row.adapter_code,
        "lastRunAt": as_json(row.last_run_at),
        "lastSuccessAt": as_json(row.last_success_at),
        "nextAt": as_json(row.next_at),
        "messages": row.message_count,
        "records": row.record_count,
        "refused": row.refused_count,
        "failures": row.failures,
        "problem": problem,
        "positions": dict(positions),
    }
