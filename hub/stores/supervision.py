"""Store 5, 监察业务信息库: findings, their evidence, cards and what happened to them, timers."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    delete,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from hub.domain.findings import Finding
from hub.stores.base import AnyRow, Document, RowId, UtcTime, metadata
from hub.stores.bulk import add_missing, insert_rows, put_rows, reserve_ids, rows_by_key, update_rows

evidence = Table(
    "evidence",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("document", Document, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("case_id", ForeignKey("case_library.id"), nullable=False),
    Column("rule_code", String(20), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("subject", String(100), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("level", String(10)),
    Column("occurred_at", UtcTime),
    Column("due_at", UtcTime),
    Column("message", String(1000), nullable=False),
    Column("evidence_digest", ForeignKey("evidence.digest"), nullable=False),
    Column("judged_at", UtcTime, nullable=False),
    Column("retracted_at", UtcTime),  # the facts no longer say so; the row stays
)
_STANDS = finding.c.retracted_at.is_(None)
Index(
    "uq_finding_standing", finding.c.case_id, finding.c.rule_code, finding.c.subject,
    unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS,
)  # fmt: skip

card = Table(
    "card",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("case_id", ForeignKey("case_library.id"), nullable=False, index=True),
    Column("rule_code", String(20), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("subject", String(100), nullable=False),
    Column("org_code", String(18), nullable=False),
    Column("level", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("raised_at", UtcTime, nullable=False),
    Column("occurred_at", UtcTime),
    Column("due_at", UtcTime),
    Column("message", String(1000), nullable=False),
    Column("evidence_digest", ForeignKey("evidence.digest"), nullable=False),
    Column("closed_at", UtcTime),
    UniqueConstraint("case_id", "rule_code", "subject"),
)
Index("ix_card_state", card.c.state, card.c.level, card.c.id)
Index("ix_card_org", card.c.org_code, card.c.id)

card_event = Table(
    "card_event",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("card_id", ForeignKey("card.id"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("kind", String(20), nullable=False),  # RAISED, REPLACED, CLEARED, REOPENED
    Column("actor", String(100), nullable=False),
    Column("reason", String(500), nullable=False),
)

timer = Table(
    "timer",
    metadata,
    Column("case_id", ForeignKey("case_library.id"), primary_key=True),
    Column("due_at", UtcTime, nullable=False),
)
Index("ix_timer_due_at", timer.c.due_at)

CaseRule = tuple[int, str, str]  # case id, rule code, subject


def standing_findings(unit: Connection, case_ids: Sequence[int]) -> dict[CaseRule, AnyRow]:
    """What comparing needs of the findings that stand."""
    rows = rows_by_key(unit, _STANDING, (finding.c.case_id,), case_ids)
    return {(row.case_id, row.rule_code, row.subject): row for row in rows}


_COMPARED = ("id", "case_id", "rule_code", "subject", "rule_version", "outcome", "message", "evidence_digest")
_STANDING = select(*(finding.c[name] for name in _COMPARED)).where(_STANDS)


def evidence_digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def retract_findings(unit: Connection, ids: Sequence[int], now: datetime) -> None:
    if ids:
        unit.execute(update(finding).where(finding.c.id.in_(ids)).values(retracted_at=now))


def add_findings(unit: Connection, found: Sequence[tuple[int, Finding, str]], now: datetime) -> None:
    """Adds findings with their evidence; each is case id, finding and evidence digest."""
    if not found:
        return
    documents = {digest: dict(entry.evidence) for _, entry, digest in found}
    rows = [{"digest": digest, "document": document} for digest, document in sorted(documents.items())]
    add_missing(unit, evidence, rows)
    insert_rows(unit, finding, [_finding_row(case_id, entry, digest, now) for case_id, entry, digest in found])


def _finding_row(case_id: int, entry: Finding, digest: str, now: datetime) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "rule_code": entry.rule_code,
        "rule_version": entry.rule_version,
        "subject": entry.subject,
        "outcome": entry.outcome.value,
        "level": entry.level and entry.level.value,
        "occurred_at": entry.occurred_at,
        "due_at": entry.due_at,
        "message": entry.message,
        "evidence_digest": digest,
        "judged_at": now,
    }


def cards_of(unit: Connection, case_ids: Sequence[int]) -> dict[CaseRule, AnyRow]:
    """What comparing needs of the cards of cases, open or closed."""
    rows = rows_by_key(unit, _CARDS, (card.c.case_id,), case_ids)
    return {(row.case_id, row.rule_code, row.subject): row for row in rows}


_CARD_COMPARED = ("id", "case_id", "rule_code", "subject", "rule_version", "level", "state", "evidence_digest")
_CARDS = select(*(card.c[name] for name in _CARD_COMPARED))


def raise_cards(unit: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """New open cards; each row has every column but id, state, raised_at and closed_at."""
    if not rows:
        return
    ids = reserve_ids(unit, card, len(rows))
    open_ = {"state": "OPEN", "raised_at": now}
    insert_rows(unit, card, [{"id": card_id, **row, **open_} for card_id, row in zip(ids, rows, strict=True)])
    add_card_events(unit, [(card_id, "RAISED", "达到发牌条件") for card_id in ids], now)


def restate_cards(unit: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what cards now say: rows with `id` and what has changed of them."""
    update_rows(unit, card, rows, "id")


