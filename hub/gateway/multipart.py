"""Multipart bodies taken apart in memory: uploaded files (form-data), and SOAP with its attachments (related)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from hub.domain.errors import RejectedError

FORM_DATA = "multipart/form-data"
RELATED = "multipart/related"
_NAME_CHARSETS = ("utf-8", "gb18030")


@dataclass(slots=True)
class Part:
    """One part; header names in lower case."""

    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def media_type(self) -> str | None:
        return self.headers.get("content-type")

    @property
    def content_id(self) -> str:
        """Without its angle brackets."""
        return self.headers.get("content-id", "").strip().removeprefix("<").removesuffix(">")

    def disposition(self, name: str) -> str | None:
        """A parameter of Content-Disposition, such as `name` or `filename`."""
        return header_parameters(self.headers.get("content-disposition", "")).get(name)


def header_parameters(value: str) -> Mapping[str, str]:
    """The parameters of a header value; old programs write their own charset into names of files."""
    _, parameters = parse_options_header(value)
    return {name.decode("latin-1").lower(): _readable(text) for name, text in parameters.items()}


def _readable(text: bytes) -> str:
    for charset in _NAME_CHARSETS:
        try:
            return text.decode(charset)
        except UnicodeDecodeError:
            continue
    return text.decode("latin-1")


def parts_of(body: bytes, content_type: str, most_parts: int) -> list[Part]:
    """Raises RejectedError HUB-1033 when the body is not what its Content-Type says, is cut off or has more parts."""
    boundary = header_parameters(content_type).get("boundary", "")
    if not boundary.isascii() or not boundary:
        raise RejectedError("HUB-1033", "Content-Type 中没有 boundary，或 boundary 不是 ASCII 字符")
    collector = _Collector(most_parts)
    try:
        MultipartParser(boundary.encode(), collector.callbacks()).write(body)
    except FormParserError as exc:
        raise RejectedError("HUB-1033", "multipart 正文的分段格式有误") from exc
    if not collector.ended:
        raise RejectedError("HUB-1033", "multipart 正文在中途截断，没有结束分隔行")
    return collector.parts


class _Collector:
    """Takes the parser's events. Slices of content come in order."""

    def __init__(self, most_parts: int) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._most_parts = most_parts
        self._name = self._value = b""
        self._slices: list[bytes] = []

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin, "on_part_data": self._data, "on_part_end": self._end_part,
            "on_header_field": self._header_name, "on_header_value": self._header_value,
            "on_header_end": self._end_header, "on_end": self._end,
        }  # fmt: skip

    def _begin(self) -> None:
        if len(self.parts) == self._most_parts:
            raise RejectedError("HUB-1033", f"multipart 正文的分段超过 {self._most_parts} 个")
        self.parts.append(Part())

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self.parts[-1].headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._slices.append(data[start:end])

    def _end_part(self) -> None:
        self.parts[-1].content = b"".join(self._slices)
        self._slices.clear()

    def _end(self) -> None:
        self.ended = True
