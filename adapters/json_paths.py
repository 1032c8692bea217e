"""Selectors for JSON: JMESPath, `$.` for the whole message, `../` for the object around.

A path of names and `[]` is walked here and knows the objects that it passed. Everything else is JMESPath without what
could multiply its input.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from adapters.scopes import (
    Language,
    Scope,
    Select,
    SelectMany,
    climbing,
    once_per_message,
    refused,
    require_short,
)

_MOST_NODES = 80
_MOST_PARTS = 20
_MOST_ALTERNATIVES = 16
_MULTIPLYING = frozenset({"multi_select_list", "multi_select_dict"})
_FORBIDDEN = frozenset({"expref", "slice"})
_FUNCTIONS = frozenset({
    "not_null", "length", "contains", "starts_with", "ends_with", "to_number", "sum", "max", "min", "type", "keys",
    "values", "sort", "reverse",
})  # fmt: skip
_FUNCTIONS = frozenset({
    "contains", "starts_with", "ends_with", "join", "keys", "values", "length", "not_null", "reverse", "sort",
    "to_number", "type", "max", "min",
})  # fmt: skip
"""None whose result can be much larger than what it is given: `to_string` in itself doubles its backslashes."""
_PART = re.compile(
    r"(?P<dot>\.)?(?:(?P<name>[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff]*)|\"(?P<quoted>[^\"\\]+)\")|\[(?P<place>\*|-?\d{1,6})?\]"
)
_CHINESE_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|`[^`]*`|([\u4e00-\u9fff][\w\u4e00-\u9fff]*)')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WORD = re.compile(r"[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff]*")

Places = Callable[[Scope], Iterable[Scope]]


# --- paths ----------------------------------------------------------------------------------------------------------


def _path(text: str) -> list[str | int | None] | None:
    """Names, places, and None for every entry of an array; None for what is not a mere path."""
    parts: list[str | int | None] = []
    at = 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or bool(found["dot"]) != bool(parts and found["place"] is None and text[at] != "["):
            return None
        parts.append(_part(found))
        at = found.end()
    if len(parts) > _MOST_PARTS:
        raise refused(f"最多 {_MOST_PARTS} 层")
    return parts


def _part(found: re.Match[str]) -> str | int | None:
    if found["name"] or found["quoted"]:
        return found["name"] or found["quoted"]
    return None if found["place"] in (None, "*") else int(found["place"])


def _walk(parts: list[str | int | None]) -> Places:
    def walk(scope: Scope) -> Iterable[Scope]:
        found: Iterable[Scope] = [scope]
        for part in parts:
            found = _stepped(found, part)
        return found

    return walk


def _stepped(scopes: Iterable[Scope], part: str | int | None) -> Iterator[Scope]:
    for scope in scopes:
        node = scope.node
        if isinstance(part, str):
            if isinstance(node, dict) and node.get(part) is not None:
                yield scope.below(node[part])
        elif isinstance(node, list):
            for entry in node if part is None else node[part : part + 1 or None]:
                if entry is not None:
                    yield _entry(scope, entry)


def _spread(scopes: Iterable[Scope]) -> Iterator[Scope]:
    """Every entry of an array; of anything else that alone."""
    for scope in scopes:
        if isinstance(scope.node, list):
            yield from _stepped([scope], None)
        else:
            yield scope


def _entry(array: Scope, node: Any) -> Scope:
    """An array is no level of its own: the object around it is around its entries."""
    return (array.outer or array).below(node)


# --- JMESPath -------------------------------------------------------------------------------------------------------


def _expression(text: str) -> Callable[[Any], Any]:
    try:
        expression: Any = jmespath.compile(_with_quotes(text))
    except (JMESPathError, RecursionError, ValueError) as exc:
        raise refused("不是正确的 JMESPath；含特殊字符的键名写在双引号里") from exc
    _require_bounded(expression.parsed)

    def search(value: Any) -> Any:
        try:
            return expression.search(value)
        except (JMESPathError, TypeError):  # a function that does not take what is there
            return None

    return search


def _require_bounded(parsed: Mapping[str, Any]) -> None:
    nodes, alternatives = 0, 1
    waiting: list[Any] = [parsed]
    while waiting:
        node = waiting.pop()
        children = node.get("children", ())
        nodes += 1
        if node.get("type") in _FORBIDDEN:
            raise refused("不能用 & 和切片")
        if node.get("type") == "function_expression" and node["value"] not in _FUNCTIONS:
            raise refused(f"不能用函数 {node['value']}")
        if node.get("type") == "function_expression":
            _require_bounded_call(node["value"], children)
        if node.get("type") in _MULTIPLYING:
            alternatives *= max(len(children), 1)
        waiting.extend(child for child in children if isinstance(child, dict))
    if nodes > _MOST_NODES or alternatives > _MOST_ALTERNATIVES:
        raise refused("过于复杂")


def _require_bounded_call(name: str, arguments: Sequence[Mapping[str, Any]]) -> None:
    if name not in _FUNCTIONS:
        raise refused(f"不能用函数 {name}")
    if name == "join" and not (arguments and arguments[0]["type"] == "literal"):
        raise refused("join 的连接符要直接写明")


def _with_quotes(text: str) -> str:
    """Chinese keys may stand without the quotes that JMESPath asks for."""
    return _CHINESE_WORD.sub(lambda found: f'"{found[1]}"' if found[1] else found[0], text)


# --- the language ---------------------------------------------------------------------------------------------------


def _places(text: str) -> Places:
    parts = _path(text)
    if parts is not None:
        walk = _walk(parts)
        return lambda scope: _spread(walk(scope))
    search = _expression(text)

    def found(scope: Scope) -> Iterator[Scope]:
        value = search(scope.node)
        entries = value if isinstance(value, list) else [value]
        return (scope.below(entry) for entry in entries if entry is not None)

    return found


def _first(text: str) -> Select:
    parts = _path(text)
    if parts is not None and len(parts) == 1 and isinstance(name := parts[0], str):
        return lambda scope: json_text(scope.names.get(name))
    if parts is not None:
        walk = _walk(parts)
        return lambda scope: next((text for place in walk(scope) if (text := json_text(place.node)) is not None), None)
    search = _expression(text)
    return lambda scope: json_text(search(scope.node))


def _select(text: str, _: Mapping[str, str]) -> Select:
    return _aimed(require_short(text), _first, None) if text.strip() not in (".", "@") else _own_text


def _own_text(scope: Scope) -> Any:
    return json_text(scope.node)


def _select_many(text: str, _: Mapping[str, str]) -> SelectMany:
    select: SelectMany = _aimed(require_short(text), lambda rest: _listed(_places(rest)), ())
    return select


def _listed(places: Places) -> Places:
    return lambda scope: list(places(scope))


def _aimed(text: str, compiled: Callable[[str], Any], nothing: Any) -> Any:
    """`$.x` asks the whole message, and once; `../x` the object around."""
    if text.startswith("$."):
        select = compiled(text[2:])
        return once_per_message((id(select), "$"), lambda scope: select(_whole(scope)))
    levels = 0
    while text.startswith("../"):
        text, levels = text[3:].lstrip(), levels + 1
    select = compiled(text or "@")
    return climbing(levels, select, nothing) if levels else select


def _whole(scope: Scope) -> Scope:
    return Scope(scope.root, scope.root, JMESPATH, shared=scope.shared)


def json_text(value: Any) -> Any:
    """A value as it stands; of a list the first, of an object nothing."""
    if isinstance(value, list):
        value = value[0] if value else None
    return None if isinstance(value, dict | list) else value


def _names(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, dict) else {}


def _words(text: str) -> Iterator[str]:
    yield from _QUOTED.findall(text)
    yield from _WORD.findall(_QUOTED.sub("", text))


JMESPATH = Language(_select, _select_many, _names, _words)
