"""Recomputes a card from its own evidence, by the calendar and rule versions that it names."""

from collections.abc import Mapping
from typing import Any

from hub.stores.rules import active_calendar, named_calendar, rule_document
from hub.stores.session import Connection
from hub.stores.supervision import evidence_digest
from supervision.judging.clock import ClockPolicy
from supervision.judging.judge import recompute
from supervision.judging.rule_documents import rule_in_force
from supervision.law import calendar_from


def recomputes_the_same(unit: Connection, evidence: Mapping[str, Any]) -> bool | None:
    """True when the evidence's inputs give exactly this evidence again; None when a version it names is gone."""
    rule = rule_document(unit, evidence["rule"]["code"], evidence["rule"]["version"])
    clock = evidence["clock"]  # None for a rule without a limit: such a rule asks no calendar
    calendar = named_calendar(unit, clock["calendarVersion"]) if clock else active_calendar(unit)
    if rule is None or calendar is None:
        return None
    found = recompute(evidence, calendar_from(calendar), ClockPolicy(), [rule_in_force(rule)])
    return found is not None and evidence_digest(found.evidence) == evidence_digest(evidence)
