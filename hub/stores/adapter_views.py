"""Read models of adapters: what came in for each, what became of it, and what of it was kept last."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from hub.domain.times import as_json, day_bounds
from hub.stores.adapters import adapter, adapter_version, versions_of
from hub.stores.exchange import envelope, quarantine
from hub.stores.registry import sender
from hub.stores.sealing import Sealer
from hub.stores.unmapped_codes import open_counts

_MOST_ERRORS = 10
_OWN_NUMBER = re.compile(r"^record\[[0-9]+\]/?")


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it came in for an adapter. Its body may name people: never shown as it is."""

    receipt_no: str
    received_at: datetime
    body: bytes
    charset: str
    source: str | None


def described(unit: Connection, rows: Sequence[Mapping[str, Any]], now: datetime, day: date) -> list[dict[str, Any]]:
    """`adapters.adapter_row`s with `version, senderName, lastReceivedAt, silentSeconds, today, openQuarantine,
    openUnmapped`. `day` is today in China."""
    ids = [row["id"] for row in rows]
    figures, last = day_figures(unit, ids, day), _last_received(unit, ids)
    held, unmapped = _open_quarantine(unit, ids), open_counts(unit, ids)
    names, numbers = _sender_names(unit, rows), _active_numbers(unit, ids)
    return [
        {
            **row,
            "version": numbers.get(row["id"]),
            "senderName": names.get(row["sender"]),
            "lastReceivedAt": as_json(last.get(row["id"])),
            "silentSeconds": (now - last[row["id"]]).total_seconds() if row["id"] in last else None,
            "today": figures[row["id"]],
            "openQuarantine": held.get(row["id"], 0),
            "openUnmapped": unmapped.get(row["id"], 0),
        }
        for row in rows
    ]


def day_figures(unit: Connection, adapter_ids: Sequence[int], day: date) -> dict[int, dict[str, int]]:
    """`received` messages and `accepted, rejected, quarantined` records of one day in China, by adapter id."""
    begin, end = day_bounds(day)
    within = (envelope.c.received_at >= begin, envelope.c.received_at < end)
    counted = _of_adapters(
        adapter_ids, func.count(), func.sum(envelope.c.accepted_count), func.sum(envelope.c.rejected_count)
    ).where(*within)
    held = _of_adapters(adapter_ids, func.count()).join(quarantine).where(*within)
    aside = {row[0]: row[1] for row in unit.execute(held)}
    figures = {one: {"received": 0, "accepted": 0, "rejected": 0, "quarantined": 0} for one in adapter_ids}
    for adapter_id, received, accepted, rejected in unit.execute(counted):
        figures[adapter_id] |= {"received": received, "accepted": accepted or 0, "rejected": rejected or 0}
    for adapter_id, count in aside.items():
        figures[adapter_id]["quarantined"] = count
    return figures


def last_days(unit: Connection, adapter_id: int, today: date, days: int) -> list[dict[str, Any]]:
    """`day_figures` of the last days, today first, without days before the first message."""
    spans = [today - timedelta(days=back) for back in range(days)]
    rows = [{"day": day.isoformat()} | day_figures(unit, [adapter_id], day)[adapter_id] for day in spans]
    last_heard = max((place for place, row in enumerate(rows) if row["received"]), default=-1)
    return rows[: last_heard + 1]


def top_errors(unit: Connection, adapter_id: int) -> list[dict[str, Any]]:
    """`code, path, count` of the records that are set aside now, the most frequent first."""
    query = (
        select(quarantine.c.code, func.min(quarantine.c.path), func.count())
        .join(envelope)
        .join(adapter_version, adapter_version.c.id == envelope.c.adapter_version_id)
        .where(adapter_version.c.adapter_id == adapter_id, quarantine.c.state == "OPEN")
        .group_by(quarantine.c.code)
        .order_by(func.count().desc())
        .limit(_MOST_ERRORS)
    )
    return [
        {"code": code, "path": place_in_unit(path or ""), "count": count} for code, path, count in unit.execute(query)
    ]


def last_messages(unit: Connection, sealer: Sealer, code: str, limit: int) -> list[StoredMessage]:
    """What came in for an adapter, newest first."""
    query = select(
        envelope.c.receipt_no, envelope.c.received_at, envelope.c.body_sealed, envelope.c.charset, envelope.c.source
    ).where(envelope.c.adapter_version_id.in_(versions_of(code)))
    return [
        StoredMessage(row.receipt_no, row.received_at, sealer.open_body(row.body_sealed), row.charset, row.source)
        for row in unit.execute(query.order_by(envelope.c.id.desc()).limit(limit))
    ]


def place_in_unit(path: str) -> str:
    """`record[3]/caseNo` as `caseNo`: the same place in every record."""
    return _OWN_NUMBER.sub("", path)


def _of_adapters(adapter_ids: Sequence[int], *columns: ColumnElement[Any]) -> Any:
    query = select(adapter_version.c.adapter_id, *columns).select_from(adapter_version)
    joined = query.join(envelope, envelope.c.adapter_version_id == adapter_version.c.id)
    return joined.where(adapter_version.c.adapter_id.in_(list(adapter_ids))).group_by(adapter_version.c.adapter_id)


def _last_received(unit: Connection, adapter_ids: Sequence[int]) -> dict[int, datetime]:
    """Found by the index of each version, so that nobody reads all messages of an adapter."""
    newest = (
        select(envelope.c.received_at)
        .where(envelope.c.adapter_version_id == adapter_version.c.id)
        .order_by(envelope.c.id.desc())
        .limit(1)
        .correlate(adapter_version)
        .scalar_subquery()
    )
    query = select(adapter_version.c.adapter_id, newest).where(adapter_version.c.adapter_id.in_(list(adapter_ids)))
    last: dict[int, datetime] = {}
    for adapter_id, moment in unit.execute(query):
        if moment is not None:
            last[adapter_id] = max(moment, last.get(adapter_id, moment))
    return last


def _open_quarantine(unit: Connection, adapter_ids: Sequence[int]) -> dict[int, int]:
    query = _of_adapters(adapter_ids, func.count()).join(quarantine).where(quarantine.c.state == "OPEN")
    return {adapter_id: count for adapter_id, count in unit.execute(query)}


def _sender_names(unit: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    codes = {row["sender"] for row in rows} - {None}
    query = select(sender.c.code, sender.c.name).where(sender.c.code.in_(sorted(codes)))
    return {row.code: row.name for row in unit.execute(query)}


def _active_numbers(unit: Connection, adapter_ids: Sequence[int]) -> dict[int, int]:
    query = (
        select(adapter.c.id, adapter_version.c.number)
        .join(adapter_version, adapter_version.c.id == adapter.c.active_version_id)
        .where(adapter.c.id.in_(list(adapter_ids)))
    )
    return {row.id: row.number for row in unit.execute(query)}
