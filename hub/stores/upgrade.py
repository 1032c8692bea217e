"""Creates or upgrades the schema with Alembic.

Migrations are numbered and only expand: what they add is nullable, defaulted or a table of its own, so that processes
of the release before go on working. See docs/adr/0010-growth-and-expanding-migrations.md.
"""

import random
import time
from collections.abc import Callable
from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from hub.domain.errors import RetryableError
from hub.stores.session import Connection, Database

HEAD = "head"
_ADVISORY_KEY = 0x48_55_42  # "HUB"
ATTEMPTS = 10
_LONGEST_PAUSE_SECONDS = 3.0


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("hub.stores") / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(
    database: Database,
    revision: str = HEAD,
    *,
    attempts: int = ATTEMPTS,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Brings the schema to a revision, the newest if none is named; does nothing when it is there or beyond.

    Tables in use are waited for briefly and often: whoever waits for a table keeps everybody behind him waiting too.
    Raises RetryableError HUB-9002 when that did not help, or the database is away.
    """
    for attempt in range(1, attempts + 1):
        try:
            _upgrade(database, revision)
        except RetryableError:
            if attempt == attempts:
                raise
            pause(random.uniform(0.2, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - jitter, not a secret
        else:
            return


def _upgrade(database: Database, revision: str) -> None:
    with database.unit() as unit:
        wait_for_turn(unit)
        if revision != HEAD or not _covers(revision_of(unit), _head()):
            command.upgrade(_config(unit), revision)


def wait_for_turn(unit: Connection) -> None:
    """Only one process at a time prepares a database, until its unit ends. SQLite lets in one writer anyway."""
    if unit.dialect.name == "postgresql":
        unit.exec_driver_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        unit.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_KEY})")
        unit.exec_driver_sql("SET LOCAL lock_timeout = '2s'")


def is_current(database: Database) -> bool:
    """Whether this program can work with the schema: its own, or one of a later release, which only adds to it."""
    with database.read() as unit:
        return _covers(revision_of(unit), _head())


def _head() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _covers(standing: str | None, wanted: str) -> bool:
    return standing is not None and int(standing) >= int(wanted)


def revision_of(unit: Connection) -> str | None:
    """The schema that stands in a database; None when it was never prepared."""
    return MigrationContext.configure(unit).get_current_revision()


def known_revisions() -> frozenset[str]:
    """Every schema from which this program can go on."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())
