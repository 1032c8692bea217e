"""Reads what people upload: which charset, which format, and the message as a plain tree.

Bytes are opened by the same code that opens live messages, so that what can be drafted can also be received.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, cast

from lxml import etree

from adapters.intake import Opened, Opening, decode, parse_xml
from adapters.json_text import parse_json
from adapters.reading import Content
from adapters.suggest.shapes import Message
from adapters.suggest.structure import MAX_DEPTH, Node
from adapters.tables_in import Row, rows_of_csv, rows_of_xlsx
from adapters.wsdl_samples import Declared, schema_tree
from hub.domain.errors import RejectedError

MAX_FILES = 50
MAX_FILE_BYTES = 10 * 2**20
MAX_TOTAL_BYTES = 64 * 2**20
MAX_ROWS = 1_000
"""Of one list or table of one file; what stands beyond is not looked at."""
ROOT_LIST = "[]"
XML_INSIDE = "#xml"
"""Marks in a path where the text of a field is XML of its own."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One uploaded file, or pasted text under a made-up name. `table` where it is known which table rows are of."""

    name: str
    body: bytes = field(repr=False)
    table: str | None = None


@dataclass(frozen=True, slots=True)
class ReadSample:
    """A sample understood. `reason` says in Chinese how the charset was found."""

    file: SampleFile
    format: str  # xml | json | csv | xlsx | wsdl
    charset: str
    reason: str
    messages: tuple[Message, ...]
    declared: Mapping[str, Declared] = field(default_factory=dict)


def read_samples(files: Sequence[SampleFile]) -> list[ReadSample]:
    """Every file read.

    Raises RejectedError HUB-3040 for too many or too large, HUB-3041 for one that is no message, HUB-3042 for a
    schema without fields; `path` is the file's name.
    """
    if not files or len(files) > MAX_FILES:
        raise RejectedError("HUB-3040", f"请给出 1 至 {MAX_FILES} 个样例文件")
    sizes = [len(file.body) for file in files]
    if max(sizes) > MAX_FILE_BYTES or sum(sizes) > MAX_TOTAL_BYTES:
        most = f"单个不超过 {MAX_FILE_BYTES >> 20} MiB，合计不超过 {MAX_TOTAL_BYTES >> 20} MiB"
        raise RejectedError("HUB-3040", f"样例过大：{most}")
    return _with_common_tables([_read(file) for file in files])


def _read(file: SampleFile) -> ReadSample:
    try:
        return _opened(file)
    except RejectedError as exc:
        code = exc.code if exc.code == "HUB-3042" else "HUB-3041"
        raise RejectedError(code, exc.message, file.name) from exc


_ZIP = b"PK\x03\x04"


def _opened(file: SampleFile) -> ReadSample:
    if file.body.startswith(_ZIP):
        tables = rows_of_xlsx(file.body)
        messages = tuple(_rows(file, rows, sheet) for sheet, rows in tables.items() if rows)
        return ReadSample(file, "xlsx", "utf-8", "Excel 工作簿自带编码", messages or _nothing("没有数据行"))
    text, charset, notes = decode(Content(file.body), ("utf-8", "gb18030"))
    reason = _REASONS[charset] + ("，与声明的不同" if notes else "")
    start, charset = text.lstrip()[:1], charset.removesuffix("-sig")
    if start == "<":
        return _xml(file, charset, reason)
    if start in ("{", "["):
        return ReadSample(file, "json", charset, reason, (Message(file.name, _json(text), file.table),))
    rows = rows_of_csv(_plausible_table(text))[None]
    return ReadSample(file, "csv", charset, reason, (_rows(file, rows, None),))


_REASONS = {
    "utf-8": "全部字节合 UTF-8",
    "utf-8-sig": "由字节顺序标记（BOM）看出",
    "gb18030": "不合 UTF-8，或声明为 GBK 一类，合 GB18030",
}


def _nothing(why: str) -> Any:
    raise RejectedError("HUB-3041", why)


# --- XML --------------------------------------------------------------------------------------------------------

_SCHEMA_ROOTS = frozenset({"definitions", "schema"})


def _xml(file: SampleFile, charset: str, reason: str) -> ReadSample:
    opened: Opened = Opening("xml", namespaces=None).open(Content(file.body))
    root = cast(etree._Element, opened.document)
    if etree.QName(root).localname in _SCHEMA_ROOTS:
        tree, declared = schema_tree(root)
        return ReadSample(file, "wsdl", charset, reason, (Message(file.name, tree, file.table),), declared)
    name, node = _unwrapped(root)
    return ReadSample(file, "xml", charset, reason, (Message(file.name, {name: node}, file.table),))


