"""The exchange store, beside the five: messages as received, the outbox, and what was set aside.

A message is accepted when its row and its outbox row are committed; the receipt only repeats what stands here.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from hub.domain.envelopes import Envelope
from hub.domain.errors import HubError
from hub.domain.receipts import Receipt, ReceiptStatus, RecordError, RecordState, StateOfRecord, path_in_message
from hub.stores.adapters import versions_of
from hub.stores.base import AnyRow, Document, RowId, UtcTime, metadata
from hub.stores.outbox import outbox, remove
from hub.stores.paging import fitting
from hub.stores.sealing import Sealer

envelope = Table(
    "envelope",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("receipt_no", String(32), nullable=False, unique=True),
    Column("sender_id", ForeignKey("sender.id"), nullable=False),
    Column("message_id", String(100), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("body_format", String(10), nullable=False),
    Column("charset", String(10), nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Column("body_size", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("trace_id", String(64), nullable=False),
    Column("accepted_count", Integer, nullable=False),
    Column("rejected_count", Integer, nullable=False),
    Column("record_ids", Document, nullable=False),  # in message order, null where a record had none
    Column("errors", Document, nullable=False),  # rows of RecordError
    Column("processed_at", UtcTime),
    Column("repeats", Integer, nullable=False, default=0, server_default="0"),  # later deliveries of the same message
    # Of a message in a department's own form. Read again by the version then in force, else by this one.
    Column("adapter_version_id", RowId),
    Column("source", String(100)),
    UniqueConstraint("sender_id", "message_id"),
)
Index(
    "ix_envelope_adapter_version", envelope.c.adapter_version_id, envelope.c.id,
    sqlite_where=envelope.c.adapter_version_id.is_not(None),
    postgresql_where=envelope.c.adapter_version_id.is_not(None),
)  # fmt: skip
Index("ix_envelope_received_at", envelope.c.received_at, envelope.c.id)
Index("ix_envelope_sender_received", envelope.c.sender_id, envelope.c.received_at)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("envelope_id", ForeignKey("envelope.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("record_id", String(100)),
    Column("code", String(10), nullable=False),
    Column("path", String(300), nullable=False),
    Column("message", Text, nullable=False),
    Column("sample", Text, nullable=False, default=""),
    Column("state", String(10), nullable=False),
    Column("quarantined_at", UtcTime, nullable=False),
    Column("resolved_at", UtcTime),
    Column("resolved_by", String(100)),
    Column("reason", String(500)),
    UniqueConstraint("envelope_id", "seq"),
)
Index("ix_quarantine_state", quarantine.c.state, quarantine.c.id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An accepted message that a worker has taken to process."""

    outbox_id: int
    envelope_id: int
    sender_id: int
    kind: str
    body_format: str
    charset: str
    body: bytes
    received_at: datetime
    trace_id: str
    rejected_seqs: frozenset[int]
    attempts: int
    unit_count: int = 0
    is_reread: bool = False
    """Processed before; its department's adapter may read it otherwise now."""
    adapter_version_id: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that cannot be taken: where it stands, why, and a masked sample. `path` is relative to the message."""

    seq: int
    record_id: str | None
    error: HubError
    path: str = ""
    sample: str = ""


_RECEIPT_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_receipt_no(now: datetime) -> str:
    return f"R{now:%Y%m%d}-" + "".join(_RECEIPT_DIGITS[byte % 32] for byte in secrets.token_bytes(12))


def accept(unit: Connection, sealed_body: bytes, message: Envelope) -> Receipt | None:
    """Keeps the message and, when any record is good, its outbox row. None when sender and messageId are known."""
    errors = [
        _error_row(arrival.seq, arrival.record_id, message, issue)
        for arrival in message.arrivals
        for issue in arrival.issues
    ]
    rejected = sum(1 for arrival in message.arrivals if arrival.issues)
    values = {
        "receipt_no": new_receipt_no(message.received_at),
        "sender_id": message.sender.sender_id,
        "message_id": message.message_id,
        "kind": message.kind.name,
        "body_format": message.body_format,
        "charset": message.charset,
        "body_sealed": sealed_body,
        "body_size": len(message.body),
        "digest": message.digest,
        "received_at": message.received_at,
        "trace_id": message.trace_id,
        "accepted_count": len(message.arrivals) - rejected,
        "rejected_count": rejected,
        "record_ids": [arrival.record_id for arrival in message.arrivals],
        "errors": errors,
        "processed_at": message.received_at if rejected == len(message.arrivals) else None,
        "adapter_version_id": message.adapter_version_id,
        "source": message.source,
    }
    envelope_id = unit.execute(_unless_known(unit.dialect.name), values).scalar()
    if envelope_id is None:
        return None
    if values["processed_at"] is None:
        enqueue(unit, [envelope_id], message.received_at)
    return receipt_of(SimpleNamespace(**values))


@cache
def _unless_known(dialect_name: str) -> Any:
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    statement = dialect.insert(envelope).on_conflict_do_nothing(index_elements=["sender_id", "message_id"])
    return statement.returning(envelope.c.id)


def _error_row(seq: int, record_id: str | None, message: Envelope, issue: Any) -> list[Any]:
    return [seq, record_id, issue.code, path_in_message(message.kind.element, seq, issue.path), issue.message]


def enqueue(unit: Connection, envelope_ids: Iterable[int], now: datetime) -> None:
    """Puts messages (again) before the workers; processing the same message twice changes nothing."""
    unit.execute(_ENQUEUE, {"ids": list(envelope_ids), "at": now})


_AT = bindparam("at", type_=UtcTime)
# Waits for nothing: a time of the door's clock would be compared with that of another machine.
_AT_ONCE = literal(datetime(1970, 1, 1, tzinfo=UTC), UtcTime)
_ENQUEUE = insert(outbox).from_select(
    ["envelope_id", "records", "created_at", "available_at", "attempts"],
    select(envelope.c.id, envelope.c.accepted_count, _AT, _AT_ONCE, literal(0))
    .where(envelope.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(envelope.c.id),
)


def find(
    unit: Connection, sender_id: int, *, receipt_no: str | None = None, message_id: str | None = None
) -> AnyRow | None:
    """The envelope row of a sender by receipt number or message id."""
    query = select(envelope).where(envelope.c.sender_id == sender_id)
    if receipt_no is not None:
        query = query.where(envelope.c.receipt_no == receipt_no)
    if message_id is not None:
        query = query.where(envelope.c.message_id == message_id)
    return unit.execute(query).first()


def receipt_of(row: AnyRow | SimpleNamespace) -> Receipt:
    status = ReceiptStatus.PARTIAL
    if row.rejected_count == 0:
        status = ReceiptStatus.ACCEPTED
    elif row.accepted_count == 0:
        status = ReceiptStatus.REJECTED
    return Receipt(
        receipt_no=row.receipt_no,
        message_id=row.message_id,
        status=status,
        received_at=row.received_at,
        digest=row.digest,
        accepted_count=row.accepted_count,
        rejected_count=row.rejected_count,
        errors=tuple(RecordError(*error) for error in row.errors),
    )


def record_states(unit: Connection, row: AnyRow) -> tuple[StateOfRecord, ...]:
    """Where every record of a message is, derived from the message, its refusals and its quarantine rows."""
    refused = {error[0]: error for error in reversed(row.errors)}
    open_rows = (quarantine.c.envelope_id == row.id) & (quarantine.c.state == "OPEN")
    aside = {held.seq: held for held in unit.execute(select(quarantine).where(open_rows))}
    rest = RecordState.STORED if row.processed_at is not None else _waiting_state(unit, row.id)
    states = []
    for seq, record_id in enumerate(row.record_ids, start=1):
        if seq in refused:
            states.append(StateOfRecord(seq, record_id, RecordState.REJECTED, refused[seq][2], refused[seq][4]))
        elif seq in aside:
            held = aside[seq]
            states.append(StateOfRecord(seq, record_id, RecordState.QUARANTINED, held.code, held.message))
        else:
            states.append(StateOfRecord(seq, record_id, rest))
    return tuple(states)


def _waiting_state(unit: Connection, envelope_id: int) -> RecordState:
    tried = unit.execute(select(outbox.c.attempts).where(outbox.c.envelope_id == envelope_id)).scalar()
    return RecordState.QUEUED if tried else RecordState.RECEIVED


def open_taken(unit: Connection, sealer: Sealer, outbox_ids: Sequence[int]) -> list[Waiting]:
    """The messages with their bodies; what another worker holds or has done is passed by."""
    query = (
        select(outbox.c.id.label("outbox_id"), outbox.c.attempts, envelope)
        .join_from(outbox, envelope)
        .where(outbox.c.id.in_(outbox_ids))
        .order_by(outbox.c.id)
        .with_for_update(skip_locked=True, of=outbox)
    )
    # All rows first: a body that cannot be opened raises, and a half-read SELECT would pin SQLite's snapshot.
    return [opened(row, sealer, row.outbox_id, row.attempts) for row in unit.execute(query).all()]


def last_adapted(unit: Connection, sealer: Sealer, adapter_code: str, limit: int, most_bytes: int) -> list[Waiting]:
    """The last messages that came in a department's own form for an adapter, newest first, as many as fit."""
    sizes = select(envelope.c.id, envelope.c.body_size.label("size"))
    sizes = sizes.where(envelope.c.adapter_version_id.in_(versions_of(adapter_code)))
    ids = fitting(unit.execute(sizes.order_by(envelope.c.id.desc()).limit(limit)).all(), most_bytes)
    rows = unit.execute(select(envelope).where(envelope.c.id.in_(ids)).order_by(envelope.c.id.desc())).all()
    return [opened(row, sealer) for row in rows]


