"""Compiles an adapter document once and then reads messages with it: bytes in, canonical records out.

The document says where values stand and how they are written; the contract's own reader decides whether a record is
good. Nothing here can hang: no scripts, selectors and patterns out of bounded subsets, limits on every size.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from adapters import string_wsdl
from adapters.conditions import Holds, compile_condition
from adapters.contract import Reading, read_json
from adapters.converters import as_text
from adapters.expressions import CodeMap, Run, Setting, describe, selectors_in
from adapters.intake import Opened, Opening
from adapters.reading import Content, Disposition, FieldTrace, MessageReading, Output, UnitReading
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
_MOST_ROUNDS = 5

NamedScope = tuple[str, Scope]


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
            bool(document.get("namespaces")),
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
        return lambda document: read(Scope(document, document, self._language.names(document)))

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

        Raises RejectedError HUB-1001 to HUB-1027 when the message cannot be opened, HUB-1016 or HUB-1017 for too many
        units or none.
        """
        opened = self._opening.open(content)
        unknown: set[str] = set()
        units = [
            self._read_unit(seq, name, scope, unknown)
            for seq, (name, scope) in enumerate(self._scopes(opened, content.source), start=1)
        ]
        if not units:
            raise RejectedError("HUB-1017", "报文中没有适配器认得的记录")
        message_id = self._message_id(opened.document)
        return MessageReading(
            charset=opened.charset,
            message_id=None if message_id is None else as_text(message_id)[:100],
            units=units,
            notes=opened.notes,
            unknown_fields=sorted(unknown)[:MOST_UNKNOWN_FIELDS],
        )

    def trace(self, content: Content, seq: int) -> list[FieldTrace]:
        """How the fields of one unit come about, in the order of the document. Raises as `read`, and HUB-1017."""
        scopes = self._scopes(self._opening.open(content), content.source)
        name, scope = next((scope for number, scope in enumerate(scopes, 1) if number == seq), (None, None))
        if name is None or scope is None:
            raise RejectedError("HUB-1017", "报文中没有这一条记录")
        taking = [route for route in self._routes[name] if route.takes(scope)]
        return [trace for route in taking for trace in self._traced(route, scope)]

    def _traced(self, route: Route, scope: Scope) -> Iterator[FieldTrace]:
        for field in route.mapping.fields:
            run = Run()
            value = field.value(scope, run)
            raw = field.raw(scope)
            issue = next(iter(run.issues), None)
            yield FieldTrace(
                route.name, field.target, describe(field.document), None if raw is None else as_text(raw), value, issue
            )

    def _scopes(self, opened: Opened, source: str | None) -> list[NamedScope]:
        if self._form in _FLAT:
            found = list(self._row_scopes(opened.document, source))
        else:
            found = self._node_scopes(opened.document)
        if len(found) > MOST_UNITS:
            raise RejectedError("HUB-1016", f"一个报文最多 {MOST_UNITS} 条记录")
        return found

    def _row_scopes(self, tables: Mapping[str | None, Sequence[Any]], source: str | None) -> Iterator[NamedScope]:
        for table, rows in tables.items():
            name = self._unit_of_table(table, source)
            for row in rows:
                yield name, Scope(row, tables, self._language.names(row))

    def _unit_of_table(self, table: str | None, source: str | None) -> str:
        for named in (table, source):
            for unit in self._units:
                if named is not None and named.lower() == unit.lower():
                    return unit
        if len(self._units) > 1:
            raise RejectedError("HUB-1028", "要说明这些行属于哪一种记录（unit）：" + "、".join(self._units))
        return next(iter(self._units))

    def _node_scopes(self, root: Any) -> list[NamedScope]:
        """The units in document order."""
        whole = Scope(root, root, self._language.names(root))
        found = [(name, scope) for name, select in self._units.items() for scope in _selected(select, whole)]
        if len(self._units) > 1 and self._form == "xml":
            place = {node: number for number, node in enumerate(root.iter())}
            found.sort(key=lambda named: place.get(named[1].node, 0))
        return found

    def _read_unit(self, seq: int, name: str, scope: Scope, unknown: set[str]) -> UnitReading:
        run = Run()
        taking = [route for route in self._routes[name] if route.takes(scope)]
        outputs = tuple(self._output(route, scope, run) for route in taking)
        if not taking:
            run.issues.append(FieldIssue(_NO_ROUTE, "", f"没有适合这条记录（{name}）的路由，不知道它是什么"))
        if self._policies["unknownField"] != "ignore":
            strange = self._strange_fields(name, scope)
            unknown |= strange
            if strange and self._policies["unknownField"] != "flag":
                run.issues.append(FieldIssue(_UNKNOWN_FIELD, "", "出现了映射和样例中都没有的字段"))
        issues = [issue for issue in run.issues if not self._is_flagged(issue)]
        return UnitReading(
            seq=seq,
            name=name,
            disposition=self._disposition(issues),
            outputs=outputs,
            issues=tuple(issues),
            notes=tuple(issue for issue in run.issues if self._is_flagged(issue)),
            unmapped=tuple(run.unmapped),
            raw=scope.node,
        )

    def _output(self, route: Route, scope: Scope, run: Run) -> Output:
        before = len(run.issues), len(run.unmapped)
        content = route.mapping.build(scope, run)
        reading = self._settled(route, content, run, before[0])
        if self._policies["unknownCode"] != "flag":
            run.issues += [
                FieldIssue(_UNMAPPED, code.target, "代码没有对照", code.value) for code in run.unmapped[before[1] :]
            ]
        return Output(route.name, route.kind, content, reading, route.by_arrival)

    def _settled(self, route: Route, content: dict[str, Any], run: Run, since: int) -> Reading:
        """The contract's word on the record. What the adapter only flags is taken out of the record and noted."""
        dropped: list[FieldIssue] = []
        for _ in range(_MOST_ROUNDS):
            reading = read_json(route.kind, content)
            own = {issue.path for issue in run.issues[since:]}
            fresh = [issue for issue in reading.issues if issue.path not in own]
            bad = [issue for issue in fresh if self._is_flagged(issue) and _drop(content, issue.path, route)]
            if not bad:
                run.issues += fresh
                break
            dropped += bad
        flagged = [*dropped, *(issue for issue in run.issues[since:] if self._is_flagged(issue))]
        return Reading(reading.record, reading.issues, (*reading.notes, *flagged)) if flagged else reading

    def _is_flagged(self, issue: FieldIssue) -> bool:
        """Only shown: never what must be there, or what nobody knows."""
        policy = _POLICY_OF.get(issue.code, "badValue")
        return issue.code not in (_MISSING, _NO_ROUTE) and self._policies[policy] == "flag"

    def _disposition(self, issues: Sequence[FieldIssue]) -> Disposition:
        if not issues:
            return Disposition.ACCEPTED
        if any(self._policies[_POLICY_OF.get(issue.code, "badValue")] == "reject" for issue in issues):
            return Disposition.REJECTED
        return Disposition.QUARANTINED

    # --- fields that nobody expects ---------------------------------------------------------------------------------

    def _strange_fields(self, name: str, scope: Scope) -> set[str]:
        strange = scope.names.keys() - self._used[name]
        return {field for field in strange if field not in self._sampled[name]} if strange else set()

    @cached_property
    def _sampled(self) -> Mapping[str, frozenset[str]]:
        """Names of the fields in the samples, read when a message first has a field that no selector uses."""
        names: dict[str, set[str]] = {name: set() for name in self._units}
        for sample in self.document.get("samples", ()):
            for unit, scope in self._scopes_of_sample(sample):
                names[unit].update(scope.names)
        return {name: frozenset(found) for name, found in names.items()}

    def _scopes_of_sample(self, sample: Mapping[str, Any]) -> list[NamedScope]:
        content = sample_content(sample)
        try:
            return self._scopes(self._opening.open(content), content.source)
        except RejectedError:
            return []


