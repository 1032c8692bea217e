"""Selectors: where in a message a value stands. XPath 1.0 for XML, JMESPath for JSON, column names for rows.

What could run long is refused when the document is compiled: length, depth, axes, the product of alternatives.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from lxml import etree

from adapters.intake import GB18030, UTF_8, decode, parse_xml
from adapters.reading import Content
from hub.domain.errors import RejectedError

LONGEST_SELECTOR = 300
MOST_FOUND = 1_000
_MOST_NODES = 80
_MOST_ALTERNATIVES = 64


@dataclass(slots=True)
class Scope:
    """What a selector of a unit can see: the unit's own node, the whole document, and what was looked up before."""

    node: Any
    root: Any
    names: Mapping[str, Any]
    """Of the unit: its simple fields by name (rows: in lower case)."""
    shared: dict[Any, Any] = field(default_factory=dict)
    """Found once for the whole message."""
    inner: dict[Any, Any] = field(default_factory=dict)
    """Values of this unit that are XML themselves, as trees."""


Select = Callable[[Scope], Any]
"""The first value: text, number, flag, or None."""
SelectMany = Callable[[Scope], list["Scope"]]


@dataclass(frozen=True, slots=True)
class Language:
    """One of the three ways to select. `names` are the simple fields of a node."""

    compile: Callable[[str, Mapping[str, str]], Select]
    compile_many: Callable[[str, Mapping[str, str]], SelectMany]
    names: Callable[[Any], Mapping[str, Any]]
    words: Callable[[str], Iterator[str]]
    """The field names that a selector mentions."""


def language_of(form: str) -> Language:
    return {"xml": XPATH, "json": JMESPATH}.get(form, COLUMNS)


def _refuse(text: str, why: str) -> RejectedError:
    return RejectedError("HUB-3022", f"选择器不能用：{why}")


def _require_short(text: str) -> None:
    if not text.strip() or len(text) > LONGEST_SELECTOR:
        raise _refuse(text, f"应为 1 至 {LONGEST_SELECTOR} 个字符")


# --- XML ------------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z_\u4e00-\u9fff][\w.\-]*")
_LITERAL = re.compile(r"\"[^\"]*\"|'[^']*'")
_AXIS = re.compile(r"([A-Za-z-]+)\s*::")
_CALL = re.compile(r"([A-Za-z][A-Za-z-]*)\s*\(")
_AXES = frozenset({"child", "self", "parent", "attribute", "following-sibling", "preceding-sibling"})
_FUNCTIONS = frozenset({
    "text", "node", "normalize-space", "string", "concat", "substring", "substring-before", "substring-after",
    "translate", "contains", "starts-with", "local-name", "name", "position", "last", "count", "number", "not", "true",
    "false", "boolean", "string-length", "and", "or",
})  # fmt: skip
_PREDICATE = re.compile(r"\[([^\[\]]*)\]")


def _checked_xpath(text: str, namespaces: Mapping[str, str]) -> etree.XPath:
    _require_short(text)
    bare = _LITERAL.sub("''", text)
    outside = _PREDICATE.sub("", bare)
    if "[" in outside or "$" in bare:
        raise _refuse(text, "方括号最多一层，不能用变量")
    if outside.count("//") > 2 or any("//" in part for part in _PREDICATE.findall(bare)):
        raise _refuse(text, "“//” 最多两处，且不能在方括号里")
    if unknown := set(_AXIS.findall(bare)) - _AXES:
        raise _refuse(text, f"不能用轴 {min(unknown)}")
    if unknown := set(_CALL.findall(bare)) - _FUNCTIONS:
        raise _refuse(text, f"不能用函数 {min(unknown)}")
    try:
        return etree.XPath(text, namespaces=dict(namespaces) or None, smart_strings=False)
    except (etree.XPathSyntaxError, ValueError) as exc:
        raise _refuse(text, "不是正确的 XPath 1.0") from exc


def _xpath(text: str, namespaces: Mapping[str, str]) -> Select:
    text = text.strip()
    if text == ".":
        return lambda scope: node_text(scope.node)
    if _NAME.fullmatch(text):
        return lambda scope: scope.names.get(text)
    find = _checked_xpath(text, namespaces)
    if text.startswith("/"):
        return _once_per_message(text, lambda scope: first_of(_evaluated(find, scope.node)))
    return lambda scope: first_of(_evaluated(find, scope.node))


def _evaluated(find: etree.XPath, node: Any) -> Any:
    """Nothing where a selector does not fit the node at all."""
    if not isinstance(node, etree._Element):
        return None
    try:
        return find(node)
    except etree.XPathEvalError:
        return None


def _xpath_many(text: str, namespaces: Mapping[str, str]) -> SelectMany:
    find = _checked_xpath(text.strip(), namespaces)

    def select(scope: Scope) -> list[Scope]:
        found = _evaluated(find, scope.node)
        nodes = found if isinstance(found, list) else [found]
        return [_below(scope, node, XPATH) for node in nodes[:MOST_FOUND]]

    return select


def first_of(found: Any) -> Any:
    if isinstance(found, list):
        found = found[0] if found else None
    return node_text(found)


def node_text(node: Any) -> Any:
    """Text of an element: its own, or all of it when it is broken into parts."""
    if not isinstance(node, etree._Element):
        return node
    return "".join(map(str, node.itertext())) if len(node) else node.text


def _xml_names(node: Any) -> Mapping[str, Any]:
    if not isinstance(node, etree._Element):
        return {}
    names: dict[str, Any] = {}
    for child in node:
        if child.tag not in names:
            names[child.tag] = child.text if not len(child) else node_text(child)
    return names


