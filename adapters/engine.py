"""Compiles an adapter document once and then reads messages with it: bytes in, canonical records out.

The document says where values stand and how they are written; the contract's own reader decides whether a record is
good. Nothing here can hang: no scripts, selectors and patterns out of bounded subsets, limits on every size.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import Any

from lxml import etree

from adapters import string_wsdl
from adapters.conditions import Holds, compile_condition
from adapters.contract import Reading, read_json
from adapters.converters import as_text
from adapters.expressions import CodeMap, Run, Setting, describe, selectors_in
from adapters.intake import Opening
from adapters.reading import Content, Disposition, FieldTrace, MessageReading, Output, UnitReading, UnmappedCode
from adapters.record_mapping import RecordMapping, compile_record
from adapters.selectors import Scope, SelectMany, language_of
from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.fields import Presence
from hub.domain.records import RECORD_KINDS

DEFAULT_NULL_WORDS = ("null", "NULL", "Null", "(null)", "暂无")
DEFAULT_UNIT = "record"
MOST_UNITS = 10_000
_FLAT = frozenset({"rows", "csv", "xlsx"})
MOST_UNKNOWN_FIELDS = 50
_CONTRACT: Mapping[str, str] = {
    "unknownField": "flag", "missingRequired": "quarantine", "badValue": "quarantine", "unknownCode": "flag",
}  # fmt: skip
_MISSING, _UNMAPPED, _NO_ROUTE, _UNKNOWN_FIELD = "HUB-3001", "HUB-3025", "HUB-3026", "HUB-3027"
_POLICY_OF = {_MISSING: "missingRequired", _UNMAPPED: "unknownCode", _UNKNOWN_FIELD: "unknownField"}

LONGEST_MESSAGE_ID = 100
LONGEST_FIELD_NAME = 64

NamedScope = tuple[str, Scope]


@dataclass(frozen=True, slots=True)
class _Output:
    """A record as one route makes it, what stands against it and what is noted of it."""

    made: Output
    issues: list[FieldIssue]
    notes: list[FieldIssue]
    unmapped: list[UnmappedCode]


class Route:
    """One way from a unit to a record."""

    def __init__(self, document: Mapping[str, Any], place: int, setting: Setting) -> None:
        self.name: str = document.get("name") or f"第 {place + 1} 条"
        self.kind = RECORD_KINDS[document["store"]]
        self.by_arrival = document.get("corrections") == "byArrival"
        self._when: Holds | None = compile_condition(document["when"], setting) if "when" in document else None
        self.mapping: RecordMapping = compile_record(self.kind, document["fields"], setting, f"routes/{place}/fields")

    def takes(self, scope: Scope) -> bool:
        return self._when is None or self._when(scope)


class CompiledAdapter:
    """One version of an adapter, ready to read. Immutable and shared by threads."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.code: str = document["adapter"]
        self.title: str = document["title"]
        intake = document["intake"]
        self._form: str = intake["format"]
        self._language = language_of(self._form)
        self._setting = _setting(document, self._language)
        self._opening = Opening(
            self._form, tuple(intake.get("encodings", ("utf-8", "gb18030"))), intake.get("repair", True),
            frozenset(document.get("namespaces", {}).values()),
        )  # fmt: skip
        self._policies = {**_CONTRACT, **document.get("contract", {})}
        self._units = _units(intake, self._language, self._setting)
        self._message_id = self._compiled_message_id(intake.get("messageId"))
        self._routes = self._compiled_routes(document["routes"])
        self._used = {
            name: frozenset(chain.from_iterable(map(self._language.words, selectors_in(parts))))
            for name, parts in _parts_by_unit(document["routes"], list(self._units)).items()
        }

    def _compiled_message_id(self, selector: str | None) -> Callable[[Any], Any]:
        if selector is None or self._form in _FLAT:
            return lambda document: None
        read = self._setting.raw(self._language.compile(selector, self._setting.namespaces))
        return lambda document: read(Scope(document, document, self._language))

    def _compiled_routes(self, documents: Sequence[Mapping[str, Any]]) -> Mapping[str, list[Route]]:
        routes: dict[str, list[Route]] = {name: [] for name in self._units}
        for place, document in enumerate(documents):
            unit = document.get("unit") or (next(iter(self._units)) if len(self._units) == 1 else None)
            if unit not in routes:
                raise RejectedError(
                    "HUB-3024", "要写明路由取自哪一种记录（unit），且须在 intake/units 中", f"routes/{place}/unit"
                )
            routes[unit].append(Route(document, place, self._setting))
        return routes

    # --- reading ----------------------------------------------------------------------------------------------------

    def read(self, content: Content) -> MessageReading:
        """Every unit with its records, or why there are none.

        Raises RejectedError HUB-1001 to HUB-1028 when the message cannot be opened, HUB-1016 or HUB-1017 for too many
        units or none.
        """
        opened = self._opening.open(content)
        unknown: set[str] = set()
        scopes = self._scopes(opened.document, content.source)
        units = [self._read_unit(seq, name, scope, unknown) for seq, (name, scope) in enumerate(scopes, start=1)]
        if not units:
            raise RejectedError("HUB-1017", "报文中没有适配器认得的记录")
        message_id = self._message_id(opened.document)
        return MessageReading(
            charset=opened.charset,
            message_id=None if message_id is None else as_text(message_id)[:LONGEST_MESSAGE_ID],
            units=units,
            notes=opened.notes,
            unknown_fields=sorted(unknown)[:MOST_UNKNOWN_FIELDS],
        )

    def trace(self, content: Content, seq: int) -> list[FieldTrace]:
        """How the fields of one unit come about, in the order of the document. Raises as `read`, and HUB-1017."""
        scopes = self._scopes(self._opening.open(content).document, content.source)
        if not 1 <= seq <= len(scopes):
            raise RejectedError("HUB-1017", "报文中没有这一条记录")
        name, scope = scopes[seq - 1]
        taking = [route for route in self._routes[name] if route.takes(scope)]
        return [trace for route in taking for trace in self._traced(route, scope)]

    def _traced(self, route: Route, scope: Scope) -> Iterator[FieldTrace]:
        output = self._output(route, scope)
        issues = {issue.path: issue for issue in (*output.notes, *output.issues)}
        for field in route.mapping.fields:
            raw = field.raw(scope)
            yield FieldTrace(
                route.name, field.target, describe(field.document), None if raw is None else as_text(raw),
                field.value(scope, Run()), issues.get("/".join(field.path)),
            )  # fmt: skip

    def _scopes(self, document: Any, source: str | None) -> list[NamedScope]:
        """The units of a message in its order."""
        find = self._row_scopes if self._form in _FLAT else self._node_scopes
        found = list(islice(find(document, source), MOST_UNITS + 1))
        if len(found) > MOST_UNITS:
            raise RejectedError("HUB-1016", f"一个报文最多 {MOST_UNITS} 条记录")
        if len({name for name, _ in found}) > 1 and self._form == "xml":
            place = {node: number for number, node in enumerate(document.iter())}
            found.sort(key=lambda named: place[named[1].node])
        return found

    def _row_scopes(self, tables: Mapping[str | None, Sequence[Any]], source: str | None) -> Iterator[NamedScope]:
        shared: dict[Any, Any] = {}
        for table, rows in tables.items():
            name = self._unit_of_table(table, source)
            for row in rows:
                yield name, Scope(row, tables, self._language, shared=shared)

    def _unit_of_table(self, table: str | None, source: str | None) -> str:
        for named in (table, source):
            for unit in self._units:
                if named is not None and named.lower() == unit.lower():
                    return unit
        if len(self._units) > 1:
            raise RejectedError("HUB-1028", "要说明这些行属于哪一种记录（unit）：" + "、".join(self._units))
        return next(iter(self._units))

    def _node_scopes(self, root: Any, _: str | None) -> Iterator[NamedScope]:
        whole = Scope(root, root, self._language)
        for name, select in self._units.items():
            for scope in _whole_units(whole) if select is None else select(whole):
                if not _is_empty(scope.node):
                    yield name, scope

    def _read_unit(self, seq: int, name: str, scope: Scope, unknown: set[str]) -> UnitReading:
        taking = [route for route in self._routes[name] if route.takes(scope)]
        found = [self._output(route, scope) for route in taking]
        issues = [issue for output in found for issue in output.issues]
        if not taking:
            issues.append(FieldIssue(_NO_ROUTE, "", f"没有适合这条记录（{name}）的路由，不知道它是什么"))
        if self._policies["unknownField"] != "ignore":
            issues += self._unknown_fields(name, scope, unknown)
        return UnitReading(
            seq=seq,
            name=name,
            disposition=self._disposition(issues),
            outputs=tuple(output.made for output in found),
            issues=tuple(issues),
            notes=tuple(note for output in found for note in output.notes),
            unmapped=tuple(code for output in found for code in output.unmapped),
            raw=scope.node,
        )

    def _output(self, route: Route, scope: Scope) -> _Output:
        run = Run()
        content = route.mapping.build(scope, run)
        reading, issues, notes = self._settled(route, content, run.issues)
        if self._policies["unknownCode"] != "flag":
            issues += [FieldIssue(_UNMAPPED, code.target, "代码没有对照", code.value) for code in run.unmapped]
        made = Output(
            route.name, route.kind, content, replace(reading, notes=(*reading.notes, *notes)) if notes else reading,
            route.by_arrival,
        )  # fmt: skip
        return _Output(made, issues, notes, run.unmapped)

    def _settled(
        self, route: Route, content: dict[str, Any], own: Sequence[FieldIssue]
    ) -> tuple[Reading, list[FieldIssue], list[FieldIssue]]:
        """The contract's word on the record, what stands against it, and what is only noted.

        `own` are the values that could not be converted. Where bad values are only flagged, an optional one is taken
        out of the record; one without which there is no record stands against it after all.
        """
        reading = read_json(route.kind, content)
        if self._policies["badValue"] != "flag":
            paths = {issue.path for issue in own}
            return reading, [*own, *(issue for issue in reading.issues if issue.path not in paths)], []
        notes = list(own)
        while bad := [
            issue for issue in reading.issues if issue.code != _MISSING and _drop(content, issue.path, route)
        ]:
            notes += bad
            reading = read_json(route.kind, content)
        if reading.record is not None:
            return reading, [], notes
        wanting = {issue.path for issue in reading.issues}
        reasons = [note for note in notes if note.path in wanting]
        known = {reason.path for reason in reasons}
        return (
            reading,
            [*reasons, *(issue for issue in reading.issues if issue.path not in known)],
            [note for note in notes if note.path not in wanting],
        )

    def _disposition(self, issues: Sequence[FieldIssue]) -> Disposition:
        """What is only flagged has left the issues before; what stays is at least set aside."""
        if not issues:
            return Disposition.ACCEPTED
        if any(self._policies[_POLICY_OF.get(issue.code, "badValue")] == "reject" for issue in issues):
            return Disposition.REJECTED
        return Disposition.QUARANTINED

    # --- fields that nobody expects ---------------------------------------------------------------------------------

    def _unknown_fields(self, name: str, scope: Scope, unknown: set[str]) -> list[FieldIssue]:
        used = self._used[name]
        strange = {field for field in scope.names.keys() - used if field.rpartition("}")[2] not in used}
        strange -= self._sampled[name] if strange else set()
        unknown |= {field[:LONGEST_FIELD_NAME] for field in strange}
        if not strange or self._policies["unknownField"] == "flag":
            return []
        return [FieldIssue(_UNKNOWN_FIELD, "", "出现了映射和样例中都没有的字段")]

    @cached_property
    def _sampled(self) -> Mapping[str, frozenset[str]]:
        """Names of the fields in the samples, read when a message first has a field that no selector uses."""
        names: dict[str, set[str]] = {name: set() for name in self._units}
        for sample in self.document.get("samples", ()):
            for unit, scope in self._scopes_of_sample(sample):
                names[unit].update(scope.names)
        return {name: frozenset(found) for name, found in names.items()}

    def _scopes_of_sample(self, sample: Mapping[str, Any]) -> list[NamedScope]:
        try:
            content = sample_content(sample)
            return self._scopes(self._opening.open(content).document, content.source)
        except RejectedError:
            return []


