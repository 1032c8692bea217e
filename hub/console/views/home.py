"""Today's figures, and the one search box of every page."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from hub.console.pages import Console, Visit
from hub.console.rendering import with_query
from hub.console.services import CardSearch, CaseSearch, Row
from hub.console.session import Right, may
from hub.domain.errors import NotFoundError
from hub.domain.identifiers import is_unified_no, tidy

_CARDS_SHOWN = 6


def register(console: Console) -> None:
    console.page("/", Right.HOME, lambda visit: _home(console, visit))
    console.page("/search", Right.HOME, lambda visit: _search(console, visit))


def _home(console: Console, visit: Visit) -> Response:
    cards = _cards(console, visit) if may(visit.user, Right.CARDS) else None
    voices = {row["sender"]: row for row in console.services.quality.silences()}
    figures = console.services.figures(visit.user)
    return console.render(visit, "home.html", figures=figures, cards=cards, voices=voices)


def _cards(console: Console, visit: Visit) -> Mapping[str, list[Row]]:
    grave = [*_open_cards(console, visit, level="RED"), *_open_cards(console, visit, level="YELLOW")]
    due_soon = console.services.search_cases(visit.user, CaseSearch(progress="DUE_SOON", limit=_CARDS_SHOWN))
    return {"grave": grave[:_CARDS_SHOWN], "due_soon": list(due_soon.items)}


def _open_cards(console: Console, visit: Visit, *, level: str) -> list[Row]:
    search = CardSearch(state="OPEN", level=level, limit=_CARDS_SHOWN)
    return list(console.services.search_cards(visit.user, search).items)


def _search(console: Console, visit: Visit) -> Response:
    """An exact number leads straight to its page; anything else is a search in the first list one may see."""
    sought = visit.query("q")
    lists = ((Right.CASES, "/cases"), (Right.MESSAGES, "/messages"))
    listed = next((path for right, path in lists if may(visit.user, right)), "/")
    target = _exact(console, visit, sought) or with_query(listed, {"q": sought})
    return RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)


def _exact(console: Console, visit: Visit, sought: str) -> str | None:
    try:
        if is_unified_no(sought) and may(visit.user, Right.CASES):
            return f"/cases/{console.services.case(visit.user, tidy(sought))['unifiedNo']}"
        if _is_receipt_no(sought) and may(visit.user, Right.MESSAGES):
            return f"/messages/{console.services.message(visit.user, sought)['receiptNo']}"
    except NotFoundError:
        return None
    return None


def _is_receipt_no(text: str) -> bool:
    return text.isascii() and text[:1] == "R" and text[1:9].isdecimal() and text.replace("-", "").isalnum()
