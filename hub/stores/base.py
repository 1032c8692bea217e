"""Metadata and the portable column types. Nobody else picks column types for time, documents or keys."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import JSON, BigInteger, Connection, Dialect, Integer, MetaData, Row, String, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """A moment, always aware, always UTC: `timestamptz` on PostgreSQL, fixed-width ISO text on SQLite.

    The text sorts as the moments do. A naive value is refused: SQLite would silently lose the offset.
    """

    impl = String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a time without offset reached the database")
        if dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value.astimezone(UTC) if value is not None else None
        return datetime.fromisoformat(value)


AnyRow: TypeAlias = Row[*tuple[Any, ...]]
Document = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite only numbers rows of a plain INTEGER key


def insert_or_ignore(unit: Connection, table: Table, key: Sequence[str] | None = None) -> Any:
    """An INSERT that leaves a row alone whose `key` (default: any unique key) is taken, on either engine."""
    dialect = postgresql if unit.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing(index_elements=key)


@contextmanager
def planned_anew(unit: Connection) -> Iterator[None]:
    """Has PostgreSQL plan each statement for its values and for the tables as they are now.

    The plan of a statement that is run often is kept otherwise, even if it was made while the tables were empty.
    """
    if unit.dialect.name != "postgresql":
        yield
        return
    driver: Any = unit.connection.driver_connection
    before, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = before


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dump_json(value: Any) -> str:
    return _ENCODER.encode(value)
