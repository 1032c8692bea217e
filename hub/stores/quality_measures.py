"""What is measured of the data of a sender: every measure as the rows that it counts.

A figure is the sum of `weight` over these rows, and the list behind the figure is these very rows, so that they agree.
Days are days in China by received time. Nothing is counted up: envelopes and facts are the source.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    Integer,
    Select,
    String,
    Table,
    case,
    extract,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy import cast as sql_cast

from hub.domain.fields import Presence, field_specs
from hub.domain.records import (
    ITEM,
    PROCESS,
    RESULT,
    Application,
    ProcessRecord,
    RecordKind,
    ResultRecord,
    ServiceItem,
    Special,
)
from hub.stores.exchange import envelope, quarantine
from hub.stores.processes import case_application, process_record, special_procedure
from hub.stores.results import result_record
from hub.stores.service_items import service_item_version

_NO_CODE = literal("", String)
_NOTHING: ColumnElement[Any] = sql_cast(null(), String)


@dataclass(frozen=True, slots=True)
class Span:
    """Received from `start` until before `end`; what came more than `late_after` after the act itself is late."""

    start: datetime
    end: datetime
    late_after: timedelta
    dialect: str

    def holds(self, moment: Column[Any]) -> ColumnElement[bool]:
        return (moment >= self.start) & (moment < self.end)


@dataclass(frozen=True, slots=True)
class Measure:
    """`rows`: a SELECT of sender_id, kind, code, weight, envelope_id, record_id. `code_title`: what its codes are."""

    title: str
    rows: Callable[[Span], Select[Any]]
    code_title: str = ""


def _columns(source: Table, kind: Any, **given: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    parts = {
        "sender_id": source.c.sender_id, "kind": kind, "code": _NO_CODE, "weight": literal(1, Integer),
        "envelope_id": source.c.id if source is envelope else source.c.envelope_id, "record_id": _NOTHING,
    }  # fmt: skip
    return [expression.label(name) for name, expression in (parts | given).items()]


# --- messages -----------------------------------------------------------------------------------------------------


def _messages(weight: ColumnElement[Any]) -> Callable[[Span], Select[Any]]:
    def rows(span: Span) -> Select[Any]:
        counted = select(*_columns(envelope, envelope.c.kind, weight=weight))
        return counted.where(span.holds(envelope.c.received_at), weight > 0)

    return rows


def _refused(span: Span) -> Select[Any]:
    """Refused records, each by its first error."""
    error, place = _elements(span, envelope.c.errors)
    seq = sql_cast(_item(span, error, 0), Integer)
    first = func.row_number().over(partition_by=[envelope.c.id, seq], order_by=place)
    columns = _columns(envelope, envelope.c.kind, code=_item(span, error, 2), record_id=_item(span, error, 1))
    every = select(*columns, first.label("place")).select_from(envelope).where(span.holds(envelope.c.received_at))
    listed = every.subquery()
    return select(*(each for each in listed.c if each.name != "place")).where(listed.c.place == 1)


def _set_aside(state: str) -> Callable[[Span], Select[Any]]:
    def rows(span: Span) -> Select[Any]:
        columns = _columns(envelope, envelope.c.kind, code=quarantine.c.code, record_id=quarantine.c.record_id)
        held = select(*columns).join_from(envelope, quarantine)
        return held.where(span.holds(envelope.c.received_at), quarantine.c.state == state)

    return rows


# --- facts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Facts:
    """A table of facts: its key, and when what it tells of happened."""

    kind: RecordKind
    table: Table
    record_id: Column[Any]
    happened_at: ColumnElement[Any] | None = None

    def columns(self, **given: ColumnElement[Any]) -> list[ColumnElement[Any]]:
        return _columns(self.table, literal(self.kind.name, String), record_id=self.record_id, **given)

    def rows(self, span: Span, **given: ColumnElement[Any]) -> Select[Any]:
        return select(*self.columns(**given)).where(span.holds(self.table.c.received_at))


_FACTS = (
    _Facts(
        PROCESS, process_record, process_record.c.record_id,
        func.coalesce(process_record.c.handled_at, process_record.c.started_at, type_=process_record.c.handled_at.type),
    ),
    _Facts(RESULT, result_record, result_record.c.record_id, result_record.c.finished_at),
    _Facts(ITEM, service_item_version, service_item_version.c.item_code),
)  # fmt: skip


def _together(parts: Sequence[Select[Any]]) -> Select[Any]:
    listed = union_all(*parts).subquery()
    return select(*listed.c)


def _stored(span: Span) -> Select[Any]:
    return _together([facts.rows(span) for facts in _FACTS])


def _corrected(span: Span) -> Select[Any]:
    return _together([facts.rows(span).where(facts.table.c.revision > 1) for facts in _FACTS])


def _late(span: Span) -> Select[Any]:
    dated = [(facts, facts.happened_at) for facts in _FACTS if facts.happened_at is not None]
    return _together([
        facts.rows(span).where(_is_later(span, facts.table.c.received_at, happened_at)) for facts, happened_at in dated
    ])  # fmt: skip


def _is_later(span: Span, received_at: Column[Any], happened_at: ColumnElement[Any]) -> ColumnElement[bool]:
    between = _milliseconds(span, received_at) - _milliseconds(span, happened_at)
    return between > span.late_after // timedelta(milliseconds=1)


def _milliseconds(span: Span, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """Whole milliseconds since some beginning; SQLite keeps moments as text, and counts in days itself."""
    if span.dialect == "postgresql":
        return func.round(extract("epoch", moment) * 1000, type_=Integer)
    return func.round(func.julianday(moment, type_=Float) * 86_400_000, type_=Integer)


def _notes(is_unmapped: bool) -> Callable[[Span], Select[Any]]:
    """Notes of facts: foreign codes by their field, other flags by their catalogue code."""

    def rows(span: Span) -> Select[Any]:
        parts = []
        for facts in _FACTS:
            note, _ = _elements(span, facts.table.c.notes)
            raw, code = _item(span, note, 3), _item(span, note, 1 if is_unmapped else 0)
            wanted = raw.is_not(None) if is_unmapped else raw.is_(None)
            parts.append(facts.rows(span, code=code).where(wanted))
        return _together(parts)

    return rows


# --- completeness -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The W fields of contract §3 that one table keeps: path in the record and column. `part` hangs on its facts."""

    facts: _Facts
    part: Table
    fields: Mapping[str, Column[Any]]

    def rows(self, span: Span, **given: ColumnElement[Any]) -> Select[Any]:
        rows = self.facts.rows(span, **given)
        if self.part is self.facts.table:
            return rows
        return rows.join(self.part, self.part.c.process_record_id == self.facts.table.c.id)

    def missing(self, span: Span) -> Select[Any]:
        """One row per absent field, told by its path; every fact is read once."""
        paths = union_all(*(select(literal(path, String).label("path")) for path in self.fields)).subquery()
        is_absent = case(*((paths.c.path == path, column.is_(None)) for path, column in self.fields.items()))
        return self.rows(span, code=paths.c.path).join(paths, is_absent)


