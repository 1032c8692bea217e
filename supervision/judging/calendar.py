"""Working days and business hours of one published calendar."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from zoneinfo import ZoneInfo

MICROSECOND = timedelta(microseconds=1)
EARLIEST_DAY = date(1990, 1, 1)
LATEST_DAY = date(2099, 12, 31)
SHIPPED_HEADER = re.compile(r"# version=(\S+) first_day=(\S+) published_until=(\S+) source=(.+)")

CalendarRow = tuple[date, bool, str]
"""Day, whether it is worked, name of the holiday. Only days that differ from plain Monday to Friday."""


class BeyondCalendarError(LookupError):
    """A day outside EARLIEST_DAY..LATEST_DAY was asked for: no limit that a law knows leads there."""


@dataclass(frozen=True)
class BusinessHours:
    """Spans of local time, ascending, apart from each other. Times of day and lengths are in microseconds."""

    spans: tuple[tuple[time, time], ...] = ((time(9), time(12)), (time(13, 30), time(17, 30)))

    def __post_init__(self) -> None:
        edges = [edge for span in self.spans for edge in span]
        if not edges or any(earlier >= later for earlier, later in zip(edges, edges[1:], strict=False)):
            raise ValueError("business hours must be ascending spans that do not touch")

    @cached_property
    def _edges(self) -> tuple[tuple[int, int], ...]:
        return tuple((_microseconds(begin), _microseconds(end)) for begin, end in self.spans)

    @cached_property
    def length(self) -> int:
        return sum(end - begin for begin, end in self._edges)

    @cached_property
    def closing(self) -> time:
        return self.spans[-1][1]

    def elapsed(self, at: time) -> int:
        """Business time that has passed at this time of day."""
        moment = _microseconds(at)
        return sum(min(moment, end) - begin for begin, end in self._edges if begin < moment)

    def time_of_day(self, elapsed: int) -> int:
        """Earliest time of day at which that much business time has passed."""
        for begin, end in self._edges:
            if elapsed <= end - begin:
                return begin + elapsed
            elapsed -= end - begin
        raise ValueError("a business day is not that long")

    def next_open(self, at: time) -> time | None:
        """The time itself when it lies in business hours, else the next opening of that day, if there is one."""
        return next((max(at, begin) for begin, end in self.spans if at <= end), None)


@dataclass(frozen=True, eq=False)
class Calendar:
    """One version of the official calendar; never changes.

    Days before `first_day` and after `published_until` follow Monday to Friday: what is counted over them is
    provisional. Instants are returned in UTC; those given must carry an offset.
    """

    version: str
    exceptions: Mapping[date, bool]
    first_day: date
    published_until: date
    hours: BusinessHours = field(default_factory=BusinessHours)
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    names: Mapping[date, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exceptions", MappingProxyType(dict(self.exceptions)))
        object.__setattr__(self, "names", MappingProxyType(dict(self.names)))

    @classmethod
    def from_rows(
        cls,
        version: str,
        rows: Iterable[CalendarRow],
        first_day: date,
        published_until: date,
        hours: BusinessHours | None = None,
    ) -> "Calendar":
        """Raises ValueError when a day comes twice or lies outside the published days."""
        listed = tuple(rows)
        exceptions = {day: working for day, working, _ in listed}
        if len(exceptions) != len(listed):
            raise ValueError("a calendar names each day once")
        if any(not first_day <= day <= published_until for day in exceptions):
            raise ValueError("a calendar names only days that it publishes")
        names = {day: name for day, _, name in listed if name}
        return cls(version, exceptions, first_day, published_until, hours or BusinessHours(), names=names)

    def is_working(self, day: date) -> bool:
        return self.exceptions.get(day, day.weekday() < 5)

    def is_published(self, day: date) -> bool:
        return self.first_day <= day <= self.published_until

    def working_day_after(self, day: date, n: int) -> date:
        """The n-th working day strictly after `day`, n from 1. Raises BeyondCalendarError."""
        _require_positive(n)
        return date.fromordinal(self.working_ordinal(bisect_right(self._working, day.toordinal()) + n - 1))

    def working_day_before(self, day: date, n: int) -> date:
        """The n-th working day strictly before `day`, n from 1. Raises BeyondCalendarError."""
        _require_positive(n)
        return date.fromordinal(self.working_ordinal(bisect_left(self._working, day.toordinal()) - n))

    def opening(self, day: date) -> datetime:
        return self.moment(day.toordinal(), 0)

    def closing(self, day: date) -> datetime:
        return self.closing_of(day.toordinal())

    # Below: the same in day ordinals, for the clock, which counts thousands of cases a second.

    def working_days_before(self, ordinal: int) -> int:
        """How many working days lie before that day, from EARLIEST_DAY."""
        return bisect_left(self._working, ordinal)

    def working_ordinal(self, position: int) -> int:
        """The working day that has `position` working days before it. Raises BeyondCalendarError."""
        if not 0 <= position < len(self._working):
            raise BeyondCalendarError("no such working day in the calendar")
        return self._working[position]

    def closing_of(self, ordinal: int) -> datetime:
        """Raises BeyondCalendarError."""
        known = self._closings.get(ordinal)
        if known is None:
            known = self._closings[ordinal] = self.moment(ordinal, self.hours.length)
        return known

    def moment(self, ordinal: int, elapsed: int) -> datetime:
        """The instant of that day at which so many microseconds of business time have passed. Raises
        BeyondCalendarError."""
        return self._at(ordinal, self.hours.time_of_day(elapsed))

    def local(self, instant: datetime) -> datetime:
        """Local time. Raises BeyondCalendarError."""
        if not self._first_instant <= instant < self._end_instant:
            raise BeyondCalendarError("instant outside the calendar")
        return instant.astimezone(self.zone)

    def day_closing_from(self, instant: datetime) -> int:
        """The first day, working or not, that closes at or after the instant; the nearest day if it lies outside."""
        if instant < self._first_instant:
            return EARLIEST_DAY.toordinal()
        if instant >= self._end_instant:
            return LATEST_DAY.toordinal() + 1
        local = instant.astimezone(self.zone)
        return local.toordinal() + (local.time() > self.hours.closing)

    def working_day_closing_from(self, instant: datetime) -> int:
        """The first working day that closes at or after the instant. Raises BeyondCalendarError."""
        if not self._first_instant <= instant:
            raise BeyondCalendarError("instant outside the calendar")
        return self.working_ordinal(self.working_days_before(self.day_closing_from(instant)))

    def into_business_time(self, instant: datetime) -> datetime:
        """The instant itself when it lies in business time, else the next opening. Raises BeyondCalendarError."""
        local = self.local(instant)
        ordinal = self.working_day_closing_from(instant)
        open_from = self.hours.next_open(local.time()) if ordinal == local.toordinal() else None
        return self._at(ordinal, _microseconds(open_from)) if open_from else self.moment(ordinal, 0)

    @cached_property
    def _working(self) -> tuple[int, ...]:
        rest = {day.toordinal() for day, working in self.exceptions.items() if not working}
        made_up = {day.toordinal() for day, working in self.exceptions.items() if working}
        return tuple(sorted((_weekdays() - rest) | made_up))

    @cached_property
    def _closings(self) -> dict[int, datetime]:
        return {}

    @cached_property
    def _first_instant(self) -> datetime:
        return datetime.combine(EARLIEST_DAY, time.min, self.zone).astimezone(UTC)

    @cached_property
    def _end_instant(self) -> datetime:
        return datetime.combine(LATEST_DAY + timedelta(days=1), time.min, self.zone).astimezone(UTC)

    def _at(self, ordinal: int, microseconds_of_day: int) -> datetime:
        if not EARLIEST_DAY.toordinal() <= ordinal <= LATEST_DAY.toordinal():
            raise BeyondCalendarError("no such day in the calendar")
        midnight = datetime.combine(date.fromordinal(ordinal), time.min, self.zone)
        return (midnight + microseconds_of_day * MICROSECOND).astimezone(UTC)


@cache
def shipped_calendar() -> Calendar:
    """The State Council calendar that comes with the program."""
    text = files("supervision").joinpath("library/calendar-cn.csv").read_text(encoding="utf-8")
    return read_calendar(text)


def read_calendar(text: str) -> Calendar:
    """Reads the shipped file: a header line, the column names, then `day,working,name`. Raises ValueError."""
    header, _columns, *lines = text.splitlines()
    found = SHIPPED_HEADER.fullmatch(header)
    if found is None:
        raise ValueError("the calendar file has no header line with version, first_day and published_until")
    version, first_day, published_until, _source = found.groups()
    rows = (line.split(",", 2) for line in lines)
    return Calendar.from_rows(
        version,
        [(date.fromisoformat(day), working == "1", name) for day, working, name in rows],
        date.fromisoformat(first_day),
        date.fromisoformat(published_until),
    )


@cache
def _weekdays() -> frozenset[int]:
    # Ordinal 1 is a Monday, so Saturday and Sunday leave 6 and 0.
    return frozenset(n for n in range(EARLIEST_DAY.toordinal(), LATEST_DAY.toordinal() + 1) if n % 7 not in (6, 0))


def _microseconds(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000 + at.microsecond


def _require_positive(n: int) -> None:
    if n < 1:
        raise ValueError("working days are counted from 1")
