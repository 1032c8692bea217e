"""Files of cases with their content."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import RowId, UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachment_file",
        sa.Column("id", RowId, nullable=False),
        sa.Column("receipt_no", sa.String(length=32), nullable=False),
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("message_id", sa.String(length=100), nullable=False),
        sa.Column("attachment_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("case_no", sa.String(length=100), nullable=False),
        sa.Column("item_code", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=True),
        sa.Column("size", RowId, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_attachment_file_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment_file")),
        sa.UniqueConstraint("receipt_no", name=op.f("uq_attachment_file_receipt_no")),
        sa.UniqueConstraint("sender_id", "message_id", name=op.f("uq_attachment_file_sender_id_message_id")),
        sa.UniqueConstraint("sender_id", "attachment_id", name=op.f("uq_attachment_file_sender_id_attachment_id")),
    )
    op.create_index("ix_attachment_file_case_no", "attachment_file", ["case_no"])
