"""Read models of cards: the list, and one card with its proof and its history."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from hub.domain.codes import CARD_LEVELS, CARD_STATES
from hub.domain.errors import NotFoundError
from hub.domain.times import as_json
from hub.stores.base import AnyRow
from hub.stores.case_library import case_library
from hub.stores.paging import Page, page
from hub.stores.rules import rule
from hub.stores.supervision import card, card_event, evidence

EVENT_TITLES = {
    "RAISED": "发牌",
    "REPLACED": "被更高牌取代",
    "CLEARED": "自动解除",
    "REOPENED": "重新生效",
    "RESTATED": "证据更新",
}


@dataclass(frozen=True, slots=True)
class CardQuery:
    """Filters of the card list; None means all. `scope` None: the whole county."""

    level: str | None = None
    state: str | None = None
    org_code: str | None = None
    rule_code: str | None = None
    limit: int = 50
    after: str | None = None
    scope: frozenset[str] | None = None


def _cards() -> Select[Any]:
    columns = (case_library.c.unified_no, case_library.c.case_no, case_library.c.title, case_library.c.org_name)
    query = select(card, *columns, rule.c.title.label("rule_title"))
    return query.join_from(card, case_library).join(rule, rule.c.code == card.c.rule_code)


def search_cards(unit: Connection, wanted: CardQuery) -> Page:
    query = _cards()
    equal = {"level": wanted.level, "state": wanted.state, "org_code": wanted.org_code, "rule_code": wanted.rule_code}
    query = query.where(*(card.c[name] == value for name, value in equal.items() if value))
    if wanted.scope is not None:
        query = query.where(card.c.org_code.in_(wanted.scope))
    return page(unit, query, card.c.id, after=wanted.after, limit=wanted.limit, item=card_row)


def card_row(row: AnyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "ruleCode": row.rule_code,
        "ruleVersion": row.rule_version,
        "ruleTitle": row.rule_title,
        "level": row.level,
        "levelTitle": CARD_LEVELS[row.level],
        "state": row.state,
        "stateTitle": CARD_STATES[row.state],
        "subject": row.subject,
        "orgCode": row.org_code,
        "orgName": row.org_name,
        "caseNo": row.case_no,
        "unifiedNo": row.unified_no,
        "title": row.title,
        "raisedAt": as_json(row.raised_at),
        "occurredAt": as_json(row.occurred_at),
        "dueAt": as_json(row.due_at),
        "closedAt": as_json(row.closed_at),
        "message": row.message,
    }


def cards_of_case(unit: Connection, case_id: int) -> list[dict[str, Any]]:
    """Every card of a case with its evidence, newest first."""
    rows = unit.execute(_cards().where(card.c.case_id == case_id).order_by(card.c.id.desc())).all()
    return [card_row(row) | {"evidence": _evidence(unit, row)} for row in rows]


def card_detail(unit: Connection, card_id: int, scope: frozenset[str] | None) -> dict[str, Any]:
    """One card with evidence and events. Raises NotFoundError HUB-4043, also outside the asker's scope."""
    row = unit.execute(_cards().where(card.c.id == card_id)).first()
    if row is None or (scope is not None and row.org_code not in scope):
        raise NotFoundError("HUB-4043", "没有这张牌")
    events = unit.execute(select(card_event).where(card_event.c.card_id == card_id).order_by(card_event.c.id))
    shown = [
        {
            "at": as_json(held.at),
            "kind": held.kind,
            "kindTitle": EVENT_TITLES.get(held.kind, held.kind),
            "actor": held.actor,
            "reason": held.reason,
        }
        for held in events
    ]
    return card_row(row) | {"evidence": _evidence(unit, row), "events": shown}


def _evidence(unit: Connection, row: AnyRow) -> dict[str, Any]:
    return dict(unit.execute(select(evidence.c.document).where(evidence.c.digest == row.evidence_digest)).scalar_one())
