"""Versions on trial: what they make of messages, kept and compared, never stored in the five stores."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.messages import ADAPTED
from adapters.reading import Content, Disposition, MessageReading, UnitReading
from hub.adapting.intake import UNIT, content_of
from hub.adapting.keeper import AdapterKeeper, InForce, Version
from hub.domain.envelopes import Envelope
from hub.domain.errors import RejectedError
from hub.domain.receipts import Receipt, ReceiptStatus, RecordError, path_in_message
from hub.stores import adapter_trials
from hub.stores.adapter_trials import Trial
from hub.stores.exchange import Waiting
from hub.stores.sealing import Sealer
from hub.stores.session import Connection, Database

RECORD_ADDED, RECORD_MISSING, VALUE_DIFFERS = "ADDED", "MISSING", "DIFFERS"
DIFFERENCE_TITLES: Mapping[str, str] = {RECORD_ADDED: "多出", RECORD_MISSING: "缺少", VALUE_DIFFERS: "不同"}
WHOLE_RECORD = "（整条记录）"
WHOLE_MESSAGE = "（整个报文）"


@dataclass(frozen=True, slots=True)
class TrialDesk:
    """Thread-safe; one per process."""

    database: Database
    keeper: AdapterKeeper
    sealer: Sealer
    now: Callable[[], datetime]

    def try_out(self, in_force: InForce, envelope: Envelope) -> Receipt:
        """Keeps a message that came for a version in the sandbox, and answers what would have come of it.

        The receipt's number begins with TRIAL: nothing was stored. Raises RetryableError HUB-9002.
        """
        reading = in_force.compiled.read(Content(envelope.body, envelope.charset, source=envelope.source))
        issues = list(_issues(reading))
        refused = {arrival.seq for arrival in envelope.arrivals if arrival.issues}
        trial = Trial(
            in_force.version_id, len(reading.units), len(refused), issues, sender_id=envelope.sender.sender_id,
            body_sealed=self.sealer.seal_body(envelope.body), charset=envelope.charset, source=envelope.source,
        )  # fmt: skip
        with self.database.unit() as unit:
            adapter_trials.keep(unit, trial, self.now())
        return _receipt(envelope, refused)

    def shadow(self, batch: Sequence[Waiting]) -> int:
        """Reads messages that live traffic brought once more, with the version on trial; how many were compared.

        Called after the work itself is committed. Raises RetryableError HUB-9002.
        """
        trials = [trial for waiting in batch if waiting.body_format == ADAPTED for trial in self._compared(waiting)]
        if trials:
            with self.database.unit() as unit:
                for trial in trials:
                    adapter_trials.keep(unit, trial, self.now())
        return len(trials)

    def _compared(self, waiting: Waiting) -> Iterator[Trial]:
        shadow = self.keeper.shadow_of(waiting.adapter_version_id or 0)
        if shadow is not None:
            live = _attempt(self.keeper.for_reading(waiting.adapter_version_id or 0), content_of(waiting))
            yield _trial(shadow, waiting, live)


def _attempt(version: Version, content: Content) -> MessageReading | RejectedError:
    try:
        return version.compiled.read(content)
    except RejectedError as refusal:
        return refusal


def _trial(shadow: Version, waiting: Waiting, live: MessageReading | RejectedError) -> Trial:
    tried = _attempt(shadow, content_of(waiting))
    if isinstance(tried, RejectedError):
        issues = [[0, tried.code, tried.path or "", tried.message]]
        differs = not isinstance(live, RejectedError)
        return Trial(
            shadow.version_id, 0, 0, issues, [(WHOLE_MESSAGE, VALUE_DIFFERS)] if differs else [],
            envelope_id=waiting.envelope_id,
        )  # fmt: skip
    refused = sum(unit.disposition is not Disposition.ACCEPTED for unit in tried.units)
    differences = (
        [(WHOLE_MESSAGE, VALUE_DIFFERS)]
        if isinstance(live, RejectedError)
        else sorted(set(differences_of(live, tried)))
    )
    return Trial(
        shadow.version_id, len(tried.units), refused, list(_issues(tried)), differences,
        envelope_id=waiting.envelope_id,
    )  # fmt: skip


def _issues(reading: MessageReading) -> Iterator[list[Any]]:
    for unit in reading.units:
        for issue in unit.issues:
            yield [unit.seq, issue.code, path_in_message(UNIT, unit.seq, issue.path), issue.message]


def differences_of(live: MessageReading, tried: MessageReading) -> Iterator[tuple[str, str]]:
    """(target field, kind) of everything that the version on trial reads otherwise. Fields, never values."""
    before, after = _records(live.units), _records(tried.units)
    for place in {**before, **after}:
        one, other = before.get(place), after.get(place)
        if one is None or other is None:
            yield (WHOLE_RECORD, RECORD_ADDED if one is None else RECORD_MISSING)
        else:
            yield from _fields_differ(one, other, "")


def _records(units: Sequence[UnitReading]) -> dict[tuple[int, int], Mapping[str, Any]]:
    return {
        (unit.seq, place): output.content
        for unit in units
        if unit.disposition is Disposition.ACCEPTED
        for place, output in enumerate(unit.outputs)
    }


def _fields_differ(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name in {**one, **other}:
        before, after = one.get(name), other.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _fields_differ(before, after, f"{path}{name}.")
        elif before != after:
            kind = RECORD_ADDED if before is None else RECORD_MISSING if after is None else VALUE_DIFFERS
            yield f"{path}{name}", kind


def _receipt(envelope: Envelope, refused: set[int]) -> Receipt:
    count = len(envelope.arrivals)
    status = ReceiptStatus.PARTIAL if refused else ReceiptStatus.ACCEPTED
    errors = tuple(
        RecordError(
            arrival.seq, arrival.record_id, issue.code, path_in_message(UNIT, arrival.seq, issue.path), issue.message
        )
        for arrival in envelope.arrivals
        for issue in arrival.issues
    )
    return Receipt(
        receipt_no=f"TRIAL-{secrets.token_hex(8).upper()}",
        message_id=envelope.message_id,
        status=ReceiptStatus.REJECTED if len(refused) == count else status,
        received_at=envelope.received_at,
        digest=envelope.digest,
        accepted_count=count - len(refused),
        rejected_count=len(refused),
        errors=errors,
    )


def trial_contents(unit: Connection, sealer: Sealer, version_id: int, limit: int, most_bytes: int) -> list[Content]:
    """Messages that were tried with a version, newest first, as many as fit."""
    rows = adapter_trials.last_bodies(unit, version_id, limit, most_bytes)
    return [Content(sealer.open_body(row.body_sealed), row.charset, source=row.source) for row in rows]
