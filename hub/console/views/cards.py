"""Cards, and one card with its proof."""

from starlette.responses import Response

from hub.console.clock_words import DAY_KINDS, day_note
from hub.console.pages import Console, Visit
from hub.console.services import CardSearch
from hub.console.session import Right
from hub.console.views.lists import Filter, as_options, page_size, read_filters, show_list
from hub.domain.codes import CARD_LEVELS, CARD_STATES


def register(console: Console) -> None:
    console.page("/cards", Right.CARDS, lambda visit: _list(console, visit))
    console.page("/cards/{card_id}", Right.CARDS, lambda visit: _card(console, visit))


def _list(console: Console, visit: Visit) -> Response:
    filters = (
        Filter("level", "牌级", CARD_LEVELS),
        Filter("state", "状态", CARD_STATES),
        Filter("orgCode", "部门", as_options(console.services.departments(visit.user))),
        Filter("ruleCode", "规则编号", placeholder="例如 T04"),
    )
    values = read_filters(visit, filters)
    search = CardSearch(
        level=values.get("level", ""), state=values.get("state", ""), org_code=values.get("orgCode", ""),
        rule_code=values.get("ruleCode", ""), limit=page_size(visit), after=visit.query("after") or None,
    )  # fmt: skip
    return show_list(console, visit, "cards", filters, values, console.services.search_cards(visit.user, search))


def _card(console: Console, visit: Visit) -> Response:
    card = console.services.card(visit.user, visit.path("card_id"))
    recomputed = console.services.recompute_card(visit.user, str(card["id"]))
    return console.render(
        visit, "cards/card.html", card=card, recomputed={card["id"]: recomputed}, day_note=day_note, day_kinds=DAY_KINDS
    )
