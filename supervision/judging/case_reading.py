"""One case as the rule templates read it: facts in business order, the clock, both limits with their dues."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter

from hub.domain.history import CaseHistory, SpecialFact, StepFact, business_order
from supervision.judging.calendar import Calendar
from supervision.judging.clock import Clock, ClockPolicy, Due, clock_facts, read_clock
from supervision.judging.counting import Limit

PROMISED = "promised"
STATUTORY = "statutory"

NO_START = "NO_START"
START_BEYOND_CALENDAR = "START_BEYOND_CALENDAR"
NO_LIMIT = "NO_LIMIT"

EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LimitReading:
    """A limit, who stated it (`application` or `item`), and where it ends for this case."""

    name: str
    limit: Limit | None
    source: str | None
    due: Due


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReading:
    """All that a rule may look at."""

    history: CaseHistory
    calendar: Calendar
    policy: ClockPolicy
    as_of: datetime
    clock: Clock | None
    limits: Mapping[str, LimitReading]

    @property
    def finished_at(self) -> datetime | None:
        return self.history.result.finished_at if self.history.result else None


def read_case(history: CaseHistory, *, calendar: Calendar, policy: ClockPolicy, as_of: datetime) -> CaseReading:
    """The order in which steps and special procedures were given does not matter."""
    ordered = _in_order(history)
    clock = read_clock(clock_facts(ordered), policy, calendar)
    no_start = None if clock else _why_no_start(ordered)
    limits = {name: _limit_reading(name, ordered, clock, no_start) for name in (PROMISED, STATUTORY)}
    return CaseReading(history=ordered, calendar=calendar, policy=policy, as_of=as_of, clock=clock, limits=limits)


def timed_steps(history: CaseHistory) -> list[tuple[datetime, StepFact]]:
    """Steps that say when they happened; a running step without a start says nothing that could be wrong."""
    return [(at, step) for step in history.steps if (at := step.happened_at)]


def _in_order(history: CaseHistory) -> CaseHistory:
    steps = tuple(sorted(history.steps, key=business_order))
    specials = tuple(sorted(history.specials, key=_special_order))
    if (steps, specials) == (history.steps, history.specials):
        return history
    return replace(history, steps=steps, specials=specials)


def _special_order(special: SpecialFact) -> tuple[datetime, str, datetime, int, str]:
    return (
        special.started_at,
        special.kind,
        special.ended_at or EARLIEST,
        -1 if special.requested_limit is None else special.requested_limit,
        special.limit_unit or "",
    )


def _why_no_start(history: CaseHistory) -> str:
    known = history.application or any(step.status == "ACCEPTED" and step.happened_at for step in history.steps)
    return START_BEYOND_CALENDAR if known else NO_START


def _limit_reading(name: str, history: CaseHistory, clock: Clock | None, no_start: str | None) -> LimitReading:
    limit, source = _stated_limit(name, history)
    if clock is None:
        return LimitReading(name, limit, source, Due(reason=no_start))
    if limit is None:
        return LimitReading(name, None, None, Due(reason=NO_LIMIT))
    return LimitReading(name, limit, source, clock.due(limit))


def _stated_limit(name: str, history: CaseHistory) -> tuple[Limit | None, str | None]:
    """What the application promised goes before what the item promises."""
    application_columns, item_columns = LIMIT_COLUMNS[name]
    for source, fact, columns in (
        ("application", history.application, application_columns),
        ("item", history.item, item_columns),
    ):
        amount, unit = columns(fact) if fact else (None, None)
        if amount is not None and unit:
            return Limit(amount, unit), source
    return None, None


LIMIT_COLUMNS = {
    PROMISED: (attrgetter("promised_limit", "limit_unit"), attrgetter("promised_limit", "promised_limit_unit")),
    STATUTORY: (
        attrgetter("statutory_limit", "statutory_limit_unit"),
        attrgetter("statutory_limit", "statutory_limit_unit"),
    ),
}
