"""Rules on the order of things: P01 a step before the application, P02 a step after the result."""

from hub.domain.findings import RuleInForce
from supervision.judging.case_reading import CaseReading, timed_steps
from supervision.judging.rulings import (
    SILENT,
    Event,
    Ruling,
    Verdict,
    cannot_judge,
    result_event,
    step_event,
    time_words,
    to_the_second,
)


def step_before_application(rule: RuleInForce, case: CaseReading) -> Ruling:
    steps = timed_steps(case.history)
    if not steps:
        return SILENT
    application = case.history.application
    if application is None:
        return cannot_judge(rule, "尚未收到申请信息，不知道申请时间", ("application/appliedAt",))
    applied_at = to_the_second(application.applied_at)
    return Ruling(
        tuple(
            Verdict(
                subject=step.record_id,
                occurred_at=at,
                sentence=f"环节“{step.step_name}”的办理时间 {time_words(at)} 早于申请时间 {time_words(applied_at)}",
                counterfactual=f"若该环节的办理时间不早于 {time_words(applied_at)}，则不预警",
                events=(Event("申请", application.applied_at), step_event(step, at)),
            )
            for at, step in steps
            if to_the_second(at) < applied_at
        )
    )


def step_after_result(_rule: RuleInForce, case: CaseReading) -> Ruling:
    result = case.history.result
    if result is None:
        return SILENT
    finished_at = to_the_second(result.finished_at)
    return Ruling(
        tuple(
            Verdict(
                subject=step.record_id,
                occurred_at=at,
                sentence=f"环节“{step.step_name}”的办理时间 {time_words(at)} 晚于办结时间 {time_words(finished_at)}",
                counterfactual=f"若该环节的办理时间不晚于 {time_words(finished_at)}，则不预警",
                events=(step_event(step, at), result_event(result)),
            )
            for at, step in timed_steps(case.history)
            if to_the_second(at) > finished_at
        )
    )
