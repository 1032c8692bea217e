"""Value expressions of a mapping: what one field of the contract is read from, compiled once into closures."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from adapters.converters import ConversionError, as_text, compile_converters, split_parts
from adapters.reading import UnmappedCode
from adapters.scopes import MOST_ENTRIES
from adapters.selectors import XPATH, Language, Scope, Select, inner_xml, part_language, scopes_of_texts
from hub.domain.errors import FieldIssue, RejectedError

MOST_LISTED = 500
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w{0,30})\}")
_DIGEST_LENGTH = 24


@dataclass(slots=True)
class Run:
    """What comes to light while one unit is read. `given`: the last expression read something of the sender."""

    issues: list[FieldIssue] = field(default_factory=list)
    unmapped: list[UnmappedCode] = field(default_factory=list)
    given: bool = False


Read = Callable[[Scope, Run], Any]
"""The value, None when there is none. Raises ConversionError."""


@dataclass(frozen=True, slots=True)
class CodeMap:
    """The sender's codes and ours. `otherwise`: `keep`, `absent`, or a token of ours."""

    name: str
    values: Mapping[str, str]
    otherwise: str = "keep"


@dataclass(frozen=True, slots=True)
class Setting:
    """What every expression of a document may refer to."""

    language: Language
    null_words: frozenset[str]
    code_maps: Mapping[str, CodeMap]
    department: Mapping[str, str]
    namespaces: Mapping[str, str] = field(default_factory=dict)
    repair: bool = True

    def absent(self, value: Any) -> bool:
        return value is None or (isinstance(value, str) and (not value or value in self.null_words))

    def raw(self, select: Select) -> Callable[[Scope], Any]:
        """The selected value without the blanks around it; what the sender writes for nothing is nothing."""
        null_words = self.null_words

        def read(scope: Scope) -> Any:
            value = select(scope)
            if isinstance(value, str):
                value = value.strip()
                return None if not value or value in null_words else value
            return value

        return read


def compile_expression(document: Mapping[str, Any], setting: Setting, target: str) -> Read:
    """Raises RejectedError HUB-3021 to HUB-3024 for what cannot be meant."""
    form = next(name for name in _FORMS if name in document)
    return _finished(_FORMS[form](document, setting, target), document, setting, target)


def _finished(read: Read, document: Mapping[str, Any], setting: Setting, target: str) -> Read:
    """With `convert`, `codes` and `default`, in this order."""
    steps: list[Callable[[Any, Run], Any]] = []
    if document.get("convert"):
        convert = compile_converters(document["convert"])
        steps.append(lambda value, run: convert(value))
    if "codes" in document:
        steps.append(_coded(document["codes"], setting, target))
    default = document.get("default")
    if not steps and default is None:
        return read

    def finish(scope: Scope, run: Run) -> Any:
        value = read(scope, run)
        for step in steps:
            if value is None:
                break
            value = step(value, run)
        if value is None:
            run.given = False
            return default
        return value

    return finish


def _coded(name: str, setting: Setting, target: str) -> Callable[[Any, Run], Any]:
    code_map = setting.code_maps.get(name)
    if code_map is None:
        raise RejectedError("HUB-3023", "没有这个代码对照表", target)
    values, otherwise = code_map.values, code_map.otherwise

    def map_code(value: Any, run: Run) -> str | None:
        code = as_text(value).strip()
        known = values.get(code)
        if known is not None:
            return known
        if otherwise == "absent":
            return None
        if otherwise != "keep":
            return otherwise
        run.unmapped.append(UnmappedCode(name, code, target))
        return code

    return map_code


def _from(document: Mapping[str, Any], setting: Setting, target: str) -> Read:
    read_raw = setting.raw(_selected(document, setting))

    def read(scope: Scope, run: Run) -> Any:
        value = read_raw(scope)
        run.given = value is not None
        return value

    return read


def _selected(document: Mapping[str, Any], setting: Setting) -> Select:
    select = setting.language.compile(document["from"], setting.namespaces)
    if "xml" not in document:
        return select
    find, key, raw = XPATH.compile(document["xml"], {}), document["from"], setting.raw(select)

    def within(scope: Scope) -> Any:
        inner = inner_xml(scope, key, raw(scope), repair=setting.repair)
        return None if inner is None else find(inner)

    return _translating_xml_errors(within)


def _translating_xml_errors(select: Select) -> Select:
    def read(scope: Scope) -> Any:
        try:
            return select(scope)
        except RejectedError as exc:
            raise ConversionError(exc.code, f"这一项里的 XML：{exc.message}") from exc

    return read


def _constant(document: Mapping[str, Any], setting: Setting, target: str) -> Read:
    constant = document["constant"]

    def read(scope: Scope, run: Run) -> Any:
        run.given = False
        return constant

    return read


def _department(document: Mapping[str, Any], setting: Setting, target: str) -> Read:
    return _constant({"constant": setting.department.get(document["department"])}, setting, target)


def _first_of(document: Mapping[str, Any], setting: Setting, target: str) -> Read:
    choices = [compile_expression(choice, setting, target) for choice in document["firstOf"]]

    def read(scope: Scope, run: Run) -> Any:
        for choice in choices:
            value = choice(scope, run)
            if value is not None:
                return value
        return None

    return read


