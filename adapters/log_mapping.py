"""How the cases of an event log become process and result records: one document per log, no code per log.

A mapping document is YAML after `schemas/log-mapping.schema.json`. Its field names are those of the contract.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from adapters.event_log import LogCase
from adapters.log_values import Build, Expression, Scope, TimeReading, as_field, compile_value, look_up, time_reading
from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.fields import Group, Presence, field_specs
from hub.domain.record_json import to_json
from hub.domain.records import PROCESS, RESULT, Application, ProcessRecord, RecordKind, ResultRecord

DEFAULT_BATCH = 100
DEFAULT_MESSAGE_ID = "{mapping}-{kind}-{digest}"
_DIGEST_LENGTH = 24


@dataclass(frozen=True, slots=True)
class Match:
    """An attribute that is there, with one of the values if values are named."""

    reference: str
    values: frozenset[str] | None

    def holds(self, scope: Scope) -> bool:
        value = look_up(self.reference, scope)
        return value is not None and (self.values is None or value in self.values)


@dataclass(frozen=True, slots=True)
class MappedCase:
    """Records of one case in the order of the log, and what could not be made into a record, with its place."""

    process: tuple[ProcessRecord, ...]
    result: ResultRecord | None
    issues: tuple[FieldIssue, ...]


@dataclass(frozen=True, slots=True)
class LogMapping:
    """A checked mapping document."""

    name: str
    title: str
    batch: int
    message_id_pattern: str
    case_id: Expression
    taken: Match | None
    process: Build
    application: Build
    ended_by: Match | None
    result: Build | None

    def map_case(self, case: LogCase) -> MappedCase:
        """Never raises for what a log holds: a record that cannot be made becomes an issue, its neighbours stay."""
        place = f"trace[{case.number}]"
        base = Scope(case.attributes, None, None, 0)
        scopes = self._scopes(case, base)
        issues: list[FieldIssue] = []
        process = tuple(self._process(scopes, place, issues))
        ending = self._ending(scopes, base)
        made = _attempt(self.result, ending, f"{place}/result", issues) if self.result and ending else None
        return MappedCase(process, made, tuple(issues))

    def message_id(self, kind: RecordKind, records: Sequence[ProcessRecord | ResultRecord]) -> str:
        """The same records in the same order always have the same id, so that a second import answers DUPLICATE."""
        content = json.dumps([to_json(record) for record in records], ensure_ascii=False, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:_DIGEST_LENGTH]
        names = {"{mapping}": self.name, "{kind}": kind.name.lower(), "{digest}": digest}
        text = self.message_id_pattern
        for placeholder, value in names.items():
            text = text.replace(placeholder, value)
        return text

    def _scopes(self, case: LogCase, base: Scope) -> list[Scope]:
        case_id = self.case_id(base)
        scopes = [Scope(case.attributes, event, case_id, seq) for seq, event in enumerate(case.events, start=1)]
        return [scope for scope in scopes if self.taken is None or self.taken.holds(scope)]

    def _process(self, scopes: list[Scope], place: str, issues: list[FieldIssue]) -> Iterator[ProcessRecord]:
        application = _attempt(self.application, scopes[0], f"{place}/application", issues) if scopes else None
        for scope in scopes:
            given = {"application": application} if application else {}
            record = _attempt(self.process, scope, f"{place}/event[{scope.seq}]", issues, given)
            if record is not None:
                # An application travels with the first record that could be made.
                application = None
                yield record

    def _ending(self, scopes: list[Scope], base: Scope) -> Scope | None:
        """What the result is read from: the last event that ends the case, or the case itself."""
        if self.ended_by is None:
            return None
        if self.ended_by.reference.startswith("event."):
            return next((scope for scope in reversed(scopes) if self.ended_by.holds(scope)), None)
        whole = Scope(base.case, None, self.case_id(base), 0)
        return whole if self.ended_by.holds(whole) else None


def _attempt(
    build: Build, scope: Scope, place: str, issues: list[FieldIssue], given: Mapping[str, Any] | None = None
) -> Any:
    try:
        return build(scope, given or {})
    except RejectedError as exc:
        issues.append(FieldIssue(exc.code, f"{place}/{exc.path}", exc.message))
        return None


def load_mapping(text: str) -> LogMapping:
    """Raises RejectedError HUB-3001 to HUB-3004 with the path inside the document."""
    document = _parse(text)
    _check(document)
    times = time_reading(document["times"])
    messages = document.get("messages", {})
    result = document.get("result")
    return LogMapping(
        name=document["mapping"],
        title=document["title"],
        batch=messages.get("batch", DEFAULT_BATCH),
        message_id_pattern=messages.get("id", DEFAULT_MESSAGE_ID),
        case_id=compile_value(document["case"], times),
        taken=_match(document.get("events")),
        process=_record(ProcessRecord, document["process"], times, "process"),
        application=_record(Application, document["application"], times, "application"),
        ended_by=_match(result["ended_by"]) if result else None,
        result=_record(ResultRecord, result["fields"], times, "result/fields") if result else None,
    )


def shipped_mapping(name: str) -> LogMapping:
    """A mapping of adapters/library/logs by its file name without `.yaml`."""
    return load_mapping(files("adapters").joinpath(f"library/logs/{name}.yaml").read_text(encoding="utf-8"))


def kind_of(record: ProcessRecord | ResultRecord) -> RecordKind:
    return PROCESS if isinstance(record, ProcessRecord) else RESULT


def _match(document: Mapping[str, Any] | None) -> Match | None:
    if document is None:
        return None
    values = document.get("values")
    return Match(document["attribute"], None if values is None else frozenset(values))


def _record(record: type, fields: Mapping[str, Any], times: TimeReading, place: str) -> Build:
    """Compiles the fields of one record class; refuses names that the contract does not know, and missing ones."""
    specs = {spec.wire: spec for spec in field_specs(record) if not spec.many and not isinstance(spec.kind, Group)}
    must = frozenset(spec.wire for spec in specs.values() if spec.presence is Presence.MUST)
    _refuse(sorted(fields.keys() - specs.keys()), ("HUB-3002", "合同中没有这个字段，或不能由映射给出"), place)
    _refuse(sorted(must - fields.keys()), ("HUB-3001", "映射没有给出必填字段"), place)
    compiled = [(specs[wire].name, wire, as_field(specs[wire].kind, value, times)) for wire, value in fields.items()]

    def build(scope: Scope, given: Mapping[str, Any]) -> Any:
        values = dict(given)
        for name, wire, read in compiled:
            value = read(scope, wire)
            if value is not None:
                values[name] = value
            elif wire in must:
                raise RejectedError("HUB-3001", "日志中没有这个必填字段的值", wire)
        return record(**values)

    return build


def _refuse(wires: Sequence[str], complaint: tuple[str, str], place: str) -> None:
    if wires:
        raise RejectedError(*complaint, f"{place}/{wires[0]}")


def _parse(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        line = getattr(getattr(exc, "problem_mark", None), "line", None)
        where = "" if line is None else f"第 {line + 1} 行"
        raise RejectedError("HUB-3004", f"映射文档{where}不是正确的 YAML") from exc
    if not isinstance(document, dict):
        raise RejectedError("HUB-3004", "映射文档应为一组字段")
    return document


_COMPLAINTS: Mapping[str, tuple[str, str]] = {
    "required": ("HUB-3001", "缺少必填项"),
    "additionalProperties": ("HUB-3002", "含有不认识的项"),
    "propertyNames": ("HUB-3002", "含有不认识的项"),
    "enum": ("HUB-3006", "不是允许的值"),
    "minimum": ("HUB-3006", "数值超出范围"),
    "maximum": ("HUB-3006", "数值超出范围"),
    "maxLength": ("HUB-3005", "文本过长"),
    "oneOf": ("HUB-3004", "应为 constant、attribute、pattern、whole_days、first_of 之一"),
}
_OTHER_COMPLAINT = ("HUB-3004", "不合映射文档的规定")


def _check(document: Mapping[str, Any]) -> None:
    problems = sorted(_validator().iter_errors(document), key=lambda problem: list(map(str, problem.absolute_path)))
    for problem in problems:
        code, complaint = _COMPLAINTS.get(str(problem.validator), _OTHER_COMPLAINT)
        path = "/".join(str(part) for part in problem.absolute_path)
        raise RejectedError(code, f"映射文档：{complaint}", path or None)


@cache
def _validator() -> Draft202012Validator:
    schema = files("schemas").joinpath("log-mapping.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(schema))
