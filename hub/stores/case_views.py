"""Read models of the unified case library: search, and one case reconstructed with both time axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from hub.domain import codes
from hub.domain.errors import NotFoundError
from hub.domain.fields import camel_case
from hub.domain.history import CaseHistory
from hub.domain.identifiers import mask_name, tidy
from hub.domain.times import as_json, day_bounds
from hub.stores import search
from hub.stores.attachments import files_of_case
from hub.stores.base import AnyRow
from hub.stores.card_views import cards_of_case
from hub.stores.case_library import LISTED, case_library
from hub.stores.exchange import envelope
from hub.stores.histories import load_histories, merged
from hub.stores.paging import Page, page
from hub.stores.processes import attachment, case_application, case_material, process_record, special_procedure
from hub.stores.results import result_record
from hub.stores.rules import rule_titles
from hub.stores.sealing import Sealer
from hub.stores.supervision import finding
from supervision.judging.calendar import Calendar
from supervision.judging.clock import ClockPolicy
from supervision.judging.clock_view import explain_clock

_ORGANISATIONS = frozenset({"ENTERPRISE", "INSTITUTION", "SOCIAL_ORGANISATION", "GOVERNMENT"})


Span = tuple[datetime, datetime]
"""From the first instant to before the second."""


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Filters of the case list; None means all.

    `from_day` and `to_day` bound the day of application; `running` asks for cases not finished (or only finished ones);
    `due` and `finished` are spans of the promised due instant and of finishing. `scope` None: the whole county.
    """

    q: str | None = None
    org_code: str | None = None
    item_code: str | None = None
    state: str | None = None
    card: str | None = None
    from_day: date | None = None
    to_day: date | None = None
    running: bool | None = None
    due: Span | None = None
    finished: Span | None = None
    limit: int = 50
    after: str | None = None
    scope: frozenset[str] | None = None


def search_cases(unit: Connection, wanted: CaseQuery) -> Page:
    """Newest first. Words in which nothing can be searched for find nothing."""
    query = _matching(unit, select(case_library), wanted)
    if query is None:
        return Page([], None)
    return page(unit, query, case_library.c.id, after=wanted.after, limit=wanted.limit, item=case_row)


def count_cases(unit: Connection, wanted: CaseQuery) -> int:
    """How many cases `search_cases` would list over all its pages."""
    query = _matching(unit, select(func.count()).select_from(case_library), wanted)
    return 0 if query is None else unit.execute(query).scalar_one()


def _matching(unit: Connection, query: Select[Any], wanted: CaseQuery) -> Select[Any] | None:
    table = case_library
    equal = {
        "org_code": wanted.org_code, "item_code": wanted.item_code, "state": wanted.state, "card_level": wanted.card
    }  # fmt: skip
    query = query.where(*(table.c[name] == value for name, value in equal.items() if value), *_progress(wanted))
    if wanted.org_code or wanted.scope is not None:
        query = query.where(LISTED)
    if wanted.from_day:
        query = query.where(table.c.applied_at >= day_bounds(wanted.from_day)[0])
    if wanted.to_day:
        query = query.where(table.c.applied_at < day_bounds(wanted.to_day)[1])
    if wanted.scope is not None:
        query = query.where(table.c.org_code.in_(wanted.scope))
    if not (wanted.q and wanted.q.strip()):
        return query
    words = search.matching(unit, wanted.q)
    return None if words is None else query.where(words)


def _progress(wanted: CaseQuery) -> list[ColumnElement[bool]]:
    table = case_library
    conditions: list[ColumnElement[bool]] = []
    if wanted.running is not None:
        finished_at = table.c.finished_at
        conditions.append(finished_at.is_(None) if wanted.running else finished_at.is_not(None))
    for column, span in ((table.c.promised_due_at, wanted.due), (table.c.finished_at, wanted.finished)):
        if span is not None:
            conditions += [column >= span[0], column < span[1]]
    return conditions


