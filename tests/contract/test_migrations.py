"""Models and migrations say the same, on both engines; an upgrade keeps what is there and whoever works with it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, insert, select, text

from hub import setup
from hub.domain.errors import RetryableError
from hub.domain.records import PROCESS
from hub.stores.schema import metadata
from hub.stores.session import Connection, Database
from hub.stores.upgrade import is_current, upgrade
from tests.builders import MONDAY_MORNING, SmallHub, a_step, an_acceptance

FIRST = "0001"


def test_migrations_build_exactly_the_models(database: Database) -> None:
    upgrade(database)
    with database.read() as unit:
        differences = compare_metadata(MigrationContext.configure(unit, opts={"compare_type": True}), metadata)
    # The search table is made by hand in the migration: FTS5 and tsvector have no common model.
    assert [difference for difference in differences if "case_search" not in str(difference)] == []


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    upgrade(database)
    upgrade(database)
    assert is_current(database)


def test_an_empty_database_is_not_current(database: Database) -> None:
    assert not is_current(database)


def test_migration_files_are_numbered_without_gaps() -> None:
    versions = files("hub.stores") / "migrations" / "versions"
    numbers = sorted(
        int(found[1]) for path in versions.iterdir() if (found := re.match(r"(\d{4})_\w+\.py$", path.name))
    )
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_schema_of_a_later_release_is_accepted_and_an_earlier_one_refused(database: Database) -> None:
    upgrade(database, FIRST)
    assert not is_current(database)
    with database.unit() as unit:
        unit.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert is_current(database)
    upgrade(database)
    with database.read() as unit:
        assert unit.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"


def test_two_processes_may_prepare_one_database_at_once(database: Database) -> None:
    others = [Database(str(database.engine.url.render_as_string(hide_password=False))) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for preparing in [pool.submit(setup.prepare, other, MONDAY_MORNING) for other in others]:
            preparing.result()
    assert is_current(database)
    with database.read() as unit:
        assert unit.exec_driver_sql("SELECT count(*) FROM calendar_version").scalar() == 1
    for other in others:
        other.dispose()


def test_rows_of_the_first_schema_are_kept_and_worked_on(hub: SmallHub) -> None:
    hub.push_case(an_acceptance(record_id="a-1"), a_step(record_id="a-2", step_seq=2))
    hub.push(PROCESS, [a_step(record_id="a-3", step_seq=3, step_status="PASSED")])
    with hub.database.read() as unit:
        held = rows_of(unit)
    with first_schema(hub.database) as unit:
        fill(unit, held)
        before = rows_of(unit)

    upgrade(hub.database)

    with hub.database.read() as unit:
        after = rows_of(unit)
    assert {name: shared(rows, after[name]) for name, rows in before.items()} == before
    hub.work()
    hub.push_case(a_step(record_id="a-4", step_seq=4))
    assert hub.rows("SELECT record_id FROM process_record ORDER BY 1") == [("a-1",), ("a-2",), ("a-3",), ("a-4",)]
    assert hub.rows("SELECT count(*), min(state) FROM case_library") == [(1, "ACCEPTED")]


def rows_of(unit: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every ordinary table, by table, in the order of its values."""
    found = {}
    for table in tables(unit):
        rows = [dict(row._mapping) for row in unit.execute(select(table)).all()]
        found[table.name] = sorted(rows, key=str)
    return found


def tables(unit: Connection) -> list[Table]:
    """As they stand in the database; the search index is derived, and has tables of its own on SQLite."""
    standing = MetaData()
    standing.reflect(unit, only=lambda name, _: not name.startswith(("case_search", "alembic")))
    return standing.sorted_tables


@contextmanager
def first_schema(database: Database) -> Iterator[Connection]:
    """The same database at the first revision, empty."""
    with database.unit() as unit:
        if database.is_sqlite:
            unit.exec_driver_sql("DROP TABLE case_search")
            for table in reversed(tables(unit)):
                table.drop(unit)
            unit.exec_driver_sql("DROP TABLE alembic_version")
        else:
            unit.exec_driver_sql("DROP SCHEMA public CASCADE")
            unit.exec_driver_sql("CREATE SCHEMA public")
    upgrade(database, FIRST)
    with database.unit() as unit:
        yield unit


def fill(unit: Connection, held: dict[str, list[dict[str, Any]]]) -> None:
    for table in tables(unit):
        names = set(table.c.keys())
        rows = [{name: value for name, value in row.items() if name in names} for row in held[table.name]]
        if rows:
            unit.execute(insert(table), rows)
        if unit.dialect.name == "postgresql" and "id" in names:
            following = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name}"
            if unit.execute(text(f"SELECT pg_get_serial_sequence('{table.name}', 'id')")).scalar():
                unit.execute(text(following))


def shared(rows: list[dict[str, Any]], later: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The later rows with the columns that the earlier ones had."""
    names = set(rows[0]) if rows else set()
    return sorted(({name: row[name] for name in row if name in names} for row in later), key=str)


@pytest.fixture
def first_on_postgresql(postgres_url: str) -> Iterator[Database]:
    """SQLite lets in one writer, which is the upgrade itself: nothing to wait for."""
    opened = Database(postgres_url)
    with opened.unit() as unit:
        unit.exec_driver_sql("DROP SCHEMA public CASCADE")
        unit.exec_driver_sql("CREATE SCHEMA public")
    upgrade(opened, FIRST)
    yield opened
    opened.dispose()


def test_a_table_in_use_is_waited_for_briefly_and_asked_again(first_on_postgresql: Database) -> None:
    pauses: list[float] = []
    with first_on_postgresql.engine.connect() as busy:
        busy.exec_driver_sql("LOCK TABLE outbox IN ACCESS SHARE MODE")

        def release(seconds: float) -> None:
            pauses.append(seconds)
            busy.rollback()

        upgrade(first_on_postgresql, pause=release)
    assert len(pauses) == 1
    assert is_current(first_on_postgresql)


def test_a_table_that_never_gets_free_ends_the_upgrade_with_a_retryable_error(first_on_postgresql: Database) -> None:
    pauses: list[float] = []
    with first_on_postgresql.engine.connect() as busy:
        busy.exec_driver_sql("LOCK TABLE outbox IN ACCESS SHARE MODE")
        with pytest.raises(RetryableError):
            upgrade(first_on_postgresql, attempts=2, pause=pauses.append)
    assert len(pauses) == 1
    assert not is_current(first_on_postgresql)
