"""Adapters and their versions, codes that no map knew, trials; messages in a department's own form."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import Document, RowId, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _adapters()
    _unmapped_codes()
    _trials()
    op.add_column("envelope", sa.Column("adapter_version_id", RowId, nullable=True))
    op.add_column("envelope", sa.Column("source", sa.String(100), nullable=True))
    for table in ("process_record", "result_record", "service_item_version"):
        op.add_column(table, sa.Column("said_until", RowId, nullable=True))
    only_adapted = sa.text("adapter_version_id IS NOT NULL")
    op.create_index(
        "ix_envelope_adapter_version", "envelope", ["adapter_version_id", "id"], sqlite_where=only_adapted,
        postgresql_where=only_adapted,
    )  # fmt: skip


def _adapters() -> None:
    op.create_table(
        "adapter",
        sa.Column("id", RowId, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("sender_code", sa.String(100), nullable=True),
        sa.Column("transport", sa.String(20), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("active_version_id", RowId, nullable=True),
        sa.Column("trial_version_id", RowId, nullable=True),
        sa.Column("disabled_notice", sa.String(500), nullable=True),
        sa.Column("disabled_until", sa.Date(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_adapter"),
        sa.UniqueConstraint("code", name="uq_adapter_code"),
    )
    op.create_table(
        "adapter_version",
        sa.Column("id", RowId, nullable=False),
        sa.Column("adapter_id", RowId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("activated_by", sa.String(100), nullable=True),
        sa.Column("activated_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["adapter_id"], ["adapter.id"], name="fk_adapter_version_adapter_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adapter_version"),
        sa.UniqueConstraint("adapter_id", "number", name="uq_adapter_version_adapter_id_number"),
    )
    op.create_table(
        "adapter_event",
        sa.Column("id", RowId, nullable=False),
        sa.Column("adapter_id", RowId, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(["adapter_id"], ["adapter.id"], name="fk_adapter_event_adapter_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adapter_event"),
    )
    op.create_index("ix_adapter_event_adapter", "adapter_event", ["adapter_id", "id"])


def _unmapped_codes() -> None:
    op.create_table(
        "unmapped_code",
        sa.Column("id", RowId, nullable=False),
        sa.Column("adapter_id", RowId, nullable=False),
        sa.Column("code_map", sa.String(60), nullable=False),
        sa.Column("value", sa.String(100), nullable=False),
        sa.Column("target", sa.String(100), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", UtcTime(), nullable=False),
        sa.Column("last_seen_at", UtcTime(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("settled_by", sa.String(100), nullable=True),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.ForeignKeyConstraint(["adapter_id"], ["adapter.id"], name="fk_unmapped_code_adapter_id"),
        sa.PrimaryKeyConstraint("id", name="pk_unmapped_code"),
        sa.UniqueConstraint("adapter_id", "code_map", "value", name="uq_unmapped_code_adapter_id_code_map_value"),
    )
    op.create_index("ix_unmapped_code_state", "unmapped_code", ["state", "id"])


def _trials() -> None:
    op.create_table(
        "adapter_trial",
        sa.Column("id", RowId, nullable=False),
        sa.Column("version_id", RowId, nullable=False),
        sa.Column("envelope_id", RowId, nullable=True),
        sa.Column("sender_id", RowId, nullable=True),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("charset", sa.String(10), nullable=True),
        sa.Column("source", sa.String(100), nullable=True),
        sa.Column("tried_at", UtcTime(), nullable=False),
        sa.Column("unit_count", sa.Integer(), nullable=False),
        sa.Column("refused_count", sa.Integer(), nullable=False),
        sa.Column("issues", Document, nullable=False),
        sa.Column("differences", Document, nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["adapter_version.id"], name="fk_adapter_trial_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adapter_trial"),
    )
    op.create_index("ix_adapter_trial_version", "adapter_trial", ["version_id", "id"])
