"""Replay jobs: a frozen selection of messages to be processed again, and what became of each.

A job is made once, rehearsed if wanted, started, and closes by itself when every message of it has an outcome. Nothing
doubles: what is stored already is recognised by its key, and what was discarded stays so.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Select,
    String,
    Table,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from hub.domain.errors import NotFoundError, RejectedError
from hub.stores.adapters import versions_of
from hub.stores.audit import Act, record
from hub.stores.base import AnyRow, Document, RowId, UtcTime, insert_or_ignore, metadata
from hub.stores.exchange import envelope, quarantine
from hub.stores.registry import sender

replay_job = Table(
    "replay_job",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("state", String(10), nullable=False),
    Column("selection", Document, nullable=False),
    Column("only_quarantined", Boolean, nullable=False),  # a message without an open record is passed by
    Column("matched_count", Integer, nullable=False),
    Column("batch_size", Integer, nullable=False),
    Column("rate_per_second", Integer),
    Column("forecast", Document),
    Column("request_key", String(100), unique=True),
    Column("request_digest", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("due_at", UtcTime),  # when the keeper looks at it next; null: when somebody acts
)
Index("ix_replay_job_due_at", replay_job.c.due_at)

replay_item = Table(
    "replay_item",
    metadata,
    Column("job_id", ForeignKey("replay_job.id"), nullable=False),
    Column("envelope_id", ForeignKey("envelope.id"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("held_count", Integer),  # records set aside again
    Column("forecast", Document),
    Column("queued_at", UtcTime),
    Column("settled_at", UtcTime),
    PrimaryKeyConstraint("job_id", "envelope_id"),
)
Index("ix_replay_item_state", replay_item.c.job_id, replay_item.c.state, replay_item.c.envelope_id)

LARGEST_JOB = 100_000
LARGEST_LIST = 1000
LARGEST_BATCH = 1000
LARGEST_RATE = 10_000

JOB_STATES: Mapping[str, str] = MappingProxyType({
    "REHEARSING": "试运行中", "DRAFT": "待启动", "RUNNING": "进行中", "PAUSED": "已暂停", "CANCELLING": "正在取消",
    "DONE": "已完成", "CANCELLED": "已取消",
})  # fmt: skip
ITEM_STATES: Mapping[str, str] = MappingProxyType({
    "WAITING": "等待", "QUEUED": "已入队", "STORED": "已入库", "QUARANTINED": "仍隔离", "SKIPPED": "跳过",
    "CANCELLED": "已取消",
})  # fmt: skip
SELECTED_STATES: Mapping[str, str] = MappingProxyType({"QUARANTINED": "有隔离待处理的记录", "PROCESSED": "已处理"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Which messages: by receipt numbers, by quarantined records, or by a filter. None means all."""

    receipt_nos: Sequence[str] = ()
    quarantine_ids: Sequence[int] = ()
    state: str | None = None  # of SELECTED_STATES
    sender: str | None = None
    code: str | None = None
    kind: str | None = None
    adapter: str | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None  # excluded
    limit: int = LARGEST_JOB

    @property
    def only_quarantined(self) -> bool:
        return bool(self.quarantine_ids) or self.state == "QUARANTINED"

    def document(self) -> dict[str, Any]:
        """What of it was given, JSON-ready."""
        given = {name: value for name, value in asdict(self).items() if value not in (None, (), [])}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}


@dataclass(frozen=True, slots=True)
class Order:
    """A replay as asked for. `request_key`: asking again with it gives the same job."""

    selection: Selection
    batch_size: int = 50
    rate_per_second: int | None = None
    rehearse: bool = True
    request_key: str | None = None

    def digest(self) -> str:
        said = [self.selection.document(), self.batch_size, self.rate_per_second, self.rehearse]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def create(unit: Connection, order: Order, actor: str, now: datetime) -> int:
    """The id of the job. Its messages are frozen: what comes later, or matches later, is not part of it.

    Raises RejectedError HUB-3001, HUB-3004, HUB-3006, HUB-6001; NotFoundError HUB-4041, HUB-4043.
    """
    _check(order)
    known = order.request_key and find_request(unit, order)
    if known:
        return known
    chosen = _chosen(unit, order.selection)
    job_id = _insert_job(unit, order, _count(unit, chosen), actor, now)
    if job_id is None:
        return find_request(unit, order) or _nothing_matches()
    rows = chosen.order_by(envelope.c.id).limit(min(order.selection.limit, LARGEST_JOB)).subquery()
    columns = select(literal(job_id), rows.c.id, literal("WAITING"))
    unit.execute(insert(replay_item).from_select(["job_id", "envelope_id", "state"], columns))
    detail = {"selection": order.selection.document(), "messages": item_count(unit, job_id)}
    record(unit, Act(actor, "replay.create", "replay", str(job_id), detail=detail), now)
    return job_id


