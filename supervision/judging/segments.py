"""The clock explained day by day, for the case page and as evidence on a card."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import groupby

from supervision.judging.calendar import BeyondCalendarError
from supervision.judging.clock import Clock, Phase
from supervision.judging.counting import BusinessTime, Limit, Position, measure

BEFORE = "BEFORE"
START_DAY = "START_DAY"
COUNTED = "COUNTED"
STOPPED = "STOPPED"
REST = "REST"
OVER = "OVER"

SEGMENT_TITLES = {
    BEFORE: "尚未起算",
    START_DAY: "起算日，不计",
    COUNTED: "计入",
    STOPPED: "停止计时",
    REST: "休息日，不计",
    OVER: "超期",
}


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day. `counted` is what it used of the limit: days, or hours for WORKING_HOUR; a running day counts in part.

    `note`: why the clock stands (tokens joined by a comma), or the name of the holiday.
    """

    day: date
    kind: str
    counted: Position
    counted_so_far: Position
    note: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of days of one kind, both ends included. `note` joins the notes of its days by a comma."""

    first_day: date
    last_day: date
    kind: str
    days: int
    counted: Position
    note: str


def day_rows(clock: Clock, limit: Limit, until: datetime) -> tuple[DayRow, ...]:
    """From the day of the reported start to the day of `until`; empty when `clock.due` could not judge the limit."""
    if clock.refusal(limit):
        return ()
    try:
        return tuple(_rows(clock, clock.phases(limit), until))
    except BeyondCalendarError:
        return ()


def segments(rows: tuple[DayRow, ...]) -> tuple[Segment, ...]:
    """The rows compressed to runs of one kind; days stopped for different reasons stay apart."""
    return tuple(_segment(tuple(run)) for _, run in groupby(rows, key=_run_key))


def _run_key(row: DayRow) -> tuple[str, str]:
    return row.kind, row.note if row.kind == STOPPED else ""


def _segment(run: tuple[DayRow, ...]) -> Segment:
    counted: Position = 0
    for row in run:
        counted += row.counted
    notes = dict.fromkeys(row.note for row in run if row.note)
    return Segment(run[0].day, run[-1].day, run[0].kind, len(run), counted, ",".join(notes))


def _rows(clock: Clock, phases: tuple[Phase, ...], until: datetime) -> Iterator[DayRow]:
    so_far: Position = 0
    first, last = (clock.calendar.local(instant).toordinal() for instant in (clock.start, until))
    later = iter(phases)
    rule = _DayRule(clock, next(later))
    for day in range(first, last + 1):
        while rule.is_past(day) and (phase := next(later, None)) is not None:
            rule = _DayRule(clock, phase)
        step = rule.step(day)
        counted = whole = rule.counted(*step)
        if day == last:
            counted = rule.counted(step[0], rule.reached(*step, until))
        so_far += counted
        kind = rule.kind(day, step, whole)
        date_ = date.fromordinal(day)
        yield DayRow(date_, kind, rule.units(counted), rule.units(so_far), _note(date_, kind, clock))


class _DayRule:
    """How the days of one phase are counted; what is the same for all of them is asked once."""

    def __init__(self, clock: Clock, phase: Phase) -> None:
        self._line = phase.line
        self._per_unit = phase.line.per_unit
        self._origin = phase.line.origin(clock.origin)
        self._spans = clock.spans(phase.line)
        self._last_day = None if phase.end is None else phase.end.day
        self._start_day = clock.start_day.toordinal()
        self._start_day_counts = isinstance(phase.line, BusinessTime)

    def is_past(self, day: int) -> bool:
        return self._last_day is not None and day > self._last_day

    def step(self, day: int) -> tuple[Position, Position]:
        """What of the line the day covers from where counting begins; empty on a rest day and up to the start."""
        begin, end = self._line.day_span(day)
        return (begin, end) if begin >= self._origin else (self._origin, max(self._origin, end))

    def reached(self, begin: Position, end: Position, until: datetime) -> Position:
        return max(begin, min(end, self._line.position(until)))

    def counted(self, begin: Position, end: Position) -> Position:
        return measure(begin, end, self._spans) if self._spans else end - begin

    def units(self, steps: Position) -> Position:
        return steps if self._per_unit == 1 else Fraction(steps) / self._per_unit

    def kind(self, day: int, step: tuple[Position, Position], counted: Position) -> str:
        """`counted` is what the whole day counts."""
        if counted:
            return OVER if self.is_past(day) else COUNTED
        if day < self._start_day:
            return BEFORE
        if day == self._start_day and not self._start_day_counts:
            return START_DAY
        if not self._line.counts(day):
            return REST
        if step[0] < step[1]:
            return STOPPED
        return OVER if self.is_past(day) else COUNTED


def _note(day: date, kind: str, clock: Clock) -> str:
    if kind == REST:
        return clock.calendar.names.get(day, "")
    if kind != STOPPED:
        return ""
    opens, closes = clock.calendar.opening(day), clock.calendar.closing(day)
    held = (stop for stop in clock.stops if stop.start <= closes and (stop.end is None or stop.end > opens))
    return ",".join(sorted({stop.reason for stop in held}))
