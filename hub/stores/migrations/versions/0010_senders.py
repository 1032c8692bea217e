"""When a secret was last used, and what the registration form of a sender says."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import RowId, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credential", sa.Column("last_used_at", UtcTime(), nullable=True))
    op.create_table(
        "sender_registration",
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("form_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_sender_registration_sender_id")),
        sa.PrimaryKeyConstraint("sender_id", name=op.f("pk_sender_registration")),
    )
