"""Creates or upgrades the schema with Alembic."""

from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from hub.stores.session import Connection, Database


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("hub.stores") / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Brings the schema to the newest revision; does nothing when it is there."""
    with database.unit() as unit:
        command.upgrade(_config(unit), "head")


def is_current(database: Database) -> bool:
    with database.read() as unit:
        current = MigrationContext.configure(unit).get_current_revision()
    return current == ScriptDirectory.from_config(_config()).get_current_head()
