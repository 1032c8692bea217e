"""What the judge says of a case."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """Three outcomes, not two: silence must mean that the rule was really judged."""

    VIOLATES = "VIOLATES"
    CANNOT_JUDGE = "CANNOT_JUDGE"


class Level(StrEnum):
    """Card levels, lowest first."""

    REMINDER = "REMINDER"
    YELLOW = "YELLOW"
    RED = "RED"


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """A rule version as the judge applies it: which template, with which parameters, at which level.

    `group` joins rules of which only the highest may stand on one case (time limits); `rank` orders them.
    """

    code: str
    version: int
    title: str
    template: str
    level: Level
    legal_basis: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word on one subject of one case.

    `subject` is `case` or the record id it is about; `occurred_at` the business instant at which the rule was broken
    (None when it could not be judged); `message` is Chinese; `evidence` is JSON-ready and recomputes the finding.
    """

    rule_code: str
    rule_version: int
    subject: str
    outcome: Outcome
    level: Level | None
    occurred_at: datetime | None
    due_at: datetime | None
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything derived from one history at one instant. `next_due` is when judging again may change it."""

    state: str
    accepted_at: datetime | None
    finished_at: datetime | None
    promised_due_at: datetime | None
    statutory_due_at: datetime | None
    provisional: bool
    findings: tuple[Finding, ...]
    next_due: datetime | None
