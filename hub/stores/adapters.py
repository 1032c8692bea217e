"""Departments' adapters: versions of their documents, which one is in force, and what was done with them.

A version's document never changes once it has left the draft; going back is a new version with an old content.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    Integer,
    Select,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    or_,
    select,
    update,
)

from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.times import as_json
from hub.stores.base import AnyRow, Document, RowId, UtcTime, metadata
from hub.stores.paging import Page, page

DRAFT, SANDBOX, SHADOW, ACTIVE, RETIRED = "DRAFT", "SANDBOX", "SHADOW", "ACTIVE", "RETIRED"
VERSION_STATES: Mapping[str, str] = MappingProxyType(
    {DRAFT: "草稿", SANDBOX: "沙箱", SHADOW: "试运行", ACTIVE: "运行", RETIRED: "已替换"}
)
DISABLED = "DISABLED"
ADAPTER_STATES: Mapping[str, str] = MappingProxyType(
    {DRAFT: "草稿", SANDBOX: "沙箱", SHADOW: "试运行", ACTIVE: "运行", DISABLED: "停用"}
)

adapter = Table(
    "adapter",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("code", String(40), nullable=False, unique=True),
    Column("title", String(100), nullable=False),
    Column("sender_code", String(100)),
    Column("transport", String(20), nullable=False),
    Column("state", String(10), nullable=False),  # of the version that decides, or DISABLED
    Column("active_version_id", RowId),
    Column("trial_version_id", RowId),  # in the sandbox, or under trial beside the active one
    Column("disabled_notice", String(500)),
    Column("disabled_until", Date),
    Column("created_at", UtcTime, nullable=False),
)

adapter_version = Table(
    "adapter_version",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("adapter_id", ForeignKey("adapter.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("document", Document, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("author", String(100), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("activated_by", String(100)),
    Column("activated_at", UtcTime),
    UniqueConstraint("adapter_id", "number"),
)

adapter_event = Table(
    "adapter_event",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("adapter_id", ForeignKey("adapter.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("act", String(20), nullable=False),
    Column("version", Integer),
    Column("reason", String(500), nullable=False),
)
Index("ix_adapter_event_adapter", adapter_event.c.adapter_id, adapter_event.c.id)


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A document that somebody saves; `digest` is of the whole content, `fingerprint` of its meaning."""

    document: Mapping[str, Any]
    fingerprint: str
    digest: str
    author: str


@dataclass(frozen=True, slots=True)
class AdapterQuery:
    """Filters of the adapter list; empty means all."""

    q: str = ""
    state: str = ""
    sender: str = ""
    limit: int = 50
    after: str | None = None


def no_such_adapter() -> NotFoundError:
    return NotFoundError("HUB-4045", "没有登记这个适配器")


def find(unit: Connection, code: str) -> AnyRow:
    """Raises NotFoundError HUB-4045."""
    row = unit.execute(select(adapter).where(adapter.c.code == code)).first()
    if row is None:
        raise no_such_adapter()
    return row


def lock(unit: Connection, code: str) -> AnyRow:
    """The adapter, kept from others until the unit ends. Raises NotFoundError HUB-4045."""
    row = unit.execute(select(adapter).where(adapter.c.code == code).with_for_update()).first()
    if row is None:
        raise no_such_adapter()
    return row


def version_of(unit: Connection, adapter_id: int, number: int) -> AnyRow:
    """Raises NotFoundError HUB-4045."""
    wanted = (adapter_version.c.adapter_id == adapter_id) & (adapter_version.c.number == number)
    row = unit.execute(select(adapter_version).where(wanted)).first()
    if row is None:
        raise NotFoundError("HUB-4045", "这个适配器没有这个版本")
    return row


def version_by_id(unit: Connection, version_id: int) -> AnyRow:
    """Raises NotFoundError HUB-4045."""
    row = unit.execute(select(adapter_version).where(adapter_version.c.id == version_id)).first()
    if row is None:
        raise NotFoundError("HUB-4045", "没有这个适配器版本")
    return row


def newest_version(unit: Connection, adapter_id: int) -> AnyRow:
    query = select(adapter_version).where(adapter_version.c.adapter_id == adapter_id)
    return unit.execute(query.order_by(adapter_version.c.number.desc()).limit(1)).one()


def draft_of(unit: Connection, adapter_id: int) -> AnyRow | None:
    """The version that somebody is writing on; there is one at most."""
    wanted = (adapter_version.c.adapter_id == adapter_id) & (adapter_version.c.state == DRAFT)
    return unit.execute(select(adapter_version).where(wanted).order_by(adapter_version.c.number.desc())).first()


def at_hand(unit: Connection, adapter_id: int) -> AnyRow:
    """What somebody who names no version is likely to mean: the draft, else the newest version."""
    return draft_of(unit, adapter_id) or newest_version(unit, adapter_id)


def versions(unit: Connection, adapter_id: int) -> list[AnyRow]:
    """Newest first."""
    query = select(adapter_version).where(adapter_version.c.adapter_id == adapter_id)
    return list(unit.execute(query.order_by(adapter_version.c.number.desc())).all())


def add(unit: Connection, code: str, version: NewVersion, now: datetime) -> int:
    """Registers an adapter with its first draft. Raises RejectedError HUB-6003 on a known code."""
    if unit.execute(select(adapter.c.id).where(adapter.c.code == code)).first():
        raise RejectedError("HUB-6003", "这个适配器代码已经登记", "adapter")
    values = _facts_of(version.document) | {"code": code, "state": DRAFT, "created_at": now}
    adapter_id: int = unit.execute(insert(adapter).values(values).returning(adapter.c.id)).scalar_one()
    add_version(unit, adapter_id, version, now)
    return adapter_id