def _unwrapped(root: etree._Element) -> tuple[str, object]:
    """The message in a SOAP envelope, also where it is one string that holds XML."""
    name, node = etree.QName(root).localname, _xml_node(root, 0)
    body = node.get("Body") if name == "Envelope" and isinstance(node, Mapping) else None
    if not isinstance(body, Mapping) or not body:
        return name, node
    return _inner(body) or next(iter(body.items()))


def _inner(node: Mapping[str, Any]) -> tuple[str, object] | None:
    """The first XML document inside a text below the node."""
    for name, value in node.items():
        if isinstance(value, Mapping):
            found = next(iter(value.items())) if name == XML_INSIDE else _inner(value)
            if found is not None:
                return found
    return None


def _xml_node(element: etree._Element, depth: int) -> object:
    children = [child for child in element if isinstance(child.tag, str)]
    if not children or depth > MAX_DEPTH:
        return _leaf(element)
    node: dict[str, Any] = {}
    for child in children:
        name = etree.QName(child).localname
        held = node.get(name)
        if not isinstance(held, list) or len(held) < MAX_ROWS:
            _put(node, name, _xml_node(child, depth + 1))
    return node


def _leaf(element: etree._Element) -> object:
    text = element.text or ""
    if element.attrib and not text.strip():
        return {f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()}
    return _with_xml_inside(text)


def _put(node: dict[str, Any], name: str, value: object) -> None:
    if name not in node:
        node[name] = value
    elif isinstance(node[name], list):
        node[name].append(value)
    else:
        node[name] = [node[name], value]


_SHORTEST_XML = 16


def _with_xml_inside(text: str) -> object:
    """The text, or what it holds where it is XML itself."""
    stripped = text.strip()
    if len(stripped) < _SHORTEST_XML or stripped[0] != "<" or stripped[-1] != ">":
        return text
    try:
        root, _ = parse_xml(stripped, repair=True)
    except RejectedError:
        return text
    return {XML_INSIDE: {etree.QName(root).localname: _xml_node(root, 0)}} if len(root) else text


# --- JSON -------------------------------------------------------------------------------------------------------


def _json(text: str) -> Node:
    node = _json_node(parse_json(text), 0)
    return cast(Node, node) if isinstance(node, Mapping) else {ROOT_LIST: node}


def _json_node(value: object, depth: int) -> object:
    if depth > MAX_DEPTH:
        return ""
    if isinstance(value, dict):
        return {str(name): _json_node(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json_node(inner, depth + 1) for inner in value[:MAX_ROWS]]
    return _with_xml_inside(value) if isinstance(value, str) else value


# --- rows -------------------------------------------------------------------------------------------------------

_DELIMITERS = ",;\t|"


def _plausible_table(text: str) -> str:
    """The text, when its first line could name columns."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not any(sign in first for sign in _DELIMITERS):
        raise RejectedError("HUB-3041", "看不出是 XML、JSON、CSV、Excel、WSDL 中的哪一种")
    return text


def _rows(file: SampleFile, rows: Sequence[Row], sheet: str | None) -> Message:
    if not rows:
        raise RejectedError("HUB-3041", "没有数据行：第一行应为列名，其后至少一行数据")
    held = [{name: _cell(value) for name, value in row.items()} for row in rows[:MAX_ROWS]]
    return Message(file.name, {"row": held}, file.table or sheet or _stem(file))


def _cell(value: object) -> object:
    return _with_xml_inside(value) if isinstance(value, str) else ("" if value is None else str(value))


def _stem(file: SampleFile) -> str:
    """What the file is called without the number or date by which it differs from the others."""
    stem = PurePath(file.name).stem
    return stem.strip("0123456789-_. ()（）") or stem


def _with_common_tables(samples: list[ReadSample]) -> list[ReadSample]:
    """Files with the same columns are rows of one table, whatever the files are called."""
    tables: dict[frozenset[str], str] = {}
    return [
        replace(sample, messages=tuple(_in_table(message, tables) for message in sample.messages)) for sample in samples
    ]


def _in_table(message: Message, tables: dict[frozenset[str], str]) -> Message:
    rows = message.tree.get("row")
    if message.table is None or not isinstance(rows, list):
        return message
    columns = frozenset(name.lower() for name in rows[0])
    return replace(message, table=tables.setdefault(columns, message.table))
