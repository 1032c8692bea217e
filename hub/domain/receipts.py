"""Receipt: the hub's promise to a sender, and what became of every record of the message."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum


class ReceiptStatus(StrEnum):
    """How a message was taken."""

    ACCEPTED = "ACCEPTED"  # every record
    PARTIAL = "PARTIAL"  # some records
    REJECTED = "REJECTED"  # none
    DUPLICATE = "DUPLICATE"  # the same message was taken before; the rest is its first receipt


class RecordState(StrEnum):
    """Where one record is."""

    RECEIVED = "RECEIVED"  # committed, not yet handed to a worker
    QUEUED = "QUEUED"  # handed to the queue
    STORED = "STORED"  # in its store, judged
    QUARANTINED = "QUARANTINED"  # set aside with a reason; can be replayed
    REJECTED = "REJECTED"  # refused at the door; the sender must mend it


def path_in_message(element: str, seq: int, path: str) -> str:
    """Where a field stands in its message: `record[3]/handledAt`; the record itself when the path is empty."""
    return f"{element}[{seq}]/{path}".rstrip("/")


@dataclass(frozen=True, slots=True)
class RecordError:
    """Why one record was refused. `path` is relative to the message: `record[3]/handledAt`."""

    seq: int
    record_id: str | None
    code: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class StateOfRecord:
    """One line of queryReceipt."""

    seq: int
    record_id: str | None
    state: RecordState
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Answer to a push. `digest` is the SHA-256 (hex) of the HTTP body as received."""

    receipt_no: str
    message_id: str
    status: ReceiptStatus
    received_at: datetime
    digest: str
    accepted_count: int
    rejected_count: int
    errors: tuple[RecordError, ...] = ()
    record_states: tuple[StateOfRecord, ...] = ()

    def as_duplicate(self) -> "Receipt":
        return replace(self, status=ReceiptStatus.DUPLICATE)


@dataclass(frozen=True, slots=True)
class DayCount:
    """Records of one kind in one state."""

    kind: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Counts per kind and state, and a digest over every accepted record's message, place and id."""

    day: date
    digest: str
    counts: tuple[DayCount, ...]
