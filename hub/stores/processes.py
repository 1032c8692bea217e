"""Store 2, 办理过程信息库: steps, applications, special procedures, materials and attachments as facts of a case."""

from collections.abc import Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    select,
)

from hub.domain.records import Application, ProcessRecord
from hub.stores.base import AnyRow, Document, RowId, UtcTime, metadata
from hub.stores.bulk import insert_rows, reserve_ids, rows_by_key, update_rows
from hub.stores.facts import Held, Incoming, Key, Rereads, Stored, by_received_time, sort_out, take_out
from hub.stores.sealing import Sealer

process_record = Table(
    "process_record",
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
    Column("org_name", String(200)),
    Column("office", String(400)),
    Column("step_seq", Integer, nullable=False),
    Column("step_code", String(100)),
    Column("step_name", String(200), nullable=False),
    Column("post", String(200)),
    Column("officer_id", String(50)),
    Column("officer_name", String(100)),
    Column("step_status", String(32), nullable=False),
    Column("started_at", UtcTime),
    Column("handled_at", UtcTime),
    Column("opinion", Text),
    Column("risk", Document),
    Column("notes", Document, nullable=False),
    UniqueConstraint("sender_id", "record_id", "revision"),
)
Index("ix_process_record_case", process_record.c.case_id, process_record.c.is_current)
by_received_time(process_record)

# An application and a special procedure arrive inside a process record and live and die with its revision.
case_application = Table(
    "case_application",
    metadata,
    Column("process_record_id", ForeignKey("process_record.id"), primary_key=True),
    Column("case_id", ForeignKey("case_library.id"), nullable=False, index=True),
    Column("title", String(200), nullable=False),
    Column("summary", String(1000)),
    Column("apply_method", String(32)),
    Column("apply_form", Text),
    Column("applied_at", UtcTime, nullable=False),
    Column("accepted_at", UtcTime),
    Column("applicant_type", String(32)),
    Column("applicant_name", String(200), nullable=False),
    Column("applicant_id_type", String(32)),
    Column("applicant_id_sealed", LargeBinary),
    Column("applicant_id_key", String(32), index=True),
    Column("applicant_phone_sealed", LargeBinary),
    Column("applicant_phone_key", String(32), index=True),
    Column("legal_representative", String(100)),
    Column("agent_name", String(100)),
    Column("agent_id_type", String(32)),
    Column("agent_id_sealed", LargeBinary),
    Column("agent_id_key", String(32), index=True),
    Column("agent_phone_sealed", LargeBinary),
    Column("agent_phone_key", String(32), index=True),
    Column("handling_class", String(32)),
    Column("promised_limit", Integer),
    Column("limit_unit", String(32)),
    Column("statutory_limit", Integer),
    Column("statutory_limit_unit", String(32)),
    Column("area", String(12)),
)