def _wanted_fields(record: type, part: Table, group: str = "") -> dict[str, Column[Any]]:
    sealed = {"applicant_id_no": "applicant_id_sealed"}
    specs = [spec for spec in field_specs(record) if spec.presence is Presence.WANTED]
    return {group + spec.wire: part.c[sealed.get(spec.name, spec.name)] for spec in specs}


_STEPS, _RESULTS, _ITEMS = _FACTS
_WANTED = (
    _Wanted(_STEPS, process_record, _wanted_fields(ProcessRecord, process_record)),
    _Wanted(_STEPS, case_application, _wanted_fields(Application, case_application, "application/")),
    _Wanted(_STEPS, special_procedure, _wanted_fields(Special, special_procedure, "special/")),
    _Wanted(_RESULTS, result_record, _wanted_fields(ResultRecord, result_record)),
    _Wanted(_ITEMS, service_item_version, _wanted_fields(ServiceItem, service_item_version)),
)


def _asked_for(span: Span) -> Select[Any]:
    return _together([each.rows(span, weight=literal(len(each.fields), Integer)) for each in _WANTED])


def _missing(span: Span) -> Select[Any]:
    return _together([each.missing(span) for each in _WANTED])


# --- the two engines' ways to open a document -----------------------------------------------------------------------


def _elements(span: Span, document: Column[Any]) -> tuple[Any, Any]:
    """The elements of a document that is a list, as a lateral source, and their places."""
    name = f"{document.table.name}_{document.name}"
    if span.dialect == "postgresql":
        listed = func.jsonb_array_elements(document)
        opened = listed.table_valued(
            "value", with_ordinality="place", joins_implicitly=True, name=name
        ).render_derived()
        return opened.c.value, opened.c.place
    each = func.json_each(document).table_valued("value", "key", joins_implicitly=True, name=name)
    return each.c.value, each.c.key


def _item(span: Span, element: Any, place: int) -> ColumnElement[Any]:
    if span.dialect == "postgresql":
        return element.op("->>", return_type=String())(literal(place, Integer))  # type: ignore[no-any-return]
    return func.json_extract(element, f"$[{place}]", type_=String)


MEASURES: Mapping[str, Measure] = MappingProxyType({
    "MESSAGES": Measure("收到报文", _messages(literal(1, Integer))),
    "DUPLICATE": Measure("重复送达", _messages(envelope.c.repeats)),
    "RECEIVED": Measure("收到记录", _messages(envelope.c.accepted_count + envelope.c.rejected_count)),
    "ACCEPTED": Measure("接收", _messages(envelope.c.accepted_count)),
    "REJECTED": Measure("退回", _refused, "错误代码"),
    "QUARANTINED": Measure("隔离中", _set_aside("OPEN"), "错误代码"),
    "DISCARDED": Measure("已作废", _set_aside("DISCARDED"), "错误代码"),
    "STORED": Measure("入库", _stored),
    "CORRECTED": Measure("更正", _corrected),
    "LATE": Measure("迟报", _late),
    "WANTED": Measure("应填项", _asked_for),
    "MISSING": Measure("缺填项", _missing, "字段"),
    "UNMAPPED": Measure("未对照代码", _notes(is_unmapped=True), "字段"),
    "FLAGGED": Measure("存疑", _notes(is_unmapped=False), "错误代码"),
})  # fmt: skip
