"""Envelope: what any door hands to `receive()`. Nothing about the door is known behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.domain.errors import FieldIssue
from hub.domain.records import RecordKind


@dataclass(frozen=True, slots=True)
class Quota:
    """What one sender may send; None: as the county's settings say for everyone."""

    messages_per_second: float | None = None
    burst_messages: int | None = None
    message_bytes: int | None = None
    message_records: int | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """A department system that may push, for the organisations listed."""

    sender_id: int
    code: str
    name: str
    org_codes: frozenset[str]
    quota: Quota = Quota()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record of a message as the door saw it: its place, its key, and what is wrong with it (nothing: accepted)."""

    seq: int  # from 1
    record_id: str | None
    org_code: str | None
    issues: tuple[FieldIssue, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message of one sender. `body` is the HTTP body byte for byte; `digest` is its SHA-256 in hex."""

    sender: Sender
    message_id: str
    kind: RecordKind
    body: bytes
    body_format: str  # adapters.messages.SOAP, JSON or ADAPTED
    digest: str
    received_at: datetime
    trace_id: str
    arrivals: Sequence[Arrival]
    charset: str = "utf-8"  # how the door found the body to be encoded: "utf-8", "utf-8-sig" or "gb18030"
    adapter_version_id: int | None = None
    """The version of the adapter that read it, for a message in a department's own form."""
    source: str | None = None
    """The table or file whose rows they are, where the message does not say so itself."""
