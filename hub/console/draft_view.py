"""What a draft makes of its samples now, however unfinished it is: for the three panes of the editor."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.engine import CompiledAdapter, compile_adapter, sample_content
from adapters.reading import Content, FieldTrace, MessageReading, UnitReading
from hub.console.target_fields import TargetField, coverage, target_field, target_fields
from hub.domain.codes import CODE_LISTS
from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.fields import Instant, Presence
from hub.domain.identifiers import mask_id_no, mask_name, mask_phone

_MOST_REPAIRS = 60
_NOTHING = {"constant": ""}
_MOST_UNITS_SHOWN = 50
_MOST_SAMPLES_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Tried:
    """A draft compiled as far as it goes. `problems`: what keeps it from being put to use, each with its path."""

    compiled: CompiledAdapter | None
    problems: Sequence[FieldIssue]

    def problem_at(self, route: int, target: str) -> FieldIssue | None:
        place = field_path(route, target)
        return next((each for each in self.problems if (each.path + "/").startswith(place + "/")), None)


def field_path(route: int, target: str) -> str:
    return f"routes/{route}/fields/{target}"


def try_document(document: Mapping[str, Any]) -> Tried:
    """Leaves out what is wrong, one field after the other, so that the rest can be seen at work."""
    routes = [{**route, "fields": _completed(route)} for route in document["routes"]]
    patched: dict[str, Any] = {**document, "routes": routes}
    problems = list(_missing(document))
    for _ in range(_MOST_REPAIRS):
        try:
            return Tried(compile_adapter(patched), problems)
        except RejectedError as refusal:
            problems.append(FieldIssue(refusal.code, refusal.path or "", refusal.message))
            if not _leave_out(patched, refusal.path or ""):
                return Tried(None, problems)
    return Tried(None, problems)


def _completed(route: Mapping[str, Any]) -> dict[str, Any]:
    """Required fields without a source read as absent, which the contract then says of the record."""
    fields = dict(route["fields"])
    absent = {field.path: _NOTHING for field in coverage(route["store"], fields.keys()).missing if not field.spec.many}
    return fields | absent


def _missing(document: Mapping[str, Any]) -> Iterator[FieldIssue]:
    for place, route in enumerate(document["routes"]):
        for field in coverage(route["store"], route["fields"].keys()).missing:
            yield FieldIssue("HUB-3001", field_path(place, field.path), f"必填字段“{field.full_title}”没有来源")


def _leave_out(document: dict[str, Any], path: str) -> bool:
    parts = path.split("/")
    if len(parts) < 4 or parts[0] != "routes" or parts[2] != "fields" or not parts[1].isdigit():
        return False
    route = document["routes"][int(parts[1])]
    fields: dict[str, Any] = route["fields"]
    held = fields.pop(parts[3], None)
    field = target_field(route["store"], parts[3])
    if field is not None and field.presence is Presence.MUST and held not in (None, _NOTHING) and not field.spec.many:
        fields[parts[3]] = _NOTHING
    return held is not None and held != _NOTHING


# --- one sample ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field of the record as the middle pane lists it."""

    field: TargetField
    expression: Mapping[str, Any] | None
    raw: str | None
    value: str | None
    problem: FieldIssue | None


@dataclass(frozen=True, slots=True)
class SampleView:
    """One unit of one sample through the draft. `refusal`: why the sample cannot be opened at all."""

    reading: MessageReading | None
    unit: UnitReading | None
    traces: Sequence[FieldTrace]
    refusal: FieldIssue | None = None

    @property
    def units(self) -> Sequence[UnitReading]:
        return self.reading.units[:_MOST_UNITS_SHOWN] if self.reading else ()

    def trace(self, route: str, target: str) -> FieldTrace | None:
        return next((each for each in self.traces if (each.route, each.target) == (route, target)), None)


NO_SAMPLE = SampleView(None, None, ())


def view_sample(tried: Tried, sample: Mapping[str, Any], seq: int) -> SampleView:
    """The unit of this number, the first one when there is none."""
    if tried.compiled is None:
        return NO_SAMPLE
    return view_content(tried.compiled, sample_content(sample), seq)


