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
    op.create_index("ix_outbox_published_at", "outbox", ["published_at", "id"])
