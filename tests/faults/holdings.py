"""What a hub's database holds, read into plain values by natural keys, so that two hubs can be compared."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, func, select

from hub.domain.errors import RejectedError
from hub.stores import audit
from hub.stores.base import metadata
from hub.stores.case_library import case_library
from hub.stores.exchange import envelope, quarantine
from hub.stores.processes import process_record
from hub.stores.registry import sender
from hub.stores.results import result_record
from hub.stores.sealing import Sealer
from hub.stores.session import Database
from hub.stores.supervision import card, card_event, finding

_FACTS = (process_record, result_record)
_DERIVED = (
    "state", "item_code", "title", "applied_at", "accepted_at", "finished_at", "promised_due_at", "statutory_due_at",
    "provisional", "card_level",
)  # fmt: skip

FactKey = tuple[str, str, int]  # sender, record id, revision
Fact = tuple[str, bool, tuple[str, str]]  # content digest, is current, case


@dataclass(slots=True)
class Accepted:
    """One envelope."""

    receipt_no: str
    digest: str
    accepted: int
    received_at: Any
    is_processed: bool
    is_sound: bool  # its sealed body opens and has the digest
    record_ids: list[str | None]


@dataclass(slots=True)
class Holdings:
    """One hub's contents. Counters tell what stands there twice."""

    envelopes: dict[tuple[str, str], Accepted] = field(default_factory=dict)  # by sender and message id
    facts: dict[FactKey, Fact] = field(default_factory=dict)
    fact_counts: Counter[FactKey] = field(default_factory=Counter)
    fact_envelopes: dict[FactKey, tuple[str, str] | None] = field(default_factory=dict)
    cases: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    case_counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    cards: dict[Any, Any] = field(default_factory=dict)  # open ones
    card_counts: Counter[Any] = field(default_factory=Counter)
    raised_counts: Counter[Any] = field(default_factory=Counter)
    findings: dict[Any, Any] = field(default_factory=dict)  # those that stand
    quarantined: dict[tuple[str, str, int], str] = field(default_factory=dict)  # message and seq → code
    waiting: int = 0
    broken_audit_rows: list[int] = field(default_factory=list)


def holdings_of(database: Database, sealer: Sealer) -> Holdings:
    with database.read() as unit:
        if not database.is_sqlite:
            unit.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # a hub may still be at work
        held = Holdings()
        senders = {row.id: row.code for row in unit.execute(select(sender.c.id, sender.c.code)).all()}
        messages = _read_envelopes(unit, sealer, senders, held)
        cases = _read_cases(unit, held)
        for table in _FACTS:
            _read_facts(unit, table, (senders, messages, cases), held)
        _read_supervision(unit, cases, held)
        for row in unit.execute(select(quarantine).where(quarantine.c.state == "OPEN")).all():
            held.quarantined[*messages[row.envelope_id], row.seq] = row.code
        held.waiting = unit.execute(select(func.count()).select_from(metadata.tables["outbox"])).scalar_one()
        held.broken_audit_rows = list(audit.broken_links(unit))
        return held


def _read_envelopes(
    unit: Connection, sealer: Sealer, senders: dict[int, str], held: Holdings
) -> dict[int, tuple[str, str]]:
    messages = {}
    for row in unit.execute(select(envelope)).all():
        key = (senders[row.sender_id], row.message_id)
        messages[row.id] = key
        held.envelopes[key] = Accepted(
            row.receipt_no, row.digest, row.accepted_count, row.received_at, row.processed_at is not None,
            _is_sound(sealer, row.body_sealed, row.digest), row.record_ids,
        )  # fmt: skip
    return messages


def _is_sound(sealer: Sealer, sealed: bytes, digest: str) -> bool:
    try:
        return hashlib.sha256(sealer.open_body(sealed)).hexdigest() == digest
    except RejectedError:
        return False


def _read_cases(unit: Connection, held: Holdings) -> dict[int, tuple[str, str]]:
    names = {}
    for row in unit.execute(select(case_library)).all():
        key = (row.org_code, row.case_no)
        names[row.id] = key
        held.case_counts[key] += 1
        held.cases[key] = tuple(getattr(row, name) for name in _DERIVED)
    return names


def _read_facts(unit: Connection, table: Table, names: tuple[Any, Any, Any], held: Holdings) -> None:
    senders, messages, cases = names
    for row in unit.execute(select(table)).all():
        key = (senders[row.sender_id], row.record_id, row.revision)
        held.fact_counts[key] += 1
        held.facts[key] = (row.content_digest, row.is_current, cases[row.case_id])
        held.fact_envelopes[key] = messages.get(row.envelope_id)


def _read_supervision(unit: Connection, cases: dict[int, tuple[str, str]], held: Holdings) -> None:
    keys = {}
    for row in unit.execute(select(card)).all():
        keys[row.id] = key = (cases[row.case_id], row.rule_code, row.subject)
        held.card_counts[key] += 1
        if row.state == "OPEN":
            held.cards[key] = (row.rule_version, row.level, row.due_at)
    for row in unit.execute(select(card_event.c.card_id).where(card_event.c.kind == "RAISED")).all():
        held.raised_counts[keys[row.card_id]] += 1
    for row in unit.execute(select(finding).where(finding.c.retracted_at.is_(None))).all():
        held.findings[cases[row.case_id], row.rule_code, row.subject] = (row.outcome, row.level, row.due_at)