def _insert_job(unit: Connection, order: Order, matched: int, actor: str, now: datetime) -> int | None:
    """None when the same request was made at this very moment."""
    if not matched:
        _nothing_matches()
    values = {
        "state": "REHEARSING" if order.rehearse else "DRAFT",
        "selection": order.selection.document(),
        "only_quarantined": order.selection.only_quarantined,
        "matched_count": matched,
        "batch_size": order.batch_size,
        "rate_per_second": order.rate_per_second,
        "request_key": order.request_key,
        "request_digest": order.digest(),
        "created_at": now,
        "created_by": actor,
        "due_at": now if order.rehearse else None,
    }
    unless_known = insert_or_ignore(unit, replay_job, ("request_key",))
    return unit.execute(unless_known.returning(replay_job.c.id), values).scalar()


def _nothing_matches() -> int:
    raise NotFoundError("HUB-4043", "没有符合条件的报文，没有建立重放任务")


def find_request(unit: Connection, order: Order) -> int | None:
    """The job that this request made before. Raises RejectedError HUB-6001 when it asked for something else."""
    columns = (replay_job.c.id, replay_job.c.request_digest)
    row = unit.execute(select(*columns).where(replay_job.c.request_key == order.request_key)).first()
    if row is None:
        return None
    if row.request_digest != order.digest():
        raise RejectedError("HUB-6001", "这个 Idempotency-Key 已用于另一个重放任务", "Idempotency-Key")
    return int(row.id)


# --- what is selected -------------------------------------------------------------------------------------------


def _check(order: Order) -> None:
    selection = order.selection
    ways = [bool(selection.receipt_nos), bool(selection.quarantine_ids), selection.state is not None]
    if ways.count(True) != 1:
        raise RejectedError("HUB-3001", "须写明重放哪些报文：回执编号、隔离记录编号、筛选条件三者之一", "selection")
    if max(len(selection.receipt_nos), len(selection.quarantine_ids)) > LARGEST_LIST:
        raise RejectedError("HUB-3006", f"一次最多列出 {LARGEST_LIST} 个，更多的请用筛选条件", "selection")
    if selection.code and selection.state != "QUARANTINED":
        raise RejectedError("HUB-3004", "错误代码只能用来筛选有隔离记录的报文", "code")
    _check_sizes(order)


def _check_sizes(order: Order) -> None:
    for name, value, most in (
        ("limit", order.selection.limit, LARGEST_JOB), ("batchSize", order.batch_size, LARGEST_BATCH),
        ("ratePerSecond", 1 if order.rate_per_second is None else order.rate_per_second, LARGEST_RATE),
    ):  # fmt: skip
        if not 1 <= value <= most:
            raise RejectedError("HUB-3006", f"应在 1 至 {most} 之间", name)


def _chosen(unit: Connection, selection: Selection) -> Select[Any]:
    if selection.receipt_nos:
        return _listed(unit, envelope.c.receipt_no, selection.receipt_nos, ("HUB-4041", "有回执编号不存在"))
    if selection.quarantine_ids:
        _listed(unit, quarantine.c.id, selection.quarantine_ids, ("HUB-4043", "有隔离记录编号不存在"))
        held = select(quarantine.c.envelope_id).where(quarantine.c.id.in_(selection.quarantine_ids))
        return select(envelope.c.id).where(envelope.c.id.in_(held))
    return select(envelope.c.id).where(*_conditions(selection))


def _listed(unit: Connection, column: Column[Any], values: Collection[Any], missing: tuple[str, str]) -> Select[Any]:
    query = select(column.table.c.id).where(column.in_(values))
    if _count(unit, query) != len(set(values)):
        raise NotFoundError(*missing)
    return query


def _conditions(selection: Selection) -> list[ColumnElement[bool]]:
    open_record = [quarantine.c.envelope_id == envelope.c.id, quarantine.c.state == "OPEN"]
    if selection.code:
        open_record.append(quarantine.c.code == selection.code)
    found: list[ColumnElement[bool]] = [
        exists().where(*open_record)
        if selection.only_quarantined
        else envelope.c.processed_at.is_not(None) & (envelope.c.accepted_count > 0)
    ]
    if selection.sender:
        found.append(envelope.c.sender_id.in_(select(sender.c.id).where(sender.c.code == selection.sender)))
    if selection.adapter:
        found.append(envelope.c.adapter_version_id.in_(versions_of(selection.adapter)))
    if selection.kind:
        found.append(envelope.c.kind == selection.kind)
    if selection.received_from:
        found.append(envelope.c.received_at >= selection.received_from)
    if selection.received_to:
        found.append(envelope.c.received_at < selection.received_to)
    return found


def _count(unit: Connection, query: Select[Any]) -> int:
    return unit.execute(select(func.count()).select_from(query.subquery())).scalar_one()


