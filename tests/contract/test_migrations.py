"""Models and migrations say the same, on both engines."""

import re
from importlib.resources import files

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hub.stores.schema import metadata
from hub.stores.session import Database
from hub.stores.upgrade import is_current, upgrade


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
