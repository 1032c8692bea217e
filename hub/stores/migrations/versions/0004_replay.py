"""Replay jobs, and the queue found by message."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import Document, RowId, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replay_job",
        sa.Column("id", RowId, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("selection", Document, nullable=False),
        sa.Column("only_quarantined", sa.Boolean(), nullable=False),
        sa.Column("matched_count", sa.Integer(), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("rate_per_second", sa.Integer(), nullable=True),
        sa.Column("forecast", Document, nullable=True),
        sa.Column("request_key", sa.String(length=100), nullable=True),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=True),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay_job")),
        sa.UniqueConstraint("request_key", name=op.f("uq_replay_job_request_key")),
    )
    op.create_index("ix_replay_job_due_at", "replay_job", ["due_at"])
    op.create_table(
        "replay_item",
        sa.Column("job_id", RowId, nullable=False),
        sa.Column("envelope_id", RowId, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("held_count", sa.Integer(), nullable=True),
        sa.Column("forecast", Document, nullable=True),
        sa.Column("queued_at", UtcTime(), nullable=True),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["replay_job.id"], name=op.f("fk_replay_item_job_id")),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_replay_item_envelope_id")),
        sa.PrimaryKeyConstraint("job_id", "envelope_id", name=op.f("pk_replay_item")),
    )
    op.create_index("ix_replay_item_state", "replay_item", ["job_id", "state", "envelope_id"])
    op.create_index("ix_outbox_envelope_id", "outbox", ["envelope_id"])
