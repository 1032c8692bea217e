"""A department's shared table: new rows by flag or by watermark, and what became of them written back.

Any database that SQLAlchemy has a driver for. Rows leave here as JSON values.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    Table,
    and_,
    bindparam,
    false,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.types import LargeBinary, NullType, String

from adapters.transports.table.database import table_errors, write_errors
from adapters.transports.table.marks import Mark, mark_of
from adapters.transports.table.specs import Flag, TableSpec
from adapters.transports.table.values import digest_of, dump, fitting, json_value, moment_for, python_type, typed
from hub.domain.errors import RejectedError

PAGE_ROWS = 500
_PAGE_ROWS_WITH_FILES = 20  # a page stands in memory as a whole
_KEYS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as read. `values` are JSON values without the columns that the hub writes; `key` names it for us."""

    key: tuple[Any, ...]
    values: Mapping[str, Any]
    digest: str
    mark: Mark | None

    @property
    def key_text(self) -> str:
        """The key as one short text, for memories."""
        return hashlib.sha256(dump(self.key)).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written back about a row: taken, or refused with a text. A row that changed is left alone."""

    key: Sequence[Any]
    digest: str
    error: str | None = None


class SharedTable:
    """One table of a department's database. Every method opens and ends a transaction of its own.

    Raises RejectedError HUB-4026 for a table, column or right that is missing, HUB-4027 for keys and watermarks that
    cannot be relied upon, RetryableError HUB-9026 when the database is away.
    """

    def __init__(self, engine: Engine, spec: TableSpec) -> None:
        self._engine = engine
        self.spec = spec
        with table_errors():
            self._table = _reflected(engine, spec)
        self._key = [self._column(name) for name in spec.key]
        self._written = {self._column(name).name.lower() for name in spec.flag.written} if spec.flag else set()
        self._read = [self._column(name) for name in spec.columns] or [
            column for column in self._table.c if column.name.lower() not in self._written
        ]
        self._check_time_column()

    def _column(self, name: str) -> Column[Any]:
        found = next((column for column in self._table.c if column.name.lower() == name.lower()), None)
        if found is None:
            raise RejectedError("HUB-4026", f"表 {self.spec.name} 没有列 {name}")
        return found

    def _check_time_column(self) -> None:
        flag = self.spec.flag
        if flag and flag.changed_column and flag.time_column and python_type(self._column(flag.time_column)) is date:
            raise RejectedError("HUB-4027", f"列 {flag.time_column} 须含时分秒，才能与 {flag.changed_column} 比较先后")

    def pages(self, start: Mark | None = None) -> Iterator[list[SourceRow]]:
        """New rows, each page read when asked for. With a watermark: from `start` on, `start` included."""
        has_files = any(isinstance(column.type, LargeBinary) for column in self._read)
        page_rows = _PAGE_ROWS_WITH_FILES if has_files else PAGE_ROWS
        order = [*self._mark_columns(), *self._key]
        wanted = self._is_new(start)
        after: ColumnElement[bool] = true()
        while True:
            rows = self._fetch(and_(wanted, after), order, page_rows + 1)
            self._check_keys(rows)
            yield [self._source_row(row) for row in rows[:page_rows]]
            if len(rows) <= page_rows:
                break
            after = _beyond(order, [_value(rows[page_rows - 1], column) for column in order])
        self._check_unreachable(wanted)

    def _is_new(self, start: Mark | None) -> ColumnElement[bool]:
        if self.spec.flag is not None:
            return self._is_pending(self.spec.flag)
        (column,) = self._mark_columns()
        return true() if start is None else column >= start.bindable(python_type(column))

    def _mark_columns(self) -> list[Column[Any]]:
        return [self._column(self.spec.watermark.column)] if self.spec.watermark else []

    def _is_pending(self, flag: Flag) -> ColumnElement[bool]:
        column = self._column(flag.column)
        values = [typed(column, value) for value in flag.pending if value is not None]
        choices: list[ColumnElement[bool]] = [column.in_(values)] if values else []
        if None in flag.pending:
            choices.append(column.is_(None))
        if flag.changed_column and flag.time_column:
            choices.append(self._column(flag.changed_column) > self._column(flag.time_column))
        return or_(false(), *choices)

    def _fetch(self, wanted: ColumnElement[bool], order: Sequence[Column[Any]], limit: int) -> list[Any]:
        columns = list(dict.fromkeys([*self._read, *order]))
        query = select(*columns).where(wanted).order_by(*order).limit(limit)
        with table_errors(), self._engine.connect() as connection:
            return list(connection.execute(query).all())

    def _check_keys(self, rows: Sequence[Any]) -> None:
        keys = [tuple(_value(row, column) for column in self._key) for row in rows]
        if any(one == other for one, other in pairwise(keys)):
            raise RejectedError("HUB-4027", f"表 {self.spec.name} 的键 {'、'.join(self.spec.key)} 不唯一")

    def _check_unreachable(self, wanted: ColumnElement[bool]) -> None:
        """Rows without key or watermark can be neither paged nor named: they must be seen, not skipped."""
        doubtful = [column for column in (*self._mark_columns(), *self._key) if column.nullable]
        if not doubtful:
            return
        empty = or_(*(column.is_(None) for column in doubtful))
        scope = empty if self.spec.watermark else and_(wanted, empty)
        query = select(*self._key).where(scope).limit(1)
        with table_errors(), self._engine.connect() as connection:
            if connection.execute(query).first() is not None:
                names = "、".join(column.name for column in doubtful)
                raise RejectedError("HUB-4027", f"表 {self.spec.name} 有 {names} 为空的行，这些行不能拉取")

    def _source_row(self, row: Any) -> SourceRow:
        values = {column.name: json_value(_value(row, column)) for column in self._read}
        marks = [mark_of(_value(row, column)) for column in self._mark_columns()]
        key = tuple(json_value(_value(row, column)) for column in self._key)
        return SourceRow(key, values, digest_of(values), marks[0] if marks else None)

    def write_back(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Sets flag, error text and time of rows that still are what was read. `now` is naive, local.

        Raises RetryableError HUB-9030 when the database does not let the hub write.
        """
        for start in range(0, len(outcomes), _KEYS_AT_ONCE):
            chunk = outcomes[start : start + _KEYS_AT_ONCE]
            with write_errors(), self._engine.connect() as connection:
                connection = connection.execution_options(writes=True)
                with connection.begin():
                    self._write_chunk(connection, chunk, now)

    def _write_chunk(self, connection: Connection, outcomes: Sequence[Outcome], now: datetime) -> None:
        flag = self.spec.flag
        if flag is None:
            return
        unchanged = self._unchanged(connection, outcomes)
        changes = [self._change(flag, outcome, unchanged[index], now) for index, outcome in enumerate(outcomes)
                   if index in unchanged]  # fmt: skip
        if changes:
            mine = [column == bindparam(f"key_{index}") for index, column in enumerate(self._key)]
            names = [name for name in changes[0] if not name.startswith("key_")]
            statement = update(self._table).where(*mine).values({name: bindparam(f"{name}_") for name in names})
            connection.execute(statement, [_renamed(change, names) for change in changes])

    def _unchanged(self, connection: Connection, outcomes: Sequence[Outcome]) -> dict[int, Any]:
        """Rows that are pending with the content that was taken, by index; locked where the database can."""
        flag = self.spec.flag
        mine = or_(*(self._is_row(outcome.key) for outcome in outcomes))
        columns = list(dict.fromkeys([*self._read, *self._key, *self._changed_columns()]))
        pending = self._is_pending(flag) if flag else true()
        rows = connection.execute(select(*columns).where(mine, pending).with_for_update()).all()
        wanted = {(dump(outcome.key), outcome.digest): index for index, outcome in enumerate(outcomes)}
        found = ((self._source_row_key(row), row) for row in rows)
        return {wanted[named]: row for named, row in found if named in wanted}

    def _changed_columns(self) -> list[Column[Any]]:
        flag = self.spec.flag
        return [self._column(flag.changed_column)] if flag and flag.changed_column else []

    def _source_row_key(self, row: Any) -> tuple[bytes, str]:
        values = {column.name: json_value(_value(row, column)) for column in self._read}
        return dump([json_value(_value(row, column)) for column in self._key]), digest_of(values)

    def _is_row(self, key: Sequence[Any]) -> ColumnElement[bool]:
        return and_(*(column == typed(column, value) for column, value in zip(self._key, key, strict=True)))

    def _change(self, flag: Flag, outcome: Outcome, row: Any, now: datetime) -> dict[str, Any]:
        values = {f"key_{index}": typed(column, outcome.key[index]) for index, column in enumerate(self._key)}
        column = self._column(flag.column)
        values[column.name] = typed(column, flag.done if outcome.error is None else flag.failed)
        if flag.error_column:
            column = self._column(flag.error_column)
            values[column.name] = fitting(column, outcome.error)
        if flag.time_column:
            column = self._column(flag.time_column)
            changed = [_value(row, column) for column in self._changed_columns()]
            values[column.name] = moment_for(column, now, changed)
        return values


def _renamed(change: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """SQLAlchemy keeps a column's own name for itself in an UPDATE."""
    return {f"{name}_" if name in names else name: value for name, value in change.items()}


def _reflected(engine: Engine, spec: TableSpec) -> Table:
    table = Table(spec.name, MetaData(), schema=spec.schema, autoload_with=engine)
    if engine.dialect.name == "sqlite":
        # SQLite keeps what it was given, whatever the column is called: values are read and compared as they stand.
        for column in table.c:
            column.type = column.type if isinstance(column.type, String | LargeBinary) else NullType()
    return table


def _beyond(columns: Sequence[Column[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
    """`(a, b) > (x, y)`, written out: not every database compares tuples."""
    choices = []
    for index, (column, value) in enumerate(zip(columns, values, strict=True)):
        same = [before == held for before, held in zip(columns[:index], values[:index], strict=True)]
        choices.append(and_(*same, column > value))
    return or_(*choices)


def _value(row: Any, column: Column[Any]) -> Any:
    return row._mapping[column]
