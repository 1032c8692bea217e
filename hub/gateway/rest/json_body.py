"""A JSON message read strictly: what two readers could take for two things is refused, not guessed at."""

from dataclasses import dataclass
from typing import Any

from adapters.json_text import parse_json
from hub.domain.errors import RejectedError

_MAX_MARKS = 201_000  # 1,000 records of 200 fields, and the frame: more is an attack on memory
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_8_NAMES = frozenset({"utf-8", "utf8"})


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
    return parse_json(text, most_marks=_MAX_MARKS, too_deep="HUB-1022"), charset


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
