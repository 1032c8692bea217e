"""The clock explained day by day, for the case page and as evidence on a card."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
    last = clock.calendar.local(until).date()
    day = clock.calendar.local(clock.start).date()
    while day <= last:
        phase = _phase_of(day, phases)
        whole = _step_of(day, clock, phase)
        counted = _counted_in(whole if day < last else _part_until(until, whole, phase), clock, phase)
        so_far += counted
        kind = _kind(day, clock, phase, whole)
        yield DayRow(day, kind, _units(counted, phase), _units(so_far, phase), _note(day, kind, clock))
        day += timedelta(days=1)


def _units(steps: Position, phase: Phase) -> Position:
    per_unit = phase.line.per_unit
    return steps if per_unit == 1 else Fraction(steps) / per_unit


def _phase_of(day: date, phases: tuple[Phase, ...]) -> Phase:
    ordinal = day.toordinal()
    return next((phase for phase in phases if phase.end is None or ordinal <= phase.end.day), phases[-1])


def _step_of(day: date, clock: Clock, phase: Phase) -> tuple[Position, Position]:
    """What of the line the day covers from where counting begins; empty on a rest day and up to the start."""
    begin, end = phase.line.day_span(day.toordinal())
    begin = max(begin, phase.line.origin(clock.origin))
    return begin, max(begin, end)


def _part_until(until: datetime, whole: tuple[Position, Position], phase: Phase) -> tuple[Position, Position]:
    begin, end = whole
    return begin, max(begin, min(end, phase.line.position(until)))


def _counted_in(step: tuple[Position, Position], clock: Clock, phase: Phase) -> Position:
    return measure(*step, clock.spans(phase.line))


def _kind(day: date, clock: Clock, phase: Phase, whole: tuple[Position, Position]) -> str:
    if day < clock.start_day:
        return BEFORE
    if day == clock.start_day and not isinstance(phase.line, BusinessTime):
        return START_DAY
    if not phase.line.counts(day.toordinal()):
        return REST
    if whole[0] < whole[1] and not _counted_in(whole, clock, phase):
        return STOPPED
    return OVER if _is_over(day, phase) else COUNTED


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
