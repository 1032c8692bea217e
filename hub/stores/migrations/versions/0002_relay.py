"""What the relay needs of the outbox: whether a message is with the broker."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("published_at", UtcTime(), nullable=True))
    op.add_column("outbox", sa.Column("records", sa.Integer(), nullable=False, server_default="1"))
    unpublished = sa.text("published_at IS NULL")
    op.create_index("ix_outbox_unpublished", "outbox", ["id"], sqlite_where=unpublished, postgresql_where=unpublished)
    # every row of the queue changes and goes: what only helped to sort it costs more than it gives
    op.drop_index("ix_outbox_available_at", "outbox")
