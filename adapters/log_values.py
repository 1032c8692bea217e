"""The expressions of a mapping document: what one field is read from, and how it becomes the field's type."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.event_log import Attributes
from hub.domain.errors import RejectedError
from hub.domain.fields import Day, Flag, Instant, Kind, Money, Whole

DEFAULT_ZONE = "Asia/Shanghai"
_ONE_DAY = timedelta(days=1)
_REFERENCE = re.compile(r"case|seq|(case|event)\..+")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can see: the case, the event if there is one, the case number, the event's place from 1."""

    case: Attributes
    event: Attributes | None
    case_id: str | None
    seq: int


Expression = Callable[[Scope], str | None]
Reader = Callable[[Scope, str], Any]
"""Scope and the field's name (for errors) to the typed value, None when absent. Raises RejectedError."""
Build = Callable[[Scope, Mapping[str, Any]], Any]
"""Scope and fields made elsewhere to a record. Raises RejectedError with the field as path."""


@dataclass(frozen=True, slots=True)
class TimeReading:
    """How written times are read.

    `keep_wall_clock`: the hands of the clock as written, moved to `zone`, so that office hours there are office hours
    here; else the written offset counts, and `zone` is that of a time without one.
    """

    keep_wall_clock: bool
    zone: tzinfo

    def instant(self, text: str) -> datetime | None:
        """UTC, or None for what is no time."""
        try:
            moment = datetime.fromisoformat(text.strip())
            if self.keep_wall_clock or moment.tzinfo is None:
                moment = moment.replace(tzinfo=self.zone)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def time_reading(document: Mapping[str, Any]) -> TimeReading:
    """Raises RejectedError HUB-3006 for a zone that does not exist."""
    try:
        zone = ZoneInfo(document.get("zone", DEFAULT_ZONE))
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise RejectedError("HUB-3006", "没有这个时区", "times/zone") from exc
    return TimeReading(document["read"] == "keep_wall_clock", zone)


def look_up(reference: str, scope: Scope) -> str | None:
    """The attribute's text; absent and blank are the same."""
    if reference == "case":
        return scope.case_id
    if reference == "seq":
        return str(scope.seq)
    owner, _, key = reference.partition(".")
    attributes = scope.event if owner == "event" else scope.case
    value = attributes.get(key, "").strip() if attributes else ""
    return value or None


def compile_value(document: Mapping[str, Any], times: TimeReading) -> Expression:
    """A `value` of the schema as a function."""
    form = next(name for name in _FORMS if name in document)
    return _FORMS[form](document, times)


def _constant(document: Mapping[str, Any], times: TimeReading) -> Expression:
    value = document["constant"]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return lambda scope: text


def _attribute(document: Mapping[str, Any], times: TimeReading) -> Expression:
    reference = document["attribute"]
    absent = frozenset(document.get("absent", ()))
    codes: Mapping[str, str] = document.get("codes", {})
    default: str | None = document.get("default")
    dropped = document.get("otherwise") == "drop"

    def read(scope: Scope) -> str | None:
        value = look_up(reference, scope)
        if value is None or value in absent:
            return None
        if value in codes:
            return codes[value]
        return default or (None if dropped else value)

    return read


def _pattern(document: Mapping[str, Any], times: TimeReading) -> Expression:
    pattern: str = document["pattern"]
    references = _PLACEHOLDER.findall(pattern)
    if not all(_REFERENCE.fullmatch(reference) for reference in references):
        raise RejectedError("HUB-3006", "花括号内应为 case、seq、case.属性 或 event.属性", "pattern")

    def read(scope: Scope) -> str | None:
        values = {reference: look_up(reference, scope) for reference in references}
        if None in values.values():
            return None
        return _PLACEHOLDER.sub(lambda found: values[found[1]] or "", pattern)

    return read


def _whole_days(document: Mapping[str, Any], times: TimeReading) -> Expression:
    bounds = document["whole_days"]

    def read(scope: Scope) -> str | None:
        written = (look_up(bounds["from"], scope), look_up(bounds["to"], scope))
        begin, end = (times.instant(text) if text else None for text in written)
        if begin is None or end is None or end < begin:
            return None
        return str((end - begin) // _ONE_DAY)

    return read


def _first_of(document: Mapping[str, Any], times: TimeReading) -> Expression:
    choices = [compile_value(choice, times) for choice in document["first_of"]]
    return lambda scope: next((value for choice in choices if (value := choice(scope)) is not None), None)


_FORMS: Mapping[str, Callable[[Mapping[str, Any], TimeReading], Expression]] = {
    "constant": _constant, "attribute": _attribute, "pattern": _pattern, "whole_days": _whole_days,
    "first_of": _first_of,
}  # fmt: skip


def as_field(kind: Kind, document: Mapping[str, Any], times: TimeReading) -> Reader:
    """An expression whose text becomes what a field of that kind takes. Codes stay as they are: the hub flags them."""
    expression = compile_value(document, times)
    code, complaint, convert = _converter(kind, times)

    def read(scope: Scope, wire: str) -> Any:
        text = expression(scope)
        if text is None:
            return None
        value = convert(text)
        if value is None:
            raise RejectedError(code, complaint, wire)
        return value

    return read


def _converter(kind: Kind, times: TimeReading) -> tuple[str, str, Callable[[str], Any]]:
    if isinstance(kind, Instant):
        return "HUB-3007", "应为真实存在的时间", times.instant
    return _CONVERTERS.get(type(kind), ("HUB-3004", "应为文本", str.strip))


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None


def _money(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount.quantize(Decimal("0.01")) if amount.is_finite() and 0 <= amount < 10**14 else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


_FLAGS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_CONVERTERS: Mapping[type, tuple[str, str, Callable[[str], Any]]] = {
    Whole: ("HUB-3004", "应为整数", _whole),
    Money: ("HUB-3004", "应为不为负的金额", _money),
    Day: ("HUB-3007", "应为真实存在的日期", _day),
    Flag: ("HUB-3004", "应为 true 或 false", lambda text: _FLAGS.get(text.lower())),
}
