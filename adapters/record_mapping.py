"""The fields of one route, compiled: canonical JSON out of a unit, by the names and the shape of the contract."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.chinese_times import as_china_text, china_day, read_time
from adapters.converters import ConversionError, as_text
from adapters.expressions import Read, Run, Scopes, Setting, compile_expression, compile_list
from adapters.selectors import Scope
from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.fields import Code, Day, FieldSpec, Group, Instant, Kind, Presence, Text, field_specs
from hub.domain.records import RecordKind

_ISO_LENGTHS = (19, 20, 25)  # without offset, with Z, with +08:00


def _as_instant(value: Any) -> Any:
    """Times are read in every known form, whether or not the mapping says that it is a time."""
    if isinstance(value, str):
        if value[10:11] == "T" and len(value) in _ISO_LENGTHS:
            return value
        moment = read_time(value)
    else:
        moment = read_time(as_text(value))
    return as_china_text(moment) if moment else value


def _as_day(value: Any) -> Any:
    if isinstance(value, str) and len(value) == 10 and value[4] == "-":
        return value
    moment = read_time(as_text(value))
    return china_day(moment).isoformat() if moment else value


_SHAPED: Mapping[type, Callable[[Any], Any]] = {Text: as_text, Code: as_text, Instant: _as_instant, Day: _as_day}


@dataclass(frozen=True, slots=True)
class MappedField:
    """One field: its dotted name in the document, its path in the record, and how it is read."""

    target: str
    path: tuple[str, ...]
    document: Mapping[str, Any]
    read: Read
    shape: Callable[[Any], Any] | None
    raw: Callable[[Scope], Any]

    def value(self, scope: Scope, run: Run) -> Any:
        """None when there is none; a value that cannot be converted is an issue of the run."""
        try:
            value = self.read(scope, run)
        except ConversionError as exc:
            run.issues.append(FieldIssue(exc.code, "/".join(self.path), exc.message))
            return None
        if value is None or value == "" or value == []:
            return None
        if self.shape is None or isinstance(value, list):
            return value
        return self.shape(value)


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """All fields of one route. An optional group of which the sender gave nothing is absent, constants or not."""

    kind: RecordKind
    fields: Sequence[MappedField]
    optional_groups: frozenset[str]

    def build(self, scope: Scope, run: Run) -> dict[str, Any]:
        """Canonical JSON. Issues of single fields go to the run."""
        content: dict[str, Any] = {}
        given: set[str] = set()
        for field in self.fields:
            value = field.value(scope, run)
            if value is None:
                continue
            if len(field.path) == 1:
                content[field.path[0]] = value
                continue
            group, name = field.path
            content.setdefault(group, {})[name] = value
            if run.given or isinstance(value, list):
                given.add(group)
        for group in self.optional_groups - given:
            content.pop(group, None)
        return content

    def spec_of(self, path: str) -> FieldSpec | None:
        """The field of the contract at a path of this record, `application/area`."""
        specs, found = {spec.wire: spec for spec in field_specs(self.kind.record)}, None
        for name in path.split("/"):
            found = specs.get(name.partition("[")[0])
            if found is None:
                return None
            specs = (
                {spec.wire: spec for spec in field_specs(found.kind.record)} if isinstance(found.kind, Group) else {}
            )
        return found


def compile_record(kind: RecordKind, fields: Mapping[str, Any], setting: Setting, place: str) -> RecordMapping:
    """Raises RejectedError HUB-3002 for a field that the contract does not have, HUB-3001 for one that must be there
    and is not mapped, and as `compile_expression`."""
    specs = {spec.wire: spec for spec in field_specs(kind.record)}
    mapped = [_mapped(specs, target, document, setting, place) for target, document in fields.items()]
    _require_all(specs, {field.path for field in mapped}, place)
    groups = {field.path[0] for field in mapped if len(field.path) > 1}
    return RecordMapping(kind, tuple(mapped), frozenset(groups))


def _require_all(specs: Mapping[str, FieldSpec], given: set[tuple[str, ...]], place: str) -> None:
    groups = {path[0] for path in given if len(path) > 1}
    wanted: list[tuple[tuple[str, ...], FieldSpec]] = [((spec.wire,), spec) for spec in specs.values()]
    wanted += [
        ((group, spec.wire), spec)
        for group in groups
        if isinstance(kind := specs[group].kind, Group)
        for spec in field_specs(kind.record)
    ]
    for path, spec in wanted:
        if spec.presence is Presence.MUST and path not in given:
            raise RejectedError("HUB-3001", f"映射没有给出必填字段“{spec.title}”", f"{place}/{'.'.join(path)}")


def _mapped(
    specs: Mapping[str, FieldSpec], target: str, document: Mapping[str, Any], setting: Setting, place: str
) -> MappedField:
    path, at = tuple(target.split(".")), f"{place}/{target}"
    spec = _spec(specs, path, at)
    try:
        if spec.many or "list" in document:
            return MappedField(target, path, document, _list_reader(spec, path, document, setting, at), None, _nothing)
        if isinstance(spec.kind, Code):
            _require_tokens(spec.kind, document, setting)
        read = compile_expression(document, setting, "/".join(path))
        return MappedField(target, path, document, read, _SHAPED.get(type(spec.kind)), _raw_reader(document, setting))
    except RejectedError as exc:
        raise RejectedError(exc.code, exc.message, exc.path if exc.path and exc.path.startswith(place) else at) from exc


def _spec(specs: Mapping[str, FieldSpec], path: Sequence[str], at: str) -> FieldSpec:
    spec = specs.get(path[0])
    if spec is not None and len(path) == 2 and isinstance(spec.kind, Group) and not spec.many:
        spec = {inner.wire: inner for inner in field_specs(spec.kind.record)}.get(path[1])
    elif len(path) != 1:
        spec = None
    if spec is None:
        raise RejectedError("HUB-3002", "合同里没有这个字段", at)
    if isinstance(spec.kind, Group) and not spec.many:
        raise RejectedError("HUB-3002", f"“{spec.title}”是一组字段，写成 {spec.wire}.字段名", at)
    return spec


def _require_tokens(kind: Code, document: Mapping[str, Any], setting: Setting) -> None:
    """A code map may give only what the field's own list holds. Raises RejectedError HUB-3024."""
    for part in (document, *document.get("firstOf", ())):
        code_map = setting.code_maps.get(part.get("codes", ""))
        if code_map is None:
            continue
        given = {*code_map.values.values(), code_map.otherwise} - {"keep", "absent", kind.codes.fallback}
        if unknown := given - kind.codes.titles.keys():
            raise RejectedError("HUB-3024", f"对照表 {code_map.name} 里的 {min(unknown)} 不在标准代码表中")


