"""How a record class declares its fields: one declaration gives type, XSD, JSON Schema and checks.

A record is a frozen dataclass whose fields are made with `must`, `wanted`, `optional` or `many`. Python names are
snake_case, wire names the same in camelCase. The order of declaration is the element order of the contract.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from hub.domain.codes import CodeList


class Presence(StrEnum):
    """What the absence of a field means (contract §3)."""

    MUST = "M"  # the record is rejected
    WANTED = "W"  # accepted, and shown as a completeness finding
    OPTIONAL = "O"  # nothing


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `max_length` characters (code points, not bytes)."""

    max_length: int


@dataclass(frozen=True, slots=True)
class Code:
    """A token of a code list; a foreign token is kept raw and mapped to the list's fallback."""

    codes: CodeList


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds, both included."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in yuan, not negative, at most 14 digits before and 2 after the point."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment; without an offset it is read as Asia/Shanghai."""


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar date, `yyyy-MM-dd`."""


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True)
class Binary:
    """Bytes, written in Base64."""


@dataclass(frozen=True, slots=True)
class Group:
    """A nested record."""

    record: type


Kind = Text | Code | Whole | Money | Instant | Day | Flag | Binary | Group


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a record as the contract states it."""

    name: str
    wire: str
    kind: Kind
    presence: Presence
    many: bool
    title: str
    personal: bool


_SPEC = "field_spec"


def _declare(
    kind: Kind, title: str, presence: Presence, *, many: bool = False, personal: bool = False, **extra: Any
) -> Any:
    return field(metadata={_SPEC: (kind, title, presence, many, personal)}, **extra)


def must(kind: Kind, title: str) -> Any:
    return _declare(kind, title, Presence.MUST)


def wanted(kind: Kind, title: str, *, personal: bool = False) -> Any:
    return _declare(kind, title, Presence.WANTED, personal=personal, default=None)


def optional(kind: Kind, title: str, *, personal: bool = False, default: Any = None) -> Any:
    return _declare(kind, title, Presence.OPTIONAL, personal=personal, default=default)


def many(kind: Kind, title: str) -> Any:
    return _declare(kind, title, Presence.OPTIONAL, many=True, default=())


def camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


_SPECS: dict[type, tuple[FieldSpec, ...]] = {}


def field_specs(record: type) -> tuple[FieldSpec, ...]:
    """The fields of a record class in contract order."""
    if record not in _SPECS:
        _SPECS[record] = tuple(_specs_of(record))
    return _SPECS[record]


def _specs_of(record: type) -> Iterator[FieldSpec]:
    for declared in fields(record):
        kind, title, presence, is_many, personal = declared.metadata[_SPEC]
        yield FieldSpec(declared.name, camel_case(declared.name), kind, presence, is_many, title, personal)
