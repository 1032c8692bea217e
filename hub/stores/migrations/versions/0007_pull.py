"""Pulling: leases and states, positions, memories and debts; secrets towards departments' systems."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import Document, RowId, UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pull_state",
        sa.Column("adapter_code", sa.String(40), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=True),
        sa.Column("last_run_at", UtcTime(), nullable=True),
        sa.Column("last_success_at", UtcTime(), nullable=True),
        sa.Column("message_count", sa.BigInteger(), nullable=False),
        sa.Column("record_count", sa.BigInteger(), nullable=False),
        sa.Column("refused_count", sa.BigInteger(), nullable=False),
        sa.Column("problem_code", sa.String(10), nullable=True),
        sa.Column("problem_text", sa.String(500), nullable=True),
        sa.Column("problem_since", UtcTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(40), nullable=True),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("adapter_code", name="pk_pull_state"),
    )
    op.create_table(
        "pull_position",
        sa.Column("adapter_code", sa.String(40), nullable=False),
        sa.Column("part", sa.String(100), nullable=False),
        sa.Column("position", Document, nullable=False),
        sa.Column("moved_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("adapter_code", "part", name="pk_pull_position"),
    )
    op.create_table(
        "pull_seen",
        sa.Column("adapter_code", sa.String(40), nullable=False),
        sa.Column("part", sa.String(100), nullable=False),
        sa.Column("row_key", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("mark", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("adapter_code", "part", "row_key", name="pk_pull_seen"),
    )
    op.create_index("ix_pull_seen_mark", "pull_seen", ["adapter_code", "part", "mark"])
    op.create_table(
        "pull_debt",
        sa.Column("id", RowId, nullable=False),
        sa.Column("adapter_code", sa.String(40), nullable=False),
        sa.Column("part", sa.String(100), nullable=False),
        sa.Column("row_key", Document, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_pull_debt"),
    )
    op.create_index("ix_pull_debt_part", "pull_debt", ["adapter_code", "part", "id"])
    op.create_table(
        "kept_secret",
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_kept_secret"),
    )