def compile_adapter(document: Mapping[str, Any]) -> CompiledAdapter:
    """Raises RejectedError HUB-3021 to HUB-3024, HUB-1030 with the path inside the document. The document has passed its
    schema (`adapters.document.load_document`)."""
    transport = document.get("transport", {})
    if transport.get("kind") == string_wsdl.KIND:
        string_wsdl.string_service(transport, document["title"])
    return CompiledAdapter(document)


def sample_content(sample: Mapping[str, Any]) -> Content:
    """A sample of the document as the message that it stands for."""
    source = sample.get("unit")
    if "rows" in sample:
        return Content(json.dumps(sample["rows"], ensure_ascii=False).encode(), "utf-8", "application/json", source)
    if "base64" in sample:
        return Content(_from_base64(sample["base64"]), None, sample.get("mediaType"), source)
    return Content(sample["input"].encode(sample.get("encoding", "utf-8")), None, sample.get("mediaType"), source)


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
    flat = intake["format"] in _FLAT
    return {
        unit["name"]: None
        if flat or "select" not in unit
        else language.compile_many(unit["select"], setting.namespaces)
        for unit in units
    }


def _selected(select: SelectMany | None, whole: Scope) -> list[Scope]:
    """The whole document is one unit, a list of objects so many."""
    if select is not None:
        return select(whole)
    if isinstance(whole.node, list):
        return [Scope(node, whole.root, node if isinstance(node, dict) else {}, whole.shared) for node in whole.node]
    return [whole]


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
    for name in groups:
        holder = holder.get(name) if isinstance(holder, dict) else None
    return isinstance(holder, dict) and holder.pop(last, None) is not None
