"""Records set aside: why, and what to do with them."""

from http import HTTPStatus

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.services import QuarantineSearch, Row
from hub.console.session import Right, new_secret
from hub.console.views.lists import Filter, page_size, read_filters, show_list
from hub.domain.errors import NotFoundError, RejectedError
from hub.stores.message_views import QUARANTINE_STATES

_LONGEST_REASON = 500


def register(console: Console) -> None:
    console.page("/quarantine", Right.QUARANTINE, lambda visit: _list(console, visit))
    console.page("/quarantine/{entry_id}", Right.QUARANTINE, lambda visit: _show(console, visit))
    console.action("/quarantine/{entry_id}/replay", Right.MEND_QUARANTINE, lambda visit: _replay(console, visit))
    console.action("/quarantine/{entry_id}/discard", Right.MEND_QUARANTINE, lambda visit: _discard(console, visit))


def _list(console: Console, visit: Visit) -> Response:
    titles = {row["code"]: row["title"] for row in console.services.error_catalogue()}
    filters = (
        Filter("state", "状态", QUARANTINE_STATES),
        Filter("code", "原因", {code: f"{code} {title}" for code, title in titles.items()}),
    )
    values = read_filters(visit, filters)
    search = QuarantineSearch(
        state=values.get("state", ""), code=values.get("code", ""), limit=page_size(visit),
        after=visit.query("after") or None,
    )  # fmt: skip
    page = console.services.search_quarantine(visit.user, search)
    return show_list(console, visit, "quarantine", filters, values, page, titles=titles, page_key=new_secret())


def _show(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    entry = console.services.quarantined(visit.user, visit.path("entry_id"))
    return console.render(
        visit, "quarantine/entry.html", status, entry=entry, error=_catalogued(console, entry), problem=problem,
        reason=visit.field("reason"),
    )  # fmt: skip


def _catalogued(console: Console, entry: Row) -> Row:
    return next((row for row in console.services.error_catalogue() if row["code"] == entry["code"]), {})


def _replay(console: Console, visit: Visit) -> Response:
    try:
        console.services.replay(visit.user, visit.path("entry_id"))
    except NotFoundError:
        raise
    except RejectedError as refusal:
        return _show(console, visit, f"重放未成功：{refusal.message}", HTTPStatus.UNPROCESSABLE_ENTITY)
    return console.done(f"/quarantine/{visit.path('entry_id')}", "replayed")


def _discard(console: Console, visit: Visit) -> Response:
    problem = _discard_problem(visit)
    if problem:
        return _show(console, visit, problem, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        console.services.discard(visit.user, visit.path("entry_id"), visit.field("reason"))
    except NotFoundError:
        raise
    except RejectedError as refusal:
        return _show(console, visit, f"作废未成功：{refusal.message}", HTTPStatus.UNPROCESSABLE_ENTITY)
    return console.done("/quarantine?state=OPEN", "discarded")


def _discard_problem(visit: Visit) -> str:
    reason = visit.field("reason")
    if not reason:
        return "请填写作废理由，它会写入审计日志"
    if len(reason) > _LONGEST_REASON:
        return f"作废理由不超过 {_LONGEST_REASON} 字"
    if visit.field("confirmed") != "yes":
        return "请勾选确认：作废后不能恢复"
    return ""