def _xpath_words(text: str) -> Iterator[str]:
    yield from _NAME.findall(_LITERAL.sub("", text))


def _once_per_message(key: str, select: Select) -> Select:
    """What is asked from the root is the same for every unit."""

    def remembered(scope: Scope) -> Any:
        if key not in scope.shared:
            scope.shared[key] = select(scope)
        return scope.shared[key]

    return remembered


# --- JSON -----------------------------------------------------------------------------------------------------------

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_KINDS_THAT_MULTIPLY = frozenset({"multi_select_list", "multi_select_dict", "function_expression"})


def _checked_jmespath(text: str) -> Any:
    _require_short(text)
    try:
        expression = jmespath.compile(_quoted_chinese(text))
    except (JMESPathError, RecursionError) as exc:
        raise _refuse(text, "不是正确的 JMESPath；中文键名写在双引号里") from exc
    nodes, alternatives = 0, 1
    waiting = [expression.parsed]
    while waiting:
        node = waiting.pop()
        children = node.get("children", ())
        nodes += 1
        if node.get("type") in _KINDS_THAT_MULTIPLY:
            alternatives *= max(len(children), 1)
        waiting.extend(child for child in children if isinstance(child, dict))
    if nodes > _MOST_NODES or alternatives > _MOST_ALTERNATIVES:
        raise _refuse(text, "过于复杂")
    return expression


_CHINESE_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|`[^`]*`|([\u4e00-\u9fff][\w\u4e00-\u9fff]*)')


def _quoted_chinese(text: str) -> str:
    """Chinese keys may stand without the quotes that JMESPath asks for."""
    return _CHINESE_WORD.sub(lambda found: f'"{found[1]}"' if found[1] else found[0], text)


def _searched(expression: Any, value: Any) -> Any:
    try:
        return expression.search(value)
    except JMESPathError:  # a function that does not take what is there
        return None


def _jmespath(text: str, _: Mapping[str, str]) -> Select:
    text = text.strip()
    if text in (".", "@"):
        return lambda scope: json_text(scope.node)
    if text.startswith("$."):
        whole = _checked_jmespath(text[2:])
        return _once_per_message(text, lambda scope: json_text(_searched(whole, scope.root)))
    if _IDENTIFIER.fullmatch(text):
        return lambda scope: json_text(scope.names.get(text))
    expression = _checked_jmespath(text)
    return lambda scope: json_text(_searched(expression, scope.node))


def _jmespath_many(text: str, _: Mapping[str, str]) -> SelectMany:
    text = text.strip()
    from_root = text.startswith("$.")
    expression = _checked_jmespath(text[2:] if from_root else text)

    def select(scope: Scope) -> list[Scope]:
        found = _searched(expression, scope.root if from_root else scope.node)
        values = found if isinstance(found, list) else [] if found is None else [found]
        return [_below(scope, value, JMESPATH) for value in values[:MOST_FOUND] if value is not None]

    return select


def json_text(value: Any) -> Any:
    """A value as it stands; of a list the first, of an object nothing."""
    if isinstance(value, list):
        value = value[0] if value else None
    return None if isinstance(value, dict | list) else value


def _json_names(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, dict) else {}


def _jmespath_words(text: str) -> Iterator[str]:
    yield from _QUOTED.findall(text)
    yield from re.findall(r"[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff]*", _QUOTED.sub("", text))


# --- rows -----------------------------------------------------------------------------------------------------------


def _column(text: str, _: Mapping[str, str]) -> Select:
    _require_short(text)
    name = text.strip().lower()
    if name == ".":
        return lambda scope: scope.node
    return lambda scope: scope.names.get(name)


def _no_lists(text: str, _: Mapping[str, str]) -> SelectMany:
    raise _refuse(text, "平铺的行里没有下级清单；一格里有多个值时用 from 与 split")


def _lower_names(node: Any) -> Mapping[str, Any]:
    return {str(name).lower(): value for name, value in node.items()} if isinstance(node, Mapping) else {}


def _column_words(text: str) -> Iterator[str]:
    yield text.strip().lower()


XPATH = Language(_xpath, _xpath_many, _xml_names, _xpath_words)
JMESPATH = Language(_jmespath, _jmespath_many, _json_names, _jmespath_words)
COLUMNS = Language(_column, _no_lists, _lower_names, _column_words)


# --- one within the other -------------------------------------------------------------------------------------------


def _below(scope: Scope, node: Any, language: Language) -> Scope:
    return Scope(node, scope.root, language.names(node), scope.shared)


def scopes_of_texts(scope: Scope, texts: Sequence[str]) -> list[Scope]:
    """Parts of a split text; `.` is the part."""
    return [Scope(text, scope.root, {}, scope.shared) for text in texts]


def inner_xml(scope: Scope, key: str, text: Any, *, repair: bool) -> Scope | None:
    """The scope of a value that is XML itself, parsed once per unit; None where there is none.

    Raises RejectedError HUB-1001 and as `parse_xml`.
    """
    if key not in scope.inner:
        root = None
        if isinstance(text, str) and text.strip():
            root, _ = parse_xml(_unpacked(text), repair=repair)
        scope.inner[key] = None if root is None else Scope(root, root, _xml_names(root))
    found: Scope | None = scope.inner[key]
    return found


def _unpacked(text: str) -> str:
    """XML that a department's database keeps as bytes arrives as Base64: rows of a table hold texts only."""
    if text.lstrip()[:1] == "<":
        return text
    try:
        body = base64.b64decode(text, validate=True)
    except ValueError:
        return text
    return decode(Content(body), (UTF_8, GB18030))[0] if b"<" in body[:8] else text
