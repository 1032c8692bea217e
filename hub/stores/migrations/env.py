"""Runs migrations on the connection that hub.stores.upgrade hands in; there is no alembic.ini."""

from alembic import context

from hub.stores.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
