"""What a document says about a shared table: its unit, its key, and how new rows are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Flag:
    """A column that says which rows are new; `pending` values are texts, None for NULL."""

    column: str
    pending: tuple[str | None, ...]
    done: str
    failed: str
    error_column: str | None = None
    time_column: str | None = None
    changed_column: str | None = None
    """A row is new as well when this is later than the time column."""

    @property
    def written(self) -> frozenset[str]:
        """Columns that the hub itself writes: no part of what the department said."""
        return frozenset(filter(None, (self.column, self.error_column, self.time_column)))


@dataclass(frozen=True, slots=True)
class Watermark:
    """A column that only grows, as a time of change or a number; rows that appear late are found within the overlap."""

    column: str
    start: str | None = None
    overlap: timedelta = timedelta(minutes=10)
    overlap_count: int = 200


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One shared table: the unit its rows are, its key, and how new rows are known."""

    unit: str
    name: str
    schema: str | None
    columns: tuple[str, ...]  # empty: all
    key: tuple[str, ...]
    flag: Flag | None
    watermark: Watermark | None


def table_specs(transport: Mapping[str, Any]) -> list[TableSpec]:
    return [_spec(entry) for entry in transport["tables"]]


def _spec(entry: Mapping[str, Any]) -> TableSpec:
    return TableSpec(
        unit=entry.get("unit", "record"),
        name=entry["table"],
        schema=entry.get("schema"),
        columns=tuple(entry.get("columns", ())),
        key=tuple(entry["key"]),
        flag=_flag(entry["flag"]) if "flag" in entry else None,
        watermark=_watermark(entry["watermark"]) if "watermark" in entry else None,
    )


def _flag(entry: Mapping[str, Any]) -> Flag:
    pending = tuple(None if value is None else str(value) for value in entry["pending"])
    optional = (entry.get(name) for name in ("errorColumn", "timeColumn", "changedColumn"))
    return Flag(entry["column"], pending, str(entry["done"]), str(entry["failed"]), *optional)


def _watermark(entry: Mapping[str, Any]) -> Watermark:
    plain = Watermark(entry["column"], entry.get("from"))
    minutes = entry.get("overlapMinutes", plain.overlap / timedelta(minutes=1))
    overlap_count = entry.get("overlapCount", plain.overlap_count)
    return Watermark(plain.column, plain.start, timedelta(minutes=minutes), overlap_count)