def case_row(row: AnyRow) -> dict[str, Any]:
    return {
        "unifiedNo": row.unified_no,
        "orgCode": row.org_code,
        "orgName": row.org_name,
        "caseNo": row.case_no,
        "itemCode": row.item_code,
        "itemName": row.item_name,
        "title": row.title,
        "applicantName": shown_name(row.applicant_name, row.applicant_type),
        "state": row.state,
        "stateTitle": codes.CASE_STATES[row.state],
        "appliedAt": as_json(row.applied_at),
        "acceptedAt": as_json(row.accepted_at),
        "finishedAt": as_json(row.finished_at),
        "promisedDueAt": as_json(row.promised_due_at),
        "statutoryDueAt": as_json(row.statutory_due_at),
        "provisional": row.provisional,
        "card": row.card_level,
        "cardTitle": codes.CARD_LEVELS.get(row.card_level or ""),
        "firstReceivedAt": as_json(row.first_received_at),
        "lastReceivedAt": as_json(row.last_received_at),
    }


def shown_name(name: str | None, applicant_type: str | None) -> str | None:
    """Organisations are public; a person keeps the first character."""
    if name is None or applicant_type in _ORGANISATIONS:
        return name
    return mask_name(name)


@dataclass(frozen=True, slots=True)
class CaseReader:
    """Reconstructs one case as of `now`, its clock by the calendar and policy given."""

    calendar: Calendar
    policy: ClockPolicy
    sealer: Sealer
    now: datetime

    def by_unified_no(self, unit: Connection, unified_no: str, scope: frozenset[str] | None) -> dict[str, Any]:
        """Raises NotFoundError HUB-4042, also for a case outside the asker's scope."""
        return self._detail(unit, select(case_library).where(case_library.c.unified_no == tidy(unified_no)), scope)

    def by_org(self, unit: Connection, org_code: str, case_no: str, scope: frozenset[str] | None) -> dict[str, Any]:
        """Raises as `by_unified_no`."""
        mine = (case_library.c.org_code == org_code) & (case_library.c.case_no == case_no)
        return self._detail(unit, select(case_library).where(mine), scope)

    def _detail(self, unit: Connection, query: Any, scope: frozenset[str] | None) -> dict[str, Any]:
        row = unit.execute(query).first()
        if row is None or (scope is not None and row.org_code not in scope):
            raise NotFoundError("HUB-4042", "没有这个办件")
        history = load_histories(unit, [row.id])[row.id]
        records = unit.execute(_records(row.id)).all()
        clock = explain_clock(history, calendar=self.calendar, policy=self.policy, as_of=self.now)
        return case_row(row) | {
            "steps": [_step(held) for held in _in_business_order(records, history)],
            "corrections": [_correction(held) for held in records if held.revision > 1 or not held.is_current],
            "application": _application(unit, row.id),
            "specials": _specials(unit, row.id, history),
            "result": _result(unit, row.id),
            "materials": _listed(unit, case_material, row.id, ("name", "kind", "copies", "received")),
            "attachments": _attachments(unit, row),
            "clock": clock,
            "cards": cards_of_case(unit, row.id),
            "unjudged": _unjudged(unit, row.id),
            "notes": [_note(held.record_id, note) for held in records if held.is_current for note in held.notes],
        }


def _records(case_id: int) -> Any:
    query = select(process_record, envelope.c.receipt_no).join(envelope, envelope.c.id == process_record.c.envelope_id)
    return query.where(process_record.c.case_id == case_id).order_by(process_record.c.received_at, process_record.c.id)


def _in_business_order(records: Sequence[AnyRow], history: CaseHistory) -> list[AnyRow]:
    place = {step.record_id: index for index, step in enumerate(history.steps)}
    return sorted((held for held in records if held.is_current), key=lambda held: place[held.record_id])


def _step(row: AnyRow) -> dict[str, Any]:
    happened = row.handled_at or row.started_at
    late = max((row.received_at - happened).total_seconds(), 0) / 3600 if happened else None
    return {
        "recordId": row.record_id,
        "stepSeq": row.step_seq,
        "stepCode": row.step_code,
        "stepName": row.step_name,
        "stepStatus": row.step_status,
        "stepStatusTitle": codes.STEP_STATUS.title(row.step_status),
        "post": row.post,
        "office": row.office,
        "officerId": row.officer_id,
        "officerName": row.officer_name and mask_name(row.officer_name),
        "startedAt": as_json(row.started_at),
        "handledAt": as_json(row.handled_at),
        "receivedAt": as_json(row.received_at),
        "lateHours": late and round(late, 1),
        "revision": row.revision,
        "opinion": row.opinion,
        "risk": row.risk,
        "receiptNo": row.receipt_no,
    }


