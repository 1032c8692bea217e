"""Many rows in one round trip: COPY and JSON row sets on PostgreSQL, prepared statements and JSON keys on SQLite.

All rows of a call have the same columns; a row given by column defaults alone is not among them. Every statement is
built once for each table and set of columns.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Dialect,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from hub.stores.base import AnyRow, planned_anew

Rows = Sequence[Mapping[str, Any]]


def insert_rows(unit: Connection, table: Table, rows: Rows) -> None:
    """Adds rows. Raises what the database says of any of them."""
    if not rows:
        return
    if _is_postgresql(unit):
        _copy(unit, _copying(table, tuple(rows[0]), unit.dialect), rows)
    else:
        plan = _inserting(table, tuple(rows[0]), unit.dialect)
        unit.exec_driver_sql(plan.sql, [plan.cells(row) for row in rows])


def reserve_ids(unit: Connection, table: Table, count: int) -> Sequence[int]:
    """Ascending ids for `count` rows that the caller is about to insert."""
    if _is_postgresql(unit):
        return sorted(unit.execute(_taking_ids(table), {"count": count}).scalars())
    last = unit.execute(_last_id(table)).scalar_one()  # SQLite lets in one writer, and this is it
    return range(last + 1, last + 1 + count)


def add_missing(unit: Connection, table: Table, rows: Rows) -> None:
    """Adds rows unless a unique key of theirs is taken. Give them in key order, or two workers may lock each other."""
    if rows:
        _execute(unit, _adding(unit.dialect.name, table, tuple(rows[0])), rows)


def put_rows(unit: Connection, table: Table, rows: Rows, key: str) -> None:
    """Adds rows or, where `key` is taken, writes them over what stands there and differs. Order as `add_missing`."""
    if rows:
        _execute(unit, _putting(unit.dialect.name, table, tuple(rows[0]), key), rows)


def update_rows(unit: Connection, table: Table, rows: Rows, key: str) -> None:
    """Writes the other columns of `rows` where `key` is theirs."""
    if not rows:
        return
    statement = _updating(unit.dialect.name, table, tuple(rows[0]), key)
    if _is_postgresql(unit):
        _execute(unit, statement, rows)
    else:
        unit.execute(statement, [{f"new_{name}": value for name, value in row.items()} for row in rows])


def rows_by_key(
    unit: Connection, query: Select[Any], key: tuple[Column[Any], ...], values: Collection[Any]
) -> list[AnyRow]:
    """Rows of `query` whose `key` columns hold one of `values`, in no order; for several columns values are tuples.

    Every key is looked up through its index, whatever the planner believes of a table it has not analysed yet.
    `query` must be a constant: its statement is kept.
    """
    if not values:
        return []
    with planned_anew(unit):
        return list(unit.execute(_looking_up(unit.dialect.name, query, key), {"keys": _json(list(values))}).all())


def _is_postgresql(unit: Connection) -> bool:
    return unit.dialect.name == "postgresql"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_json_value)


def _json_value(value: Any) -> str:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no place among JSON rows")


def _execute(unit: Connection, statement: Any, rows: Rows) -> None:
    if _is_postgresql(unit):
        with planned_anew(unit):
            unit.execute(statement, {"rows": _json(rows)})
    else:
        unit.execute(statement, rows)


# PostgreSQL: COPY in binary form. psycopg writes every value by the type of its column.


@dataclass(frozen=True, slots=True)
class _Copying:
    sql: str
    types: tuple[str, ...]
    values: Callable[[Mapping[str, Any]], Any]


@cache
def _copying(table: Table, names: tuple[str, ...], dialect: Dialect) -> _Copying:
    types = (table.c[name].type.compile(dialect).partition("(")[0].lower() for name in names)
    sql = f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)"
    return _Copying(sql, tuple(types), _in_order(names))


def _copy(unit: Connection, plan: _Copying, rows: Rows) -> None:
    driver: Any = unit.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(plan.sql) as copy:
        copy.set_types(plan.types)
        for row in rows:
            copy.write_row(plan.values(row))


def _in_order(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
    """Values of a row as a tuple; itemgetter gives a bare value for a single name."""
    return itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)


@cache
def _taking_ids(table: Table) -> Any:
    numbers = func.generate_series(1, bindparam("count"))
    return select(func.nextval(func.pg_get_serial_sequence(table.name, "id"))).select_from(numbers)


# SQLite: one prepared statement, values converted as SQLAlchemy itself would.


@dataclass(frozen=True, slots=True)
class _Inserting:
    sql: str
    values: Callable[[Mapping[str, Any]], Any]
    converters: tuple[Callable[[Any], Any] | None, ...]

    def cells(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(
            convert(value) if convert else value
            for convert, value in zip(self.converters, self.values(row), strict=True)
        )


@cache
def _inserting(table: Table, names: tuple[str, ...], dialect: Dialect) -> _Inserting:
    converters = (table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names)
    marks = ", ".join("?" * len(names))
    return _Inserting(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - names of our own columns
        _in_order(names),
        tuple(converters),
    )


@cache
def _last_id(table: Table) -> Any:
    return select(func.coalesce(func.max(table.c.id), 0))


# Rows and keys as one JSON value.


def _row_set(columns: Sequence[Any], name: str, parameter: str) -> Any:
    """PostgreSQL reads a JSON array of objects as rows of those columns."""
    document = cast(bindparam(parameter, type_=Text), postgresql.JSON)
    typed = [column(held.name, held.type) for held in columns]
    return func.json_to_recordset(document).table_valued(*typed, name=name).render_derived(with_types=True)


@cache
def _adding(dialect: str, table: Table, names: tuple[str, ...]) -> Any:
    return _insert(dialect, table, names).on_conflict_do_nothing()


@cache
def _putting(dialect: str, table: Table, names: tuple[str, ...], key: str) -> Any:
    statement = _insert(dialect, table, names)
    new = {name: statement.excluded[name] for name in names if name != key}
    differs = or_(*(table.c[name].is_distinct_from(value) for name, value in new.items()))
    return statement.on_conflict_do_update(index_elements=[key], set_=new, where=differs)


def _insert(dialect: str, table: Table, names: tuple[str, ...]) -> Any:
    if dialect == "postgresql":
        rows = _row_set([table.c[name] for name in names], "row_set", "rows")
        return postgresql.insert(table).from_select(names, select(*(rows.c[name] for name in names)))
    return sqlite.insert(table).values({name: bindparam(name) for name in names})


@cache
def _updating(dialect: str, table: Table, names: tuple[str, ...], key: str) -> Any:
    if dialect == "postgresql":
        rows = _row_set([table.c[name] for name in names], "row_set", "rows")
        values = {name: rows.c[name] for name in names if name != key}
        return update(table).where(table.c[key] == rows.c[key]).values(values)
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    return update(table).where(table.c[key] == new.pop(key)).values(new)


@cache
def _looking_up(dialect: str, query: Select[Any], key: tuple[Column[Any], ...]) -> Any:
    if dialect == "postgresql":
        return _nested_loop(query, key)
    wanted = func.json_each(bindparam("keys", type_=Text)).table_valued("value", name="wanted")
    if len(key) == 1:
        return query.where(key[0].in_(select(wanted.c.value)))
    parts = [func.json_extract(wanted.c.value, f"$[{place}]") for place in range(len(key))]
    return query.where(tuple_(*key).in_(select(*parts)))


def _nested_loop(query: Select[Any], key: tuple[Column[Any], ...]) -> Any:
    """OFFSET keeps the planner from turning the loop over keys into a join of whole tables."""
    document = cast(bindparam("keys", type_=Text), postgresql.JSON)
    if len(key) == 1:
        wanted = func.json_array_elements_text(document).table_valued("value", name="wanted")
        parts: list[Any] = [wanted.c.value]
    else:
        wanted = func.json_array_elements(document).table_valued("value", name="wanted")
        parts = [wanted.c.value.op("->>")(place) for place in range(len(key))]
    matches = (held == cast(part, held.type) for held, part in zip(key, parts, strict=True))
    found = query.where(*matches).offset(0).lateral("found")
    return select(*found.c).select_from(wanted.join(found, true()))