def opened(row: AnyRow, sealer: Sealer, outbox_id: int = 0, attempts: int = 0) -> Waiting:
    """An envelope row as a worker takes it. Raises RejectedError HUB-9004 when the body cannot be opened."""
    return Waiting(
        outbox_id=outbox_id,
        envelope_id=row.id,
        sender_id=row.sender_id,
        kind=row.kind,
        body_format=row.body_format,
        charset=row.charset,
        body=sealer.open_body(row.body_sealed),
        received_at=row.received_at,
        trace_id=row.trace_id,
        rejected_seqs=frozenset(error[0] for error in row.errors),
        attempts=attempts,
        unit_count=len(row.record_ids),
        is_reread=row.processed_at is not None,
        adapter_version_id=row.adapter_version_id,
        source=row.source,
    )


def give_up(unit: Connection, outbox_id: int, error: HubError, now: datetime) -> str | None:
    """Sets a whole message aside and takes it out of the queue; its trace id, None when it is processed already."""
    query = select(envelope).join_from(outbox, envelope).where(outbox.c.id == outbox_id)
    row = unit.execute(query).first()
    if row is None:
        return None
    refused = {entry[0] for entry in row.errors}
    records = [
        SetAside(seq, record_id, error) for seq, record_id in enumerate(row.record_ids, start=1) if seq not in refused
    ]
    set_aside(unit, row.id, records, now)
    _finish(unit, [row.id], [outbox_id], now)
    trace_id: str = row.trace_id
    return trace_id


