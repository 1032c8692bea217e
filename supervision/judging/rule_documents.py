"""Rule documents: one versioned document per rule, with examples that fire and examples that stay silent.

A document is a JSON object (or its YAML form) that `schemas/rule.schema.json` describes. It may be put into force only
when `examples_that_fail` gives nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from hub.domain.findings import Finding, Level, RuleInForce
from supervision.judging.calendar import Calendar
from supervision.judging.clock import ClockPolicy
from supervision.judging.history_json import history_from_json, parse_instant
from supervision.judging.judge import judge

SILENT = "SILENT"

SCHEMA_MESSAGES = MappingProxyType(
    {
        "required": "缺少必填字段",
        "additionalProperties": "含有未定义的字段",
        "unevaluatedProperties": "含有未定义的字段",
        "type": "类型不符",
        "enum": "不在允许的取值之内",
        "pattern": "格式不符",
        "contains": "示例须既有触发的，也有不触发的",
        "minLength": "不能为空",
        "maxLength": "过长",
        "minimum": "小于允许的最小值",
        "maximum": "大于允许的最大值",
        "minItems": "条目过少",
    }
)


@dataclass(frozen=True, slots=True)
class DocumentProblem:
    """`path` points into the document (`examples/0/history`); values are not repeated."""

    path: str
    message: str


class RuleDocumentError(ValueError):
    """The document is none that could be put into force."""

    def __init__(self, problems: Sequence[DocumentProblem]) -> None:
        super().__init__("；".join(f"{problem.path}：{problem.message}" for problem in problems))
        self.problems = tuple(problems)


class _PlainLoader(yaml.SafeLoader):
    """Leaves times as text, as JSON has them."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_documents(text: str, schema: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The rule documents of a YAML stream, checked against the schema. Raises RuleDocumentError."""
    documents = _yaml_documents(text)
    problems = [
        DocumentProblem(f"{index}/{problem.path}" if len(documents) > 1 else problem.path, problem.message)
        for index, document in enumerate(documents)
        for problem in schema_problems(document, schema)
    ]
    if problems:
        raise RuleDocumentError(problems)
    return documents


def shipped_documents(schema: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The rules that come with the program. Raises RuleDocumentError."""
    return read_documents(files("supervision").joinpath("library/rules.yaml").read_text(encoding="utf-8"), schema)


def schema_problems(document: Any, schema: Mapping[str, Any]) -> list[DocumentProblem]:
    found = sorted(Draft202012Validator(schema).iter_errors(document), key=lambda error: error.json_path)
    return [_problem(error) for error in found]


def rule_in_force(document: Mapping[str, Any]) -> RuleInForce:
    """The rule that a checked document declares."""
    return RuleInForce(
        code=document["code"],
        version=document["version"],
        title=document["title"],
        template=document["template"],
        level=Level(document["level"]),
        legal_basis=document["legalBasis"],
        parameters=MappingProxyType(dict(document["parameters"])),
        group=document.get("group"),
        rank=document.get("rank", 0),
    )


def examples_that_fail(
    document: Mapping[str, Any], calendar: Calendar, policy: ClockPolicy
) -> tuple[DocumentProblem, ...]:
    """What the rule says otherwise than its own examples expect; empty when it may be put into force."""
    rule = rule_in_force(document)
    return tuple(
        DocumentProblem(f"examples/{index}", f"示例“{example['name']}”：{message}")
        for index, example in enumerate(document["examples"])
        for message in _differences(rule, example, calendar, policy)
    )


def _differences(
    rule: RuleInForce, example: Mapping[str, Any], calendar: Calendar, policy: ClockPolicy
) -> Iterator[str]:
    try:
        history, as_of = history_from_json(example["history"]), parse_instant(example["asOf"])
    except (KeyError, ValueError, TypeError, ArithmeticError):
        yield "办件记录无法读取"
        return
    found = judge(history, calendar=calendar, policy=policy, rules=[rule], as_of=as_of).findings
    said = str(found[0].outcome) if found else SILENT
    if said != example["expect"]:
        yield f"应为 {example['expect']}，实为 {said}"
    elif found:
        yield from _details_that_differ(found[0], example)


def _details_that_differ(finding: Finding, example: Mapping[str, Any]) -> Iterator[str]:
    if "subject" in example and finding.subject != example["subject"]:
        yield "所指的记录不同"
    if "occurredAt" in example and finding.occurred_at != _instant(example["occurredAt"]):
        yield "发生时间不同"


def _instant(text: str) -> datetime | None:
    try:
        return parse_instant(text)
    except ValueError:
        return None


def _yaml_documents(text: str) -> tuple[dict[str, Any], ...]:
    try:
        return tuple(yaml.load_all(text, Loader=_PlainLoader))  # noqa: S506  (a safe loader, see above)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RuleDocumentError([DocumentProblem(f"第 {line} 行", "不是合格的 YAML")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise RuleDocumentError([DocumentProblem("全文", "不是合格的 YAML")]) from error


def _problem(error: ValidationError) -> DocumentProblem:
    path = "/".join(str(part) for part in error.absolute_path) or "全文"
    return DocumentProblem(path, SCHEMA_MESSAGES.get(str(error.validator), "不符合规则文档的定义"))
