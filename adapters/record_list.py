"""A sender's own list of what it sent on a day, as JSON or CSV, to be compared with what the hub holds."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from hub.domain.errors import RejectedError
from hub.domain.records import RECORD_KINDS

LARGEST_BYTES = 8 * 2**20
MOST_ENTRIES = 50_000
_LONGEST_VALUE = 100
_ENCODINGS = ("utf-8-sig", "gb18030")
_COLUMNS: Mapping[str, str] = {
    "recordid": "recordId", "record_id": "recordId", "记录标识": "recordId", "记录编号": "recordId", "标识": "recordId",
    "digest": "digest", "摘要": "digest", "摘要值": "digest",
    "kind": "kind", "种类": "kind",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """One record that the sender says it sent.

    `digest` is the SHA-256 (hex) of the message that carried it, as its receipt says; `kind` a key of RECORD_KINDS.
    """

    record_id: str
    digest: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class RecordList:
    """`day` is None where the list does not say it."""

    day: date | None
    entries: Sequence[Listed]


def read_record_list(content: bytes) -> RecordList:
    """Raises RejectedError HUB-4035 on a list that cannot be read, HUB-4036 on one that is too long."""
    if len(content) > LARGEST_BYTES:
        raise RejectedError("HUB-4036", f"对账清单不得超过 {LARGEST_BYTES // 2**20} MiB")
    text = _decoded(content).strip()
    if text.startswith(("{", "[")):
        return _from_json(text)
    return RecordList(None, list(_from_rows(_csv_rows(text))))


def _decoded(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RejectedError("HUB-4035", "对账清单既不是 UTF-8 也不是 GB18030 文本")


def _from_json(text: str) -> RecordList:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise RejectedError("HUB-4035", "对账清单不是有效的 JSON") from exc
    document = given if isinstance(given, dict) else {"records": given}
    records = document.get("records")
    if not isinstance(records, list) or document.keys() - {"date", "records"}:
        raise RejectedError("HUB-4035", "对账清单应为 {date, records} 或记录标识的数组", "records")
    return RecordList(_day(document.get("date")), list(_from_rows(_json_rows(records))))


def _day(given: Any) -> date | None:
    if given is None:
        return None
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError) as exc:
        raise RejectedError("HUB-4035", "日期应写成 2026-03-02", "date") from exc


def _json_rows(records: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for place, record in enumerate(records, start=1):
        row = {"recordId": record} if isinstance(record, str) else record
        if not isinstance(row, dict) or row.keys() - {"recordId", "digest", "kind"}:
            raise RejectedError("HUB-4035", "每条应为记录标识，或 {recordId, digest, kind}", f"records[{place}]")
        yield row


def _csv_rows(text: str) -> Iterator[Mapping[str, Any]]:
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    lines = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        names = [_COLUMNS.get(name.strip().lower()) for name in next(lines, [])]
        if "recordId" not in names:
            raise RejectedError("HUB-4035", "CSV 的第一行应为列名，其中有 recordId 或“记录标识”")
        for line in lines:
            if any(line):
                yield {name: value.strip() for name, value in zip(names, line, strict=False) if name}
    except csv.Error as exc:
        raise RejectedError("HUB-4035", "对账清单不是有效的 CSV") from exc


def _from_rows(rows: Iterator[Mapping[str, Any]]) -> Iterator[Listed]:
    for place, row in enumerate(rows, start=1):
        if place > MOST_ENTRIES:
            raise RejectedError("HUB-4036", f"对账清单不得超过 {MOST_ENTRIES} 条，请分天或分批")
        record_id, digest, kind = (row.get(name) or None for name in ("recordId", "digest", "kind"))
        if not _is_value(record_id) or not all(value is None or _is_value(value) for value in (digest, kind)):
            raise RejectedError("HUB-4035", f"记录标识等应为不超过 {_LONGEST_VALUE} 字的文本", f"records[{place}]")
        if kind is not None and kind not in RECORD_KINDS:
            raise RejectedError("HUB-4035", f"种类应为 {'、'.join(RECORD_KINDS)} 之一", f"records[{place}]/kind")
        yield Listed(str(record_id), digest.lower() if digest else None, kind)


def _is_value(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_VALUE
