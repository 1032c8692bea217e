"""Values of a department's columns as JSON and back; digests tell a row that changed."""

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Column

from hub.domain.errors import RejectedError


def python_type(column: Column[Any]) -> type | None:
    try:
        return column.type.python_type
    except NotImplementedError:
        return None


def typed(column: Column[Any], value: Any) -> Any:
    """A JSON value as the column wants it. Raises RejectedError HUB-4026 when it is none of its values."""
    kind = python_type(column)
    if value is None or kind is None or isinstance(value, kind):
        return value
    try:
        return _FROM_TEXT.get(kind, str)(str(value))
    except (ValueError, ArithmeticError) as exc:
        raise RejectedError("HUB-4026", f"列 {column.name} 的类型与适配器文档中的值不符") from exc


_FROM_TEXT: Mapping[type, Callable[[str], Any]] = MappingProxyType({
    int: int, float: float, Decimal: Decimal, datetime: datetime.fromisoformat, date: date.fromisoformat,
    time: time.fromisoformat, bytes: base64.b64decode, UUID: UUID, bool: lambda text: text.lower() in ("1", "true"),
})  # fmt: skip


def fitting(column: Column[Any], text: str | None) -> str | None:
    """Cut to the column: by bytes, since some databases count those."""
    length = getattr(column.type, "length", None)
    if text is None or not isinstance(length, int):
        return text
    return text.encode()[:length].decode(errors="ignore")


def moment_for(column: Column[Any], now: datetime, changed: Sequence[Any]) -> Any:
    """Our time; the department's own, where its clock is ahead: else the row would look changed for ever."""
    if python_type(column) is not datetime:
        text = now.strftime("%Y-%m-%d %H:%M:%S")
        return max([text, *(value for value in changed if isinstance(value, str))])
    ahead = [value for value in changed if isinstance(value, datetime) and value.tzinfo is None]
    moment = max([now, *ahead])
    # columns may keep whole seconds only, and must not fall behind what they are compared with
    return moment.replace(microsecond=0) + timedelta(seconds=1) if moment.microsecond else moment


def json_value(value: Any) -> Any:
    """Times as ISO text, decimals as text, bytes as Base64."""
    for kinds, convert in _TO_JSON:
        if isinstance(value, kinds):
            return convert(value)
    return str(value)


_TO_JSON: Sequence[tuple[Any, Callable[[Any], Any]]] = (
    ((str, int, bool, type(None)), lambda value: value),
    (float, lambda value: value if math.isfinite(value) else str(value)),
    (Decimal, lambda value: format(value, "f")),
    ((datetime, date, time), lambda value: value.isoformat()),
    ((bytes, bytearray, memoryview), lambda value: base64.b64encode(bytes(value)).decode()),
    ((list, tuple), lambda value: [json_value(item) for item in value]),
    (dict, lambda value: {str(name): json_value(item) for name, item in value.items()}),
)


def dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest_of(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(dump(values)).hexdigest()