def add_version(unit: Connection, adapter_id: int, version: NewVersion, now: datetime) -> AnyRow:
    """The next version, as a draft."""
    highest = select(func.max(adapter_version.c.number)).where(adapter_version.c.adapter_id == adapter_id)
    number = (unit.execute(highest).scalar() or 0) + 1
    values = _version_values(version) | {
        "adapter_id": adapter_id, "number": number, "state": DRAFT, "author": version.author, "created_at": now,
        "changed_at": now,
    }  # fmt: skip
    return unit.execute(insert(adapter_version).values(values).returning(adapter_version)).one()


def change_draft(unit: Connection, version_id: int, version: NewVersion, now: datetime) -> AnyRow:
    """Another content for a draft, by another author perhaps."""
    values = _version_values(version) | {"author": version.author, "changed_at": now}
    changing = update(adapter_version).where(adapter_version.c.id == version_id).values(values)
    return unit.execute(changing.returning(adapter_version)).one()


def _version_values(version: NewVersion) -> dict[str, Any]:
    return {
        "document": dict(version.document), "fingerprint": version.fingerprint, "content_digest": version.digest,
    }  # fmt: skip


def _facts_of(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": document["title"],
        "sender_code": document.get("sender"),
        "transport": _way_in(document.get("transport", {})),
    }


def _way_in(transport: Mapping[str, Any]) -> str:
    """Shared tables whose address is not given are not pulled: their rows are pushed."""
    kind: str = transport.get("kind", "push")
    return "push" if kind == "table" and "connection" not in transport else kind


def describe_by(unit: Connection, adapter_id: int, document: Mapping[str, Any]) -> None:
    """Title, sender and transport as the version in force says."""
    unit.execute(update(adapter).where(adapter.c.id == adapter_id).values(_facts_of(document)))


def set_adapter(unit: Connection, adapter_id: int, **values: Any) -> None:
    unit.execute(update(adapter).where(adapter.c.id == adapter_id).values(values))


def set_version(unit: Connection, version_id: int, **values: Any) -> None:
    unit.execute(update(adapter_version).where(adapter_version.c.id == version_id).values(values))


@dataclass(frozen=True, slots=True)
class Event:
    """What somebody did with an adapter, and why."""

    actor: str
    act: str
    version: int | None = None
    reason: str = ""


def note_event(unit: Connection, adapter_id: int, event: Event, now: datetime) -> None:
    values = {"act": event.act, "version": event.version, "reason": event.reason, "actor": event.actor}
    unit.execute(insert(adapter_event).values(adapter_id=adapter_id, at=now, **values))


def events(unit: Connection, adapter_id: int, limit: int = 50) -> list[dict[str, Any]]:
    """Newest first: `at, actor, act, version, reason`."""
    query = select(adapter_event).where(adapter_event.c.adapter_id == adapter_id)
    rows = unit.execute(query.order_by(adapter_event.c.id.desc()).limit(limit)).all()
    return [
        {"at": as_json(row.at), "actor": row.actor, "act": row.act, "version": row.version, "reason": row.reason}
        for row in rows
    ]


def search(unit: Connection, wanted: AdapterQuery) -> Page:
    """Newest registration first; items are `adapter_row`s."""
    query = select(adapter)
    if wanted.state:
        query = query.where(adapter.c.state == wanted.state)
    if wanted.sender:
        query = query.where(adapter.c.sender_code == wanted.sender)
    if wanted.q:
        like = f"%{_escaped(wanted.q)}%"
        query = query.where(or_(adapter.c.code.like(like, escape="\\"), adapter.c.title.like(like, escape="\\")))
    return page(unit, query, adapter.c.id, after=wanted.after, limit=wanted.limit, item=adapter_row)


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def adapter_row(row: AnyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "adapter": row.code,
        "title": row.title,
        "sender": row.sender_code,
        "transport": row.transport,
        "state": row.state,
        "stateTitle": ADAPTER_STATES[row.state],
        "notice": row.disabled_notice,
        "disabledUntil": as_day(row.disabled_until),
        "createdAt": as_json(row.created_at),
    }


def as_day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def version_row(row: AnyRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "state": row.state,
        "stateTitle": VERSION_STATES[row.state],
        "author": row.author,
        "createdAt": as_json(row.created_at),
        "changedAt": as_json(row.changed_at),
        "activatedBy": row.activated_by,
        "activatedAt": as_json(row.activated_at),
        "fingerprint": row.fingerprint,
        "digest": row.content_digest,
    }


def codes(unit: Connection) -> frozenset[str]:
    return frozenset(unit.execute(select(adapter.c.code)).scalars())


def pulled(unit: Connection, kinds: Sequence[str]) -> list[str]:
    """Codes of the adapters in force whose messages the hub fetches."""
    query = select(adapter.c.code).where(adapter.c.state == ACTIVE, adapter.c.transport.in_(kinds))
    return list(unit.execute(query.order_by(adapter.c.code)).scalars())


def versions_of(code: str) -> Select[Any]:
    """Ids of every version of an adapter, as a subquery for messages."""
    return select(adapter_version.c.id).join(adapter).where(adapter.c.code == code)
