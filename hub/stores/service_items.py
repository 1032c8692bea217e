"""Store 1, 政务服务事项信息库: service items, every version kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
    update,
)

from hub.domain.errors import RejectedError
from hub.domain.history import ItemFact
from hub.domain.record_json import to_json
from hub.domain.records import ServiceItem
from hub.stores.base import AnyRow, Document, RowId, UtcTime, insert_or_ignore, metadata
from hub.stores.facts import Incoming, Stored, sort_out

service_item_version = Table(
    "service_item_version",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("item_code", String(100), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("sender_id", ForeignKey("sender.id"), nullable=False),
    Column("envelope_id", ForeignKey("envelope.id"), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("item_name", String(1000), nullable=False),
    Column("item_type", String(32), nullable=False),
    Column("handling_class", String(32), nullable=False),
    Column("org_code", String(18), nullable=False, index=True),
    Column("org_name", String(200), nullable=False),
    Column("is_charged", Boolean, nullable=False),
    Column("statutory_limit", Integer),
    Column("statutory_limit_unit", String(32)),
    Column("promised_limit", Integer, nullable=False),
    Column("promised_limit_unit", String(32), nullable=False),
    Column("valid_from", Date),
    Column("document", Document, nullable=False),  # the whole record: guide, steps, materials, fees, risks, questions
    Column("notes", Document, nullable=False),
    UniqueConstraint("item_code", "revision"),
)

retired_code = Table(
    "retired_code",
    metadata,
    Column("item_code", String(100), primary_key=True),
    Column("retired_at", UtcTime, nullable=False),
    Column("reason", String(500), nullable=False),
)


def retire(unit: Connection, item_code: str, reason: str, now: datetime) -> None:
    """Takes a code out of use for ever: cancelled and merged items' codes are never given again."""
    values = {"item_code": item_code, "retired_at": now, "reason": reason}
    unit.execute(insert_or_ignore(unit, retired_code), values)


def store_items(unit: Connection, incoming: Sequence[Incoming[ServiceItem]]) -> Stored[ServiceItem]:
    """Adds versions that are new. A revision with other content and a retired code are refused, never overwritten."""
    codes = {entry.record.item_code for entry in incoming}
    if not codes:
        return Stored()
    retired = set(unit.execute(select(retired_code.c.item_code).where(retired_code.c.item_code.in_(codes))).scalars())
    table = service_item_version
    held = select(table.c.item_code, table.c.revision, table.c.content_digest).where(table.c.item_code.in_(codes))
    known = {((row.item_code,), row.revision): row.content_digest for row in unit.execute(held)}
    stored = sort_out([entry for entry in incoming if entry.record.item_code not in retired], known)
    stored.refused += [(entry, _retired()) for entry in incoming if entry.record.item_code in retired]
    if stored.added:
        unit.execute(insert(table), [_row(entry) for entry in stored.added])
        _mark_current(unit, {entry.record.item_code for entry in stored.added})
    return stored


def _retired() -> RejectedError:
    return RejectedError("HUB-4003", "事项编码已经废止，废止的编码不再使用；请为新事项编新码", "itemCode")


def _row(entry: Incoming[ServiceItem]) -> dict[str, Any]:
    item = entry.record
    columns = (
        "item_code", "revision", "item_name", "item_type", "handling_class", "org_code", "org_name", "is_charged",
        "statutory_limit", "statutory_limit_unit", "promised_limit", "promised_limit_unit", "valid_from",
    )  # fmt: skip
    return (
        {name: getattr(item, name) for name in columns}
        | entry.columns()
        | {"is_current": False, "document": to_json(item)}
    )


def _mark_current(unit: Connection, codes: set[str]) -> None:
    table = service_item_version
    latest = select(table.c.revision).where(table.c.item_code.in_(codes))
    newest: dict[str, int] = {}
    for row in unit.execute(latest.add_columns(table.c.item_code)):
        newest[row.item_code] = max(row.revision, newest.get(row.item_code, 0))
    for code, revision in sorted(newest.items()):
        unit.execute(update(table).where(table.c.item_code == code).values(is_current=table.c.revision == revision))


def item_facts(unit: Connection, codes: Iterable[str]) -> dict[str, ItemFact]:
    """The version in force of each item: its highest revision."""
    table = service_item_version
    query = select(table).where(table.c.item_code.in_(list(codes)), table.c.is_current)
    return {row.item_code: _fact(row) for row in unit.execute(query)}


def _fact(row: AnyRow) -> ItemFact:
    return ItemFact(
        item_code=row.item_code,
        item_name=row.item_name,
        revision=row.revision,
        is_charged=row.is_charged,
        promised_limit=row.promised_limit,
        promised_limit_unit=row.promised_limit_unit,
        statutory_limit=row.statutory_limit,
        statutory_limit_unit=row.statutory_limit_unit,
        valid_from=row.valid_from,
    )
