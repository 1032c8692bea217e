"""What the three fact stores share: facts are keyed, revised, never overwritten, and equal for any order of arrival."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.records import Record, RecordKind, ServiceItem

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Incoming(Generic[R]):
    """One accepted record on its way into a store."""

    kind: RecordKind
    record: R
    sender_id: int
    envelope_id: int
    seq: int
    received_at: datetime
    notes: tuple[FieldIssue, ...] = ()
    content_digest: str = field(init=False)

    def __post_init__(self) -> None:
        # repr of a frozen dataclass of plain values is canonical: same values, same text
        content = repr((self.record, [note.raw for note in self.notes]))
        object.__setattr__(self, "content_digest", hashlib.sha256(content.encode()).hexdigest())

    @property
    def key(self) -> tuple[Any, ...]:
        """An item is known by its code, every other record by its sender and record id."""
        if isinstance(self.record, ServiceItem):
            return (self.record.item_code,)
        return (self.sender_id, self.record.record_id)

    @property
    def record_id(self) -> str:
        return self.record.item_code if isinstance(self.record, ServiceItem) else self.record.record_id

    def columns(self) -> dict[str, Any]:
        """The columns that every fact row has."""
        return {
            "sender_id": self.sender_id,
            "envelope_id": self.envelope_id,
            "received_at": self.received_at,
            "content_digest": self.content_digest,
            "notes": [[note.code, note.path, note.message, note.raw] for note in self.notes],
        }


@dataclass(slots=True)
class Stored(Generic[R]):
    """What became of a batch: new facts, and contradictions to be quarantined. Repetitions are in neither."""

    added: list[Incoming[R]] = field(default_factory=list)
    refused: list[tuple[Incoming[R], RejectedError]] = field(default_factory=list)


def sort_out(incoming: Sequence[Incoming[R]], known: Mapping[tuple[tuple[Any, ...], int], str]) -> Stored[R]:
    """Splits a batch by what is known: (key, revision) → content digest."""
    stored: Stored[R] = Stored()
    seen = dict(known)
    for entry in incoming:
        place = (entry.key, entry.record.revision)
        if place not in seen:
            seen[place] = entry.content_digest
            stored.added.append(entry)
        elif seen[place] != entry.content_digest:
            stored.refused.append((entry, _contradiction()))
    return stored


def _contradiction() -> RejectedError:
    return RejectedError(
        "HUB-6002", "同一记录标识、同一更改版本号已经入库，但内容不同；更正时请提高 revision", "recordId"
    )
