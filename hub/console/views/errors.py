"""The error catalogue, for those who must mend a message."""

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.session import Right
from hub.domain.errors import NotFoundError

FAMILIES = {
    "1": "报文、编码与大小", "2": "身份与权限", "3": "结构与字段", "4": "业务", "5": "顺序与状态", "6": "重复与冲突",
    "9": "平台",
}  # fmt: skip


def register(console: Console) -> None:
    console.page("/errors", Right.HELP, lambda visit: _list(console, visit))
    console.page("/errors/{code}", Right.HELP, lambda visit: _entry(console, visit))


def _list(console: Console, visit: Visit) -> Response:
    return console.render(visit, "errors/index.html", catalogue=console.services.error_catalogue(), families=FAMILIES)


def _entry(console: Console, visit: Visit) -> Response:
    sought = visit.path("code")
    entry = next((row for row in console.services.error_catalogue() if row["code"] == sought), None)
    if entry is None:
        raise NotFoundError("HUB-4043", "错误目录中没有这个代码")
    return console.render(visit, "errors/entry.html", entry=entry)
