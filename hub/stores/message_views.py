"""Read models of the exchange store: messages, their records, and the quarantine."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from hub.domain.codes import RECEIPT_STATES, RECORD_STATES
from hub.domain.errors import NotFoundError
from hub.domain.records import RECORD_KINDS
from hub.domain.times import as_json
from hub.stores.adapters import adapter, adapter_version
from hub.stores.base import AnyRow
from hub.stores.exchange import envelope, quarantine, receipt_of, record_states
from hub.stores.paging import Page, page
from hub.stores.registry import sender
from hub.stores.sealing import Sealer

MESSAGE_STATES = {"WAITING": "处理中", "PROCESSED": "已处理"}
QUARANTINE_STATES = {"OPEN": "待处理", "REPLAYED": "已重放", "DISCARDED": "已作废"}


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """Filters of the message list; None means all."""

    sender: str | None = None
    status: str | None = None
    state: str | None = None
    received_from: datetime | None = None
    q: str | None = None
    limit: int = 50
    after: str | None = None


_QUARANTINED = (
    select(func.count())
    .where(quarantine.c.envelope_id == envelope.c.id, quarantine.c.state == "OPEN")
    .correlate(envelope)
    .scalar_subquery()
    .label("quarantined_count")
)


def _messages() -> Select[Any]:
    columns = [column for column in envelope.c if column.name != "body_sealed"]
    named = (sender.c.code.label("sender_code"), sender.c.name.label("sender_name"), adapter.c.code.label("adapter"))
    query = select(*columns, *named, _QUARANTINED).join_from(envelope, sender)
    read_with = envelope.c.adapter_version_id == adapter_version.c.id
    return query.outerjoin(adapter_version, read_with).outerjoin(adapter, adapter.c.id == adapter_version.c.adapter_id)


_STATUS = {
    "ACCEPTED": envelope.c.rejected_count == 0,
    "REJECTED": envelope.c.accepted_count == 0,
    "REFUSED": envelope.c.rejected_count > 0,  # some or all records were refused
    "PARTIAL": and_(envelope.c.rejected_count > 0, envelope.c.accepted_count > 0),
}
_STATE = {"WAITING": envelope.c.processed_at.is_(None), "PROCESSED": envelope.c.processed_at.is_not(None)}


def search_messages(unit: Connection, wanted: MessageQuery) -> Page:
    query = _messages()
    if wanted.sender:
        query = query.where(sender.c.code == wanted.sender)
    if wanted.status in _STATUS:
        query = query.where(_STATUS[wanted.status])
    if wanted.state in _STATE:
        query = query.where(_STATE[wanted.state])
    if wanted.received_from:
        query = query.where(envelope.c.received_at >= wanted.received_from)
    if wanted.q:
        query = query.where(
            or_(envelope.c.receipt_no == wanted.q, envelope.c.message_id == wanted.q, envelope.c.trace_id == wanted.q)
        )
    return page(unit, query, envelope.c.id, after=wanted.after, limit=wanted.limit, item=_message)


def _message(row: AnyRow) -> dict[str, Any]:
    status = receipt_of(row).status
    state = "PROCESSED" if row.processed_at else "WAITING"
    return {
        "receiptNo": row.receipt_no,
        "messageId": row.message_id,
        "sender": row.sender_code,
        "senderName": row.sender_name,
        "kind": row.kind,
        "kindTitle": _kind_title(row),
        "adapter": row.adapter,
        "status": status.value,
        "statusTitle": RECEIPT_STATES[status.value],
        "state": state,
        "stateTitle": MESSAGE_STATES[state],
        "receivedAt": as_json(row.received_at),
        "processedAt": as_json(row.processed_at),
        "acceptedCount": row.accepted_count,
        "rejectedCount": row.rejected_count,
        "quarantinedCount": row.quarantined_count,
        "size": row.body_size,
        "digest": row.digest,
        "traceId": row.trace_id,
    }


def _kind_title(row: AnyRow) -> str:
    """A message in a department's own form may give records of every kind."""
    return RECORD_KINDS[row.kind].title if row.adapter is None else f"部门格式 {row.adapter}"


def message_detail(unit: Connection, receipt_no: str) -> dict[str, Any]:
    """One message with its errors and the state of every record. Raises NotFoundError HUB-4041."""
    row = unit.execute(_messages().where(envelope.c.receipt_no == receipt_no)).first()
    if row is None:
        raise NotFoundError("HUB-4041", "没有这个回执")
    records = [
        {
            "seq": held.seq,
            "recordId": held.record_id,
            "state": held.state.value,
            "stateTitle": RECORD_STATES[held.state.value],
            "code": held.code,
            "message": held.message,
        }
        for held in record_states(unit, row)
    ]
    errors = [dict(zip(("seq", "recordId", "code", "path", "message"), error, strict=True)) for error in row.errors]
    return _message(row) | {"errors": errors, "records": records, "bodyFormat": row.body_format, "charset": row.charset}


def message_body(unit: Connection, sealer: Sealer, receipt_no: str) -> str:
    """The body as received, as text; what is no text is shown by signs in its place. The caller records who looked.

    Raises NotFoundError HUB-4041.
    """
    row = unit.execute(
        select(envelope.c.body_sealed, envelope.c.charset).where(envelope.c.receipt_no == receipt_no)
    ).first()
    if row is None:
        raise NotFoundError("HUB-4041", "没有这个回执")
    return sealer.open_body(row.body_sealed).decode(row.charset, errors="replace")


@dataclass(frozen=True, slots=True)
class QuarantineQuery:
    """Filters of the quarantine list; None means all."""

    state: str | None = "OPEN"
    code: str | None = None
    limit: int = 50
    after: str | None = None


def _quarantine() -> Select[Any]:
    columns = (
        envelope.c.receipt_no,
        envelope.c.message_id,
        sender.c.code.label("sender_code"),
        sender.c.name.label("sender_name"),
    )
    return select(quarantine, *columns).join_from(quarantine, envelope).join(sender)


def quarantined(unit: Connection, quarantine_id: int) -> dict[str, Any]:
    """One quarantined record. Raises NotFoundError HUB-4043."""
    row = unit.execute(_quarantine().where(quarantine.c.id == quarantine_id)).first()
    if row is None:
        raise NotFoundError("HUB-4043", "没有这条隔离记录")
    return _held(row)


def search_quarantine(unit: Connection, wanted: QuarantineQuery) -> Page:
    query = _quarantine()
    if wanted.state:
        query = query.where(quarantine.c.state == wanted.state)
    if wanted.code:
        query = query.where(quarantine.c.code == wanted.code)
    return page(unit, query, quarantine.c.id, after=wanted.after, limit=wanted.limit, item=_held)


def _held(row: AnyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "receiptNo": row.receipt_no,
        "messageId": row.message_id,
        "sender": row.sender_code,
        "senderName": row.sender_name,
        "seq": row.seq,
        "recordId": row.record_id,
        "code": row.code,
        "path": row.path,
        "message": row.message,
        "state": row.state,
        "stateTitle": QUARANTINE_STATES[row.state],
        "quarantinedAt": as_json(row.quarantined_at),
        "resolvedAt": as_json(row.resolved_at),
        "resolvedBy": row.resolved_by,
        "reason": row.reason,
        "sample": row.sample,
    }
