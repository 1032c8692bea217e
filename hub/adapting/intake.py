"""A message in a department's own form: as an envelope at the door, and read again behind it."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from adapters.messages import ADAPTED
from adapters.reading import Content, Disposition, MessageReading, UnitReading
from adapters.samples import masked_sample
from hub.adapting.keeper import AdapterKeeper, InForce, Version
from hub.domain.envelopes import Arrival, Envelope, Sender
from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.receipts import path_in_message
from hub.domain.records import PROCESS
from hub.stores.exchange import SetAside, Waiting
from hub.stores.facts import Incoming
from hub.stores.unmapped_codes import Seen

UNIT = "record"
_LONGEST_SOURCE = 100


def adapted_envelope(
    in_force: InForce, sender: Sender, content: Content, message_id: str | None, received_at: datetime, trace_id: str
) -> Envelope:
    """Reads the message; units that the adapter refuses, or that are not the sender's to report, become refused
    arrivals.

    Raises RejectedError HUB-2011 for an adapter of another sender, and as `CompiledAdapter.read`.
    """
    if in_force.sender_code is not None and in_force.sender_code != sender.code:
        raise RejectedError("HUB-2011", "这个适配器属于另一个报送方")
    reading = in_force.compiled.read(content)
    digest = hashlib.sha256(content.body).hexdigest()
    return Envelope(
        sender=sender,
        message_id=message_id or reading.message_id or f"sha256-{digest[:48]}",
        kind=PROCESS,
        body=content.body,
        body_format=ADAPTED,
        digest=digest,
        received_at=received_at,
        trace_id=trace_id,
        arrivals=[_arrival(unit, sender) for unit in reading.units],
        charset=reading.charset,
        adapter_version_id=in_force.version_id,
        source=None if content.source is None else content.source[:_LONGEST_SOURCE],
    )


_NOT_ALLOWED = FieldIssue("HUB-2004", "orgCode", "本报送方不得代表该部门报送，或办理部门编码有误")


def _arrival(unit: UnitReading, sender: Sender) -> Arrival:
    issues = unit.issues if unit.disposition is Disposition.REJECTED else ()
    stranger = _is_stranger(unit, sender.org_codes)
    named = unit.record_id
    return Arrival(
        unit.seq, None if named is None else named[:100], unit.org_code, (*issues, _NOT_ALLOWED) if stranger else issues
    )


def _is_stranger(unit: UnitReading, org_codes: frozenset[str]) -> bool:
    """Whether it speaks for a department that is not its sender's."""
    named = (output.content.get("orgCode") for output in unit.outputs)
    return any(isinstance(org_code, str) and org_code not in org_codes for org_code in named)


@dataclass(frozen=True, slots=True)
class Reread:
    """What a stored message gives now: records for the stores, units set aside, codes that no map knew."""

    incoming: Sequence[Incoming[Any]] = ()
    aside: Sequence[SetAside] = ()
    unmapped: Sequence[Seen] = ()


def reread(keeper: AdapterKeeper, waiting: Waiting, passed_by: frozenset[int], org_codes: frozenset[str]) -> Reread:
    """Reads a stored message with the version in force now, for the departments that its sender may report for.

    Nothing is lost: what it no longer gives is set aside.
    """
    try:
        version = keeper.for_reading(waiting.adapter_version_id or 0)
        reading = version.compiled.read(content_of(waiting))
    except RejectedError as refusal:
        everything = range(1, waiting.unit_count + 1)
        error = RejectedError(refusal.code, refusal.message)
        return Reread(aside=[SetAside(seq, None, error) for seq in everything if seq not in passed_by])
    units = [unit for unit in reading.units if unit.seq not in passed_by]
    good = [unit for unit in units if unit.disposition is Disposition.ACCEPTED and not _is_stranger(unit, org_codes)]
    taken = {unit.seq for unit in good}
    return Reread(
        incoming=[entry for unit in good for entry in _incoming(unit, waiting)],
        aside=[*(_aside(unit) for unit in units if unit.seq not in taken), *_vanished(reading, waiting, passed_by)],
        unmapped=_seen(version, units, waiting.received_at),
    )


def content_of(waiting: Waiting) -> Content:
    return Content(waiting.body, waiting.charset, source=waiting.source)


def _incoming(unit: UnitReading, waiting: Waiting) -> list[Incoming[Any]]:
    return [
        Incoming(
            output.kind, output.reading.record, waiting.sender_id, waiting.envelope_id, unit.seq, waiting.received_at,
            output.reading.notes, is_adapted=True, by_arrival=output.by_arrival,
        )
        for output in unit.outputs
        if output.reading.record is not None
    ]  # fmt: skip


def _aside(unit: UnitReading) -> SetAside:
    issue = unit.issues[0] if unit.issues else _NOT_ALLOWED
    error = RejectedError(issue.code, issue.message)
    record_id = unit.record_id
    return SetAside(
        unit.seq, None if record_id is None else record_id[:100], error, path_in_message(UNIT, unit.seq, issue.path),
        masked_sample(unit.raw),
    )  # fmt: skip


def _vanished(reading: MessageReading, waiting: Waiting, passed_by: frozenset[int]) -> list[SetAside]:
    """Units that were accepted and that the version in force now does not find."""
    error = RejectedError("HUB-5007", "现在的适配器版本不再读出这一条")
    gone = range(len(reading.units) + 1, waiting.unit_count + 1)
    return [SetAside(seq, None, error) for seq in gone if seq not in passed_by]


def _seen(version: Version, units: Sequence[UnitReading], at: datetime) -> list[Seen]:
    met = Counter((code.code_map, code.value, code.target) for unit in units for code in unit.unmapped)
    return [Seen(version.adapter_id, *code, count, at, at) for code, count in met.items()]


def joined(seen: Sequence[Seen]) -> list[Seen]:
    """Codes of several messages, each once."""
    by_code: dict[tuple[int, str, str], Seen] = {}
    for entry in seen:
        held = by_code.get(entry.key)
        by_code[entry.key] = entry if held is None else _together(held, entry)
    return list(by_code.values())


def _together(one: Seen, other: Seen) -> Seen:
    first_at, last_at = min(one.first_at, other.first_at), max(one.last_at, other.last_at)
    return replace(one, count=one.count + other.count, first_at=first_at, last_at=last_at)
