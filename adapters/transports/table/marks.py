"""Watermarks: how far a growing column has been read, as a time, a number or a text that holds a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias

from hub.domain.errors import RejectedError
from hub.domain.times import CHINA_TIME

MarkValue: TypeAlias = datetime | date | Decimal | str

# A clock that is far ahead, or a typing error in a year, must not carry the watermark past everything that follows.
AHEAD = timedelta(days=1)
_DAY = timedelta(days=1)

_TEXT_FORMS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y-%m-%d %H:%M", "%Y-%m-%d",
    "%Y/%m/%d", "%Y%m%d",
)  # fmt: skip
_LONGEST_TEXT = 40
_MILLIONTHS = 6
_ABOVE_NOUGHT = 10**24  # added, so that numbers below nought sort as texts too


@dataclass(frozen=True, slots=True)
class Mark:
    """One value of the column."""

    value: MarkValue

    def as_json(self) -> dict[str, str]:
        return {"kind": type(self.value).__name__, "value": _text_of(self.value)}

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> "Mark":
        return cls(_READERS[stored["kind"]](stored["value"]))

    @property
    def sort_text(self) -> str:
        """Sorts as the values of one column do."""
        if isinstance(self.value, Decimal):
            return f"{int(self.value.scaleb(_MILLIONTHS)) + _ABOVE_NOUGHT:030d}"
        return _text_of(self.value)

    def back(self, overlap: timedelta, overlap_count: int) -> "Mark":
        """Where reading begins again. Raises RejectedError HUB-4027 for a text in which no time is known."""
        if isinstance(self.value, Decimal):
            return Mark(self.value - overlap_count)
        if isinstance(self.value, str):
            moment, form = _read_text(self.value)
            return Mark((moment - overlap).strftime(form))
        if isinstance(self.value, datetime):
            return Mark(self.value - overlap)
        return Mark(self.value - _DAY * -(-overlap // _DAY))

    def capped(self, now: datetime) -> "Mark":
        """Never far ahead of `now` (aware); a time without offset is China's."""
        latest = (now + AHEAD).astimezone(CHINA_TIME)
        if isinstance(self.value, datetime):
            return Mark(min(self.value, latest if self.value.tzinfo else latest.replace(tzinfo=None)))
        if isinstance(self.value, date):
            return Mark(min(self.value, latest.date()))
        if isinstance(self.value, str):
            moment, form = _read_text(self.value)
            return Mark(latest.strftime(form)) if moment > latest.replace(tzinfo=None) else self
        return self

    def bindable(self, kind: type | None) -> Any:
        """As a column of this Python type is compared with it; None: as it was read."""
        if isinstance(self.value, Decimal) and kind is not Decimal:
            return int(self.value) if self.value == self.value.to_integral() else float(self.value)
        if isinstance(self.value, str) and kind in (datetime, date):
            moment, _ = _read_text(self.value)
            return moment.date() if kind is date else moment
        return self.value


def mark_of(value: Any) -> Mark | None:
    """Raises RejectedError HUB-4027 for a type that does not grow, such as bytes."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, datetime | date | int | float | Decimal | str):
        raise RejectedError("HUB-4027", "水位列应是时间、数字或时间文本")
    return Mark(Decimal(str(value)) if isinstance(value, int | float) else value)


def mark_from_text(text: str) -> Mark:
    """What a document gives as the beginning: a number, or a time in one of the usual forms."""
    try:
        return Mark(Decimal(text)) if text.isdigit() and len(text) not in (8, 14) else Mark(text)
    except ArithmeticError as exc:
        raise RejectedError("HUB-4027", "起始水位不是数字或时间") from exc


def _text_of(value: MarkValue) -> str:
    if isinstance(value, datetime):
        plain = value.astimezone(UTC) if value.tzinfo else value
        return plain.isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def _read_text(text: str) -> tuple[datetime, str]:
    """The time in a text, to the second, and how it is written."""
    plain = text.strip().partition(".")[0][:_LONGEST_TEXT]
    for form in _TEXT_FORMS:
        moment = _parsed(plain, form)
        if moment is not None:
            return moment, form
    raise RejectedError("HUB-4027", "水位列的文本不是可识别的时间，例如 2026-03-02 10:00:00")


def _parsed(text: str, form: str) -> datetime | None:
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007 - the department's own time, compared with its like
    except ValueError:
        return None
    return moment if moment.strftime(form) == text else None


_READERS: Mapping[str, Callable[[str], MarkValue]] = MappingProxyType({
    "datetime": datetime.fromisoformat, "date": date.fromisoformat, "Decimal": Decimal, "str": str,
})  # fmt: skip
