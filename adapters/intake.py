"""Opens a department's message: which charset, which form, and the document in it. Nothing of the mapping yet.

Departments declare one charset and write another, concatenate XML without escaping, and answer with a login page;
what can be read without guessing at values is read and noted, the rest is refused with its reason.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lxml import etree

from adapters.reading import Content
from adapters.tables_in import Rows, rows_of_csv, rows_of_json, rows_of_xlsx, rows_of_xml
from adapters.xml_repair import repaired
from adapters.xml_text import hardened_parser, with_joined_surrogates, without_declaration
from hub.domain.errors import FieldIssue, RejectedError

UTF_8, UTF_8_MARKED, GB18030 = "utf-8", "utf-8-sig", "gb18030"
MAX_DEPTH = 32
_CHARSETS: Mapping[str, str] = MappingProxyType({
    "utf-8": UTF_8, "utf8": UTF_8, "utf-8-sig": UTF_8, "us-ascii": UTF_8, "ascii": UTF_8,
    "gb2312": GB18030, "gbk": GB18030, "cp936": GB18030, "gb18030": GB18030, "x-gbk": GB18030,
})  # fmt: skip
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._\-]{1,40})[\"']")
_PAGE = re.compile(r"\s*(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_DOCTYPE = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Opened:
    """A message as its document: an lxml root, a JSON value, or rows. `notes`: what had to be overruled or mended."""

    charset: str
    document: Any
    notes: tuple[FieldIssue, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """How the messages of one adapter are opened."""

    format: str
    encodings: Sequence[str] = (UTF_8, GB18030)
    repair: bool = True
    keep_namespaces: bool = False
    sheets: Mapping[str, str] = field(default_factory=dict)

    def open(self, content: Content) -> Opened:
        """Raises RejectedError HUB-1001 to HUB-1006, HUB-1024 to HUB-1027."""
        if not content.body.strip():
            raise RejectedError("HUB-1002", "正文为空")
        if content.body.startswith(_ZIP) and self.format in ("xlsx", "csv", "rows"):
            return Opened(UTF_8, rows_of_xlsx(content.body))
        text, charset, notes = decode(content, self.encodings)
        if _PAGE.match(text):
            raise RejectedError("HUB-1024", "收到的是一个网页（多半是登录页或出错页），不是数据")
        document, mended = self._parsed(text)
        return Opened(charset, document, (*notes, *mended))

    def _parsed(self, text: str) -> tuple[Any, tuple[FieldIssue, ...]]:
        if self.format == "xml":
            return self._xml(text)
        if self.format == "json":
            return parse_json(text), ()
        if self.format == "rows":
            return self._rows(text)
        if self.format == "xlsx":
            raise RejectedError("HUB-1025", "应为电子表格（xlsx）文件")
        return rows_of_csv(text), ()

    def _xml(self, text: str) -> tuple[etree._Element, tuple[FieldIssue, ...]]:
        return parse_xml(text, repair=self.repair, keep_namespaces=self.keep_namespaces)

    def _rows(self, text: str) -> tuple[Rows, tuple[FieldIssue, ...]]:
        """Flat records by column name, whatever wraps them."""
        start = text.lstrip("\ufeff \t\r\n")[:1]
        if start == "<":
            root, notes = self._xml(text)
            return rows_of_xml(root), notes
        return (rows_of_json(parse_json(text)) if start in ("[", "{") else rows_of_csv(text)), ()


def decode(content: Content, encodings: Sequence[str]) -> tuple[str, str, tuple[FieldIssue, ...]]:
    """Text, charset and notes. A mark decides, then what is declared, then the header, then the adapter's own order.

    What is declared but contradicted by the bytes is overruled and noted. Raises RejectedError HUB-1004.
    """
    body = content.body
    if body.startswith(b"\xef\xbb\xbf"):
        return _strictly(body, UTF_8_MARKED), UTF_8_MARKED, ()
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RejectedError("HUB-1004", "不支持 UTF-16、UTF-32 编码，请改用 UTF-8")
    declared = _DECLARED.match(body[:400])
    named = [declared[1].decode("ascii")] if declared else []
    named += [content.charset] if content.charset else []
    said = [_CHARSETS.get(name.lower()) for name in named]
    order = list(dict.fromkeys([charset for charset in (*said, *map(_known, encodings)) if charset]))
    for charset in order:
        if charset == GB18030 and _is_certainly_utf_8(body):
            continue
        try:
            text = body.decode(charset)
        except UnicodeDecodeError:
            continue
        overruled = bool(said) and said[0] != charset
        return text, charset, (_OVERRULED,) if overruled else ()
    raise RejectedError("HUB-1004", "报文的字节既不合所写的编码，也不合适配器列出的编码")


_OVERRULED = FieldIssue("HUB-1026", "", "声明的字符编码与实际字节不符，已按实际编码读取")


def _is_certainly_utf_8(body: bytes) -> bool:
    """Few bytes can be read both ways; UTF-8 that is read as GB18030 shows signs that GB 2312 does not have."""
    if body.isascii() or not _is_utf_8(body):
        return False
    try:
        body.decode(GB18030).encode("gb2312")
    except UnicodeError:
        return True
    return False


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True


def _known(name: str) -> str | None:
    return _CHARSETS.get(name.lower())


def _strictly(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset)
    except UnicodeDecodeError as exc:
        raise RejectedError("HUB-1004", "报文以 UTF-8 标记（BOM）开头，内容却不是 UTF-8") from exc


# --- XML ------------------------------------------------------------------------------------------------------------


def parse_xml(
    text: str, *, repair: bool, keep_namespaces: bool = False
) -> tuple[etree._Element, tuple[FieldIssue, ...]]:
    """The root, its own declaration taken off, and notes on what was mended.

    Raises RejectedError HUB-1001, HUB-1005 (DOCTYPE), HUB-1007 (depth).
    """
    text = without_declaration(text.strip("\x00 \t\r\n")).lstrip()
    if _DOCTYPE.search(text):
        raise RejectedError("HUB-1005", "不接受 DOCTYPE 和实体定义")
    mended = repaired(text, "CDATA[") if repair and "CDATA[" in text else text
    root = _tree(mended)
    if root is None and repair:
        mended = repaired(mended, "markup")
        root = _tree(mended)
    if root is None:
        raise RejectedError("HUB-1001", "不是格式良好的 XML")
    if not keep_namespaces:
        _strip_namespaces(root)
    return root, (_REPAIRED,) if mended != text else ()


_REPAIRED = FieldIssue("HUB-1027", "", "报文中未转义的 & 或 <，或残缺的 CDATA，已按本意修补后读取")


def _tree(text: str) -> etree._Element | None:
    try:
        root = etree.fromstring(with_joined_surrogates(text.encode("utf-8", "surrogatepass")), hardened_parser())
    except (etree.XMLSyntaxError, ValueError):
        return None
    if _is_deeper_than(root, MAX_DEPTH):
        raise RejectedError("HUB-1007", f"元素嵌套超过 {MAX_DEPTH} 层")
    return root


def _is_deeper_than(root: etree._Element, most: int) -> bool:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > most:
            return True
    return False


def _strip_namespaces(root: etree._Element) -> None:
    """Old senders change prefixes and namespaces from release to release; the local names are what they mean."""
    for node in root.iter(etree.Element):
        if node.tag[0] == "{":
            node.tag = node.tag.rpartition("}")[2]
        if node.attrib:
            for name in [name for name in node.attrib if name[0] == "{"]:
                del node.attrib[name]


# --- JSON -----------------------------------------------------------------------------------------------------------


def parse_json(text: str) -> Any:
    """Raises RejectedError HUB-1022 for what is not JSON, names a key twice, is too deep or holds no number (NaN)."""
    try:
        document = json.loads(text.lstrip("\ufeff"), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise RejectedError("HUB-1022", "不是正确的 JSON，或同一对象里有重复的键") from exc
    _require_shallow(document, MAX_DEPTH)
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse_constant(_: str) -> Any:
    raise ValueError("not a number of JSON")


def _require_shallow(value: Any, depth_left: int) -> None:
    if not isinstance(value, dict | list):
        return
    if depth_left == 0:
        raise RejectedError("HUB-1007", f"嵌套超过 {MAX_DEPTH} 层")
    for child in value.values() if isinstance(value, dict) else value:
        _require_shallow(child, depth_left - 1)
