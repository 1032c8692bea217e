"""judge(): one history, one instant, everything that follows from them.

On arrival, on a timer, in a back-test and in an appeal it is this function; nothing else makes a finding.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from hub.domain.findings import Finding, Judgement, Outcome, RuleInForce
from hub.domain.history import CaseHistory
from supervision.judging.calendar import Calendar
from supervision.judging.case_reading import EARLIEST, PROMISED, STATUTORY, CaseReading, read_case
from supervision.judging.case_state import case_state, state_changes_at
from supervision.judging.clock import START_FROM_APPLICATION, ClockPolicy
from supervision.judging.evidence import build_evidence
from supervision.judging.history_json import history_from_json, parse_instant
from supervision.judging.rules.content import result_status_unknown
from supervision.judging.rules.fees import fee_for_free_item
from supervision.judging.rules.procedure import step_after_result, step_before_application
from supervision.judging.rules.time_limits import limit_exceeded, limit_near_due, limit_share_used
from supervision.judging.rulings import Ruling, Template, Verdict

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        "limit_share_used": limit_share_used,
        "limit_near_due": limit_near_due,
        "limit_exceeded": limit_exceeded,
        "step_before_application": step_before_application,
        "step_after_result": step_after_result,
        "result_status_unknown": result_status_unknown,
        "fee_for_free_item": fee_for_free_item,
    }
)

RuledBy = tuple[RuleInForce, Ruling]


def judge(
    history: CaseHistory, *, calendar: Calendar, policy: ClockPolicy, rules: Sequence[RuleInForce], as_of: datetime
) -> Judgement:
    """Raises KeyError for a rule whose template or parameters do not exist; never for anything in the history."""
    case = read_case(history, calendar=calendar, policy=policy, as_of=as_of)
    rulings = _rulings(case, rules)
    promised, statutory = case.limits[PROMISED].due, case.limits[STATUTORY].due
    return Judgement(
        state=case_state(case),
        accepted_at=_accepted_at(case),
        finished_at=case.finished_at,
        promised_due_at=promised.at,
        statutory_due_at=statutory.at,
        provisional=promised.provisional or statutory.provisional,
        findings=_findings(case, rulings),
        next_due=_next_due(case, rulings),
    )


def recompute(
    evidence: Mapping[str, Any], calendar: Calendar, policy: ClockPolicy, rules: Sequence[RuleInForce]
) -> Finding | None:
    """The finding that a violation's own inputs give; None when they give none.

    It equals the stored finding exactly if calendar, policy and rules are the versions named in the evidence.
    """
    held_from = evidence["heldFrom"]
    case = read_case(
        history_from_json(evidence["inputs"]),
        calendar=calendar,
        policy=policy,
        as_of=parse_instant(held_from) if held_from else EARLIEST,
    )
    about = (evidence["rule"]["code"], evidence["subject"])
    findings = _findings(case, _rulings(case, rules))
    return next((finding for finding in findings if (finding.rule_code, finding.subject) == about), None)


def _rulings(case: CaseReading, rules: Iterable[RuleInForce]) -> list[RuledBy]:
    return [(rule, TEMPLATES[rule.template](rule, case)) for rule in rules]


def _findings(case: CaseReading, rulings: list[RuledBy]) -> tuple[Finding, ...]:
    standing = _standing_ranks(rulings)
    found = [
        _finding(case, rule, verdict)
        for rule, ruling in rulings
        for verdict in ruling.verdicts
        if verdict.outcome is Outcome.CANNOT_JUDGE or rule.rank == standing[_group(rule, verdict.subject)]
    ]
    return tuple(sorted(found, key=lambda finding: (finding.rule_code, finding.subject)))


def _standing_ranks(rulings: list[RuledBy]) -> dict[tuple[str, str], int]:
    """The highest rank of each group that was broken: only that one stands on a case."""
    ranks: dict[tuple[str, str], int] = {}
    for rule, ruling in rulings:
        for verdict in ruling.verdicts:
            if verdict.outcome is Outcome.VIOLATES:
                group = _group(rule, verdict.subject)
                ranks[group] = max(rule.rank, ranks.get(group, rule.rank))
    return ranks


def _group(rule: RuleInForce, subject: str) -> tuple[str, str]:
    """A rule without a group is a group of its own."""
    return rule.group or f"rule {rule.code}", subject


def _finding(case: CaseReading, rule: RuleInForce, verdict: Verdict) -> Finding:
    return Finding(
        rule_code=rule.code,
        rule_version=rule.version,
        subject=verdict.subject,
        outcome=verdict.outcome,
        level=rule.level if verdict.outcome is Outcome.VIOLATES else None,
        occurred_at=verdict.occurred_at,
        due_at=verdict.due_at,
        message=verdict.sentence,
        evidence=build_evidence(rule, case, verdict),
    )


def _next_due(case: CaseReading, rulings: list[RuledBy]) -> datetime | None:
    """When a finding or the state may change though nothing arrives."""
    if case.history.result:
        return None
    instants = [ruling.changes_at for _, ruling in _still_open(rulings)]
    instants.append(state_changes_at(case))
    return min((instant for instant in instants if instant and instant > case.as_of), default=None)


def _still_open(rulings: list[RuledBy]) -> Iterable[RuledBy]:
    """Rules that a higher one of their group does not already silence."""
    standing = {group: rank for (group, _), rank in _standing_ranks(rulings).items()}
    return (pair for pair in rulings if pair[0].rank >= standing.get(pair[0].group or "", pair[0].rank))


def _accepted_at(case: CaseReading) -> datetime | None:
    if case.clock is None or START_FROM_APPLICATION in case.clock.flags:
        return case.history.application.accepted_at if case.history.application else None
    return case.clock.start
