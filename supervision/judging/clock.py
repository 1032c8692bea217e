"""The clock of one case, recomputed from its facts: where it starts, when it stands, when a limit ends.

Source of the rules: contract §4. Counting starts the day after acceptance; special procedures other than an
extension are not counted (行政许可法 第四十五条), an extension adds to the limit once (第四十二条).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fractions import Fraction

from hub.domain.history import CaseHistory, SpecialFact, StepFact
from supervision.judging.calendar import BeyondCalendarError, Calendar
from supervision.judging.counting import LINES, Limit, Line, Point, Span, advance, measure, stopped_spans

START_FROM_APPLICATION = "START_FROM_APPLICATION"

UNKNOWN_UNIT = "UNKNOWN_UNIT"
NEGATIVE_LIMIT = "NEGATIVE_LIMIT"
CLOCK_STANDS = "CLOCK_STANDS"
BEYOND_CALENDAR = "BEYOND_CALENDAR"

EXTENSION = "EXTENSION"
FAR_FUTURE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """Which facts move the clock. A version label goes with every finding."""

    version: str = "1"
    running_kinds: frozenset[str] = frozenset({EXTENSION})
    stopping_statuses: frozenset[str] = frozenset({"PAUSED", "SUPPLEMENT"})
    extensions_counted: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """What the clock reads of a case. The order of steps and procedures does not matter."""

    accepted_at: datetime | None = None
    applied_at: datetime | None = None
    steps: Sequence[StepFact] = ()
    procedures: Sequence[SpecialFact] = ()
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The clock stands in [start, end); `end` None: until further facts. `reason` is a procedure kind or step status.

    `capped`: the requested limit ended it, not the department.
    """

    start: datetime
    end: datetime | None
    reason: str
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """Last instant at which a decision is in time, or the reason why there is none.

    `provisional`: it was reached over days for which no calendar has been published.
    """

    at: datetime | None = None
    day: date | None = None
    provisional: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """A limit, or the extension that goes on from its end. `start` is None when the clock stands before."""

    line: Line
    size: int
    start: Point | None
    end: Point | None

    @property
    def days(self) -> Fraction:
        return Fraction(self.size, self.line.per_day)


