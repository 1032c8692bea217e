"""Reads the facts of many cases at once, as the judge wants them: current revisions, one history per case."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, select

from hub.domain.history import ApplicationFact, CaseHistory, ResultFact, SpecialFact, StepFact, business_order
from hub.stores.base import AnyRow
from hub.stores.bulk import rows_by_key
from hub.stores.case_library import case_library
from hub.stores.processes import case_application, process_record, special_procedure
from hub.stores.results import result_record
from hub.stores.service_items import item_facts


def load_histories(unit: Connection, case_ids: Sequence[int]) -> dict[int, CaseHistory]:
    """The history of every case, in five queries whatever their number."""
    cases = rows_by_key(unit, _CASES, (case_library.c.id,), case_ids)
    steps = _by_case(rows_by_key(unit, _STEPS, (process_record.c.case_id,), case_ids))
    applications = _by_case(_in_step_order(rows_by_key(unit, _APPLICATIONS, (case_application.c.case_id,), case_ids)))
    specials = _by_case(_in_step_order(rows_by_key(unit, _SPECIALS, (special_procedure.c.case_id,), case_ids)))
    results = _by_case(rows_by_key(unit, _RESULTS, (result_record.c.case_id,), case_ids))
    item_codes = {row.id: _item_code(row, steps.get(row.id, ()), results.get(row.id, ())) for row in cases}
    items = item_facts(unit, set(item_codes.values()))
    return {
        row.id: CaseHistory(
            org_code=row.org_code,
            case_no=row.case_no,
            item_code=item_codes[row.id],
            application=_application(applications.get(row.id, ())),
            steps=tuple(sorted(map(_step, steps.get(row.id, ())), key=business_order)),
            specials=_specials(specials.get(row.id, ())),
            result=_result(results.get(row.id, ())),
            item=items.get(item_codes[row.id]),
        )
        for row in cases
    }


_STEP_COLUMNS = (
    "record_id", "item_code", "step_seq", "step_code", "step_name", "post", "officer_id", "step_status",
    "started_at", "handled_at", "received_at", "revision",
)  # fmt: skip
_RESULT_COLUMNS = (
    "record_id", "item_code", "result_status", "raw_status", "finished_at", "received_at", "receivable", "paid",
    "revision",
)  # fmt: skip


_APPLICATION_FACTS = (
    "title", "applied_at", "accepted_at", "applicant_name", "applicant_type", "handling_class", "promised_limit",
    "limit_unit", "statutory_limit", "statutory_limit_unit",
)  # fmt: skip
_SPECIAL_FACTS = ("kind", "started_at", "ended_at", "requested_limit", "limit_unit", "basis", "approver")


def _current(table: Table, columns: Iterable[str]) -> Select[Any]:
    return select(table.c.case_id, *(table.c[name] for name in columns)).where(table.c.is_current)


def _carried(table: Table, columns: Iterable[str]) -> Select[Any]:
    """Rows of a table that rides on current process records, with the place of those records."""
    place = (process_record.c.step_seq, process_record.c.record_id, process_record.c.sender_id)
    query = select(table.c.case_id, *(table.c[name] for name in columns), *place)
    on_its_record = process_record.c.id == table.c.process_record_id
    return query.join(process_record, on_its_record).where(process_record.c.is_current)


_CASES = select(case_library.c.id, case_library.c.org_code, case_library.c.case_no, case_library.c.item_code)
_STEPS = _current(process_record, _STEP_COLUMNS)
_RESULTS = _current(result_record, _RESULT_COLUMNS)
_APPLICATIONS = _carried(case_application, _APPLICATION_FACTS)
_SPECIALS = _carried(special_procedure, _SPECIAL_FACTS)


def _in_step_order(rows: Iterable[AnyRow]) -> list[AnyRow]:
    return sorted(rows, key=lambda row: (row.step_seq, row.record_id, row.sender_id))


def _by_case(rows: Iterable[AnyRow]) -> dict[int, list[AnyRow]]:
    grouped: dict[int, list[AnyRow]] = {}
    for row in rows:
        grouped.setdefault(row.case_id, []).append(row)
    return grouped


def _item_code(case: AnyRow, steps: Sequence[AnyRow], results: Sequence[AnyRow]) -> str:
    """The item of the case: that of its lowest step, so that arrival order does not decide."""
    if steps:
        return str(min(steps, key=lambda row: (row.step_seq, row.record_id)).item_code)
    if results:
        return str(min(results, key=lambda row: row.record_id).item_code)
    return str(case.item_code)


def _step(row: AnyRow) -> StepFact:
    return StepFact(
        record_id=row.record_id,
        step_seq=row.step_seq,
        step_name=row.step_name,
        status=row.step_status,
        received_at=row.received_at,
        step_code=row.step_code,
        post=row.post,
        officer_id=row.officer_id,
        started_at=row.started_at,
        handled_at=row.handled_at,
        revision=row.revision,
    )


def merged(rows: Sequence[AnyRow], names: Sequence[str]) -> dict[str, Any]:
    """One set of values out of several rows: the later row speaks, silence does not overrule."""
    values: dict[str, Any] = {}
    for row in rows:
        values |= {name: value for name in names if (value := getattr(row, name)) is not None}
    return values


def _application(rows: Sequence[AnyRow]) -> ApplicationFact | None:
    return ApplicationFact(**merged(rows, _APPLICATION_FACTS)) if rows else None


def _specials(rows: Sequence[AnyRow]) -> tuple[SpecialFact, ...]:
    """A start and its end often come in different records: same kind and start are one procedure."""
    grouped: dict[tuple[Any, str], list[AnyRow]] = {}
    for row in rows:
        grouped.setdefault((row.started_at, row.kind), []).append(row)
    return tuple(
        SpecialFact(**merged(group, _SPECIAL_FACTS)) for _, group in sorted(grouped.items(), key=lambda pair: pair[0])
    )


def _result(rows: Sequence[AnyRow]) -> ResultFact | None:
    """Of several results the latest to finish is the case's."""
    if not rows:
        return None
    row = max(rows, key=lambda candidate: (candidate.finished_at, candidate.record_id))
    return ResultFact(**{name: getattr(row, name) for name in _RESULT_COLUMNS if name != "item_code"})
