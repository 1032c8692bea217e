"""Three ways to count time, as positions on a line: working days, calendar days, business time.

On a day line, position p stands at the end of the p-th countable day, so a day is the step from p to p + 1, and a
fraction of a step is that share of the day's business time. On the business line a step is one microsecond.
"""

from abc import ABC, abstractmethod
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from sys import maxsize
from types import MappingProxyType

from supervision.judging.calendar import EARLIEST_DAY, LATEST_DAY, BeyondCalendarError, Calendar

ENDLESS = maxsize
HOUR = 3_600_000_000

Span = tuple[int, int]
Position = int | Fraction


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` of `unit`, a limitUnit token of the contract."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Point:
    """An instant, and the day (ordinal) after which counting goes on from there."""

    day: int
    at: datetime


def advance(position: Position, amount: Position, spans: Iterable[Span]) -> Position | None:
    """Earliest position with `amount` counted outside `spans`; None when an endless span comes first.

    `spans` are ascending and disjoint, `amount` is positive.
    """
    for begin, end in spans:
        if end <= position:
            continue
        if begin - position >= amount:
            break
        if end == ENDLESS:
            return None
        amount -= max(begin - position, 0)
        position = end
    return position + amount


def measure(begin: Position, end: Position, spans: Iterable[Span]) -> Position:
    """How much lies between two positions outside `spans`; 0 when the end comes first."""
    stopped = sum(max(min(end, to) - max(begin, since), 0) for since, to in spans)
    return max(end - begin, 0) - stopped


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Ascending, disjoint; empty spans vanish."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif begin < end:
            merged.append((begin, end))
    return tuple(merged)


class Line(ABC):
    """One way to count. `per_unit`: steps of one unit, day or hour; `per_day`: steps of one full working day."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.per_unit = 1
        self.per_day = 1

    @abstractmethod
    def counts(self, ordinal: int) -> bool:
        """Whether that day is counted as long as the clock does not stand."""

    @abstractmethod
    def size(self, limit: Limit, day: int) -> int:
        """Steps of a limit that begins to count after that day. Raises BeyondCalendarError."""

    @abstractmethod
    def entry(self, instant: datetime) -> Point:
        """Where a special procedure that begins at the instant starts to count. Raises BeyondCalendarError."""

    @abstractmethod
    def nothing(self, origin: Point) -> Point:
        """Where a limit of zero ends."""

    @abstractmethod
    def origin(self, point: Point) -> int:
        """The position from which counting goes on."""

    @abstractmethod
    def position(self, instant: datetime) -> Position: ...

    @abstractmethod
    def day_span(self, ordinal: int) -> Span:
        """The positions between which a day lies; both are the same on a day that is not counted."""

    @abstractmethod
    def edge(self, instant: datetime) -> int:
        """Where a stop begins or ends. Answers for any instant: nothing is counted outside the calendar."""

    @abstractmethod
    def point(self, position: Position) -> Point:
        """The earliest instant at which the position is reached. Raises BeyondCalendarError."""


class DayLine(Line):
    """Counts days; a day belongs to a stop exactly if the stop holds at its closing."""

    @abstractmethod
    def count_before(self, ordinal: int) -> int: ...

    @abstractmethod
    def ordinal(self, position: int) -> int: ...

    def counts(self, ordinal: int) -> bool:
        return self.count_before(ordinal) < self.count_before(ordinal + 1)

    def nothing(self, origin: Point) -> Point:
        return self._closing(origin.day)

    def origin(self, point: Point) -> int:
        return self.count_before(point.day + 1)

    def position(self, instant: datetime) -> Position:
        local = self.calendar.local(instant)
        before, through = (self.count_before(local.toordinal() + passed) for passed in (0, 1))
        hours = self.calendar.hours
        return before + (through - before) * Fraction(hours.elapsed(local.time()), hours.length)

    def day_span(self, ordinal: int) -> Span:
        return self.count_before(ordinal), self.count_before(ordinal + 1)

    def edge(self, instant: datetime) -> int:
        return self.count_before(self.calendar.day_closing_from(instant))

    def point(self, position: Position) -> Point:
        whole = int(position)
        if position == whole:
            return self._closing(self.ordinal(whole - 1))
        day = self.ordinal(whole)
        return Point(day, self.calendar.moment(day, int((position - whole) * self.calendar.hours.length)))

    def _closing(self, day: int) -> Point:
        return Point(day, self.calendar.closing_of(day))


class WorkingDays(DayLine):
    def size(self, limit: Limit, day: int) -> int:
        return limit.amount

    def entry(self, instant: datetime) -> Point:
        return Point(self.calendar.working_day_closing_from(instant), instant)

    def count_before(self, ordinal: int) -> int:
        return self.calendar.working_days_before(ordinal)

    def ordinal(self, position: int) -> int:
        return self.calendar.working_ordinal(position)


class CalendarDays(DayLine):
    """Counts every day. Months and years are the days that they last from the day at which they begin."""

    def size(self, limit: Limit, day: int) -> int:
        months = MONTHS.get(limit.unit)
        return months_after(day, limit.amount * months) - day if months else limit.amount

    def entry(self, instant: datetime) -> Point:
        return Point(self.calendar.day_closing_from(instant), instant)

    def count_before(self, ordinal: int) -> int:
        return ordinal

    def ordinal(self, position: int) -> int:
        return position


class BusinessTime(Line):
    """Counts business time, so that a limit ends at the same clock time."""

    def __init__(self, calendar: Calendar) -> None:
        super().__init__(calendar)
        self.per_unit = HOUR
        self.per_day = calendar.hours.length

    def counts(self, ordinal: int) -> bool:
        return self.calendar.is_working(date.fromordinal(ordinal))

    def size(self, limit: Limit, day: int) -> int:
        return limit.amount * self.per_unit

    def entry(self, instant: datetime) -> Point:
        return Point(self.calendar.working_day_closing_from(instant), instant)

    def nothing(self, origin: Point) -> Point:
        opened = self.calendar.into_business_time(origin.at)
        return Point(self.calendar.local(opened).toordinal(), opened)

    def origin(self, point: Point) -> int:
        return self._business_time(point.at)

    def position(self, instant: datetime) -> Position:
        return self._business_time(instant)

    def day_span(self, ordinal: int) -> Span:
        before, through = (self.calendar.working_days_before(ordinal + passed) for passed in (0, 1))
        return before * self.per_day, through * self.per_day

    def edge(self, instant: datetime) -> int:
        ordinal = self.calendar.day_closing_from(instant)
        if ordinal in (EARLIEST_DAY.toordinal(), LATEST_DAY.toordinal() + 1):
            return self.calendar.working_days_before(ordinal) * self.per_day
        return self._business_time(instant)

    def point(self, position: Position) -> Point:
        before, elapsed = divmod(int(position), self.per_day)
        if not elapsed:  # the end of a day, not the beginning of the next
            before, elapsed = before - 1, self.per_day
        day = self.calendar.working_ordinal(before)
        return Point(day, self.calendar.moment(day, elapsed))

    def _business_time(self, instant: datetime) -> int:
        local = self.calendar.local(instant)
        before, through = (self.calendar.working_days_before(local.toordinal() + passed) for passed in (0, 1))
        return before * self.per_day + (through - before) * self.calendar.hours.elapsed(local.time())


LINES: Mapping[str, type[Line]] = MappingProxyType(
    {
        "WORKING_DAY": WorkingDays,
        "CALENDAR_DAY": CalendarDays,
        "WORKING_HOUR": BusinessTime,
        "MONTH": CalendarDays,
        "YEAR": CalendarDays,
    }
)
MONTHS = MappingProxyType({"MONTH": 1, "YEAR": 12})


def months_after(ordinal: int, months: int) -> int:
    """The same day of a later month, its last day when it is shorter. Raises BeyondCalendarError."""
    day = date.fromordinal(ordinal)
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > LATEST_DAY.year:
        raise BeyondCalendarError("the limit leads beyond the calendar")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1])).toordinal()


def stopped_spans(line: Line, stops: Sequence[tuple[datetime, datetime | None]]) -> tuple[Span, ...]:
    """Stops as positions on the line; an open one is endless."""
    return union((line.edge(start), ENDLESS if end is None else line.edge(end)) for start, end in stops)
