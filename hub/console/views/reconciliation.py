"""对账: what came from a sender on a day, the numbers missing in it, and comparing with the sender's own list."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from adapters.record_list import LARGEST_BYTES, RecordList, read_record_list
from hub.console.pages import Console, FormLimits, Visit
from hub.console.rendering import with_query
from hub.console.services import Row
from hub.console.session import Right
from hub.console.views.lists import as_day, as_options
from hub.domain.codes import RECORD_STATES
from hub.domain.errors import RejectedError
from hub.domain.records import RECORD_KINDS

_LIST_LIMITS = FormLimits(total_bytes=LARGEST_BYTES + 64 * 1024, files=1)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
LISTS: Mapping[str, tuple[str, str]] = {
    "missingHere": ("中心没有", "清单中有，中心任何一天都没有收到；请部门补报"),
    "refused": ("收到过但被退回", "部门须改正后重报"),
    "differing": ("所在报文不同", "两边都有，但不在清单所说的报文中"),
    "otherDay": ("在另一天收到", "清单中有，中心在别的日期收到"),
    "missingThere": ("清单中没有", "中心收到了，清单没有列出"),
}


def register(console: Console) -> None:
    console.page("/reconciliation", Right.MESSAGES, lambda visit: _account(console, visit))
    console.page("/reconciliation.csv", Right.MESSAGES, lambda visit: _export(console, visit))
    console.action("/reconciliation", Right.MESSAGES, lambda visit: _compare(console, visit), _LIST_LIMITS)


def _account(
    console: Console, visit: Visit, compared: Row | None = None, problem: str = "", status: int = HTTPStatus.OK
) -> Response:
    senders = as_options(console.services.senders(visit.user))
    code, day = _asked(console, visit)
    code = code if code in senders else next(iter(senders), "")
    held = console.services.quality.reconciliation(code, day) if code else None
    return console.render(
        visit, "reconciliation/index.html", status, senders=senders, code=code, day=day.isoformat(), held=held,
        table=_table(held) if held else {}, states=RECORD_STATES, kinds=RECORD_KINDS, compared=compared, lists=LISTS,
        problem=problem, export=with_query("/reconciliation.csv", {"sender": code, "date": day.isoformat()}),
    )  # fmt: skip


def _asked(console: Console, visit: Visit) -> tuple[str, date]:
    given = as_day(visit.field("date") or visit.query("date"))
    return visit.field("sender") or visit.query("sender"), given or console.services.quality.today()


def _table(held: Row) -> dict[str, dict[str, int]]:
    """Counts by kind and state."""
    table: dict[str, dict[str, int]] = {}
    for each in held["counts"]:
        table.setdefault(each["kind"], {})[each["state"]] = each["count"]
    return table


def _compare(console: Console, visit: Visit) -> Response:
    code, day = _asked(console, visit)
    if not visit.files:
        return _account(console, visit, problem="请选择清单文件", status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        listed = _list_of(day, visit.files[0].content)
        compared = console.services.quality.compare(code, day, listed.entries)
    except RejectedError as error:
        problem = f"{error.code} {error.message}" + (f"（{error.path}）" if error.path else "")
        return _account(console, visit, problem=problem, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _account(console, visit, compared)


def _list_of(day: date, content: bytes) -> RecordList:
    """Raises RejectedError HUB-4035, HUB-4036, and HUB-4037 when the list is of another day."""
    listed = read_record_list(content)
    if listed.day not in (None, day):
        raise RejectedError("HUB-4037", f"清单是 {listed.day} 的，所选日期是 {day}")
    return listed


def _export(console: Console, visit: Visit) -> Response:
    """Counts and missing numbers, for a spreadsheet: UTF-8 with a mark, and nothing that it would calculate."""
    code, day = _asked(console, visit)
    held = console.services.quality.reconciliation(code, day)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_harmless(cell) for cell in row] for row in _lines(held))
    name = f"reconciliation-{day.isoformat()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv", headers=headers)


def _lines(held: Row) -> Iterator[list[Any]]:
    yield ["报送方", held["sender"], "日期", held["day"], "摘要", held["digest"]]
    yield ["种类", "状态", "条数"]
    for each in held["counts"]:
        yield [RECORD_KINDS[each["kind"]].title, RECORD_STATES[each["state"]], each["count"]]
    yield ["编号", "样式", "把握", "缺的编号"]
    for gap in held["gaps"]:
        for number in gap["missing"]:
            yield [gap["title"], gap["pattern"], gap["confidence"], number]


def _harmless(cell: Any) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
