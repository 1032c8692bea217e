"""Opens a department's message: which charset, which form, and the document in it. Nothing of the mapping yet.

Departments declare one charset and write another, concatenate XML without escaping, and answer with a login page;
what can be read without guessing at values is read and noted, the rest is refused with its reason.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lxml import etree

from adapters.json_text import parse_json
from adapters.reading import Content
from adapters.tables_in import Rows, rows_of_csv, rows_of_json, rows_of_xlsx, rows_of_xml
from adapters.xml_repair import with_escaped_marks, without_lost_cdata
from adapters.xml_text import hardened_parser, with_joined_surrogates, without_declaration
from hub.domain.errors import FieldIssue, RejectedError

UTF_8, UTF_8_MARKED, GB18030 = "utf-8", "utf-8-sig", "gb18030"
MAX_DEPTH = 32
MOST_ELEMENTS = 500_000
_CHARSETS: Mapping[str, str] = MappingProxyType({
    "utf-8": UTF_8, "utf8": UTF_8, "utf-8-sig": UTF_8, "us-ascii": UTF_8, "ascii": UTF_8,
    "gb2312": GB18030, "gbk": GB18030, "cp936": GB18030, "gb18030": GB18030, "x-gbk": GB18030,
})  # fmt: skip
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._\-]{1,40})[\"']")
_PAGE = re.compile(r"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_FIRST_TAG = re.compile("<[^!?]")
_DOCTYPE = re.compile(r"<!\s{0,20}(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (MAX_DEPTH + 1) + ")")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MOST_COMMENTS = 20
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
    namespaces: Collection[str] | None = ()
    """Those kept on the names of XML; None: all."""

    def open(self, content: Content) -> Opened:
        """Raises RejectedError HUB-1001 to HUB-1007, HUB-1022, HUB-1024, HUB-1025."""
        if not content.body.strip():
            raise RejectedError("HUB-1002", "正文为空")
        if content.body.startswith(_ZIP) and self.format in ("xlsx", "csv", "rows"):
            return Opened(UTF_8, rows_of_xlsx(content.body))
        text, charset, notes = decode(content, self.encodings)
        if is_page(text):
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
        return parse_xml(text, repair=self.repair, namespaces=self.namespaces)

    def _rows(self, text: str) -> tuple[Rows, tuple[FieldIssue, ...]]:
        """Flat records by column name, whatever wraps them."""
        start = text.lstrip("\ufeff \t\r\n")[:1]
        if start == "<":
            root, notes = self._xml(text)
            return rows_of_xml(root), notes
        return (rows_of_json(parse_json(text)) if start in ("[", "{") else rows_of_csv(text)), ()


def is_page(text: str) -> bool:
    """True for HTML, which is what logins and gateways answer with."""
    for _ in range(_MOST_COMMENTS):
        text = text.lstrip("\ufeff \t\r\n")
        if not text.startswith("<!--"):
            break
        text = text.partition("-->")[2]
    return _PAGE.match(text) is not None


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
    text: str, *, repair: bool, namespaces: Collection[str] | None = ()
) -> tuple[etree._Element, tuple[FieldIssue, ...]]:
    """The root, and notes on what was mended. Namespaces other than these are taken off the names; None keeps all.

    Raises RejectedError HUB-1001, HUB-1005 (DOCTYPE), HUB-1006 (control characters), HUB-1007 (depth, size).
    """
    text = without_declaration(text.strip("\x00 \t\r\n"))
    if text.count("<") - text.count("</") > MOST_ELEMENTS:
        raise RejectedError("HUB-1007", f"报文的元素个数超过上限 {MOST_ELEMENTS}")
    mended = without_lost_cdata(text) if repair and "CDATA[" in text else text
    root = _tree(mended)
    if root is None and repair:
        mended = with_escaped_marks(mended)
        root = _tree(mended)
    if root is None:
        raise _malformed(mended)
    if namespaces is not None and ("xmlns" in mended or "xml:" in mended):
        _strip_namespaces(root, namespaces)
    return root, (_REPAIRED,) if mended != text else ()


_REPAIRED = FieldIssue("HUB-1027", "", "报文中未转义的 & 或 <，或残缺的 CDATA，已按本意修补后读取")


def _malformed(text: str) -> RejectedError:
    if _CONTROL.search(text):
        return RejectedError("HUB-1006", "报文中有 XML 不允许的控制字符")
    return RejectedError("HUB-1001", "不是格式良好的 XML，或在中途截断")


def _tree(text: str) -> etree._Element | None:
    """None when it is not well-formed."""
    first = _FIRST_TAG.search(text)
    if first is None:
        return None
    if _DOCTYPE.search(text, 0, first.start()):
        raise _doctype()
    try:
        root = etree.fromstring(with_joined_surrogates(text.encode("utf-8", "surrogatepass")), hardened_parser())
    except (etree.XMLSyntaxError, ValueError):
        return None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype()
    if _TOO_DEEP(root):
        raise RejectedError("HUB-1007", f"元素嵌套超过 {MAX_DEPTH} 层")
    return root


def _doctype() -> RejectedError:
    return RejectedError("HUB-1005", "不接受 DOCTYPE 和实体定义")


def _strip_namespaces(root: etree._Element, kept: Collection[str]) -> None:
    """Old senders change prefixes and namespaces from release to release; the local names are what they mean."""
    for node in root.iter(etree.Element):
        if node.tag[0] == "{" and _namespace(str(node.tag)) not in kept:
            node.tag = str(node.tag).rpartition("}")[2]
        if node.attrib:
            for name in [name for name in node.attrib if name[0] == "{" and _namespace(str(name)) not in kept]:
                del node.attrib[name]


def _namespace(name: str) -> str:
    return name[1:].partition("}")[0]