def view_content(compiled: CompiledAdapter, content: Content, seq: int) -> SampleView:
    try:
        reading = compiled.read(content)
        unit = next((unit for unit in reading.units if unit.seq == seq), reading.units[0])
        return SampleView(reading, unit, compiled.trace(content, unit.seq))
    except RejectedError as refusal:
        return replace(NO_SAMPLE, refusal=FieldIssue(refusal.code, refusal.path or "", refusal.message))


def sample_of_route(document: Mapping[str, Any], tried: Tried, place: int) -> tuple[int, int]:
    """The first sample, and the unit in it, of which the route makes a record; the very first where none does."""
    name = route_name(document, place)
    for number, sample in enumerate(document.get("samples", ())[:_MOST_SAMPLES_LOOKED_AT]):
        for unit in view_sample(tried, sample, 1).units:
            if any(output.route == name for output in unit.outputs):
                return number, unit.seq
    return 0, 1


def route_name(document: Mapping[str, Any], place: int) -> str:
    return str(document["routes"][place].get("name") or f"第 {place + 1} 条")


def field_rows(document: Mapping[str, Any], place: int, tried: Tried, view: SampleView) -> list[FieldRow]:
    """Every field of the route's record in contract order, with what stands behind it now."""
    route, seen = document["routes"][place], (tried, view, route_name(document, place))
    return [_row(field, route["fields"].get(field.path), place, seen) for field in target_fields(route["store"])]


def _row(
    field: TargetField, expression: Mapping[str, Any] | None, place: int, seen: tuple[Tried, SampleView, str]
) -> FieldRow:
    tried, view, name = seen
    trace = view.trace(name, field.path) if expression else None
    problem = tried.problem_at(place, field.path) or (trace.issue if trace else None) or _issue(view, field.path)
    if trace is None:
        return FieldRow(field, expression, None, None, problem)
    value = None if trace.value is None else masked(field, _in_words(field, _as_line(trace.value)))
    return FieldRow(field, expression, None if trace.raw is None else masked(field, trace.raw), value, problem)


def _issue(view: SampleView, target: str) -> FieldIssue | None:
    found = [*view.unit.issues, *view.unit.notes] if view.unit else []
    return next((issue for issue in found if issue.path == target.replace(".", "/")), None)


def _in_words(field: TargetField, text: str) -> str:
    """A time as people read it (ours are of China), a token with its title."""
    if isinstance(field.spec.kind, Instant):
        return text.removesuffix("+08:00").replace("T", " ", 1)
    title = CODE_LISTS[field.code_list].titles.get(text) if field.code_list else None
    return f"{title}（{text}）" if title else text


def _as_line(value: object) -> str:
    if isinstance(value, list):
        return "、".join(_as_line(each) for each in value)
    if isinstance(value, Mapping):
        return "，".join(f"{name} {_as_line(each)}" for name, each in value.items())
    return {True: "是", False: "否"}.get(value, str(value)) if isinstance(value, bool) else str(value)


# --- masking --------------------------------------------------------------------------------------------------------

_LONGEST_NAME = 4  # of a person; a longer one is an organisation's, which is public
_MASKS = {"IdNo": mask_id_no, "Phone": mask_phone, "Name": mask_name, "Representative": mask_name}


def masked(field: TargetField, text: str) -> str:
    """A value of a field that names people, as a screen may show it."""
    if not field.is_personal:
        return text
    mask = next((mask for ending, mask in _MASKS.items() if field.spec.wire.endswith(ending)), mask_id_no)
    return text if mask is mask_name and len(text) > _LONGEST_NAME else mask(text)


def masked_content(store: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A canonical record as a screen may show it."""
    return _masked_group(store, content, "")


def _masked_group(store: str, content: Mapping[str, Any], group: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in content.items():
        path = f"{group}.{name}" if group else name
        if isinstance(value, Mapping):
            shown[name] = _masked_group(store, value, path)
            continue
        field = target_field(store, path)
        shown[name] = masked(field, value) if field and isinstance(value, str) else value
    return shown
