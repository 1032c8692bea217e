"""Judges cases and writes what follows: findings, cards, timers, the derived row of the case library.

The only place from which cards come. Arrival, timer and replay all call `judge_cases`; nothing is counted up, so any
order and any number of calls end in the same findings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.domain.findings import Finding, Judgement, Level, Outcome
from hub.domain.history import CaseHistory, ResultFact, StepFact
from hub.stores import case_library, search
from hub.stores import supervision as store
from hub.stores.histories import load_histories
from hub.stores.registry import department_names
from hub.stores.session import Connection
from supervision.judging.judge import judge
from supervision.law import Law

_SEVERITY = {level.value: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class _Judged:
    """One case after judging: findings by rule and subject with the digest of their evidence."""

    case_id: int
    history: CaseHistory
    judgement: Judgement
    findings: Mapping[store.CaseRule, tuple[Finding, str]]


def judge_cases(unit: Connection, case_ids: Sequence[int], law: Law, now: datetime) -> None:
    """Judges the cases as of `now` within the caller's unit of work. The caller holds the cases' locks."""
    if not case_ids:
        return
    judged = [_judge(case_id, history, law, now) for case_id, history in sorted(load_histories(unit, case_ids).items())]
    _write_findings(unit, judged, now)
    levels = _write_cards(unit, judged, law, now)
    store.set_timers(unit, {entry.case_id: entry.judgement.next_due for entry in judged})
    _write_library(unit, judged, levels)


def _judge(case_id: int, history: CaseHistory, law: Law, now: datetime) -> _Judged:
    judgement = judge(history, calendar=law.calendar, policy=law.policy, rules=law.rules, as_of=now)
    findings = {
        (case_id, found.rule_code, found.subject): (found, store.evidence_digest(found.evidence))
        for found in judgement.findings
    }
    return _Judged(case_id, history, judgement, findings)


def _write_findings(unit: Connection, judged: Sequence[_Judged], now: datetime) -> None:
    """Retracts what no longer stands, adds what is new; a finding that only says the same again is left alone."""
    standing = store.standing_findings(unit, [entry.case_id for entry in judged])
    wanted = {key: found for entry in judged for key, found in entry.findings.items()}
    same = {key for key, row in standing.items() if key in wanted and _says_the_same(row, *wanted[key])}
    store.retract_findings(unit, [row.id for key, row in standing.items() if key not in same], now)
    store.add_findings(unit, [(key[0], *found) for key, found in wanted.items() if key not in same], now)


def _says_the_same(row: Any, found: Finding, digest: str) -> bool:
    said = (row.rule_version, row.outcome, row.message, row.evidence_digest)
    return said == (found.rule_version, found.outcome.value, found.message, digest)


def _write_cards(unit: Connection, judged: Sequence[_Judged], law: Law, now: datetime) -> dict[int, str | None]:
    """Raises, restates and closes cards; gives back the highest open level of each case."""
    cards = store.cards_of(unit, [entry.case_id for entry in judged])
    wanted = {
        key: found for entry in judged for key, found in entry.findings.items() if found[0].outcome is Outcome.VIOLATES
    }
    org_codes = {entry.case_id: entry.history.org_code for entry in judged}
    fresh = [_card_row(key, org_codes[key[0]], found) for key, found in wanted.items() if key not in cards]
    store.raise_cards(unit, fresh, now)
    _restate(unit, {key: cards[key] for key in wanted if key in cards}, wanted, now)
    _close(
        unit, {key: row for key, row in cards.items() if key not in wanted and row.state == "OPEN"}, wanted, law, now
    )
    levels: dict[int, str | None] = dict.fromkeys(org_codes)
    for (case_id, _, _), (found, _) in wanted.items():
        level = str(found.level)
        if _SEVERITY[level] >= _SEVERITY.get(levels[case_id] or "", -1):
            levels[case_id] = level
    return levels


def _card_row(key: store.CaseRule, org_code: str, found: tuple[Finding, str]) -> dict[str, Any]:
    case_id, rule_code, subject = key
    return {"case_id": case_id, "rule_code": rule_code, "subject": subject, "org_code": org_code} | _statement(*found)


def _statement(found: Finding, digest: str) -> dict[str, Any]:
    return {
        "rule_version": found.rule_version,
        "level": str(found.level),
        "occurred_at": found.occurred_at,
        "due_at": found.due_at,
        "message": found.message,
        "evidence_digest": digest,
    }


def _restate(
    unit: Connection, cards: Mapping[store.CaseRule, Any], wanted: Mapping[Any, tuple[Finding, str]], now: datetime
) -> None:
    changed = {
        key: row for key, row in cards.items() if row.state != "OPEN" or not _card_says_the_same(row, *wanted[key])
    }
    store.restate_cards(
        unit,
        [{"id": row.id, "state": "OPEN", "closed_at": None} | _statement(*wanted[key]) for key, row in changed.items()],
    )
    reopened = [(row.id, "REOPENED", "按现有事实重新成立") for row in changed.values() if row.state != "OPEN"]
    restated = [(row.id, "RESTATED", "事实有更新，证据已重新计算") for row in changed.values() if row.state == "OPEN"]
    store.add_card_events(unit, reopened + restated, now)


def _card_says_the_same(row: Any, found: Finding, digest: str) -> bool:
    return (row.rule_version, row.level, row.evidence_digest) == (found.rule_version, str(found.level), digest)


def _close(
    unit: Connection, cards: Mapping[store.CaseRule, Any], wanted: Mapping[store.CaseRule, Any], law: Law, now: datetime
) -> None:
    """A card gives way to a higher one of its group, else it is cleared because the facts no longer bear it out."""
    groups = {rule.code: rule.group for rule in law.rules}
    standing = {(case_id, groups.get(code)) for case_id, code, _ in wanted}
    replaced = [
        row.id for (case_id, code, _), row in cards.items() if groups.get(code) and (case_id, groups[code]) in standing
    ]
    cleared = [row.id for row in cards.values() if row.id not in set(replaced)]
    store.close_cards(unit, replaced, "REPLACED", now)
    store.close_cards(unit, cleared, "CLEARED", now)
    events = [(card_id, "REPLACED", "已发出同一办件更高级别的时限牌") for card_id in replaced]
    events += [(card_id, "CLEARED", "按现有事实不再成立") for card_id in cleared]
    store.add_card_events(unit, events, now)


def _write_library(unit: Connection, judged: Sequence[_Judged], levels: Mapping[int, str | None]) -> None:
    known = case_library.identities(unit, [entry.case_id for entry in judged])
    departments = department_names(unit)
    rows = [_library_row(entry, known[entry.case_id], departments, levels[entry.case_id]) for entry in judged]
    case_library.write_derived(unit, rows)
    texts = {row["id"]: row["search_text"] for row in rows}
    search.index(unit, {case_id: text for case_id, text in texts.items() if text != known[case_id].search_text})


def _library_row(
    entry: _Judged, identity: Any, departments: Mapping[str, str], card_level: str | None
) -> dict[str, Any]:
    history, judgement = entry.history, entry.judgement
    application, item = history.application, history.item
    received: list[StepFact | ResultFact] = [*history.steps, *([history.result] if history.result else [])]
    row: dict[str, Any] = {
        "id": entry.case_id,
        "item_code": history.item_code,
        "org_name": departments.get(history.org_code),
        "item_name": item and item.item_name,
        "title": application and application.title,
        "applicant_name": application and application.applicant_name,
        "applicant_type": application and application.applicant_type,
        "state": judgement.state,
        "last_received_at": max(fact.received_at for fact in received) if received else identity.first_received_at,
        "applied_at": application and application.applied_at,
        "accepted_at": judgement.accepted_at,
        "finished_at": judgement.finished_at,
        "promised_due_at": judgement.promised_due_at,
        "statutory_due_at": judgement.statutory_due_at,
        "provisional": judgement.provisional,
        "card_level": card_level,
    }
    shown = ("title", "item_name", "org_name", "applicant_name")
    words = (identity.unified_no, history.case_no, history.item_code, *(row[name] for name in shown))
    return row | {"search_text": " ".join(word for word in words if word)[:2000]}
