"""The proof that goes with a finding: JSON-ready, without personal data, enough to recompute the finding.

It depends on the facts, the rule, the calendar and the clock policy only, never on when it was written.
"""

from typing import Any

from hub.domain.findings import Outcome, RuleInForce
from hub.domain.history import StepFact
from supervision.judging.case_reading import CaseReading, LimitReading
from supervision.judging.clock import Clock
from supervision.judging.clock_view import limit_json, segments_without_rest, stop_json
from supervision.judging.history_json import history_to_json, instant_text
from supervision.judging.rules.time_limits import overdue_working_days
from supervision.judging.rulings import CASE, LIMIT_TITLES, Event, Verdict


def build_evidence(rule: RuleInForce, case: CaseReading, verdict: Verdict) -> dict[str, Any]:
    """Keys: sentence, rule, subject, events, clock, counterfactual, responsible, heldFrom, inputs.

    Of what cannot be judged only `missing`, paths of the facts that would be needed: there is nothing to prove.
    """
    if verdict.outcome is Outcome.CANNOT_JUDGE:
        return {"missing": list(verdict.missing)}
    return {
        "sentence": verdict.sentence,
        "rule": _rule_json(rule),
        "subject": verdict.subject,
        "events": [_event_json(event) for event in verdict.events],
        "clock": _arithmetic(case, verdict),
        "counterfactual": verdict.counterfactual,
        "responsible": _responsible(case, verdict.subject),
        "heldFrom": instant_text(verdict.held_from) if verdict.held_from else None,
        "inputs": history_to_json(case.history),
    }


def _rule_json(rule: RuleInForce) -> dict[str, Any]:
    return {
        "code": rule.code,
        "version": rule.version,
        "title": rule.title,
        "legalBasis": rule.legal_basis,
        "parameters": dict(rule.parameters),
    }


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "recordId": event.record_id,
        "stepName": event.step_name,
        "happenedAt": instant_text(event.happened_at),
        "receivedAt": instant_text(event.received_at) if event.received_at else None,
    }


def _arithmetic(case: CaseReading, verdict: Verdict) -> dict[str, Any] | None:
    """How the limit was counted; None for a rule without a limit, or when nothing could be counted."""
    if verdict.limit is None or case.clock is None:
        return None
    clock, reading = case.clock, case.limits[verdict.limit]
    return {
        "limitTitle": LIMIT_TITLES[verdict.limit],
        **limit_json(reading),
        "extensions": [{"limit": extension.amount, "unit": extension.unit} for extension in clock.extensions],
        "start": instant_text(clock.start),
        "startSource": clock.start_source,
        "startDay": clock.start_day.isoformat(),
        "stops": [stop_json(stop) for stop in clock.stops],
        **_runs(clock, reading, verdict),
        "provisional": reading.due.provisional,
        "finishedAt": instant_text(case.finished_at) if case.finished_at else None,
        "overdueWorkingDays": _overdue(case, verdict),
        "calendarVersion": case.calendar.version,
        "policyVersion": case.policy.version,
    }


def _runs(clock: Clock, reading: LimitReading, verdict: Verdict) -> dict[str, Any]:
    until = reading.due.at or verdict.occurred_at
    runs, rest_days = segments_without_rest(clock, reading, until) if until else ([], 0)
    return {"segments": runs, "restDays": rest_days}


def _overdue(case: CaseReading, verdict: Verdict) -> int | None:
    if case.finished_at is None or verdict.due_at is None:
        return None
    return overdue_working_days(case, verdict.due_at)


def _responsible(case: CaseReading, subject: str) -> dict[str, Any]:
    """Who answers for it: the person of the step it is about, else of the last step that names one."""
    step = _step_of(case, subject)
    return {
        "orgCode": case.history.org_code,
        "post": step.post if step else None,
        "officerId": step.officer_id if step else None,
    }


def _step_of(case: CaseReading, subject: str) -> StepFact | None:
    named = [step for step in case.history.steps if step.officer_id or step.post]
    if subject != CASE:
        concerned = [step for step in case.history.steps if step.record_id == subject]
        if concerned:
            return concerned[0]
    return named[-1] if named else None