def _nothing(scope: Scope) -> Any:
    return None


def _raw_reader(document: Mapping[str, Any], setting: Setting) -> Callable[[Scope], Any]:
    """What stands in the message before anything is done to it; of several sources the first that is there."""
    reads = [compile_expression(source, setting, "") for source in _simple_sources(document)]

    def raw(scope: Scope) -> Any:
        for read in reads:
            try:
                value = read(scope, Run())
            except ConversionError:
                continue
            if value is not None:
                return value
        return None

    return raw


def _simple_sources(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "from" in document:
        return [{name: document[name] for name in ("from", "xml") if name in document}]
    parts = [*document.get("firstOf", ()), *document.get("with", {}).values()]
    return [source for part in parts for source in _simple_sources(part)]


# --- lists ----------------------------------------------------------------------------------------------------------


def _list_reader(
    spec: FieldSpec, path: tuple[str, ...], document: Mapping[str, Any], setting: Setting, at: str
) -> Read:
    if not spec.many or "list" not in document:
        what = "可以重复，写成 list 与 of" if spec.many else "不能重复"
        raise RejectedError("HUB-3024", f"“{spec.title}”{what}", at)
    scopes, inner = compile_list(document["list"], setting)
    if isinstance(spec.kind, Group):
        entry = _entry_fields(spec, document.get("of"), inner, at)
        return _entries(scopes, entry, "/".join(path))
    return _texts(scopes, inner, spec.kind)


def _entry_fields(spec: FieldSpec, of: Mapping[str, Any] | None, setting: Setting, at: str) -> list[MappedField]:
    if not of or not isinstance(spec.kind, Group):
        raise RejectedError("HUB-3024", f"“{spec.title}”的每一条要用 of 写出字段", at)
    specs = {inner.wire: inner for inner in field_specs(spec.kind.record)}
    mapped = [_mapped(specs, target, document, setting, f"{at}/of") for target, document in of.items()]
    _require_all(specs, {field.path for field in mapped}, f"{at}/of")
    return mapped


def _entries(scopes: Scopes, fields: Sequence[MappedField], path: str) -> Read:
    def read(scope: Scope, run: Run) -> list[dict[str, Any]]:
        found = [_entry(fields, inner, run, f"{path}[{place}]") for place, inner in enumerate(scopes(scope), start=1)]
        return [entry for entry in found if entry]

    return read


def _entry(fields: Sequence[MappedField], scope: Scope, run: Run, place: str) -> dict[str, Any]:
    """Empty when the sender gave nothing for it."""
    entry, given, since = {}, False, len(run.issues)
    for field in fields:
        value = field.value(scope, run)
        if value is not None:
            entry[field.path[0]] = value
            given = given or run.given
    run.issues[since:] = [
        FieldIssue(issue.code, f"{place}/{issue.path}", issue.message, issue.raw) for issue in run.issues[since:]
    ]
    return entry if given else {}


def _texts(scopes: Scopes, setting: Setting, kind: Kind) -> Read:
    raw = setting.raw(setting.language.compile(".", {}))
    shape: Callable[[Any], Any] = _SHAPED.get(type(kind), as_text)

    def read(scope: Scope, run: Run) -> list[Any]:
        return [shape(value) for inner in scopes(scope) if (value := raw(inner)) is not None]

    return read
