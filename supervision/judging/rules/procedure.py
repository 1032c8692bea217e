"""Rules on the order of things: P01 a step before the application, P02 a step after the result."""

from datetime import datetime

from hub.domain.findings import RuleInForce
from hub.domain.history import ResultFact, StepFact
from supervision.judging.case_reading import CaseReading, timed_steps
from supervision.judging.rulings import (
    SILENT,
    Event,
    Ruling,
    Verdict,
    cannot_judge,
    result_event,
    second_words,
    step_event,
)


def step_before_application(rule: RuleInForce, case: CaseReading) -> Ruling:
    steps = timed_steps(case.history)
    if not steps:
        return SILENT
    application = case.history.application
    if application is None:
        return cannot_judge(rule, "尚未收到申请信息，不知道申请时间", ("application/appliedAt",))
    applied_at = application.applied_at
    early = [(at, step) for at, step in steps if is_seconds_before(at, applied_at)]
    return Ruling(tuple(_too_early(at, step, applied_at) for at, step in early))


def step_after_result(_rule: RuleInForce, case: CaseReading) -> Ruling:
    result = case.history.result
    if result is None:
        return SILENT
    late = [(at, step) for at, step in timed_steps(case.history) if is_seconds_before(result.finished_at, at)]
    return Ruling(tuple(_too_late(at, step, result) for at, step in late))


def _too_early(at: datetime, step: StepFact, applied_at: datetime) -> Verdict:
    applied = second_words(applied_at)
    return Verdict(
        subject=step.record_id,
        occurred_at=at,
        sentence=f"环节“{step.step_name}”的办理时间 {second_words(at)} 早于申请时间 {applied}",
        counterfactual=f"若该环节的办理时间不早于 {applied}，则不预警",
        events=(Event("申请", applied_at), step_event(step, at)),
    )


def _too_late(at: datetime, step: StepFact, result: ResultFact) -> Verdict:
    finished = second_words(result.finished_at)
    return Verdict(
        subject=step.record_id,
        occurred_at=at,
        sentence=f"环节“{step.step_name}”的办理时间 {second_words(at)} 晚于办结时间 {finished}",
        counterfactual=f"若该环节的办理时间不晚于 {finished}，则不预警",
        events=(step_event(step, at), result_event(result)),
    )


def is_seconds_before(earlier: datetime, later: datetime) -> bool:
    """Senders' clocks and formats differ below the second, so parts of a second prove nothing."""
    return earlier < later and earlier.replace(microsecond=0) < later.replace(microsecond=0)
