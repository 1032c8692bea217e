"""Selectors for XML: the part of XPath 1.0 that cannot run long.

A path (`//a/b[1]/@c`, `../X`) is walked step by step, each step linear in what it visits; what is asked from the root
or from a parent is asked once per message. Other expressions are left to libxml2, over paths that only lead down:
where a path leads up, or leaps from many nodes, libxml2 compares every node with every other (`//*//*` on 50,000
elements takes most of a minute).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from lxml import etree

from adapters.scopes import Language, Scope, Select, SelectMany, refused, require_short

_MOST_STEPS = 20
_MOST_LEAPS = 2
_PLAIN_NAME = r"[A-Za-z_\u4e00-\u9fff][\w.\-]*"
_NAME = re.compile(_PLAIN_NAME)
_LITERAL = re.compile(r"\"[^\"]*\"|'[^']*'")
_STEP = re.compile(
    rf"(?P<slash>//?)?\s*(?:(?P<up>\.\.)|(?P<self>\.)|(?P<text>text\(\))"
    rf"|(?P<attribute>@)?(?:(?P<prefix>{_PLAIN_NAME}):(?!:))?(?P<name>{_PLAIN_NAME}|\*)(?!\s*[(:]))"
    rf"(?P<predicates>(?:\s*\[(?:[^\[\]\"']|\"[^\"]*\"|'[^']*')*\])*)\s*"
)
_PREDICATE = re.compile(r"\[((?:[^\[\]\"']|\"[^\"]*\"|'[^']*')*)\]")

Nodes = Iterable[Any]
Step = Callable[[Nodes], Nodes]
_Namespaces = Mapping[str, str]


# --- paths ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Path:
    """`climbs` `..` at its beginning, then steps; `is_absolute`: from the root."""

    is_absolute: bool
    climbs: int
    steps: Sequence[Step]

    def nodes(self, scope: Scope) -> list[Any]:
        if self.is_absolute:
            return self._once(scope, scope.root, [_Above(scope.root)])
        node = scope.node
        if not isinstance(node, etree._Element):
            return []
        if not self.climbs:
            return self._walked([node])
        for _ in range(self.climbs):
            node = node.getparent()
            if node is None:
                return []
        return self._once(scope, node, [node])

    def _once(self, scope: Scope, start: Any, nodes: Nodes) -> list[Any]:
        key = (id(self), start)
        if key not in scope.shared:
            scope.shared[key] = self._walked(nodes)
        return cast(list[Any], scope.shared[key])

    def _walked(self, nodes: Nodes) -> list[Any]:
        for step in self.steps:
            nodes = step(nodes)
        return list(nodes)


@dataclass(frozen=True, slots=True)
class _Above:
    """The document, whose only child is the root."""

    root: etree._Element

    def iterchildren(self, tag: Any) -> Iterator[etree._Element]:
        return iter([self.root] if tag is etree.Element or self.root.tag == tag else [])

    def iterdescendants(self, tag: Any) -> Iterator[etree._Element]:
        return self.root.iter(tag)


def _parsed(text: str, namespaces: _Namespaces) -> _Path | None:
    """None for what is not a mere path."""
    steps: list[Step] = []
    climbs, leaps, at, ended = 0, 0, 0, False
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or bool(found["slash"]) != bool(at or text[0] == "/"):
            return None
        if ended:
            raise refused("属性和 text() 只能是最后一步")
        leaps += found["slash"] == "//"
        if found["up"] and not steps and not (at == 0 and found["slash"]):
            climbs += 1
        else:
            steps.append(_step(found, namespaces))
        at, ended = found.end(), bool(found["attribute"] or found["text"])
    if len(steps) + climbs > _MOST_STEPS or leaps > _MOST_LEAPS:
        raise refused(f"最多 {_MOST_STEPS} 层，其中 “//” 最多 {_MOST_LEAPS} 处")
    return _Path(text.startswith("/"), climbs, tuple(steps))


def _step(found: re.Match[str], namespaces: _Namespaces) -> Step:
    predicates = [_predicate(text, namespaces) for text in _PREDICATE.findall(found["predicates"] or "")]
    leaps = found["slash"] == "//"
    if found["up"] or found["self"] or found["text"] or found["attribute"]:
        if predicates or (leaps and not found["self"]):
            raise refused("“..”、“.”、text() 和属性后面不能有方括号，前面不能是 “//”")
        return _plain_step(found, namespaces)
    tag = _tag(found, namespaces)
    if leaps:
        return _leap(tag, predicates)
    return _children(tag, predicates)


def _plain_step(found: re.Match[str], namespaces: _Namespaces) -> Step:
    if found["up"]:
        return _parents
    if found["self"]:
        return _themselves
    if found["text"]:
        return lambda nodes: (node.text for node in nodes if _is_element(node))
    if found["name"] == "*":
        return lambda nodes: (value for node in nodes if _is_element(node) for value in node.attrib.values())
    name = _tag(found, namespaces)
    return lambda nodes: (node.get(name) for node in nodes if _is_element(node) and node.get(name) is not None)


def _tag(found: re.Match[str], namespaces: _Namespaces) -> Any:
    prefix, name = found["prefix"], found["name"]
    if prefix is None:
        return etree.Element if name == "*" else name
    if prefix not in namespaces:
        raise refused(f"没有声明命名空间前缀 {prefix}")
    return f"{{{namespaces[prefix]}}}{name}"


def _is_element(node: Any) -> bool:
    return isinstance(node, etree._Element)


def _parents(nodes: Nodes) -> Nodes:
    above = (node.getparent() for node in nodes if _is_element(node))
    return dict.fromkeys(node for node in above if node is not None)


def _themselves(nodes: Nodes) -> Nodes:
    return nodes


def _children(tag: Any, predicates: Sequence["_Predicate"]) -> Step:
    def step(nodes: Nodes) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, str):
                continue
            found: Nodes = node.iterchildren(tag)
            for predicate in predicates:
                found = predicate(found)
            yield from found

    return step


def _leap(tag: Any, predicates: Sequence["_Predicate"]) -> Step:
    """Every node once, however the nodes that it stands below are nested."""
    if any(isinstance(predicate, _Place) for predicate in predicates):
        raise refused("“//” 这一步不能取第几个，请写出上级元素")

    def step(nodes: Nodes) -> Nodes:
        found: Nodes = dict.fromkeys(
            below for node in nodes if not isinstance(node, str) for below in node.iterdescendants(tag)
        )
        for predicate in predicates:
            found = predicate(found)
        return found

    return step


# --- predicates and expressions -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """`[1]`, `[last()]`."""

    place: int | None

    def __call__(self, nodes: Nodes) -> Nodes:
        found = list(nodes)
        if self.place is None:
            return found[-1:]
        return found[self.place - 1 : self.place]


@dataclass(frozen=True, slots=True)
class _Test:
    """`[@type='1']`: true or false of a node by itself."""

    holds: etree.XPath

    def __call__(self, nodes: Nodes) -> Nodes:
        return (node for node in nodes if self.holds(node))


_Predicate = _Place | _Test


def _predicate(text: str, namespaces: _Namespaces) -> _Predicate:
    text = text.strip()
    if re.fullmatch(r"[1-9][0-9]{0,4}", text):
        return _Place(int(text))
    if text == "last()":
        return _Place(None)
    if re.search(r"\b(?:position|last)\s*\(", _LITERAL.sub("''", text)):
        raise refused("方括号里的次序只能写 [1]、[2]……或 [last()]")
    return _Test(_expression(f"boolean({text})", namespaces))


_FUNCTIONS = frozenset({
    "text", "node", "normalize-space", "string", "concat", "substring", "substring-before", "substring-after",
    "translate", "contains", "starts-with", "local-name", "name", "count", "number", "not", "true", "false", "boolean",
    "string-length", "and", "or", "div", "mod",
})  # fmt: skip
_CALL = re.compile(r"([A-Za-z][A-Za-z-]*)\s*\(")
_NOT_DOWNWARD = re.compile(r"\.\.|//|::|\||\$|(?<![\w\u4e00-\u9fff*)\].])\s*/")
_COMPARISON = re.compile(r"!=|<=|>=|=|<|>")
_CONSTANT_BEHIND = re.compile(r"\s*(?:''|-?[0-9])")
_CONSTANT_BEFORE = re.compile(r"(?:''|(?<![\w.\-])[0-9]+(?:\.[0-9]+)?)\s*$")
_SEARCH = re.compile(r"\b(?:contains|starts-with|substring-before|substring-after)\s*\(")
_MOST_CALLS, _MOST_PREDICATES = 16, 8


def _expression(text: str, namespaces: _Namespaces) -> etree.XPath:
    """An expression whose cost is the size of the node that it is asked of."""
    bare = _LITERAL.sub("''", text)
    if _NOT_DOWNWARD.search(bare):
        raise refused("函数和方括号里只能用下级路径，不能用 “..”、“//”、“|”、轴或从根开始的路径")
    if unknown := set(_CALL.findall(bare)) - _FUNCTIONS:
        raise refused(f"不能用函数 {min(unknown)}")
    if bare.count("(") > _MOST_CALLS or bare.count("[") > _MOST_PREDICATES:
        raise refused("过于复杂")
    for found in _COMPARISON.finditer(bare):
        if not (_CONSTANT_BEHIND.match(bare, found.end()) or _CONSTANT_BEFORE.search(bare, 0, found.start())):
            raise refused("比较的一边应为文本或数字")
    _require_constant_needles(bare)
    return _compiled(text, namespaces)


def _require_constant_needles(bare: str) -> None:
    """libxml2 looks for a text within a text in quadratic time."""
    for found in _SEARCH.finditer(bare):
        needle = _second_argument(bare[found.end() :])
        if needle.strip() != "''":
            raise refused("contains、substring-before 等的第二个参数应为写明的文本")


def _second_argument(text: str) -> str:
    depth, starts = 0, None
    for place, sign in enumerate(text):
        if sign == "," and depth == 0:
            starts = place + 1
        if sign == ")" and depth == 0:
            return "" if starts is None else text[starts:place]
        depth += (sign == "(") - (sign == ")")
    return ""


_SOME_NODE = etree.fromstring("<x/>")


def _compiled(text: str, namespaces: _Namespaces) -> etree.XPath:
    try:
        find = etree.XPath(text, namespaces=dict(namespaces) or None, smart_strings=False)
        find(_SOME_NODE)  # tells of unknown prefixes and of wrong numbers of arguments
    except (etree.XPathError, ValueError) as exc:
        raise refused("不是正确的 XPath 1.0") from exc
    return find


# --- the language ---------------------------------------------------------------------------------------------------


def _select(text: str, namespaces: _Namespaces) -> Select:
    text = require_short(text)
    if text == ".":
        return lambda scope: node_text(scope.node)
    if _NAME.fullmatch(text):
        return lambda scope: scope.names.get(text)
    path = _parsed(text, namespaces)
    if path is not None:
        return lambda scope: _first_text(path.nodes(scope))
    find = _expression(text, namespaces)
    return lambda scope: _value(find(scope.node)) if _is_element(scope.node) else None


def _select_many(text: str, namespaces: _Namespaces) -> SelectMany:
    path = _parsed(require_short(text), namespaces)
    if path is None:
        raise refused("这里要写路径，不能写函数")
    return lambda scope: (scope.below(node, XPATH) for node in path.nodes(scope))


def _first_text(nodes: Sequence[Any]) -> Any:
    """Of several nodes the first that is not blank."""
    for node in nodes:
        text = node_text(node)
        if text and not text.isspace():
            return text
    return None


def _value(found: Any) -> Any:
    if isinstance(found, list):
        return _first_text(found)
    if isinstance(found, float):
        if found != found:  # noqa: PLR0124 - not a number
            return None
        return int(found) if found.is_integer() else found
    return found


def node_text(node: Any) -> Any:
    """Text of an element: its own, or all of it when it is broken into parts."""
    if not isinstance(node, etree._Element):
        return node
    return "".join(map(str, node.itertext())) if len(node) else node.text


def _names(node: Any) -> Mapping[str, Any]:
    """Of elements that come several times the first that is not empty."""
    if not isinstance(node, etree._Element):
        return {}
    names: dict[str, Any] = {}
    for child in node:
        tag = child.tag
        if names.get(tag) is None:
            names[tag] = node_text(child) if len(child) else child.text
    return names


def _words(text: str) -> Iterator[str]:
    yield from _NAME.findall(_LITERAL.sub("", text))


XPATH = Language(_select, _select_many, _names, _words)