def close_cards(unit: Connection, ids: Sequence[int], state: str, now: datetime) -> None:
    if ids:
        unit.execute(update(card).where(card.c.id.in_(ids)).values(state=state, closed_at=now))


def add_card_events(unit: Connection, events: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """Each event is card id, kind and Chinese reason; the actor is the hub itself."""
    common = {"at": now, "actor": "系统"}
    rows = [{"card_id": card_id, "kind": kind, "reason": reason, **common} for card_id, kind, reason in events]
    insert_rows(unit, card_event, rows)


def set_timers(unit: Connection, due: Mapping[int, datetime | None]) -> None:
    """One timer per case: when judging again may change something; None takes the timer away."""
    gone = [case_id for case_id, at in due.items() if at is None]
    if gone:
        unit.execute(delete(timer).where(timer.c.case_id.in_(gone)))
    rows = [{"case_id": case_id, "due_at": at} for case_id, at in sorted(due.items()) if at is not None]
    put_rows(unit, timer, rows, "case_id")


def wake_cases(unit: Connection, case_ids: Iterable[int], now: datetime) -> None:
    """Has cases judged again soon: something beside their own facts changed."""
    set_timers(unit, dict.fromkeys(case_ids, now))


def wake_unsettled_cases(unit: Connection, at: datetime) -> None:
    """Has every case judged again that a new calendar can still change: running ones, and provisional due dates."""
    cases = metadata.tables["case_library"]
    unsettled = cases.c.finished_at.is_(None) | cases.c.provisional
    chosen = select(cases.c.id, literal(at, UtcTime)).where(unsettled)
    dialect = postgresql if unit.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(timer).from_select(["case_id", "due_at"], chosen)
    unit.execute(
        statement.on_conflict_do_update(index_elements=["case_id"], set_={"due_at": statement.excluded.due_at})
    )


def any_due(unit: Connection, now: datetime) -> bool:
    return unit.execute(select(timer.c.case_id).where(timer.c.due_at <= now).limit(1)).first() is not None


def due_cases(unit: Connection, now: datetime, limit: int) -> dict[int, datetime]:
    """Cases whose timer has run out, and when it did, most overdue first; locked for this unit of work.

    A case that another watcher or a worker holds is passed by: it is being judged. The case is locked, not its timer,
    because workers lock the case first and write its timer then.
    """
    cases = metadata.tables["case_library"]
    query = (
        select(timer.c.case_id, timer.c.due_at)
        .join_from(timer, cases)
        .where(timer.c.due_at <= now)
        .order_by(timer.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=cases)
    )
    return {row.case_id: row.due_at for row in unit.execute(query).all()}
