"""What every list shares: its filters live in the address, its pages follow a cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.services import Page, Row

PAGE_SIZES = (20, 50, 100)
_LONGEST_QUERY = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """One field of a filter form. `options` maps value to title; None makes it a text field, or a day for `is_day`."""

    name: str
    title: str
    options: Mapping[str, str] | None = None
    is_day: bool = False
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter, and the address of the same list without it."""

    title: str
    value: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list with all that is needed to show where one is in it."""

    address: str
    filters: Sequence[Filter]
    values: Mapping[str, str]
    page: Page
    size: int
    is_first: bool

    @property
    def chips(self) -> list[Chip]:
        return [
            Chip(each.title, (each.options or {}).get(value, value), self._without(each.name))
            for each in self.filters
            if (value := self.values.get(each.name, ""))
        ]

    @property
    def next_parameters(self) -> Mapping[str, Any]:
        return {**self.values, "limit": self._shown_size(), "after": self.page.next}

    @property
    def first_parameters(self) -> Mapping[str, Any]:
        return {**self.values, "limit": self._shown_size()}

    def _shown_size(self) -> str:
        return "" if self.size == PAGE_SIZES[0] else str(self.size)

    def _without(self, name: str) -> Mapping[str, str]:
        return {key: value for key, value in self.values.items() if key != name}


def read_filters(visit: Visit, filters: Sequence[Filter]) -> dict[str, str]:
    """The values in the address that their fields can have; anything else is as if it were not there."""
    return {each.name: value for each in filters if (value := _usable(each, visit.query(each.name)))}


def page_size(visit: Visit) -> int:
    asked = visit.query("limit")
    return next((size for size in PAGE_SIZES if str(size) == asked), PAGE_SIZES[0])


def as_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def as_options(rows: Sequence[Row]) -> dict[str, str]:
    return {row["code"]: row["name"] for row in rows}


def show_list(
    console: Console,
    visit: Visit,
    folder: str,
    filters: Sequence[Filter],
    values: Mapping[str, str],
    page: Page,
    **context: Any,
) -> Response:
    """The whole page, or only its results when a filter changed in place."""
    listing = Listing(visit.request.url.path, filters, values, page, page_size(visit), not visit.query("after"))
    template = "results" if visit.wants_fragment else "index"
    return console.render(visit, f"{folder}/{template}.html", listing=listing, q=values.get("q", ""), **context)


def _usable(field: Filter, value: str) -> str:
    if field.is_day:
        return value if as_day(value) else ""
    if field.options is not None:
        return value if value in field.options else ""
    return value[:_LONGEST_QUERY]
