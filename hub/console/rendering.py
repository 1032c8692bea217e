"""Templates, and how values read on a page. A fragment is a template of its own that the full page includes."""

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup, escape

from hub.console.clock_words import UNIT_WORDS
from hub.console.static_files import StaticFiles
from hub.domain import codes
from hub.domain.identifiers import is_resident_id, mask_id_no, mask_phone
from hub.domain.times import CHINA_TIME

_WEEKDAYS = "一二三四五六日"
_KILO = 1024


class Renderer:
    """Renders templates of `hub/console/templates` to text."""

    def __init__(self, static: StaticFiles, county_name: str) -> None:
        self._environment = environment()
        self._environment.globals.update(asset=static.own, vendored=static.vendored, county=county_name)

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(context)


def environment() -> Environment:
    """Autoescapes always; a field that a row does not have reads as nothing."""
    made = Environment(
        loader=PackageLoader("hub.console", "templates"), autoescape=True, undefined=ChainableUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(_FILTERS)
    made.tests["in_family"] = _in_family
    made.globals.update(
        CARD_LEVELS=codes.CARD_LEVELS, CARD_STATES=codes.CARD_STATES, CASE_STATES=codes.CASE_STATES, ROLES=codes.ROLES,
        asset=str, vendored=str,
    )  # fmt: skip
    return made


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(CHINA_TIME)


def _when(text: str | None) -> str:
    """`2026-03-03 09:12`, local time."""
    return f"{_moment(text):%Y-%m-%d %H:%M}" if text else "—"


def _short_when(text: str | None) -> str:
    return f"{_moment(text):%m-%d %H:%M}" if text else "—"


def _day(text: str | None) -> str:
    return f"{_moment(text):%Y-%m-%d}" if text else "—"


def _weekday(text: str) -> str:
    return f"周{_WEEKDAYS[_moment(text).weekday()]}"


def _number(value: float | str | None) -> str:
    """Thousands apart, no needless decimals."""
    if value is None or value == "":
        return "—"
    if isinstance(value, str):
        return value
    return f"{value:,.1f}".removesuffix(".0")


def _duration(seconds: float | None) -> str:
    """Roughly how long: `3 分钟`, `2 小时`, `5 天`."""
    if seconds is None:
        return "—"
    for size, word in ((86400, "天"), (3600, "小时"), (60, "分钟")):
        if seconds >= size:
            return f"{int(seconds // size)} {word}"
    return f"{int(seconds)} 秒"


def _since(text: str | None, now: datetime) -> str:
    return f"{_duration(max((now - _moment(text)).total_seconds(), 0))}前" if text else "从未"


def _is_past(text: str, now: datetime) -> bool:
    return _moment(text) < now


def _limit(amount: float | None, unit: str | None) -> str:
    """`7 个工作日`."""
    if amount is None or not unit:
        return "—"
    return f"{_number(amount)} {UNIT_WORDS.get(unit, '（单位不明）')}"


def _nth_day(counted: float, unit: str | None) -> str:
    """Which day of the limit it is; a day that is still running is already the next one. Hours stay hours."""
    return _number(counted) if unit == "WORKING_HOUR" else str(math.ceil(counted))


def _size(count: int | None) -> str:
    if count is None:
        return "—"
    return f"{count} 字节" if count < _KILO else f"{count / _KILO:,.1f} KB"


# --- free text of senders ---------------------------------------------------------------------------------------

_RESIDENT_ID = re.compile(r"(?<![0-9A-Za-z])[0-9]{17}[0-9Xx](?![0-9A-Za-z])")
_MOBILE_NO = re.compile(r"(?<![0-9A-Za-z])1[3-9][0-9]{9}(?![0-9A-Za-z])")


def _screened(text: str | None) -> str:
    """Free text with the ID and mobile numbers masked that its author put where no field expects them."""
    if not text:
        return ""
    masked = _RESIDENT_ID.sub(lambda found: mask_id_no(found[0]) if is_resident_id(found[0]) else found[0], text)
    return _MOBILE_NO.sub(lambda found: mask_phone(found[0]), masked)


def _highlight(text: str | None, sought: str) -> Markup:
    if not text or not sought:
        return escape(text or "")
    parts = re.split(f"({re.escape(sought)})", text, flags=re.IGNORECASE)
    return Markup().join(
        Markup("<mark>{}</mark>").format(part) if position % 2 else escape(part) for position, part in enumerate(parts)
    )


# --- codes and addresses ----------------------------------------------------------------------------------------


def _title(token: str | None, list_name: str) -> str:
    """Chinese title of a token of contract §3."""
    return codes.CODE_LISTS[list_name].title(token) if token else "—"


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _in_family(code: str, digit: str) -> bool:
    """Whether a catalogue code is of the thousand that `digit` names."""
    return code.removeprefix("HUB-").startswith(digit)


def with_query(address: str, parameters: Mapping[str, Any]) -> str:
    """`address` with the parameters that have a value."""
    kept = {name: value for name, value in parameters.items() if value not in (None, "")}
    return f"{address}?{urlencode(kept)}" if kept else address


_FILTERS = {
    "when": _when, "short_when": _short_when, "day": _day, "weekday": _weekday, "number": _number,
    "duration": _duration, "since": _since, "is_past": _is_past, "limit": _limit, "size": _size, "nth_day": _nth_day,
    "screened": _screened, "highlight": _highlight, "title_of": _title, "with_query": with_query, "as_json": _as_json,
}  # fmt: skip
