"""Rows by column name, out of CSV, spreadsheets, JSON and flat XML."""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from lxml import etree
from openpyxl.utils.exceptions import InvalidFileException

from hub.domain.errors import RejectedError

Row = dict[str, Any]
Rows = dict[str | None, list[Row]]
"""Rows by the name of the table or sheet they came from; None when nothing named it."""

MOST_ROWS = 10_000
MOST_COLUMNS = 300
MOST_SHEETS = 40
_LARGEST_UNPACKED = 48 * 2**20
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DELIMITERS = ",;\t|"
_LONGEST_CELL = 1_000_000


def rows_of_csv(text: str) -> Rows:
    """The first line that is not blank names the columns. Raises RejectedError HUB-1006, HUB-1016, HUB-1025."""
    text = text.removeprefix("\ufeff")
    if _CONTROL.search(text):
        raise RejectedError("HUB-1006", "文本中含有不允许的控制字符")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(_LONGEST_CELL)
    try:
        read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [line for line in read if any(line)]
    except csv.Error as exc:
        raise RejectedError("HUB-1025", "不是正确的 CSV：引号没有成对，或一格过长") from exc
    return {None: _table(lines)}


_BROKEN_BOOK = (
    InvalidFileException, zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError, ParseError, ArithmeticError,
    AttributeError, EOFError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What openpyxl and zipfile were seen to raise on files that are damaged, encrypted or made up."""


def rows_of_xlsx(body: bytes) -> Rows:
    """Every sheet that has a heading and rows, by its name. Raises RejectedError HUB-1006, HUB-1016, HUB-1025."""
    _refuse_bomb(body)
    try:
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
        if len(book.worksheets) > MOST_SHEETS:
            raise RejectedError("HUB-1025", f"电子表格最多 {MOST_SHEETS} 张工作表")
        sheets = {sheet.title: _table(_cells(sheet)) for sheet in book.worksheets}
        book.close()
    except _BROKEN_BOOK as exc:
        raise RejectedError("HUB-1025", "不是完好的电子表格（xlsx），或加了密码") from exc
    filled: Rows = {name: rows for name, rows in sheets.items() if rows}
    return {None: next(iter(filled.values()))} if len(filled) == 1 else filled


def _refuse_bomb(body: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
    except _BROKEN_BOOK as exc:
        raise RejectedError("HUB-1025", "不是完好的电子表格（xlsx）") from exc
    if unpacked > _LARGEST_UNPACKED:
        raise RejectedError("HUB-1025", "电子表格展开后过大")


def _cells(sheet: Any) -> Iterator[Sequence[Any]]:
    for number, line in enumerate(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1)):
        if number > MOST_ROWS + 100:
            raise RejectedError("HUB-1016", f"一次最多 {MOST_ROWS} 行，请分成几个文件")
        if any(isinstance(cell, str) and _CONTROL.search(cell) for cell in line):
            raise RejectedError("HUB-1006", "单元格中含有不允许的控制字符")
        if any(cell not in (None, "") for cell in line):
            yield line


def _table(lines: Sequence[Sequence[Any]] | Iterator[Sequence[Any]]) -> list[Row]:
    read = iter(lines)
    names = [str(cell).strip() if cell is not None else "" for cell in next(read, ())]
    while names and not names[-1]:  # a workbook's lines are filled up with empty cells
        names.pop()
    while names and not names[-1]:
        del names[-1]
    if len(names) > MOST_COLUMNS or len({name.lower() for name in names if name}) < len([n for n in names if n]):
        raise RejectedError("HUB-1025", f"表头有重名的列，或超过 {MOST_COLUMNS} 列")
    rows: list[Row] = []
    for line in read:
        if len(rows) == MOST_ROWS:
            raise RejectedError("HUB-1016", f"一次最多 {MOST_ROWS} 行，请分成几个文件")
        if len(line) > len(names) and any(cell not in (None, "") for cell in line[len(names) :]):
            raise RejectedError("HUB-1025", f"第 {len(rows) + 1} 行的格数多于表头：文本中的分隔符要用引号括起来")
        rows.append({name: cell for name, cell in zip(names, line, strict=False) if name})
    return rows


def rows_of_json(document: Any) -> Rows:
    """An array of objects, one object, or objects by table name. Raises RejectedError HUB-1025."""
    if isinstance(document, list):
        return {None: _objects(document)}
    if isinstance(document, dict) and document and all(isinstance(value, list) for value in document.values()):
        return {name: _objects(value) for name, value in document.items()}
    return {None: _objects([document])}


def _objects(values: Sequence[Any]) -> list[Row]:
    if not all(isinstance(value, dict) for value in values):
        raise RejectedError("HUB-1025", "应为由对象组成的数组，每个对象是一行")
    if len(values) > MOST_ROWS:
        raise RejectedError("HUB-1016", f"一次最多 {MOST_ROWS} 行，请分成几个报文")
    return list(values)


def rows_of_xml(root: etree._Element) -> Rows:
    """Elements that hold only leaves, by their name; the root itself when it is one. Raises RejectedError HUB-1025."""
    if _is_row(root):
        return {root.tag: [_row(root)]}
    found: Rows = {}
    for node in root.iter(etree.Element):
        if _is_row(node) and not _is_row(node.getparent()):
            found.setdefault(node.tag, []).append(_row(node))
    if not found:
        raise RejectedError("HUB-1025", "报文里没有由平铺字段组成的记录")
    return found


def _is_row(node: etree._Element | None) -> bool:
    return node is not None and len(node) > 0 and all(len(child) == 0 for child in node)


def _row(node: etree._Element) -> Row:
    return {child.tag: child.text for child in node}
