"""A JSON message read strictly: what two readers could take for two things is refused, not guessed at."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from hub.domain.errors import RejectedError

MAX_DEPTH = 32
_MAX_MARKS = 201_000  # 1,000 records of 200 fields, and the frame: more is an attack on memory
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_8_NAMES = frozenset({"utf-8", "utf8"})
# Only texts with one of these can hold a character that must not be kept; they are looked at closely.
_SUSPECT = re.compile(r"\\u(?:00[01]|[dD][89abAB]|[dD][c-fC-F]|[fF]{3}[eEfF])|\\[bf]|[\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class JsonMessage:
    """The records of a message; `charset` opens the stored body again."""

    records: list[Any]
    charset: str


def read_message(body: bytes, announced_charset: str | None) -> JsonMessage:
    """Raises RejectedError HUB-1002, 1004, 1006, 1007, 1017, 1022, 3002, 3004."""
    document, charset = read_document(body, announced_charset)
    return JsonMessage(_records(document), charset)


def read_document(body: bytes, announced_charset: str | None) -> tuple[object, str]:
    """The value that the body is, and the charset that opens it.

    Raises RejectedError HUB-1002, 1004, 1006, 1007, 1022.
    """
    if not body.strip():
        raise RejectedError("HUB-1002", "正文为空")
    if announced_charset is not None and announced_charset.lower() not in _UTF_8_NAMES:
        raise RejectedError("HUB-1004", "JSON 报文只能用 UTF-8 编码，Content-Type 不要写其他 charset")
    charset = "utf-8-sig" if body.startswith(_BYTE_ORDER_MARK) else "utf-8"
    try:
        text = body.decode(charset)
    except UnicodeDecodeError as exc:
        raise RejectedError("HUB-1004", "正文不是 UTF-8；JSON 报文不能用 GBK 等其他编码") from exc
    return _document(text), charset


def _document(text: str) -> object:
    if text.count("{") + text.count("[") + text.count(",") > _MAX_MARKS:
        raise RejectedError("HUB-1007", f"报文的字段个数超过上限 {_MAX_MARKS}")
    document = _parsed(text)
    _check_depth(document)
    if _SUSPECT.search(text):
        _check_characters(document)
    return document


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as exc:
        raise RejectedError("HUB-1022", f"正文不是有效的 JSON（第 {exc.lineno} 行第 {exc.colno} 列）") from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise RejectedError("HUB-1022", "JSON 中的数字过长") from exc


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise RejectedError("HUB-1022", "JSON 的同一个对象中有重复的成员名")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise RejectedError("HUB-1022", "JSON 中不允许 NaN 和 Infinity")


def _too_deep() -> RejectedError:
    return RejectedError("HUB-1022", f"JSON 的嵌套层数超过上限 {MAX_DEPTH}")


def _check_depth(document: object) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
        if not level:
            return
    raise _too_deep()


def _children(node: object) -> Any:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _check_characters(document: object) -> None:
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


def _records(document: object) -> list[Any]:
    if isinstance(document, dict):
        if set(document) - {"records"}:
            raise RejectedError("HUB-3002", "报文中除 records 外不应有其他成员；报文标识写在 Idempotency-Key 请求头")
        document = document.get("records", [])
    if not isinstance(document, list):
        raise RejectedError("HUB-3004", '正文应为 {"records": [……]} 或记录数组')
    if not document:
        raise RejectedError("HUB-1017", "报文中没有记录")
    return document