# --- what staff do with a job -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Turn:
    """One act: from which states, to which one, and where it was done already."""

    begins: frozenset[str]
    ends: str
    is_done: frozenset[str]


TURNS: Mapping[str, _Turn] = MappingProxyType({
    "start": _Turn(frozenset({"DRAFT"}), "RUNNING", frozenset({"RUNNING", "DONE"})),
    "pause": _Turn(frozenset({"RUNNING"}), "PAUSED", frozenset({"PAUSED"})),
    "resume": _Turn(frozenset({"PAUSED"}), "RUNNING", frozenset({"RUNNING"})),
    "cancel": _Turn(
        frozenset({"REHEARSING", "DRAFT", "RUNNING", "PAUSED"}), "CANCELLING", frozenset({"CANCELLING", "CANCELLED"})
    ),
})  # fmt: skip


def turn(unit: Connection, job_id: int, act: str, actor: str, now: datetime) -> None:
    """Does an act of TURNS; one that was done already changes nothing.

    Raises NotFoundError HUB-4044, RejectedError HUB-5003 when the state of the job does not allow it.
    """
    job = unit.execute(select(replay_job).where(replay_job.c.id == job_id).with_for_update()).first()
    if job is None:
        raise no_such_job()
    wanted = TURNS[act]
    if job.state in wanted.is_done:
        return
    if job.state not in wanted.begins:
        raise RejectedError("HUB-5003", f"任务{JOB_STATES[job.state]}，不能这样操作")
    values = {"state": wanted.ends, "due_at": now}
    if act == "start":
        values["started_at"] = now
    unit.execute(update(replay_job).where(replay_job.c.id == job_id).values(values))
    if act == "cancel":
        cancel_waiting(unit, job_id, now)
    record(unit, Act(actor, f"replay.{act}", "replay", str(job_id)), now)
    close_if_settled(unit, job_id, now)


def set_pace(unit: Connection, job_id: int, order: Order, actor: str, now: datetime) -> None:
    """Changes batch size and rate of a job that is not closed. Raises as `turn`, RejectedError HUB-3006."""
    _check_sizes(order)
    is_open = (replay_job.c.id == job_id) & replay_job.c.finished_at.is_(None)
    values = {"batch_size": order.batch_size, "rate_per_second": order.rate_per_second}
    if not unit.execute(update(replay_job).where(is_open).values(values)).rowcount:
        raise RejectedError("HUB-5003", f"任务{JOB_STATES[job_row(unit, job_id).state]}，不能这样操作")
    record(unit, Act(actor, "replay.pace", "replay", str(job_id), detail=values), now)


def no_such_job() -> NotFoundError:
    return NotFoundError("HUB-4044", "没有这个重放任务")


def cancel_waiting(unit: Connection, job_id: int, now: datetime) -> None:
    waiting = (replay_item.c.job_id == job_id) & (replay_item.c.state == "WAITING")
    unit.execute(update(replay_item).where(waiting).values(state="CANCELLED", settled_at=now))


_CLOSED_AS = MappingProxyType({"RUNNING": "DONE", "PAUSED": "DONE", "CANCELLING": "CANCELLED"})


def close_if_settled(unit: Connection, job_id: int, now: datetime) -> None:
    """Closes a job under way of which no message waits or is queued any more. The caller holds the job's lock."""
    state = unit.execute(select(replay_job.c.state).where(replay_job.c.id == job_id)).scalar_one()
    is_unsettled = (replay_item.c.job_id == job_id) & replay_item.c.state.in_(("WAITING", "QUEUED"))
    if state not in _CLOSED_AS or unit.execute(select(exists().where(is_unsettled))).scalar():
        return
    closed = {"state": _CLOSED_AS[state], "finished_at": now, "due_at": None}
    unit.execute(update(replay_job).where(replay_job.c.id == job_id).values(closed))
    act = Act("system", "replay.finish", "replay", str(job_id), detail=item_counts(unit, [job_id])[job_id])
    record(unit, act, now)


def item_count(unit: Connection, job_id: int) -> int:
    return unit.execute(select(func.count()).where(replay_item.c.job_id == job_id)).scalar_one()


def item_counts(unit: Connection, job_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many messages of each job are in each state; states without a message are left out."""
    query = select(replay_item.c.job_id, replay_item.c.state, func.count().label("count"))
    query = query.where(replay_item.c.job_id.in_(job_ids)).group_by(replay_item.c.job_id, replay_item.c.state)
    counts: dict[int, dict[str, int]] = {job_id: {} for job_id in job_ids}
    for row in unit.execute(query).all():
        counts[row.job_id][row.state] = row._mapping["count"]
    return counts


def job_row(unit: Connection, job_id: int) -> AnyRow:
    """Raises NotFoundError HUB-4044."""
    row = unit.execute(select(replay_job).where(replay_job.c.id == job_id)).first()
    if row is None:
        raise no_such_job()
    return row