def _template(document: Mapping[str, Any], setting: Setting, target: str) -> Read:
    text, given = document["template"], document.get("with", {})
    names = _PLACEHOLDER.findall(text)
    if unknown := set(names) - given.keys():
        raise RejectedError("HUB-3024", f"模板里的 {{{min(unknown)}}} 在 with 中没有给出", target)
    parts = {name: compile_expression(given[name], setting, target) for name in names}

    def read(scope: Scope, run: Run) -> str | None:
        values, some_given = {}, False
        for name, part in parts.items():
            value = part(scope, run)
            if value is None:
                run.given = False
                return None
            values[name] = as_text(value)
            some_given = some_given or run.given
        run.given = some_given
        return _PLACEHOLDER.sub(lambda found: values[found[1]], text)

    return read


def _digest(document: Mapping[str, Any], setting: Setting, target: str) -> Read:
    """A stable identifier out of content; absent when all of it is."""
    selectors: Sequence[str] = document["digest"]
    raws = [setting.raw(setting.language.compile(selector, setting.namespaces)) for selector in selectors]

    def read(scope: Scope, run: Run) -> str | None:
        values = [None if (value := raw(scope)) is None else as_text(value) for raw in raws]
        run.given = any(value is not None for value in values)
        if not run.given:
            return None
        return hashlib.sha256(json.dumps(values, ensure_ascii=False).encode()).hexdigest()[:_DIGEST_LENGTH]

    return read


_FORMS: Mapping[str, Callable[[Mapping[str, Any], Setting, str], Read]] = {
    "from": _from, "constant": _constant, "department": _department, "firstOf": _first_of, "template": _template,
    "digest": _digest,
}  # fmt: skip


# --- lists ----------------------------------------------------------------------------------------------------------

Scopes = Callable[[Scope], list[Scope]]


def compile_list(document: Mapping[str, Any], setting: Setting) -> tuple[Scopes, Setting]:
    """Where the entries of a list stand, and the setting in which the fields of one entry are read.

    The scopes raise ConversionError HUB-3005 for a list that is too long.
    """
    find, language = _entries(document, setting)
    return _bounded(find), replace(setting, language=language, namespaces=_namespaces(document, setting))


def _entries(document: Mapping[str, Any], setting: Setting) -> tuple[Callable[[Scope], Iterable[Scope]], Language]:
    if "select" in document:
        return setting.language.compile_many(document["select"], setting.namespaces), setting.language
    select = setting.language.compile(document["from"], setting.namespaces)
    if "xml" in document:
        return _inner_list(document, select, setting), XPATH
    raw, by = setting.raw(select), document.get("split", ";")
    return lambda scope: _split_scopes(scope, raw(scope), by), part_language(setting.language)


def _namespaces(document: Mapping[str, Any], setting: Setting) -> Mapping[str, str]:
    return {} if "xml" in document else setting.namespaces


def _bounded(find: Callable[[Scope], Iterable[Scope]]) -> Scopes:
    """More is refused, never cut."""

    def scopes(scope: Scope) -> list[Scope]:
        found = list(islice(find(scope), MOST_LISTED + 1))
        scope.shared[_COUNTED] = scope.shared.get(_COUNTED, 0) + len(found)
        if len(found) > MOST_LISTED or scope.shared[_COUNTED] > MOST_ENTRIES:
            raise ConversionError(
                "HUB-3005", f"清单过长：一条记录最多 {MOST_LISTED} 项，一个报文最多 {MOST_ENTRIES} 项"
            )
        return found

    return scopes


_COUNTED = "entries of lists"


def _split_scopes(scope: Scope, value: Any, by: str) -> list[Scope]:
    if value is None:
        return []
    return scopes_of_texts(scope, split_parts(as_text(value), by))


def _inner_list(document: Mapping[str, Any], select: Select, setting: Setting) -> Callable[[Scope], Iterable[Scope]]:
    find, key, raw = XPATH.compile_many(document["xml"], {}), document["from"], setting.raw(select)

    def scopes(scope: Scope) -> Iterable[Scope]:
        try:
            inner = inner_xml(scope, key, raw(scope), repair=setting.repair)
        except RejectedError as exc:
            raise ConversionError(exc.code, f"这一项里的 XML：{exc.message}") from exc
        return [] if inner is None else find(inner)

    return scopes


# --- what a person reads, and which fields it uses ------------------------------------------------------------------


def describe(document: Mapping[str, Any]) -> str:
    """The expression in a line, for the screen."""
    if "list" in document:
        return f"清单 {describe_source(document['list'])}"
    if "from" in document:
        return describe_source(document)
    if "constant" in document:
        return f"固定值 {document['constant']}"
    if "department" in document:
        return "本部门编码" if document["department"] == "orgCode" else "本部门名称"
    if "template" in document:
        return f"模板 {document['template']}"
    if "digest" in document:
        return "摘要 " + "、".join(document["digest"])
    return " 或 ".join(describe(choice) for choice in document.get("firstOf", ()))


def describe_source(document: Mapping[str, Any]) -> str:
    source = document.get("from") or document.get("select") or ""
    return f"{source} 里的 {document['xml']}" if "xml" in document else source


def selectors_in(document: Any) -> list[str]:
    """Every selector that an expression, a list or a condition uses."""
    found: list[str] = []
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            found += [part[name] for name in ("from", "select", "exists", "absent") if isinstance(part.get(name), str)]
            found += [selector for name in ("equals", "in") for selector in part.get(name, {})]
            found += part.get("digest", [])
            waiting += [value for name, value in part.items() if name not in ("equals", "in", "values")]
        elif isinstance(part, list):
            waiting += part
    return found