def complete(unit: Connection, done: Sequence[Waiting], now: datetime) -> None:
    """Marks messages processed and takes them out of the queue."""
    _finish(unit, [waiting.envelope_id for waiting in done], [waiting.outbox_id for waiting in done], now)


def _finish(unit: Connection, envelope_ids: Sequence[int], outbox_ids: Sequence[int], now: datetime) -> None:
    unit.execute(update(envelope).where(envelope.c.id.in_(envelope_ids)).values(processed_at=now))
    remove(unit, outbox_ids)


def set_aside(unit: Connection, envelope_id: int, records: Sequence[SetAside], now: datetime) -> None:
    """Quarantines records of one message; what an earlier run of the same message set aside is replaced."""
    seqs = [record.seq for record in records]
    mine = quarantine.c.envelope_id == envelope_id
    unit.execute(delete(quarantine).where(mine, quarantine.c.seq.in_(seqs), quarantine.c.state != "DISCARDED"))
    kept = set(unit.execute(select(quarantine.c.seq).where(mine, quarantine.c.seq.in_(seqs))).scalars())
    rows = [
        {
            "envelope_id": envelope_id,
            "seq": record.seq,
            "record_id": record.record_id,
            "code": record.error.code,
            "path": record.path,
            "message": record.error.message,
            "sample": record.sample,
            "state": "OPEN",
            "quarantined_at": now,
        }
        for record in records
        if record.seq not in kept
    ]
    if rows:
        unit.execute(insert(quarantine), rows)


def clear_quarantine(unit: Connection, envelope_ids: Sequence[int], now: datetime) -> None:
    """Open quarantine rows of messages about to be processed again are marked replayed; what fails again returns."""
    open_rows = quarantine.c.envelope_id.in_(envelope_ids) & (quarantine.c.state == "OPEN")
    unit.execute(update(quarantine).where(open_rows).values(state="REPLAYED", resolved_at=now))