def _correction(row: AnyRow) -> dict[str, Any]:
    return {
        "recordId": row.record_id,
        "revision": row.revision,
        "isCurrent": row.is_current,
        "stepName": row.step_name,
        "stepStatus": row.step_status,
        "stepStatusTitle": codes.STEP_STATUS.title(row.step_status),
        "handledAt": as_json(row.handled_at),
        "receivedAt": as_json(row.received_at),
        "receiptNo": row.receipt_no,
    }


def _note(record_id: str, note: Sequence[Any]) -> dict[str, Any]:
    code, path, message, _ = note
    return {"recordId": record_id, "code": code, "path": path, "message": message}


_APPLICATION = (
    "title", "summary", "apply_method", "applied_at", "accepted_at", "applicant_type", "applicant_name",
    "applicant_id_type", "legal_representative", "agent_name", "handling_class", "promised_limit", "limit_unit",
    "statutory_limit", "statutory_limit_unit", "area", "applicant_id_key", "applicant_phone_key",
)  # fmt: skip


def _application(unit: Connection, case_id: int) -> dict[str, Any] | None:
    query = select(case_application).join(process_record, process_record.c.id == case_application.c.process_record_id)
    query = query.where(case_application.c.case_id == case_id, process_record.c.is_current)
    rows = unit.execute(query.order_by(process_record.c.step_seq, process_record.c.record_id)).all()
    if not rows:
        return None
    held = merged(rows, _APPLICATION)
    return {
        "title": held["title"],
        "summary": held.get("summary"),
        "applyMethod": held.get("apply_method"),
        "applyMethodTitle": _title(codes.APPLY_METHOD, held.get("apply_method")),
        "appliedAt": as_json(held["applied_at"]),
        "acceptedAt": as_json(held.get("accepted_at")),
        "applicantType": held.get("applicant_type"),
        "applicantTypeTitle": _title(codes.APPLICANT_TYPE, held.get("applicant_type")),
        "applicantName": shown_name(held["applicant_name"], held.get("applicant_type")),
        "applicantIdType": held.get("applicant_id_type"),
        "applicantIdTypeTitle": _title(codes.ID_TYPE, held.get("applicant_id_type")),
        "applicantIdGiven": "applicant_id_key" in held,
        "applicantPhoneGiven": "applicant_phone_key" in held,
        "legalRepresentative": held.get("legal_representative") and mask_name(held["legal_representative"]),
        "agentName": held.get("agent_name") and mask_name(held["agent_name"]),
        "handlingClass": held.get("handling_class"),
        "handlingClassTitle": _title(codes.HANDLING_CLASS, held.get("handling_class")),
        "promisedLimit": held.get("promised_limit"),
        "limitUnit": held.get("limit_unit"),
        "limitUnitTitle": _title(codes.LIMIT_UNIT, held.get("limit_unit")),
        "statutoryLimit": held.get("statutory_limit"),
        "statutoryLimitUnit": held.get("statutory_limit_unit"),
        "statutoryLimitUnitTitle": _title(codes.LIMIT_UNIT, held.get("statutory_limit_unit")),
        "area": held.get("area"),
    }


def _title(code_list: codes.CodeList, token: str | None) -> str | None:
    return None if token is None else code_list.title(token)


