"""The unified case library: search, and one case with its whole story."""

from starlette.responses import Response

from hub.console.clock_words import DAY_KINDS, day_note, remaining, sentence
from hub.console.pages import Console, Visit
from hub.console.services import PROGRESS, CaseSearch
from hub.console.session import Right
from hub.console.timeline import timeline
from hub.console.views.lists import Filter, as_day, as_options, page_size, read_filters, show_list
from hub.domain.codes import CARD_LEVELS, CASE_STATES


def register(console: Console) -> None:
    console.page("/cases", Right.CASES, lambda visit: _list(console, visit))
    console.page("/cases/{unified_no}", Right.CASES, lambda visit: _case(console, visit))


def _list(console: Console, visit: Visit) -> Response:
    filters = (
        Filter("q", "关键词", placeholder="编号、办件名称、申请人、事项，一个字也能搜"),
        Filter("orgCode", "部门", as_options(console.services.departments(visit.user))),
        Filter("state", "状态", CASE_STATES),
        Filter("progress", "进度", PROGRESS),
        Filter("card", "监察牌", CARD_LEVELS),
        Filter("itemCode", "事项编码", placeholder="完整编码"),
        Filter("from", "申请日期起", is_day=True),
        Filter("to", "申请日期止", is_day=True),
    )
    values = read_filters(visit, filters)
    page = console.services.search_cases(visit.user, _search(visit, values))
    return show_list(console, visit, "cases", filters, values, page)


def _search(visit: Visit, values: dict[str, str]) -> CaseSearch:
    return CaseSearch(
        q=values.get("q", ""), org_code=values.get("orgCode", ""), item_code=values.get("itemCode", ""),
        state=values.get("state", ""), progress=values.get("progress", ""), card=values.get("card", ""),
        from_day=as_day(values.get("from", "")),
        to_day=as_day(values.get("to", "")), limit=page_size(visit), after=visit.query("after") or None,
    )  # fmt: skip


def _case(console: Console, visit: Visit) -> Response:
    case = console.services.case(visit.user, visit.path("unified_no"))
    clock, finished_at = case.get("clock") or {}, case.get("finishedAt")
    return console.render(
        visit, "cases/case.html", case=case, clock=clock, timeline=timeline(case), day_kinds=DAY_KINDS,
        clock_sentence=sentence(clock, finished_at=finished_at), day_note=day_note,
        remaining=remaining(clock, finished_at=finished_at, now=console.services.now()),
        recomputed={card["id"]: console.services.recompute_card(visit.user, str(card["id"])) for card in case["cards"]},
    )  # fmt: skip
