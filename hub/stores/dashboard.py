"""Today's figures for the home page, each counted from rows, none kept."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from hub.domain.findings import Level
from hub.domain.times import as_json, china_day, day_bounds
from hub.stores.case_views import CaseQuery, Span, count_cases
from hub.stores.exchange import envelope, quarantine
from hub.stores.outbox import outbox
from hub.stores.registry import sender
from hub.stores.supervision import card


def todays_figures(
    unit: Connection, now: datetime, due_soon_until: datetime, scope: frozenset[str] | None
) -> dict[str, Any]:
    """Counts of the day in China; case and card figures within the asker's scope."""
    start, end = day_bounds(china_day(now))
    today = envelope.c.received_at >= start
    sums = select(func.count(), func.sum(envelope.c.accepted_count), func.sum(envelope.c.rejected_count)).where(today)
    received, accepted, rejected = unit.execute(sums).one()
    waiting, oldest = unit.execute(select(func.count(), func.min(outbox.c.created_at))).one()
    return {
        "day": china_day(now).isoformat(),
        "received": received,
        "accepted": accepted or 0,
        "rejected": rejected or 0,
        "quarantined": _count(unit, quarantine, quarantine.c.state == "OPEN"),
        "waiting": waiting,
        "oldestWaitingSeconds": round((now - oldest).total_seconds()) if oldest else 0,
        "openCards": _cards_by_level(unit, card.c.state == "OPEN", scope),
        "cardsToday": _cards_by_level(unit, card.c.raised_at >= start, scope),
        "senders": _senders(unit, start),
    } | _cases(unit, (now, due_soon_until), (start, end), scope)


def _count(unit: Connection, table: Any, *conditions: Any) -> int:
    return unit.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()


def _cards_by_level(unit: Connection, condition: Any, scope: frozenset[str] | None) -> dict[str, int]:
    query = select(card.c.level, func.count()).where(condition).group_by(card.c.level)
    if scope is not None:
        query = query.where(card.c.org_code.in_(scope))
    counted = {level: count for level, count in unit.execute(query)}
    return {level.value: counted.get(level.value, 0) for level in Level}


def _cases(unit: Connection, soon: Span, today: Span, scope: frozenset[str] | None) -> dict[str, int]:
    """Counts of exactly the lists that the figures lead to."""
    wanted = CaseQuery(scope=scope)
    return {
        "openCases": count_cases(unit, replace(wanted, running=True)),
        "finishedToday": count_cases(unit, replace(wanted, finished=today)),
        "dueSoon": count_cases(unit, replace(wanted, running=True, due=soon)),
        "incompleteCases": count_cases(unit, replace(wanted, state="INCOMPLETE")),
    }


# of a sender, by one look into the index
LAST_RECEIVED_AT = (
    select(envelope.c.received_at)
    .where(envelope.c.sender_id == sender.c.id)
    .order_by(envelope.c.received_at.desc())
    .limit(1)
    .correlate(sender)
    .scalar_subquery()
)


def _senders(unit: Connection, start: datetime) -> list[dict[str, Any]]:
    today = select(
        envelope.c.sender_id,
        func.sum(envelope.c.accepted_count).label("accepted"),
        func.sum(envelope.c.rejected_count).label("rejected"),
    ).where(envelope.c.received_at >= start)
    daily = today.group_by(envelope.c.sender_id).subquery()
    query = select(sender.c.code, sender.c.name, LAST_RECEIVED_AT.label("last"), daily.c.accepted, daily.c.rejected)
    rows = unit.execute(query.outerjoin(daily, daily.c.sender_id == sender.c.id).order_by(sender.c.code))
    return [
        {
            "code": row.code,
            "name": row.name,
            "lastReceivedAt": as_json(row.last),
            "acceptedToday": row.accepted or 0,
            "rejectedToday": row.rejected or 0,
        }
        for row in rows
    ]
