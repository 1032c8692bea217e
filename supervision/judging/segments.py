"""The clock explained day by day, for the case page and as evidence on a card."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby

from supervision.judging.calendar import BeyondCalendarError
from supervision.judging.clock import Clock, Phase
from supervision.judging.counting import BusinessTime, Limit, measure

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
    counted: Fraction
    counted_so_far: Fraction
    note: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of days of one kind, both ends included. `note` joins the notes of its days by a comma."""

    first_day: date
    last_day: date
    kind: str
    days: int
    counted: Fraction
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
    counted = sum((row.counted for row in run), Fraction())
    notes = dict.fromkeys(row.note for row in run if row.note)
    return Segment(run[0].day, run[-1].day, run[0].kind, len(run), counted, ",".join(notes))


def _rows(clock: Clock, phases: tuple[Phase, ...], until: datetime) -> Iterator[DayRow]:
    so_far = Fraction()
    last = clock.calendar.local(until).date()
    day = clock.calendar.local(clock.start).date()
    while day <= last:
        phase = _phase_of(day, phases)
        counted = _counted_on(day, clock, phase, until)
        so_far += counted
        kind = _kind(day, clock, phase, counted)
        yield DayRow(day, kind, counted, so_far, _note(day, kind, clock))
        day += timedelta(days=1)


def _phase_of(day: date, phases: tuple[Phase, ...]) -> Phase:
    ordinal = day.toordinal()
    return next((phase for phase in phases if phase.end is None or ordinal <= phase.end.day), phases[-1])


def _counted_on(day: date, clock: Clock, phase: Phase, until: datetime) -> Fraction:
    line = phase.line
    opens = clock.calendar.opening(day)
    begin = max(line.position(opens), line.origin(clock.origin))
    end = max(line.position(min(clock.calendar.closing(day), until)), begin)
    return Fraction(measure(begin, end, clock.spans(line))) / line.per_unit


def _kind(day: date, clock: Clock, phase: Phase, counted: Fraction) -> str:
    if day < clock.start_day:
        return BEFORE
    if day == clock.start_day and not isinstance(phase.line, BusinessTime):
        return START_DAY
    if not phase.line.counts(day.toordinal()):
        return REST
    if _is_stopped(day, clock, phase):
        return STOPPED
    return OVER if _is_over(day, phase) else COUNTED


def _is_stopped(day: date, clock: Clock, phase: Phase) -> bool:
    """Whether nothing of the day could count, however long it goes on."""
    line = phase.line
    begin = max(line.position(clock.calendar.opening(day)), line.origin(clock.origin))
    end = line.position(clock.calendar.closing(day))
    return begin < end and not measure(begin, end, clock.spans(line))


def _is_over(day: date, phase: Phase) -> bool:
    return phase.end is not None and day.toordinal() > phase.end.day


def _note(day: date, kind: str, clock: Clock) -> str:
    if kind == REST:
        return clock.calendar.names.get(day, "")
    if kind != STOPPED:
        return ""
    opens, closes = clock.calendar.opening(day), clock.calendar.closing(day)
    held = (stop for stop in clock.stops if stop.start <= closes and (stop.end is None or stop.end > opens))
    return ",".join(sorted({stop.reason for stop in held}))
