"""Data quality: senders with their scores, one sender day by day, and the records behind every figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.services import Row
from hub.console.session import Right
from hub.console.trend import trend
from hub.console.views.lists import Filter, as_day, as_options, page_size, read_filters, show_list
from hub.domain.records import RECORD_KINDS
from hub.stores.quality import BehindQuery
from hub.stores.quality_measures import MEASURES

SPANS = {"7": "最近 7 天", "30": "最近 30 天", "90": "最近 90 天"}
_USUAL = "30"
_SMALL, _LARGE = (140, 30), (720, 120)
SHOWN_BY_DAY = (
    "RECEIVED",
    "REJECTED",
    "QUARANTINED",
    "STORED",
    "LATE",
    "MISSING",
    "DUPLICATE",
    "CORRECTED",
    "UNMAPPED",
)


def register(console: Console) -> None:
    console.page("/quality", Right.MESSAGES, lambda visit: _senders(console, visit))
    console.page("/quality/records", Right.MESSAGES, lambda visit: _records(console, visit))
    console.page("/quality/senders/{sender:path}", Right.MESSAGES, lambda visit: _sender(console, visit))


@dataclass(frozen=True, slots=True)
class _Span:
    days: str
    first_day: date
    last_day: date

    @property
    def query(self) -> Mapping[str, str]:
        """As the list of records takes it."""
        return {"from": self.first_day.isoformat(), "to": self.last_day.isoformat()}


def _span(console: Console, visit: Visit) -> _Span:
    days = visit.query("days")
    days = days if days in SPANS else _USUAL
    today = console.services.quality.today()
    return _Span(days, today - timedelta(days=int(days) - 1), today)


def _senders(console: Console, visit: Visit) -> Response:
    span = _span(console, visit)
    rows = [
        {**row, "drawn": trend(row["trend"], *_SMALL)}
        for row in console.services.quality.senders(span.first_day, span.last_day)
    ]
    return console.render(visit, "quality/index.html", rows=rows, span=span, spans=SPANS)


def _sender(console: Console, visit: Visit) -> Response:
    span = _span(console, visit)
    row = console.services.quality.sender(visit.path("sender"), span.first_day, span.last_day)
    days = [day for day in reversed(row["days"]) if day["totals"] or day["isSilent"]]
    return console.render(
        visit, "quality/sender.html", row=row, days=days, drawn=trend(row["trend"], *_LARGE), span=span, spans=SPANS,
        shown=SHOWN_BY_DAY, measures=MEASURES,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    """A page of records as lists take it."""

    items: list[Row]
    next: str | None


def _records(console: Console, visit: Visit) -> Response:
    filters = (
        Filter("measure", "指标", {name: measure.title for name, measure in MEASURES.items()}),
        Filter("sender", "报送系统", as_options(console.services.senders(visit.user))),
        Filter("kind", "内容", {name: kind.title for name, kind in RECORD_KINDS.items()}),
        Filter("code", "代码或字段", placeholder="如 HUB-3001"),
        Filter("from", "收到日自", is_day=True),
        Filter("to", "收到日至", is_day=True),
    )
    values = read_filters(visit, filters)
    values.setdefault("measure", next(iter(MEASURES)))
    span = _span(console, visit)
    first_day = as_day(values.setdefault("from", span.first_day.isoformat()))
    last_day = as_day(values.setdefault("to", span.last_day.isoformat()))
    wanted = BehindQuery(
        values["measure"], first_day or span.first_day, last_day or span.last_day, values.get("sender"),
        values.get("kind"), values.get("code"), page_size(visit), visit.query("after") or None,
    )  # fmt: skip
    found = console.services.quality.behind(wanted)
    more: dict[str, Any] = {"figure": found["figure"], "measure": MEASURES[wanted.measure], "wanted": wanted}
    return show_list(
        console, visit, "quality/records", filters, values, _Found(list(found["items"]), found["next"]), **more
    )
