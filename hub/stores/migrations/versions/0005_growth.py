"""What keeps large tables fast (docs/adr/0010-growth-and-expanding-migrations.md)."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import RowId

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# By PostgreSQL's defaults a table is tended after a fifth of it has changed: for the queue, which is empty most of the
# time, far too often or far too late; for millions of facts once in a year.
_UPKEEP = {
    "outbox": (
        "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, "
        "autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000"
    ),
    "timer": "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05",
    "case_library": "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02",
    "case_search": "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02",
    "process_record": "autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02",
    "envelope": "autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02",
    "finding": "autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02",
}


def upgrade() -> None:
    listed = sa.text("id > 0")
    op.create_index(
        "ix_case_library_org_listed", "case_library", ["org_code", "id"], sqlite_where=listed, postgresql_where=listed
    )
    op.drop_index("ix_case_library_org", "case_library")
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("attachment", "size", type_=RowId)  # SQLite's integers are that wide already
        for table, settings in _UPKEEP.items():
            op.execute(f"ALTER TABLE {table} SET ({settings})")
