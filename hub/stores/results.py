"""Store 3, 办理结果信息库: how cases ended."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from hub.domain.records import ResultRecord
from hub.stores.base import Document, RowId, UtcTime, metadata
from hub.stores.bulk import insert_rows, reserve_ids
from hub.stores.facts import Incoming, Rereads, Stored, by_received_time, sort_out
from hub.stores.processes import (
    ATTACHMENT_COLUMNS,
    attachment,
    forget_readings,
    known_digests,
    mark_current,
    note_repeats,
    pick,
    split_revisions,
)

result_record = Table(
    "result_record",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("sender_id", ForeignKey("sender.id"), nullable=False),
    Column("record_id", String(100), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("case_id", ForeignKey("case_library.id"), nullable=False),
    Column("envelope_id", ForeignKey("envelope.id"), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("said_until", RowId),  # the last message that repeated it; see hub.stores.facts.Held
    Column("item_code", String(100), nullable=False),
    Column("result_status", String(32), nullable=False),
    Column("raw_status", String(32)),
    Column("opinion", Text),
    Column("finished_at", UtcTime, nullable=False),
    Column("receivable", Numeric(16, 2)),
    Column("paid", Numeric(16, 2)),
    Column("relief_reason", String(400)),
    Column("certificate_name", String(200)),
    Column("certificate_no", String(200)),
    Column("certificate_valid_until", String(30)),
    Column("delivered_at", UtcTime),
    Column("delivery_method", String(100)),
    Column("satisfaction", Integer),
    Column("notes", Document, nullable=False),
    UniqueConstraint("sender_id", "record_id", "revision"),
)
Index("ix_result_record_case", result_record.c.case_id, result_record.c.is_current)
by_received_time(result_record)

_COLUMNS = (
    "record_id", "revision", "item_code", "result_status", "opinion", "finished_at", "receivable", "paid",
    "relief_reason", "certificate_name", "certificate_no", "certificate_valid_until", "delivered_at",
    "delivery_method", "satisfaction",
)  # fmt: skip


def store_results(
    unit: Connection,
    incoming: Sequence[Incoming[ResultRecord]],
    case_ids: dict[tuple[str, str], int],
    rereads: Rereads = MappingProxyType({}),
) -> Stored[ResultRecord]:
    """Adds results that are new. `case_ids` holds every (orgCode, caseNo) of the batch."""
    known = known_digests(unit, result_record, {entry.key for entry in incoming})
    stored = sort_out(incoming, known)
    changed = forget_readings(unit, result_record, stored, rereads)
    if not stored.added:
        mark_current(unit, result_record, changed)
        note_repeats(unit, result_record, stored)
        return stored
    unsettled = split_revisions(unit, result_record, stored.added, set(known)) | changed
    ids = reserve_ids(unit, result_record, len(stored.added))
    rows = [
        {"id": row_id} | _row(entry, case_ids, is_current=entry.key not in unsettled)
        for row_id, entry in zip(ids, stored.added, strict=True)
    ]
    insert_rows(unit, result_record, rows)
    attachments = [
        {"result_record_id": row_id, "case_id": row["case_id"]} | pick(note, ATTACHMENT_COLUMNS)
        for row_id, row, entry in zip(ids, rows, stored.added, strict=True)
        for note in entry.record.attachment
    ]
    insert_rows(unit, attachment, attachments)
    mark_current(unit, result_record, unsettled)
    note_repeats(unit, result_record, stored)
    return stored


def _row(entry: Incoming[ResultRecord], case_ids: dict[tuple[str, str], int], *, is_current: bool) -> dict[str, Any]:
    record = entry.record
    raw_status = next((note.raw for note in entry.notes if note.path == "resultStatus"), None)
    case_id = case_ids[record.org_code, record.case_no]
    return (
        pick(record, _COLUMNS)
        | entry.columns()
        | {"case_id": case_id, "is_current": is_current, "raw_status": raw_status}
    )
