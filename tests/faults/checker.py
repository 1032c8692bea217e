"""The verdict on one run: the client's journal against the database, and both against a reference hub."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.stores.sealing import Sealer
from hub.stores.session import Database
from tests.faults.client import Client
from tests.faults.holdings import Holdings, holdings_of
from tests.faults.journal import Outcome
from tests.faults.reference import reference_holdings
from tests.faults.traffic import Message

COUNTS = (
    "attempts", "acknowledged", "records", "busy", "unknown", "refused", "unresolved", "recovered", "lost",
    "duplicated", "waiting", "quarantined", "open_cards",
)  # fmt: skip
_NAMED = 3  # examples per problem


@dataclass(slots=True)
class Verdict:
    """Counts in the manner of Jepsen, and every broken invariant in words."""

    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.problems

    def blame(self, invariant: str, what: str, examples: Collection[Any]) -> None:
        """One problem for all the examples; none when there are none."""
        if examples:
            named = ", ".join(str(example) for example in list(examples)[:_NAMED])
            self.problems.append(f"{invariant} {len(examples)} × {what}: {named}")


def check(
    database: Database,
    sealer: Sealer,
    client: Client,
    reference_path: Path,
    prepare: Callable[[Database], Mapping[str, str]],
    poisoned: Collection[int] = (),
) -> Verdict:
    """Checks I1–I6. `poisoned` are numbers of messages that must end in quarantine as a whole."""
    held = holdings_of(database, sealer)
    verdict = Verdict(_attempt_counts(client))
    _check_receipts(client, held, verdict)
    _check_records(client, held, set(poisoned), verdict)
    _check_singularity(held, verdict)
    _check_origins(client, held, verdict)
    _check_balance(held, verdict)
    accepted = [
        message
        for number, message in sorted(client.pushed.items())
        if (message.sender, message.key) in held.envelopes and number not in set(poisoned)
    ]
    wanted = reference_holdings(reference_path, sealer, prepare, accepted, held.envelopes)
    _check_against(wanted, held, {client.pushed[number].key for number in poisoned}, verdict)
    verdict.blame("I6", "audit rows broken", held.broken_audit_rows)
    return verdict


def _attempt_counts(client: Client) -> dict[str, int]:
    journal = client.journal
    acknowledged = journal.acknowledged()
    unknown = {attempt.number for attempt in journal if attempt.outcome is Outcome.UNKNOWN}
    recovered = [n for n in unknown & acknowledged.keys() if (acknowledged[n].receipt or {})["status"] == "DUPLICATE"]
    return {
        "attempts": sum(1 for _ in journal),
        "acknowledged": len(acknowledged),
        "records": sum(len(client.pushed[number].records) for number in acknowledged),
        "busy": journal.count(Outcome.BUSY),
        "unknown": journal.count(Outcome.UNKNOWN),
        "refused": journal.count(Outcome.FAIL),
        "unresolved": len(client.pushed.keys() - acknowledged.keys()),
        "recovered": len(recovered),
        "lost": 0,
        "duplicated": 0,
    }


def _check_receipts(client: Client, held: Holdings, verdict: Verdict) -> None:
    """I1: what a receipt says stands in the database, and every answer to one key names one receipt."""
    refused = [attempt.note[:120] for attempt in client.journal if attempt.outcome is Outcome.FAIL]
    verdict.blame("I1", "good messages refused", refused)
    wrong, missing = [], []
    for attempt in client.journal:
        if attempt.outcome is not Outcome.OK:
            continue
        receipt = attempt.receipt or {}
        row = held.envelopes.get((attempt.sender, attempt.key))
        if row is None:
            missing.append(attempt.key)
            continue
        message = client.pushed[attempt.number]
        said = (receipt["receiptNo"], receipt["digest"], receipt["acceptedCount"])
        if said != (row.receipt_no, row.digest, row.accepted) or said[1:] != (message.digest, len(message.records)):
            wrong.append(attempt.key)
    verdict.blame("I1", "receipts without a message", missing)
    verdict.blame("I1", "receipts that say something else than the database", wrong)


def _check_records(client: Client, held: Holdings, poisoned: set[int], verdict: Verdict) -> None:
    """I1: every acknowledged record is stored or quarantined."""
    lost, not_aside = [], []
    for number in client.journal.acknowledged():
        message = client.pushed[number]
        for seq, key in _fact_keys(message):
            is_aside = (message.sender, message.key, seq) in held.quarantined
            if number in poisoned and not is_aside:
                not_aside.append((message.key, seq))
            elif not is_aside and key not in held.facts:
                lost.append((message.key, seq))
    verdict.counts["lost"] = len(lost)
    verdict.blame("I1", "acknowledged records lost", lost)
    verdict.blame("I1", "poisoned records not in quarantine", not_aside)


def _fact_keys(message: Message) -> Iterator[tuple[int, tuple[str, str, int]]]:
    for seq, record in enumerate(message.records, start=1):
        yield seq, (message.sender, record.record_id, record.revision)


def _check_singularity(held: Holdings, verdict: Verdict) -> None:
    """I2: one fact per sender, record id and revision; one case, one card, raised once."""
    doubled = [key for key, number in held.fact_counts.items() if number > 1]
    verdict.counts["duplicated"] = len(doubled)
    verdict.blame("I2", "facts stored twice", doubled)
    verdict.blame("I2", "cases that stand twice", [key for key, number in held.case_counts.items() if number > 1])
    verdict.blame("I2", "cards that stand twice", [key for key, number in held.card_counts.items() if number > 1])
    verdict.blame("I2", "cards raised twice", [key for key, number in held.raised_counts.items() if number > 1])


def _check_origins(client: Client, held: Holdings, verdict: Verdict) -> None:
    """I3: nothing stands there that nobody pushed, and every stored message is still what was received."""
    pushed = {(message.sender, message.key) for message in client.pushed.values()}
    verdict.blame("I3", "messages that nobody pushed", held.envelopes.keys() - pushed)
    verdict.blame("I3", "bodies that do not verify", [key for key, row in held.envelopes.items() if not row.is_sound])
    homeless = [
        key
        for key, source in held.fact_envelopes.items()
        if source is None or key[1] not in held.envelopes[source].record_ids
    ]
    verdict.blame("I3", "facts without their message", homeless)


def _check_balance(held: Holdings, verdict: Verdict) -> None:
    """I5: what was accepted is stored or quarantined; nothing waits at the end."""
    verdict.counts["waiting"] = held.waiting
    unprocessed = [key for key, row in held.envelopes.items() if not row.is_processed]
    verdict.blame("I5", "messages accepted and never processed", unprocessed)
    if held.waiting:
        verdict.problems.append(f"I5 {held.waiting} messages still wait")


def _check_against(wanted: Holdings, held: Holdings, poisoned_keys: set[str], verdict: Verdict) -> None:
    """I4: facts, cases, findings, cards and quarantine equal those of the reference hub."""
    quarantined = {key: code for key, code in held.quarantined.items() if key[1] not in poisoned_keys}
    verdict.counts["quarantined"] = len(held.quarantined)
    verdict.counts["open_cards"] = len(held.cards)
    for what, right, found in (
        ("facts", wanted.facts, held.facts),
        ("cases", wanted.cases, held.cases),
        ("findings", wanted.findings, held.findings),
        ("open cards", wanted.cards, held.cards),
        ("quarantined records", wanted.quarantined, quarantined),
    ):
        missing, extra = right.keys() - found.keys(), found.keys() - right.keys()
        verdict.blame("I4", f"{what} missing", missing)
        verdict.blame("I4", f"{what} too many", extra)
        verdict.blame(
            "I4", f"{what} different", [key for key in right.keys() & found.keys() if right[key] != found[key]]
        )
