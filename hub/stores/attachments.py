"""Files of cases, as departments push them: content sealed, found by sender and id, shown on the case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    String,
    Table,
    UniqueConstraint,
    or_,
    select,
)

from hub.domain.errors import NotFoundError
from hub.domain.identifiers import tidy
from hub.domain.receipts import Receipt, ReceiptStatus, RecordState, StateOfRecord
from hub.domain.records import Attachment
from hub.stores import audit
from hub.stores.audit import Act
from hub.stores.base import AnyRow, RowId, UtcTime, insert_or_ignore, metadata
from hub.stores.case_library import case_library
from hub.stores.exchange import new_receipt_no
from hub.stores.processes import process_record
from hub.stores.results import result_record

attachment_file = Table(
    "attachment_file",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("receipt_no", String(32), nullable=False, unique=True),
    Column("sender_id", ForeignKey("sender.id"), nullable=False),
    Column("message_id", String(100), nullable=False),
    Column("attachment_id", String(100), nullable=False),
    Column("name", String(500), nullable=False),
    Column("media_type", String(100)),
    Column("case_no", String(100), nullable=False),
    Column("item_code", String(100), nullable=False),
    Column("kind", String(100)),
    Column("size", RowId, nullable=False),  # bytes
    Column("digest", String(64), nullable=False),  # SHA-256 of the content
    Column("content_sealed", LargeBinary, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("trace_id", String(64), nullable=False),
    UniqueConstraint("sender_id", "message_id"),
    UniqueConstraint("sender_id", "attachment_id"),
)
Index("ix_attachment_file_case_no", attachment_file.c.case_no)

_SHOWN = [column for column in attachment_file.c if column is not attachment_file.c.content_sealed]
_DESCRIBING = ("name", "media_type", "case_no", "item_code", "kind")


@dataclass(frozen=True, slots=True)
class PushedFile:
    """An attachment on its way into the store; `digest` is the SHA-256 (hex) of its content."""

    sender_id: int
    message_id: str
    attachment: Attachment
    digest: str
    received_at: datetime
    trace_id: str

    def says_the_same(self, row: AnyRow) -> bool:
        """Whether a row holds this file under this id, with everything that is said about it."""
        if (row.attachment_id, row.digest) != (self.attachment.id, self.digest):
            return False
        return all(getattr(row, name) == getattr(self.attachment, name) for name in _DESCRIBING)


def keep(unit: Connection, sealed_content: bytes, pushed: PushedFile) -> Receipt | None:
    """Keeps the file. None when the sender's id of the file, or of the message, is known."""
    values = {name: getattr(pushed.attachment, name) for name in _DESCRIBING} | {
        "receipt_no": new_receipt_no(pushed.received_at),
        "sender_id": pushed.sender_id,
        "message_id": pushed.message_id,
        "attachment_id": pushed.attachment.id,
        "size": len(pushed.attachment.content),
        "digest": pushed.digest,
        "content_sealed": sealed_content,
        "received_at": pushed.received_at,
        "trace_id": pushed.trace_id,
    }
    row = unit.execute(insert_or_ignore(unit, attachment_file).returning(*_SHOWN), values).first()
    return None if row is None else receipt_of(row)


def held(unit: Connection, pushed: PushedFile) -> Sequence[AnyRow]:
    """The rows in the way of this file: the same id, the same message id, or both in two rows."""
    table = attachment_file
    same = or_(table.c.attachment_id == pushed.attachment.id, table.c.message_id == pushed.message_id)
    return unit.execute(select(*_SHOWN).where(table.c.sender_id == pushed.sender_id, same).order_by(table.c.id)).all()


def find(
    unit: Connection, sender_id: int, *, receipt_no: str | None = None, message_id: str | None = None
) -> AnyRow | None:
    """The row of a sender by receipt number or message id."""
    query = select(*_SHOWN).where(attachment_file.c.sender_id == sender_id)
    if receipt_no is not None:
        query = query.where(attachment_file.c.receipt_no == receipt_no)
    if message_id is not None:
        query = query.where(attachment_file.c.message_id == message_id)
    return unit.execute(query).first()


def receipt_of(row: AnyRow) -> Receipt:
    return Receipt(
        receipt_no=row.receipt_no,
        message_id=row.message_id,
        status=ReceiptStatus.ACCEPTED,
        received_at=row.received_at,
        digest=row.digest,
        accepted_count=1,
        rejected_count=0,
    )


def record_states(row: AnyRow) -> tuple[StateOfRecord, ...]:
    return (StateOfRecord(1, row.attachment_id, RecordState.STORED),)


def _of_case(case_id: int, case_no: str, columns: Sequence[Any]) -> Select[Any]:
    """Files of those who reported on the case: another department may use the same number for a case of its own."""
    senders = [select(facts.c.sender_id).where(facts.c.case_id == case_id) for facts in (process_record, result_record)]
    mine = or_(*(attachment_file.c.sender_id.in_(query) for query in senders))
    return select(*columns).where(attachment_file.c.case_no == case_no, mine)


def files_of_case(unit: Connection, case_id: int, case_no: str) -> Sequence[AnyRow]:
    """Without content, in order of arrival."""
    return unit.execute(_of_case(case_id, case_no, _SHOWN).order_by(attachment_file.c.id)).all()


@dataclass(frozen=True, slots=True)
class Look:
    """Who wants to see the content of a file, and why. `scope` None: the whole county."""

    actor: str
    reason: str
    address: str
    scope: frozenset[str] | None


def look_into(unit: Connection, look: Look, unified_no: str, receipt_no: str, now: datetime) -> AnyRow:
    """One file of a case with its sealed content, by the number of its receipt; the look is put on record.

    Raises NotFoundError HUB-4042 without such a case in scope, HUB-4043 without such a file.
    """
    case = unit.execute(select(case_library).where(case_library.c.unified_no == tidy(unified_no))).first()
    if case is None or (look.scope is not None and case.org_code not in look.scope):
        raise NotFoundError("HUB-4042", "没有这个办件")
    query = _of_case(case.id, case.case_no, list(attachment_file.c))
    row = unit.execute(query.where(attachment_file.c.receipt_no == receipt_no)).first()
    if row is None:
        raise NotFoundError("HUB-4043", "这个办件没有这份附件")
    detail = {"reason": look.reason, "unifiedNo": case.unified_no}
    audit.record(
        unit, Act(look.actor, "READ_ATTACHMENT", "attachment", receipt_no, address=look.address, detail=detail), now
    )
    return row