special_procedure = Table(
    "special_procedure",
    metadata,
    Column("process_record_id", ForeignKey("process_record.id"), primary_key=True),
    Column("case_id", ForeignKey("case_library.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("basis", Text),
    Column("approver", String(100)),
    Column("requested_limit", Integer),
    Column("limit_unit", String(32)),
    Column("notified_in_writing", Boolean),
    Column("result", String(2000)),
)

case_material = Table(
    "case_material",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("process_record_id", ForeignKey("process_record.id"), nullable=False),
    Column("case_id", ForeignKey("case_library.id"), nullable=False, index=True),
    Column("name", String(500), nullable=False),
    Column("kind", String(100)),
    Column("copies", Integer),
    Column("received", Boolean),
)

attachment = Table(
    "attachment",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("process_record_id", ForeignKey("process_record.id")),
    Column("result_record_id", ForeignKey("result_record.id")),
    Column("case_id", ForeignKey("case_library.id"), nullable=False, index=True),
    Column("attachment_id", String(100), nullable=False),
    Column("name", String(500)),
    Column("kind", String(100)),
    Column("media_type", String(100)),
    Column("size", RowId),  # bytes: a file may be larger than an ordinary integer
    Column("digest", String(128)),
)


def known_digests(unit: Connection, table: Table, keys: set[Key]) -> dict[Key, dict[int, Held]]:
    """What stands under the keys given, (sender, record id), by revision."""
    known: dict[Key, dict[int, Held]] = {}
    for row in _held(unit, table, keys):
        held = Held(row.content_digest, row.envelope_id, row.said_until)
        known.setdefault((row.sender_id, row.record_id), {})[row.revision] = held
    return known


def forget_readings(unit: Connection, table: Table, stored: Stored[Any], rereads: Rereads) -> set[Key]:
    """Takes out what an earlier adapter had read and the one in force now does not, with its parts; moves revisions
    that follow. Notes the cases that lost a fact; keys of which another revision may be the current one now."""
    unsaid = [row for row in _read_out_of(unit, table, rereads) if (row.envelope_id, *_place(row)) not in stored.said]
    take_out(stored, [(*_place(row), row.said_until) for row in unsaid])
    changed = {key for key, _ in stored.reread} | {key for key, _, _ in stored.moved}
    held = {_place(row): row for row in _held(unit, table, changed)}
    gone = [*(held[place] for place in stored.reread), *unsaid]
    ids = {row.id for row in gone}
    for part, parent in _PARTS[table.name] if ids else ():
        unit.execute(delete(part).where(parent.in_(ids)))
    if ids:
        unit.execute(delete(table).where(table.c.id.in_(ids)))
    for row in gone:
        stored.left.setdefault(row.envelope_id, set()).add(row.case_id)
    _move(unit, table, [(held[key, old].id, new) for key, old, new in stored.moved])
    return changed | {_place(row)[0] for row in gone}


def note_repeats(unit: Connection, table: Table, stored: Stored[Any]) -> None:
    """Keeps with each fact which message repeated it last."""
    if stored.repeats:
        ids = {_place(row): row.id for row in _held(unit, table, {key for key, _, _ in stored.repeats})}
        rows = [{"id": ids[key, revision], "said_until": until} for key, revision, until in stored.repeats]
        update_rows(unit, table, rows, "id")


def _read_out_of(unit: Connection, table: Table, rereads: Rereads) -> list[AnyRow]:
    """What stands of messages; found by when they were received, as no index leads from a message to its facts."""
    if not rereads:
        return []
    query = _revisions(table).where(table.c.received_at.in_(set(rereads.values())))
    return list(unit.execute(query.where(table.c.envelope_id.in_(list(rereads)))).all())


def _move(unit: Connection, table: Table, moves: Sequence[tuple[int, int]]) -> None:
    """In two steps: on the way no two may have the same number."""
    for sign in (-1, 1) if moves else ():
        update_rows(unit, table, [{"id": row_id, "revision": sign * revision} for row_id, revision in moves], "id")


def _place(row: AnyRow) -> tuple[Key, int]:
    return (row.sender_id, row.record_id), row.revision


_PARTS = {
    "process_record": (
        (case_application, case_application.c.process_record_id),
        (special_procedure, special_procedure.c.process_record_id),
        (case_material, case_material.c.process_record_id),
        (attachment, attachment.c.process_record_id),
    ),
    "result_record": ((attachment, attachment.c.result_record_id),),
}


def _held(unit: Connection, table: Table, keys: set[tuple[Any, ...]]) -> list[AnyRow]:
    return rows_by_key(unit, _revisions(table), (table.c.sender_id, table.c.record_id), keys)


@cache
def _revisions(table: Table) -> Select[Any]:
    names = (
        "id", "sender_id", "record_id", "revision", "is_current", "content_digest", "envelope_id", "case_id",
        "said_until",
    )  # fmt: skip
    return select(*(table.c[name] for name in names))


def mark_current(unit: Connection, table: Table, keys: set[tuple[Any, ...]]) -> None:
    """Leaves exactly the highest revision of each key current, in whatever order the revisions came."""
    held = _held(unit, table, keys)
    newest: dict[tuple[Any, ...], int] = {}
    for row in held:
        key = (row.sender_id, row.record_id)
        newest[key] = max(row.revision, newest.get(key, 0))
    settled = ((row, row.revision == newest[row.sender_id, row.record_id]) for row in held)
    rows = [{"id": row.id, "is_current": is_current} for row, is_current in settled if row.is_current != is_current]
    update_rows(unit, table, rows, "id")


def split_revisions(
    unit: Connection, table: Table, added: Sequence[Incoming[Any]], known: set[tuple[Any, ...]]
) -> set[tuple[Any, ...]]:
    """Keys of which more than one revision is in play: only those need `mark_current`; the rest is current at once."""
    count: dict[tuple[Any, ...], int] = {}
    for entry in added:
        count[entry.key] = count.get(entry.key, 0) + 1
    return {key for key, revisions in count.items() if revisions > 1 or key in known}


def store_process_records(
    unit: Connection,
    sealer: Sealer,
    incoming: Sequence[Incoming[ProcessRecord]],
    case_ids: dict[tuple[str, str], int],
    rereads: Rereads = MappingProxyType({}),
) -> Stored[ProcessRecord]:
    """Adds steps that are new, with what they carry. `case_ids` holds every (orgCode, caseNo) of the batch."""
    known = known_digests(unit, process_record, {entry.key for entry in incoming})
    stored = sort_out(incoming, known)
    changed = forget_readings(unit, process_record, stored, rereads)
    if not stored.added:
        mark_current(unit, process_record, changed)
        note_repeats(unit, process_record, stored)
        return stored
    unsettled = split_revisions(unit, process_record, stored.added, set(known)) | changed
    ids = reserve_ids(unit, process_record, len(stored.added))
    rows = [
        {"id": row_id} | _row(entry, case_ids, is_current=entry.key not in unsettled)
        for row_id, entry in zip(ids, stored.added, strict=True)
    ]
    insert_rows(unit, process_record, rows)
    _store_parts(unit, sealer, list(zip(ids, (row["case_id"] for row in rows), stored.added, strict=True)))
    mark_current(unit, process_record, unsettled)
    note_repeats(unit, process_record, stored)
    return stored


_STEP_COLUMNS = (
    "record_id", "revision", "item_code", "org_name", "office", "step_seq", "step_code", "step_name", "post",
    "officer_id", "officer_name", "step_status", "started_at", "handled_at", "opinion",
)  # fmt: skip
_APPLICATION_COLUMNS = (
    "title", "summary", "apply_method", "apply_form", "applied_at", "accepted_at", "applicant_type",
    "applicant_name", "applicant_id_type", "legal_representative", "agent_name", "agent_id_type", "handling_class",
    "promised_limit", "limit_unit", "statutory_limit", "statutory_limit_unit", "area",
)  # fmt: skip
_SPECIAL_COLUMNS = (
    "kind", "started_at", "ended_at", "basis", "approver", "requested_limit", "limit_unit", "notified_in_writing",
    "result",
)  # fmt: skip
_PERSONAL = {
    "applicant_id_no": "applicant_id", "applicant_phone": "applicant_phone", "agent_id_no": "agent_id",
    "agent_phone": "agent_phone",
}  # fmt: skip


def pick(record: object, columns: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in columns}


def _row(entry: Incoming[ProcessRecord], case_ids: dict[tuple[str, str], int], *, is_current: bool) -> dict[str, Any]:
    record = entry.record
    risk = record.risk and {
        "type": record.risk.type,
        "description": record.risk.description,
        "control": record.risk.control,
    }
    case_id = case_ids[record.org_code, record.case_no]
    return pick(record, _STEP_COLUMNS) | entry.columns() | {"case_id": case_id, "is_current": is_current, "risk": risk}


def _store_parts(unit: Connection, sealer: Sealer, stored: list[tuple[int, int, Incoming[ProcessRecord]]]) -> None:
    applications, specials, materials, attachments = [], [], [], []
    for row_id, case_id, entry in stored:
        parent = {"process_record_id": row_id, "case_id": case_id}
        if entry.record.application is not None:
            applications.append(parent | _application_row(entry.record.application, sealer))
            materials += [
                parent | pick(held, ("name", "kind", "copies", "received"))
                for held in entry.record.application.material
            ]
        if entry.record.special is not None:
            specials.append(parent | pick(entry.record.special, _SPECIAL_COLUMNS))
        attachments += [parent | pick(note, ATTACHMENT_COLUMNS) for note in entry.record.attachment]
    parts = (
        (case_application, applications),
        (special_procedure, specials),
        (case_material, materials),
        (attachment, attachments),
    )
    for table, rows in parts:
        insert_rows(unit, table, rows)


ATTACHMENT_COLUMNS = ("attachment_id", "name", "kind", "media_type", "size", "digest")


def _application_row(application: Application, sealer: Sealer) -> dict[str, Any]:
    row = pick(application, _APPLICATION_COLUMNS)
    for name, column in _PERSONAL.items():
        value = getattr(application, name)
        row[f"{column}_sealed"] = sealer.seal_text(value)
        row[f"{column}_key"] = sealer.search_key(value)
    return row
