"""Rules on limits: T01 a share of the limit used, T02 near the due day, T04 and T06 over the limit.

A due instant itself is still in time, so a limit is exceeded from the next microsecond on.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from types import MappingProxyType

from hub.domain.findings import RuleInForce
from supervision.judging.calendar import BeyondCalendarError
from supervision.judging.case_reading import NO_LIMIT, NO_START, START_BEYOND_CALENDAR, CaseReading, LimitReading
from supervision.judging.clock import BEYOND_CALENDAR, CLOCK_STANDS, NEGATIVE_LIMIT, UNKNOWN_UNIT, Clock
from supervision.judging.counting import Limit
from supervision.judging.history_json import china_time
from supervision.judging.rulings import (
    LIMIT_TITLES,
    SILENT,
    Event,
    Ruling,
    Verdict,
    cannot_judge,
    limit_words,
    result_event,
    step_event,
    time_words,
)

MOMENT = timedelta(microseconds=1)

WHY_UNJUDGED = MappingProxyType(
    {
        NO_START: "缺少受理时间和申请时间，无法起算",
        START_BEYOND_CALENDAR: "起算时间超出工作日历范围",
        NO_LIMIT: "申请信息和事项库都没有给出{limit}",
        UNKNOWN_UNIT: "{limit}或延长期限的单位不在代码表内",
        NEGATIVE_LIMIT: "{limit}或延长期限为负数",
        BEYOND_CALENDAR: "按{limit}推算的到期日超出工作日历范围",
    }
)
START_PATHS = ("application/acceptedAt", "application/appliedAt")
LIMIT_PATHS = MappingProxyType(
    {
        "promised": ("application/promisedLimit", "item/promisedLimit"),
        "statutory": ("application/statutoryLimit", "item/statutoryLimit"),
    }
)
UNIT_PATHS = MappingProxyType({"promised": "{0}/limitUnit", "statutory": "{0}/statutoryLimitUnit"})


def limit_exceeded(rule: RuleInForce, case: CaseReading) -> Ruling:
    """Parameter: limit (`promised` or `statutory`)."""
    reading = case.limits[rule.parameters["limit"]]
    due_at = reading.due.at
    if due_at is None:
        return _without_due(rule, reading)
    held_from = due_at + MOMENT
    if (case.finished_at or case.as_of) < held_from:
        return SILENT if case.finished_at else Ruling(changes_at=held_from)
    return Ruling((_exceeded(case, reading, due_at, held_from),))


def limit_share_used(rule: RuleInForce, case: CaseReading) -> Ruling:
    """Parameters: limit, share of it (`4/5`)."""
    reading = case.limits[rule.parameters["limit"]]
    share = _fraction(rule.parameters["share"])
    if case.finished_at:
        return SILENT
    if case.clock is None or reading.limit is None or reading.due.reason not in (None, CLOCK_STANDS):
        return _without_due(rule, reading)
    reached_at = case.clock.instant_at(reading.limit, share)
    return _warning(case, reading, reached_at, f"已用去 {share.numerator}/{share.denominator}")


def limit_near_due(rule: RuleInForce, case: CaseReading) -> Ruling:
    """Parameters: limit, workingDaysBefore (at least 1)."""
    reading = case.limits[rule.parameters["limit"]]
    if case.finished_at:
        return SILENT
    if case.clock is None or reading.due.at is None:
        return _without_due(rule, reading)
    days = rule.parameters["workingDaysBefore"]
    try:
        reached_at = case.clock.working_days_before(reading.due.at, days)
    except BeyondCalendarError:
        return cannot_judge(rule, WHY_UNJUDGED[START_BEYOND_CALENDAR], (), reading.name)
    return _warning(case, reading, reached_at, f"已进入到期前 {days} 个工作日")


def _without_due(rule: RuleInForce, reading: LimitReading) -> Ruling:
    """A clock that stands is not unknown: nothing is due until further facts."""
    reason = reading.due.reason
    if reason is None or reason == CLOCK_STANDS:
        return SILENT
    why = WHY_UNJUDGED[reason].format(limit=LIMIT_TITLES[reading.name])
    return cannot_judge(rule, why, tuple(_missing(reading, reason)), reading.name)


def _missing(reading: LimitReading, reason: str) -> Iterator[str]:
    if reason == NO_START:
        yield from START_PATHS
    if reading.limit is None:
        yield from LIMIT_PATHS[reading.name]
    if reason == UNKNOWN_UNIT:
        yield UNIT_PATHS[reading.name].format(reading.source)


def _warning(case: CaseReading, reading: LimitReading, reached_at: datetime | None, what: str) -> Ruling:
    if reached_at is None or reading.limit is None:
        return SILENT
    if case.as_of < reached_at:
        return Ruling(changes_at=reached_at)
    title = LIMIT_TITLES[reading.name]
    verdict = Verdict(
        occurred_at=reached_at,
        due_at=reading.due.at,
        held_from=reached_at,
        sentence=f"{title} {limit_words(reading.limit)}，至 {time_words(reached_at)} {what}，尚未办结"
        + (f"，应于 {time_words(reading.due.at)} 前办结" if reading.due.at else "，目前停止计时"),
        counterfactual=f"若于 {time_words(reached_at)} 前办结，则不预警",
        events=tuple(_events(case)),
        limit=reading.name,
    )
    return Ruling((verdict,))


def _exceeded(case: CaseReading, reading: LimitReading, due_at: datetime, held_from: datetime) -> Verdict:
    limit = reading.limit or Limit(0, "")
    return Verdict(
        occurred_at=due_at,
        due_at=due_at,
        held_from=held_from,
        sentence=f"{LIMIT_TITLES[reading.name]} {limit_words(limit)}{_extension_words(case.clock)}，"
        f"应于 {time_words(due_at)} 前办结，{_actual_words(case, due_at)}",
        counterfactual=f"若于 {time_words(due_at)} 前办结，则不发牌",
        events=tuple(_events(case)),
        limit=reading.name,
    )


def _extension_words(clock: Clock | None) -> str:
    extensions = clock.extensions if clock else ()
    return "".join(f"（延长 {limit_words(extension)}）" for extension in extensions)


def _actual_words(case: CaseReading, due_at: datetime) -> str:
    if case.finished_at is None:
        return "届时尚未办结"
    days = overdue_working_days(case, due_at)
    over = f"超期 {days} 个工作日" if days else "超期不足 1 个工作日"
    return f"实际于 {time_words(case.finished_at)} 办结，{over}"


def overdue_working_days(case: CaseReading, due_at: datetime) -> int:
    """Working days after the due day, up to and with the day of the result; 0 when it came on the due day."""
    if case.finished_at is None:
        return 0
    finished, due = (china_time(instant).toordinal() + 1 for instant in (case.finished_at, due_at))
    return case.calendar.working_days_before(finished) - case.calendar.working_days_before(due)


def _events(case: CaseReading) -> Iterator[Event]:
    """What moved the clock: its start, the steps that stopped it, the end."""
    yield from _start_event(case)
    for step in case.history.steps:
        if step.status in case.policy.stopping_statuses and step.happened_at:
            yield step_event(step, step.happened_at)
    if case.history.result:
        yield result_event(case.history.result)


def _start_event(case: CaseReading) -> Iterator[Event]:
    clock = case.clock
    if clock is None:
        return
    if clock.start_source != "ACCEPTED step":
        yield Event("受理" if clock.start_source == "acceptedAt" else "申请", clock.start)
        return
    accepted = (step for step in case.history.steps if step.status == "ACCEPTED" and step.happened_at == clock.start)
    yield from (step_event(step, clock.start) for step in list(accepted)[:1])


@cache
def _fraction(text: str) -> Fraction:
    return Fraction(text)
