"""Quotas of senders and the state of the service."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sender", sa.Column("messages_per_second", sa.Float(), nullable=True))
    op.add_column("sender", sa.Column("burst_messages", sa.Integer(), nullable=True))
    op.add_column("sender", sa.Column("message_bytes", sa.Integer(), nullable=True))
    op.add_column("sender", sa.Column("message_records", sa.Integer(), nullable=True))
    op.create_table(
        "service_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.String(100), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_state"),
    )
