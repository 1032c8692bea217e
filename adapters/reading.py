"""What an adapter makes of a message: the sender's own records as units, and the canonical records of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from adapters.contract import Reading
from hub.domain.errors import FieldIssue
from hub.domain.records import RecordKind


@dataclass(frozen=True, slots=True)
class Content:
    """A message as it arrived. `charset` and `media_type` as the transport said; `source` names a table or file."""

    body: bytes
    charset: str | None = None
    media_type: str | None = None
    source: str | None = None


class Disposition(StrEnum):
    """What the adapter's contract says about a unit: take it, set it aside in the worker, refuse it at the door."""

    ACCEPTED = "ACCEPTED"
    QUARANTINED = "QUARANTINED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Output:
    """One canonical record of a unit: as canonical JSON (camelCase), and as the contract reads it."""

    route: str
    kind: RecordKind
    content: Mapping[str, Any]
    reading: Reading
    by_arrival: bool = False
    """Same key, other content: the next revision, in order of arrival."""


@dataclass(frozen=True, slots=True)
class UnmappedCode:
    """A code of the sender that its code map does not know."""

    code_map: str
    value: str
    target: str


@dataclass(frozen=True, slots=True)
class UnitReading:
    """One of the sender's own records. `issues` decide the disposition; `raw` is its node, for a masked sample."""

    seq: int  # from 1
    name: str
    disposition: Disposition
    outputs: tuple[Output, ...]
    issues: tuple[FieldIssue, ...] = ()
    notes: tuple[FieldIssue, ...] = ()
    unmapped: tuple[UnmappedCode, ...] = ()
    raw: object = None

    @property
    def record_id(self) -> str | None:
        return self._first("recordId") or self._first("itemCode")

    @property
    def org_code(self) -> str | None:
        return self._first("orgCode")

    def _first(self, name: str) -> str | None:
        texts = (output.content.get(name) for output in self.outputs)
        return next((text for text in texts if isinstance(text, str)), None)


@dataclass(frozen=True, slots=True)
class MessageReading:
    """A whole message; `charset` is how its bytes were read, `notes` what had to be overruled or repaired."""

    charset: str
    message_id: str | None
    units: Sequence[UnitReading]
    notes: tuple[FieldIssue, ...] = ()
    unknown_fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FieldTrace:
    """How one canonical field came about, for the three panes of the console."""

    route: str
    target: str
    expression: str
    raw: str | None
    value: object
    issue: FieldIssue | None = None