def _specials(unit: Connection, case_id: int, history: CaseHistory) -> list[dict[str, Any]]:
    query = select(special_procedure).join(process_record, process_record.c.id == special_procedure.c.process_record_id)
    rows = unit.execute(query.where(special_procedure.c.case_id == case_id, process_record.c.is_current)).all()
    extra = {(row.started_at, row.kind): row for row in rows}
    return [
        {
            "kind": special.kind,
            "kindTitle": codes.SPECIAL_KIND.title(special.kind),
            "startedAt": as_json(special.started_at),
            "endedAt": as_json(special.ended_at),
            "requestedLimit": special.requested_limit,
            "limitUnit": special.limit_unit,
            "limitUnitTitle": _title(codes.LIMIT_UNIT, special.limit_unit),
            "basis": special.basis,
            "approver": special.approver and mask_name(special.approver),
            "notifiedInWriting": extra[special.started_at, special.kind].notified_in_writing,
            "result": extra[special.started_at, special.kind].result,
        }
        for special in history.specials
    ]


def _result(unit: Connection, case_id: int) -> dict[str, Any] | None:
    query = select(result_record, envelope.c.receipt_no).join(envelope, envelope.c.id == result_record.c.envelope_id)
    query = query.where(result_record.c.case_id == case_id, result_record.c.is_current)
    row = unit.execute(query.order_by(result_record.c.finished_at.desc(), result_record.c.record_id.desc())).first()
    if row is None:
        return None
    return {
        "recordId": row.record_id,
        "resultStatus": row.result_status,
        "resultStatusTitle": codes.RESULT_STATUS.title(row.result_status),
        "finishedAt": as_json(row.finished_at),
        "receivedAt": as_json(row.received_at),
        "opinion": row.opinion,
        "receivable": _yuan(row.receivable),
        "paid": _yuan(row.paid),
        "reliefReason": row.relief_reason,
        "certificateName": row.certificate_name,
        "certificateNo": row.certificate_no,
        "certificateValidUntil": row.certificate_valid_until,
        "deliveredAt": as_json(row.delivered_at),
        "deliveryMethod": row.delivery_method,
        "satisfaction": row.satisfaction,
        "revision": row.revision,
        "receiptNo": row.receipt_no,
    }


def _yuan(amount: Any) -> str | None:
    return None if amount is None else f"{amount:.2f}"


def _listed(unit: Connection, table: Any, case_id: int, names: Sequence[str]) -> list[dict[str, Any]]:
    current = select(process_record.c.id).where(process_record.c.case_id == case_id, process_record.c.is_current)
    mine = (table.c.case_id == case_id) & (table.c.process_record_id.in_(current) | table.c.process_record_id.is_(None))
    rows = unit.execute(select(table).where(mine).order_by(table.c.id))
    return [{camel_case(name): getattr(row, name) for name in names} for row in rows]


def _attachments(unit: Connection, case: AnyRow) -> list[dict[str, Any]]:
    """What the records say of attachments, and what of them is held; then what is held and nobody spoke of."""
    files = {file.attachment_id: file for file in files_of_case(unit, case.id, case.case_no)}
    noted = _listed(unit, attachment, case.id, ("attachment_id", "name", "kind", "media_type", "size", "digest"))
    rest = [file for name, file in files.items() if name not in {note["attachmentId"] for note in noted}]
    return [_with_file(note, files.get(note["attachmentId"])) for note in noted] + [
        _with_file({}, file) for file in rest
    ]


def _with_file(note: dict[str, Any], file: AnyRow | None) -> dict[str, Any]:
    """Size and digest of what is held are our own; names are as the record has them."""
    if file is None:
        return note | {"receiptNo": None, "receivedAt": None}
    return {
        "attachmentId": file.attachment_id,
        "name": note.get("name") or file.name,
        "kind": note.get("kind") or file.kind,
        "mediaType": note.get("mediaType") or file.media_type,
        "size": file.size,
        "digest": file.digest,
        "receiptNo": file.receipt_no,
        "receivedAt": as_json(file.received_at),
    }


def _unjudged(unit: Connection, case_id: int) -> list[dict[str, Any]]:
    titles = rule_titles(unit)
    standing = (finding.c.case_id == case_id) & finding.c.retracted_at.is_(None) & (finding.c.outcome == "CANNOT_JUDGE")
    rows = unit.execute(select(finding).where(standing).order_by(finding.c.rule_code))
    return [{"ruleCode": row.rule_code, "title": titles.get(row.rule_code, ""), "message": row.message} for row in rows]
