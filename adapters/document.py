"""The adapter document: read from YAML or JSON, brought to the newest form, checked, written, compared."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from adapters.document_diff import Change, diff_documents
from hub.domain.errors import RejectedError

__all__ = [
    "Change", "diff_documents", "dump_document", "dump_part", "fingerprint", "load_document", "read_mapping",
]  # fmt: skip

SPEC_VERSION = 1
LARGEST_DOCUMENT = 1024 * 1024
_MOST_DEPTH = 32
_MOST_EVENTS = 20_000
"""Of the YAML parser; the largest shipped document has 2,700."""
_MOST_ROUTE_PARTS = 4_000
_MOST_PROBLEMS = 20
_WITHOUT_MEANING = ("title", "description", "source", "samples", "specVersion")

Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: Mapping[int, Migration] = {}
"""From a specVersion to the next; none so far."""


def load_document(text: str) -> dict[str, Any]:
    """YAML or JSON, migrated to the newest specVersion and checked against the schema.

    Raises RejectedError HUB-3020 for what is no document, and HUB-3001 to HUB-3006 with the path inside it.
    """
    document = migrated(read_mapping(text), MIGRATIONS, SPEC_VERSION)
    check_document(document)
    return document


def migrated(document: dict[str, Any], migrations: Mapping[int, Migration], newest: int) -> dict[str, Any]:
    """Step by step to the newest form. Raises RejectedError HUB-3020 for a version from the future, or none."""
    version = document.get("specVersion")
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= newest:
        raise RejectedError("HUB-3020", f"specVersion 应为 1 至 {newest}", "specVersion")
    for number in range(version, newest):
        document = {**migrations[number](document), "specVersion": number + 1}
    return document


def check_document(document: Mapping[str, Any]) -> None:
    """Raises RejectedError HUB-3001 to HUB-3006 with the path of the first thing that is wrong."""
    if _parts(document.get("routes"), _MOST_ROUTE_PARTS) > _MOST_ROUTE_PARTS:
        raise RejectedError("HUB-3020", f"适配器文档的路由过多：最多 {_MOST_ROUTE_PARTS} 个键和值", "routes")
    problem = best_match(islice(_validator().iter_errors(document), _MOST_PROBLEMS))
    if problem is None:
        return
    code, complaint = _complaint(problem)
    raise RejectedError(code, f"适配器文档：{complaint}", "/".join(map(str, problem.absolute_path)) or None)


def _parts(value: Any, most: int) -> int:
    """How many keys and values; counted no further than one past `most`."""
    waiting, found = [value], 0
    while waiting and found <= most:
        part = waiting.pop()
        found += 1
        waiting += part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ()
    return found


def dump_document(document: Mapping[str, Any]) -> str:
    """YAML in the order of the schema; `load_document` gives the same document back."""
    return dump_part({name: document[name] for name in _order() if name in document})


def dump_part(part: Mapping[str, Any]) -> str:
    """A part of a document as YAML, in the order that it has; `read_mapping` gives it back."""
    return yaml.dump(part, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


def fingerprint(document: Mapping[str, Any]) -> str:
    """SHA-256 in hex of what the document does: titles, descriptions, samples and the order of keys do not matter."""
    meant = {name: value for name, value in document.items() if name not in _WITHOUT_MEANING}
    return hashlib.sha256(json.dumps(meant, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


# --- text to document -----------------------------------------------------------------------------------------------


class _Loader(yaml.CSafeLoader):
    """The plain types of YAML 1.2: `Y`, `off`, `08`, `10:30` and `2026-03-02` stay the texts that they are."""


_Loader.yaml_implicit_resolvers = {}

_PLAIN_TYPES = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    ("float", r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}(?:[eE][-+]?[0-9]{1,3})?", list("-+0123456789")),
)
_RESOLVERS = [
    (f"tag:yaml.org,2002:{name}", re.compile(f"(?:{pattern})$"), first) for name, pattern, first in _PLAIN_TYPES
]
for _resolver in _RESOLVERS:
    _Loader.add_implicit_resolver(*_resolver)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value  # as it is written: a code 1 is the text "1"
        if not isinstance(key, str) or key in found:
            raise yaml.MarkedYAMLError(problem_mark=key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_mapping(text: str) -> dict[str, Any]:
    """YAML or JSON as plain types, whatever it says. Raises RejectedError HUB-3020."""
    if len(text) > LARGEST_DOCUMENT:
        raise RejectedError("HUB-3020", f"适配器文档超过 {LARGEST_DOCUMENT // 1024} KiB")
    try:
        _refuse_unbounded(yaml.parse(text, Loader=_Loader))
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except UnicodeEncodeError as exc:
        raise RejectedError("HUB-3020", "适配器文档里有不成字的编码") from exc
    except yaml.YAMLError as exc:
        line = getattr(getattr(exc, "problem_mark", None), "line", None)
        where = "" if line is None else f"第 {line + 1} 行"
        raise RejectedError("HUB-3020", f"适配器文档{where}不是正确的 YAML，或同一处键名重复") from exc
    if not isinstance(document, dict):
        raise RejectedError("HUB-3020", "适配器文档应为一组字段")
    return document


def _refuse_unbounded(events: Iterator[yaml.Event]) -> None:
    """Before anything is built: references, depth and number of parts."""
    depth = 0
    for number, event in enumerate(events):
        if isinstance(event, yaml.AliasEvent):
            raise RejectedError("HUB-3020", "适配器文档不能用 YAML 的引用（*）")
        if getattr(event, "tag", None) is not None:
            raise RejectedError("HUB-3020", "适配器文档不能用 YAML 的类型标记（!）")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
        if depth > _MOST_DEPTH or number > _MOST_EVENTS:
            raise RejectedError("HUB-3020", "适配器文档的层次过深或内容过多")


# --- document to text -----------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text and not text.startswith((" ", "\n")) and "\t" not in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
for _resolver in _RESOLVERS:  # besides those of YAML 1.1: a text that either would take for something else is quoted
    _Dumper.add_implicit_resolver(*_resolver)


@cache
def _order() -> Sequence[str]:
    return tuple(_schema()["properties"])


# --- schema ---------------------------------------------------------------------------------------------------------

_COMPLAINTS: Mapping[str, tuple[str, str]] = {
    "required": ("HUB-3001", "缺少必填项"),
    "additionalProperties": ("HUB-3002", "含有不认识的项"),
    "propertyNames": ("HUB-3002", "名称不合规定"),
    "enum": ("HUB-3006", "不是允许的值"),
    "const": ("HUB-3006", "不是允许的值"),
    "minimum": ("HUB-3006", "数值超出范围"),
    "maximum": ("HUB-3006", "数值超出范围"),
    "maxLength": ("HUB-3005", "文本过长"),
    "maxItems": ("HUB-3005", "条数过多"),
    "minItems": ("HUB-3001", "至少要有一条"),
    "minProperties": ("HUB-3001", "至少要有一项"),
    "maxProperties": ("HUB-3005", "项数过多"),
    "pattern": ("HUB-3004", "写法不合规定"),
    "type": ("HUB-3004", "值的类型不对"),
    "oneOf": ("HUB-3004", "应在几种写法中取且只取一种"),
    "dependentRequired": ("HUB-3004", "缺少与之配合的项"),
}


def _complaint(problem: ValidationError) -> tuple[str, str]:
    code, words = _COMPLAINTS.get(str(problem.validator), ("HUB-3004", "不合适配器文档的规定"))
    allowed: Any = problem.validator_value
    if problem.validator == "required" and isinstance(problem.instance, Mapping):
        missing = [name for name in allowed if name not in problem.instance]
        return code, f"{words} {'、'.join(missing)}"
    if problem.validator == "enum":
        return code, f"{words}；可用：{'、'.join(map(str, allowed))}"
    return code, words


@cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads(files("schemas").joinpath("adapter.schema.json").read_text(encoding="utf-8"))
    return schema


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(_schema())