def compile_adapter(document: Mapping[str, Any]) -> CompiledAdapter:
    """Raises RejectedError HUB-3001, HUB-3002, HUB-3021 to HUB-3024, HUB-1030 with the path inside the document.

    The document has passed its schema (`adapters.document.load_document`).
    """
    transport = document.get("transport", {})
    if transport.get("kind") == string_wsdl.KIND:
        string_wsdl.string_service(transport, document["title"])
    return CompiledAdapter(document)


def sample_content(sample: Mapping[str, Any]) -> Content:
    """A sample of the document as the message that it stands for. Raises RejectedError HUB-3020."""
    source = sample.get("unit")
    if "rows" in sample:
        return Content(json.dumps(sample["rows"], ensure_ascii=False).encode(), "utf-8", "application/json", source)
    if "base64" in sample:
        return Content(_from_base64(sample["base64"]), None, sample.get("mediaType"), source)
    try:
        body = sample["input"].encode(sample.get("encoding", "utf-8"))
    except UnicodeEncodeError as exc:
        raise RejectedError("HUB-3020", "样例里有它的编码写不出的字") from exc
    return Content(body, None, sample.get("mediaType"), source)


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=False)
    except ValueError as exc:
        raise RejectedError("HUB-3020", "样例的 base64 不完整") from exc


