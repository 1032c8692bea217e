"""Store 1, 政务服务事项信息库: service items, every version kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from hub.domain.errors import RejectedError
from hub.domain.history import ItemFact
from hub.domain.record_json import to_json
from hub.domain.records import ServiceItem
from hub.stores.base import AnyRow, Document, RowId, UtcTime, insert_or_ignore, metadata
from hub.stores.facts import Held, Incoming, Key, Rereads, Stored, by_received_time, sort_out, take_out

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
    Column("said_until", RowId),  # the last message that repeated it; see hub.stores.facts.Held
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

by_received_time(service_item_version)

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


def store_items(
    unit: Connection, incoming: Sequence[Incoming[ServiceItem]], rereads: Rereads = MappingProxyType({})
) -> Stored[ServiceItem]:
    """Adds versions that are new. A revision with other content and a retired code are refused, never overwritten."""
    codes = {entry.record.item_code for entry in incoming}
    if not codes and not rereads:
        return Stored()
    retired = set(unit.execute(select(retired_code.c.item_code).where(retired_code.c.item_code.in_(codes))).scalars())
    table = service_item_version
    known: dict[Key, dict[int, Held]] = {}
    for row in unit.execute(_VERSIONS.where(table.c.item_code.in_(codes))):
        known.setdefault((row.item_code,), {})[row.revision] = Held(row.content_digest, row.envelope_id, row.said_until)
    stored = sort_out([entry for entry in incoming if entry.record.item_code not in retired], known)
    stored.refused += [(entry, _retired()) for entry in incoming if entry.record.item_code in retired]
    changed = _forget_readings(unit, stored, rereads)
    if stored.added:
        unit.execute(insert(table), [_row(entry) for entry in stored.added])
    for (code,), revision, until in stored.repeats:
        unit.execute(update(table).where(*_is(code, revision)).values(said_until=until))
    if stored.added or changed:
        _mark_current(unit, {entry.record.item_code for entry in stored.added} | changed)
    return stored


def _forget_readings(unit: Connection, stored: Stored[ServiceItem], rereads: Rereads) -> set[str]:
    """As for steps and results: what the adapter in force now does not read goes; codes that changed by it."""
    unsaid = [
        row
        for row in _read_out_of(unit, rereads)
        if (row.envelope_id, (row.item_code,), row.revision) not in stored.said
    ]
    take_out(stored, [((row.item_code,), row.revision, row.said_until) for row in unsaid])
    places = [(key[0], revision) for key, revision in stored.reread]
    places += [(row.item_code, row.revision) for row in unsaid]
    for code, revision in places:
        unit.execute(delete(service_item_version).where(*_is(code, revision)))
    for (code,), old, new in sorted(stored.moved, reverse=True):  # the highest first: no two have the same number
        unit.execute(update(service_item_version).where(*_is(code, old)).values(revision=new))
    return {code for code, _ in places} | {key[0] for key, *_ in stored.moved}


def _is(code: str, revision: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return service_item_version.c.item_code == code, service_item_version.c.revision == revision


def _read_out_of(unit: Connection, rereads: Rereads) -> list[AnyRow]:
    if not rereads:
        return []
    table = service_item_version
    query = _VERSIONS.where(table.c.received_at.in_(set(rereads.values())), table.c.envelope_id.in_(list(rereads)))
    return list(unit.execute(query).all())


_VERSIONS = select(
    service_item_version.c.item_code,
    service_item_version.c.revision,
    service_item_version.c.content_digest,
    service_item_version.c.envelope_id,
    service_item_version.c.said_until,
)


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
