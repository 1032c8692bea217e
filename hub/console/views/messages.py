"""Messages as they came in, their receipts, and what became of every record."""

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.services import MessageSearch
from hub.console.session import Right, may
from hub.console.views.lists import Filter, as_options, page_size, read_filters, show_list

MESSAGE_STATES = {"RECEIVED": "已收到，待处理", "QUEUED": "处理中", "PROCESSED": "已处理", "FAILED": "处理失败"}


def register(console: Console) -> None:
    console.page("/messages", Right.MESSAGES, lambda visit: _list(console, visit))
    console.page("/messages/{receipt_no}", Right.MESSAGES, lambda visit: _message(console, visit))


def _list(console: Console, visit: Visit) -> Response:
    filters = (
        Filter("q", "回执号或报文标识", placeholder="完整或开头部分"),
        Filter("sender", "报送系统", as_options(console.services.senders(visit.user))),
        Filter("state", "处理状态", MESSAGE_STATES),
    )
    values = read_filters(visit, filters)
    search = MessageSearch(
        q=values.get("q", ""), sender=values.get("sender", ""), state=values.get("state", ""),
        limit=page_size(visit), after=visit.query("after") or None,
    )  # fmt: skip
    return show_list(console, visit, "messages", filters, values, console.services.search_messages(visit.user, search))


def _message(console: Console, visit: Visit) -> Response:
    message = console.services.message(visit.user, visit.path("receipt_no"))
    body = message.get("body") if may(visit.user, Right.MESSAGE_BODY) else None
    return console.render(visit, "messages/message.html", message=message, body=body, states=MESSAGE_STATES)
