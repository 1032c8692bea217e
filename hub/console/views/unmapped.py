"""Codes that no code map knew: map once, replay all."""

from http import HTTPStatus

from starlette.responses import Response

from hub.console.adapter_words import UNMAPPED_STATES
from hub.console.pages import Console, Visit
from hub.console.services import AdapterSearch, UnmappedSearch
from hub.console.session import Right
from hub.console.views.lists import Filter, page_size, read_filters, show_list
from hub.domain.codes import CODE_LISTS
from hub.domain.errors import NotFoundError, RejectedError

_MOST_ADAPTERS = 200


def register(console: Console) -> None:
    console.page("/unmapped-codes", Right.ADAPTERS, lambda visit: _list(console, visit))
    console.action("/unmapped-codes/{entry_id}/map", Right.CHANGE_ADAPTERS, lambda visit: _map(console, visit))
    console.action("/unmapped-codes/{entry_id}/ignore", Right.CHANGE_ADAPTERS, lambda visit: _ignore(console, visit))


def _list(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    adapters = console.services.adapters.adapters(visit.user, AdapterSearch(limit=_MOST_ADAPTERS))
    filters = (
        Filter("adapter", "适配器", {row["adapter"]: row["title"] for row in adapters.items}),
        Filter("state", "状态", UNMAPPED_STATES),
    )
    values = read_filters(visit, filters)
    search = UnmappedSearch(
        adapter=values.get("adapter", ""), state=values.get("state", ""), limit=page_size(visit),
        after=visit.query("after") or None,
    )  # fmt: skip
    page = console.services.adapters.unmapped(visit.user, search)
    return show_list(
        console, visit, "adapters/unmapped", filters, values, page, code_lists=CODE_LISTS, problem=problem,
        status=status,
    )  # fmt: skip


def _map(console: Console, visit: Visit) -> Response:
    try:
        mapped = console.services.adapters.map_code(visit.user, visit.path("entry_id"), visit.field("token"))
    except NotFoundError:
        raise
    except RejectedError as refusal:
        return _refused(console, visit, refusal)
    if mapped["replayJob"] is not None:
        return console.done(f"/replays/{mapped['replayJob']}", "code_mapped")
    return console.done("/unmapped-codes?state=OPEN", "code_mapped")


def _ignore(console: Console, visit: Visit) -> Response:
    try:
        console.services.adapters.ignore_code(visit.user, visit.path("entry_id"), visit.field("reason"))
    except NotFoundError:
        raise
    except RejectedError as refusal:
        return _refused(console, visit, refusal)
    return console.done("/unmapped-codes?state=OPEN", "code_ignored")


def _refused(console: Console, visit: Visit, refusal: RejectedError) -> Response:
    return _list(console, visit, f"未成功：{refusal.message}", HTTPStatus.UNPROCESSABLE_ENTITY)
