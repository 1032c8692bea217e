"""Messages as they came in, their receipts, and what became of every record."""

from http import HTTPStatus

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.services import MessageSearch
from hub.console.session import Right
from hub.console.views.lists import Filter, as_options, page_size, read_filters, show_list
from hub.domain.codes import RECEIPT_STATES
from hub.stores.message_views import MESSAGE_STATES

STATUSES = {status: title for status, title in RECEIPT_STATES.items() if status != "DUPLICATE"}
REFUSED = {"REFUSED": "有退回记录"}
_LONGEST_REASON = 500


def register(console: Console) -> None:
    console.page("/messages", Right.MESSAGES, lambda visit: _list(console, visit))
    console.page("/messages/{receipt_no}", Right.MESSAGES, lambda visit: _message(console, visit))
    console.action("/messages/{receipt_no}/body", Right.MESSAGE_BODY, lambda visit: _body(console, visit))


def _list(console: Console, visit: Visit) -> Response:
    filters = (
        Filter("q", "编号", placeholder="完整的回执号、报文标识或跟踪号"),
        Filter("sender", "报送系统", as_options(console.services.senders(visit.user))),
        Filter("status", "接收结果", STATUSES | REFUSED),
        Filter("state", "处理状态", MESSAGE_STATES),
        Filter("today", "收到时间", {"1": "今日"}),
    )
    values = read_filters(visit, filters)
    search = MessageSearch(
        q=values.get("q", ""), sender=values.get("sender", ""), status=values.get("status", ""),
        state=values.get("state", ""), today=bool(values.get("today")), limit=page_size(visit),
        after=visit.query("after") or None,
    )  # fmt: skip
    return show_list(console, visit, "messages", filters, values, console.services.search_messages(visit.user, search))


def _message(
    console: Console, visit: Visit, body: str | None = None, problem: str = "", status: int = HTTPStatus.OK
) -> Response:
    message = console.services.message(visit.user, visit.path("receipt_no"))
    return console.render(visit, "messages/message.html", status, message=message, body=body, problem=problem)


def _body(console: Console, visit: Visit) -> Response:
    """Shown only on request and with a reason, because a message names people."""
    reason = visit.field("reason")
    if not 0 < len(reason) <= _LONGEST_REASON:
        problem = f"请填写查看理由（不超过 {_LONGEST_REASON} 字），它会写入审计日志"
        return _message(console, visit, problem=problem, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _message(console, visit, body=console.services.message_body(visit.user, visit.path("receipt_no"), reason))
