"""Data quality by day, rhythms of senders, and how often a message was delivered again."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import Document, RowId, UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FACTS = ("process_record", "result_record", "service_item_version")


def upgrade() -> None:
    op.add_column("envelope", sa.Column("repeats", sa.Integer(), nullable=False, server_default="0"))
    for table in _FACTS:
        # facts stand in the order in which they came, so that PostgreSQL needs hardly any index for a day
        op.create_index(
            f"ix_{table}_received_at", table, ["received_at"],
            postgresql_using="brin", postgresql_with={"autosummarize": "on", "pages_per_range": 32},
        )  # fmt: skip
    op.create_table(
        "quality_daily",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("measure", sa.String(20), nullable=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("amount", RowId, nullable=False),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name="fk_quality_daily_sender_id"),
        sa.PrimaryKeyConstraint("day", "sender_id", "kind", "measure", "code", name="pk_quality_daily"),
    )
    op.create_table(
        "quality_refresh",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("refreshed_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_quality_refresh"),
    )
    op.create_table(
        "sender_rhythm",
        sa.Column("sender_id", RowId, nullable=False, autoincrement=False),
        sa.Column("waits", Document),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("learned_at", UtcTime(), nullable=False),
        sa.Column("voice", sa.String(10), nullable=False),
        sa.Column("since", UtcTime()),
        sa.Column("judged_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name="fk_sender_rhythm_sender_id"),
        sa.PrimaryKeyConstraint("sender_id", name="pk_sender_rhythm"),
    )
    op.create_table(
        "hub_presence",
        sa.Column("id", RowId, nullable=False),
        sa.Column("began_at", UtcTime(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hub_presence"),
    )
    op.create_index("ix_hub_presence_seen_at", "hub_presence", ["seen_at"])
