"""JSON read strictly: what two readers could take for two things is refused, not guessed at."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

from hub.domain.errors import RejectedError

MAX_DEPTH = 32
MOST_MARKS = 500_000
"""Brackets, braces and commas: more is an attack on memory, not a message."""

# Only texts with one of these can hold a character that must not be kept; they are looked at closely.
_SUSPECT = re.compile(r"\\u(?:00[01]|[dD][89a-fA-F]|[fF]{3}[eEfF])|\\[bf]|[\ud800-\udfff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def parse_json(text: str, *, most_marks: int = MOST_MARKS, too_deep: str = "HUB-1007") -> Any:
    """Raises RejectedError HUB-1006 (control characters), HUB-1007 (size), `too_deep` (depth), HUB-1022 (all else)."""
    text = text.removeprefix("\ufeff")
    if text.count("{") + text.count("[") + text.count(",") > most_marks:
        raise RejectedError("HUB-1007", f"报文的字段个数超过上限 {most_marks}")
    try:
        document = _parsed(text)
        _require_shallow(document)
    except RecursionError as exc:
        raise RejectedError(too_deep, f"JSON 的嵌套层数超过上限 {MAX_DEPTH}") from exc
    if _SUSPECT.search(text):
        _require_characters(document)
    return document


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as exc:
        raise RejectedError("HUB-1022", f"不是有效的 JSON（第 {exc.lineno} 行第 {exc.colno} 列）") from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise RejectedError("HUB-1022", "JSON 中的数字过长") from exc


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise RejectedError("HUB-1022", "JSON 的同一个对象中有重复的成员名")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise RejectedError("HUB-1022", "JSON 中不允许 NaN 和 Infinity")


def _require_shallow(document: object) -> None:
    """Raises RecursionError, as the parser itself does when it is much too deep."""
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
        if not level:
            return
    raise RecursionError("too deep")


def _children(node: object) -> Collection[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _require_characters(document: object) -> None:
    for text in _strings(document):
        if _SURROGATE.search(text):
            raise RejectedError("HUB-1022", "JSON 文本中有不成对的代理字符（\\uD800 至 \\uDFFF）")
        if _CONTROL.search(text):
            raise RejectedError("HUB-1006", "文本中含有不允许的控制字符")


def _strings(document: object) -> Iterator[str]:
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            yield from node
        waiting.extend(_children(node))
