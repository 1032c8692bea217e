"""The error catalogue `schemas/errors.toml`: what every code means to the one who has to mend something."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One code in Chinese. `http_status` is the REST door's; SOAP 1.1 faults have 500 unless refused unread."""

    code: str
    title: str
    cause: str
    remedy: str
    retryable: bool
    http_status: int


@cache
def catalogue() -> Mapping[str, ErrorEntry]:
    """Every entry by its code, in the order of the file."""
    tables = tomllib.loads(files("schemas").joinpath("errors.toml").read_text(encoding="utf-8"))
    return MappingProxyType({code: ErrorEntry(code, **table) for code, table in tables.items()})