@dataclass(frozen=True)
class Clock:
    """The clock of one case. `start` is the instant as reported, `start_day` the first day, which is not counted.

    `start_source` is `acceptedAt`, `ACCEPTED step` or `appliedAt`.
    """

    start: datetime
    start_day: date
    start_source: str
    origin: Point
    stops: tuple[Stop, ...]
    extensions: tuple[Limit, ...]
    policy_version: str
    calendar: Calendar
    _spans: dict[type[Line], tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def flags(self) -> tuple[str, ...]:
        return (START_FROM_APPLICATION,) if self.start_source == "appliedAt" else ()

    def due(self, limit: Limit) -> Due:
        """Never raises: a limit that cannot be judged gives a reason."""
        refused = self.refusal(limit)
        if refused:
            return Due(reason=refused)
        try:
            end = self.phases(limit)[-1].end
        except BeyondCalendarError:
            return Due(reason=BEYOND_CALENDAR)
        if end is None:
            return Due(reason=CLOCK_STANDS)
        day = date.fromordinal(end.day)
        return Due(end.at, day, self._is_provisional(day))

    def instant_at(self, limit: Limit, share: Fraction) -> datetime | None:
        """When that share of the limit with its extensions is used; None where `due` has no instant to give.

        The share of a day is measured in its business time. Share 0 is the start, share 1 the due instant.
        """
        if share == 1 or self.refusal(limit):
            return self.due(limit).at
        try:
            return self._instant_at(self.phases(limit), share)
        except BeyondCalendarError:
            return None

    def working_days_before(self, due: datetime, n: int) -> datetime:
        """Closing of the n-th working day before the due day, never before the start. Raises BeyondCalendarError."""
        day = self.calendar.local(due).date()
        return max(self.calendar.closing(self.calendar.working_day_before(day, n)), self.start)

    def counted(self, unit: str, until: datetime) -> float | None:
        """Units used until that instant: hours for WORKING_HOUR, else days (also for MONTH and YEAR).

        A day that is running counts by the share of its business time that has passed. None for an unknown unit or an
        instant outside the calendar.
        """
        if unit not in LINES:
            return None
        line = LINES[unit](self.calendar)
        try:
            used = measure(line.origin(self.origin), line.position(until), self.spans(line))
        except BeyondCalendarError:
            return None
        return float(Fraction(used) / line.per_unit)

    def refusal(self, limit: Limit) -> str | None:
        """Why the limit cannot be judged at all: UNKNOWN_UNIT or NEGATIVE_LIMIT."""
        for part in self._parts(limit):
            if part.unit not in LINES:
                return UNKNOWN_UNIT
            if part.amount < 0:
                return NEGATIVE_LIMIT
        return None

    def phases(self, limit: Limit) -> tuple[Phase, ...]:
        """The limit and its extensions one after the other. Raises BeyondCalendarError."""
        found: list[Phase] = []
        point: Point | None = self.origin
        for part in self._parts(limit):
            line = LINES[part.unit](self.calendar)
            size = line.size(part, (point or self.origin).day)
            end = self._walk(line, point, size) if point else None
            found.append(Phase(line, size, point, end))
            point = end
        return tuple(found)

    def spans(self, line: Line) -> tuple[Span, ...]:
        """The stops as positions on that line."""
        kind = type(line)
        if kind not in self._spans:
            self._spans[kind] = stopped_spans(line, [(stop.start, stop.end) for stop in self.stops])
        return self._spans[kind]

    def _parts(self, limit: Limit) -> Iterator[Limit]:
        yield limit
        for extension in self.extensions:
            yield extension if extension.unit else replace(extension, unit=limit.unit)

    def _walk(self, line: Line, point: Point, size: int | Fraction) -> Point | None:
        if not size:
            return line.nothing(point)
        position = advance(line.origin(point), size, self.spans(line))
        return None if position is None else line.point(position)

    def _instant_at(self, phases: tuple[Phase, ...], share: Fraction) -> datetime | None:
        days = share * sum(phase.days for phase in phases)
        if not days:
            return self.start
        *earlier, phase = phases
        for candidate in earlier:
            if days <= candidate.days:
                phase = candidate
                break
            days -= candidate.days
        if phase.start is None:
            return None
        point = self._walk(phase.line, phase.start, days * phase.line.per_day)
        return point.at if point else None

    def _is_provisional(self, day: date) -> bool:
        return day > self.calendar.published_until or self.start_day < self.calendar.first_day


def clock_facts(history: CaseHistory) -> ClockFacts:
    application, result = history.application, history.result
    return ClockFacts(
        accepted_at=application.accepted_at if application else None,
        applied_at=application.applied_at if application else None,
        steps=history.steps,
        procedures=history.specials,
        finished_at=result.finished_at if result else None,
    )


def read_clock(facts: ClockFacts, policy: ClockPolicy, calendar: Calendar) -> Clock | None:
    """None when no fact says where to start, or the start lies outside the calendar."""
    start, source = _start(facts)
    if start is None:
        return None
    try:
        origin = Point(calendar.working_day_closing_from(start), start)
    except BeyondCalendarError:
        return None
    return Clock(
        start=start,
        start_day=date.fromordinal(origin.day),
        start_source=source,
        origin=origin,
        stops=_stops(facts, policy, calendar),
        extensions=_extensions(facts, policy),
        policy_version=policy.version,
        calendar=calendar,
    )


def _start(facts: ClockFacts) -> tuple[datetime | None, str]:
    if facts.accepted_at:
        return facts.accepted_at, "acceptedAt"
    accepted = [step.happened_at for step in facts.steps if step.status == "ACCEPTED" and step.happened_at]
    if accepted:
        return min(accepted), "ACCEPTED step"
    return facts.applied_at, "appliedAt"


def _stops(facts: ClockFacts, policy: ClockPolicy, calendar: Calendar) -> tuple[Stop, ...]:
    found = [
        _procedure_stop(procedure, calendar)
        for procedure in facts.procedures
        if procedure.kind not in policy.running_kinds
    ]
    if any(step.status in policy.stopping_statuses for step in facts.steps):
        found.extend(_step_stops(facts, policy))
    ended = (_until_finish(stop, facts.finished_at) for stop in found)
    lasting = (stop for stop in ended if stop.end is None or stop.start < stop.end)
    return tuple(sorted(lasting, key=lambda stop: (stop.start, stop.end or FAR_FUTURE, stop.reason)))


def _until_finish(stop: Stop, finished_at: datetime | None) -> Stop:
    """Finishing ends whatever still stood: nobody reports the end of a hearing after the decision."""
    if finished_at is None or (stop.end is not None and stop.end <= finished_at):
        return stop
    return replace(stop, end=finished_at, capped=False)


def _procedure_stop(procedure: SpecialFact, calendar: Calendar) -> Stop:
    end, cap = procedure.ended_at, _cap(procedure, calendar)
    if cap is not None and (end is None or cap < end):
        return Stop(procedure.started_at, cap, procedure.kind, capped=True)
    return Stop(procedure.started_at, end, procedure.kind)


def _cap(procedure: SpecialFact, calendar: Calendar) -> datetime | None:
    """Closing of the n-th day after the procedure's first, so that a request for n days excludes exactly n.

    None when the request names no limit that could be counted.
    """
    amount, unit = procedure.requested_limit, procedure.limit_unit
    if amount is None or amount < 0 or unit is None or unit not in LINES:
        return None
    line = LINES[unit](calendar)
    try:
        entry = line.entry(procedure.started_at)
        size = line.size(Limit(amount, unit), entry.day)
        return (line.point(line.origin(entry) + size) if size else line.nothing(entry)).at
    except BeyondCalendarError:
        return None


def _step_stops(facts: ClockFacts, policy: ClockPolicy) -> Iterator[Stop]:
    timed = [(step.happened_at, step.step_seq, step.record_id, step) for step in facts.steps if step.happened_at]
    timed.sort(key=lambda entry: entry[:3])
    for index, (start, _, _, step) in enumerate(timed):
        if step.status in policy.stopping_statuses:
            later = (entry[3] for entry in timed[index + 1 :])
            yield Stop(start, _resumed_at(start, later, facts.finished_at), step.status)


def _resumed_at(start: datetime, later: Iterator[StepFact], finished_at: datetime | None) -> datetime | None:
    """The earliest later sign of work; a case that was finished before the stop is not stopped at all."""
    if finished_at and finished_at < start:
        return start
    signs = [at for step in later for at in (step.started_at, step.handled_at) if at and at >= start]
    return min([*signs, finished_at] if finished_at else signs, default=None)


def _extensions(facts: ClockFacts, policy: ClockPolicy) -> tuple[Limit, ...]:
    """The first ones that name a limit. An extension without a unit has that of the limit it extends."""
    asked = sorted(
        (procedure.started_at, procedure.requested_limit, procedure.limit_unit or "")
        for procedure in facts.procedures
        if procedure.kind == EXTENSION and procedure.requested_limit is not None
    )
    return tuple(Limit(amount, unit) for _, amount, unit in asked[: policy.extensions_counted])
