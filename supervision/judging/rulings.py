"""What a rule template says of one case, before evidence is written for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from hub.domain.codes import LIMIT_UNIT
from hub.domain.findings import Outcome, RuleInForce
from hub.domain.history import ResultFact, StepFact
from supervision.judging.case_reading import CaseReading
from supervision.judging.counting import Limit
from supervision.judging.history_json import china_time

CASE = "case"
LIMIT_TITLES = MappingProxyType({"promised": "承诺期限", "statutory": "法定期限"})


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that a ruling rests on. `received_at` None: it came with several records."""

    step_name: str
    happened_at: datetime
    record_id: str | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One rule's word on one subject.

    `held_from` is the first instant at which an unfinished case has this verdict (None: it does not depend on time);
    `limit` names the limit whose arithmetic belongs to the proof.
    """

    sentence: str
    subject: str = CASE
    outcome: Outcome = Outcome.VIOLATES
    occurred_at: datetime | None = None
    due_at: datetime | None = None
    held_from: datetime | None = None
    counterfactual: str = ""
    missing: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A rule's word on one case. `changes_at`: from when on it may say more, if nothing else happens."""

    verdicts: tuple[Verdict, ...] = ()
    changes_at: datetime | None = None


SILENT = Ruling()
Template = Callable[[RuleInForce, CaseReading], Ruling]


def cannot_judge(rule: RuleInForce, why: str, missing: tuple[str, ...], limit: str | None = None) -> Ruling:
    sentence = f"无法判定“{rule.title}”：{why}"
    return Ruling((Verdict(sentence=sentence, outcome=Outcome.CANNOT_JUDGE, missing=missing, limit=limit),))


def step_event(step: StepFact, happened_at: datetime) -> Event:
    return Event(step.step_name, happened_at, step.record_id, step.received_at)


def result_event(result: ResultFact) -> Event:
    return Event("办结", result.finished_at, result.record_id, result.received_at)


def limit_words(limit: Limit) -> str:
    return f"{limit.amount} 个{LIMIT_UNIT.title(limit.unit)}"


def time_words(instant: datetime) -> str:
    """Local time to the minute, or as exactly as it is known."""
    local = china_time(instant).replace(tzinfo=None)
    precision = "auto" if local.microsecond else "seconds" if local.second else "minutes"
    return local.isoformat(" ", precision)


def second_words(instant: datetime) -> str:
    return time_words(instant.replace(microsecond=0))
