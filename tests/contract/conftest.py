"""The same suite runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.stores.session import Database
from tests.builders import SmallHub, a_small_hub


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'hub.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = Database(url)
    if not opened.is_sqlite:
        with opened.unit() as unit:
            unit.exec_driver_sql("DROP SCHEMA public CASCADE")
            unit.exec_driver_sql("CREATE SCHEMA public")
    yield opened
    opened.dispose()


@pytest.fixture
def hub(database: Database) -> SmallHub:
    return a_small_hub(database)