def _setting(document: Mapping[str, Any], language: Any) -> Setting:
    maps = {
        name: CodeMap(
            name, {as_text(code): token for code, token in entry["values"].items()}, entry.get("otherwise", "keep")
        )
        for name, entry in document.get("codeMaps", {}).items()
    }
    words = document["intake"].get("nullWords", DEFAULT_NULL_WORDS)
    return Setting(
        language, frozenset(words), maps, document.get("department", {}), document.get("namespaces", {}),
        document["intake"].get("repair", True),
    )  # fmt: skip


def _units(intake: Mapping[str, Any], language: Any, setting: Setting) -> Mapping[str, SelectMany | None]:
    units = intake.get("units") or [{"name": DEFAULT_UNIT}]
    if len({unit["name"].lower() for unit in units}) < len(units):
        raise RejectedError("HUB-3024", "两种记录（unit）同名", "intake/units")
    flat = intake["format"] in _FLAT
    return {
        unit["name"]: None
        if flat or "select" not in unit
        else language.compile_many(unit["select"], setting.namespaces)
        for unit in units
    }


def _whole_units(whole: Scope) -> Iterator[Scope]:
    """The whole document is one unit, a list of objects so many."""
    if isinstance(whole.node, list):
        return (whole.below(node) for node in whole.node)
    return iter([whole])


def _is_empty(node: Any) -> bool:
    """`<SPBANJIE/>`: the place for a record that there is not."""
    if not isinstance(node, etree._Element):
        return node is None
    return len(node) == 0 and not node.attrib and not (node.text or "").strip()


def _parts_by_unit(routes: Sequence[Mapping[str, Any]], units: Sequence[str]) -> Mapping[str, list[Any]]:
    parts: dict[str, list[Any]] = {name: [] for name in units}
    for route in routes:
        parts[route.get("unit") or units[0]] += [route.get("when"), *route["fields"].values()]
    return parts


def _drop(content: dict[str, Any], path: str, route: Route) -> bool:
    """Takes an optional value out of the record; False when it must be there, or is not there."""
    spec = route.mapping.spec_of(path)
    if spec is None or spec.presence is Presence.MUST:
        return False
    *groups, last = path.split("/")
    holder: Any = content
    for group in groups:
        name, _, number = group.partition("[")
        holder = holder.get(name) if isinstance(holder, dict) else None
        if number and isinstance(holder, list):
            holder = holder[int(number.rstrip("]")) - 1]
    return isinstance(holder, dict) and holder.pop(last, None) is not None
