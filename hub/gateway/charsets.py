"""Bytes of an XML document as UTF-8: which charset was meant, and whether the bytes keep to it.

GB2312 and GBK are both read as GB18030, which contains them: systems that declare the older names use its characters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hub.domain.errors import RejectedError

UTF_8 = "utf-8"
GB18030 = "gb18030"
_SUPPORTED: Mapping[str, str] = MappingProxyType({
    "utf-8": UTF_8, "utf8": UTF_8, "gb2312": GB18030, "gbk": GB18030, "cp936": GB18030, "gb18030": GB18030,
})  # fmt: skip

_BLANK = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE_STARTS = (b"\xff\xfe", b"\xfe\xff", b"\x00", b"<\x00")
_DECLARATION = re.compile(rb"<\?xml[ \t\r\n]([^>]{0,200}?)\?>")
_ENCODING = re.compile(rb"encoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z0-9._:\-]{1,40})[\"']")

# GB18030 text that is valid UTF-8 by chance exists (联通), but not with this many three-byte sequences.
_UTF_8_BEYOND_CHANCE = re.compile(rb"(?:[\x00-\x7f]*[\xe2-\xe9][\x80-\xbf][\x80-\xbf]){8}")


@dataclass(frozen=True, slots=True)
class Utf8Text:
    """An XML document in UTF-8 without byte order mark and without XML declaration."""

    content: bytes
    charset: str


def as_utf8(body: bytes, header_charset: str | None) -> Utf8Text:
    """Reads a document at the door: its declaration wins over the header, undeclared is UTF-8.

    Raises RejectedError HUB-1004 when the charset is not supported or the bytes do not keep to it.
    """
    declared, content = _split(body)
    if declared is None and header_charset is not None:
        declared = _supported(header_charset)
    return _decoded(content, declared or UTF_8)


def _split(body: bytes) -> tuple[str | None, bytes]:
    """The charset named by mark or declaration, and the document without both."""
    if body.startswith(_WIDE_STARTS):
        raise RejectedError("HUB-1004", "不支持 UTF-16、UTF-32 编码，请改用 UTF-8")
    marked = body.startswith(_BYTE_ORDER_MARK)
    content = (body[len(_BYTE_ORDER_MARK) :] if marked else body).lstrip(_BLANK)
    declaration = _DECLARATION.match(content)
    encoding = _ENCODING.search(declaration[1]) if declaration else None
    charset = _supported(encoding[1].decode("ascii")) if encoding else None
    if marked and charset == GB18030:
        raise RejectedError("HUB-1004", "报文以 UTF-8 标记（BOM）开头，XML 声明却写了另一种编码")
    return UTF_8 if marked else charset, content[declaration.end() :] if declaration else content


def _supported(name: str) -> str:
    charset = _SUPPORTED.get(name.lower())
    if charset is None:
        raise RejectedError("HUB-1004", "只支持 UTF-8、GB2312、GBK、GB18030 编码")
    return charset


def _decoded(content: bytes, charset: str) -> Utf8Text:
    if charset == UTF_8:
        if not _is_utf_8(content):
            raise RejectedError(
                "HUB-1004", "报文按 UTF-8 解读失败：请让实际输出的编码与 XML 声明一致（常见：声明 UTF-8，实际输出 GBK）"
            )
        return Utf8Text(content, UTF_8)
    if _UTF_8_BEYOND_CHANCE.match(content) and _is_utf_8(content):
        raise RejectedError("HUB-1004", "报文声明为 GBK 类编码，内容却是 UTF-8：请让 XML 声明与实际输出的编码一致")
    try:
        return Utf8Text(content.decode(GB18030).encode(), GB18030)
    except UnicodeError as exc:
        raise RejectedError("HUB-1004", "报文按 GB18030 解读失败：请让实际输出的编码与 XML 声明一致") from exc


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True
