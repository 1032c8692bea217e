"""The five information stores, the exchange store and what surrounds them."""

import sqlalchemy as sa
from alembic import op

from hub.stores.base import Document, RowId, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Search tokens: an FTS5 table on SQLite, an array of lexemes under a GIN index on PostgreSQL (hub/stores/search.py).
_SEARCH = {
    "sqlite": ["CREATE VIRTUAL TABLE case_search USING fts5(tokens, tokenize = 'ascii')"],
    "postgresql": [
        "CREATE TABLE case_search (case_id bigint PRIMARY KEY REFERENCES case_library (id), tokens tsvector NOT NULL)",
        "CREATE INDEX ix_case_search_tokens ON case_search USING gin (tokens)",
    ],
}


def upgrade() -> None:
    op.create_table(
        "allocated_case_no",
        sa.Column("unified_no", sa.String(length=23), nullable=False),
        sa.Column("sender_id", sa.Integer(), nullable=False),
        sa.Column("item_code", sa.String(length=100), nullable=False),
        sa.Column("allocated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("unified_no", name=op.f("pk_allocated_case_no")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", RowId, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("object_type", sa.String(length=30), nullable=False),
        sa.Column("object_id", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("detail", Document, nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_table(
        "calendar_version",
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("published_until", sa.Date(), nullable=False),
        sa.Column("hours", Document, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_calendar_version")),
    )
    op.create_table(
        "case_library",
        sa.Column("id", RowId, nullable=False),
        sa.Column("unified_no", sa.String(length=23), nullable=False),
        sa.Column("org_code", sa.String(length=18), nullable=False),
        sa.Column("case_no", sa.String(length=100), nullable=False),
        sa.Column("item_code", sa.String(length=100), nullable=False),
        sa.Column("first_received_at", UtcTime(), nullable=False),
        sa.Column("last_received_at", UtcTime(), nullable=False),
        sa.Column("org_name", sa.String(length=200)),
        sa.Column("item_name", sa.String(length=1000)),
        sa.Column("title", sa.String(length=200)),
        sa.Column("applicant_name", sa.String(length=200)),
        sa.Column("applicant_type", sa.String(length=32)),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("applied_at", UtcTime()),
        sa.Column("accepted_at", UtcTime()),
        sa.Column("finished_at", UtcTime()),
        sa.Column("promised_due_at", UtcTime()),
        sa.Column("statutory_due_at", UtcTime()),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("card_level", sa.String(length=10)),
        sa.Column("search_text", sa.String(length=2000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_library")),
        sa.UniqueConstraint("org_code", "case_no", name=op.f("uq_case_library_org_code_case_no")),
        sa.UniqueConstraint("unified_no", name=op.f("uq_case_library_unified_no")),
    )
    op.create_index("ix_case_library_applied", "case_library", ["applied_at", "id"], unique=False)
    op.create_index("ix_case_library_card", "case_library", ["card_level", "id"], unique=False)
    op.create_index("ix_case_library_due", "case_library", ["finished_at", "promised_due_at"], unique=False)
    op.create_index(op.f("ix_case_library_item_code"), "case_library", ["item_code"], unique=False)
    op.create_index("ix_case_library_org", "case_library", ["org_code", "id"], unique=False)
    op.create_index("ix_case_library_state", "case_library", ["state", "id"], unique=False)
    op.create_table(
        "clock_policy",
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_clock_policy")),
    )
    op.create_table(
        "department",
        sa.Column("org_code", sa.String(length=18), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("letters", sa.String(length=2), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("org_code", name=op.f("pk_department")),
    )
    op.create_table(
        "evidence",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_evidence")),
    )
    op.create_table(
        "number_series",
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("letters", sa.String(length=2), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last_serial", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("area", "letters", "day", name=op.f("pk_number_series")),
    )
    op.create_table(
        "retired_code",
        sa.Column("item_code", sa.String(length=100), nullable=False),
        sa.Column("retired_at", UtcTime(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("item_code", name=op.f("pk_retired_code")),
    )
    op.create_table(
        "rule",
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_rule")),
    )
    op.create_table(
        "sender",
        sa.Column("id", RowId, nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("disabled_notice", sa.String(length=500)),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender")),
        sa.UniqueConstraint("code", name=op.f("uq_sender_code")),
    )
    op.create_table(
        "staff_token",
        sa.Column("id", RowId, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("org_codes", sa.Text(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_token_token_hash")),
    )
    op.create_table(
        "staff_user",
        sa.Column("id", RowId, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("org_codes", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("locked_until", UtcTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_user")),
        sa.UniqueConstraint("name", name=op.f("uq_staff_user_name")),
    )
    op.create_table(
        "used_nonce",
        sa.Column("id", RowId, nullable=False),
        sa.Column("sender_id", sa.Integer(), nullable=False),
        sa.Column("nonce_digest", sa.String(length=64), nullable=False),
        sa.Column("used_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_nonce")),
        sa.UniqueConstraint("sender_id", "nonce_digest", name=op.f("uq_used_nonce_sender_id_nonce_digest")),
    )
    op.create_index(op.f("ix_used_nonce_used_at"), "used_nonce", ["used_at"], unique=False)
    op.create_table(
        "calendar_day",
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["calendar_version.version"], name=op.f("fk_calendar_day_version")),
        sa.PrimaryKeyConstraint("version", "day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "card",
        sa.Column("id", RowId, nullable=False),
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("rule_code", sa.String(length=20), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("org_code", sa.String(length=18), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("raised_at", UtcTime(), nullable=False),
        sa.Column("occurred_at", UtcTime()),
        sa.Column("due_at", UtcTime()),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("evidence_digest", sa.String(length=64), nullable=False),
        sa.Column("closed_at", UtcTime()),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_card_case_id")),
        sa.ForeignKeyConstraint(["evidence_digest"], ["evidence.digest"], name=op.f("fk_card_evidence_digest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card")),
        sa.UniqueConstraint("case_id", "rule_code", "subject", name=op.f("uq_card_case_id_rule_code_subject")),
    )
    op.create_index(op.f("ix_card_case_id"), "card", ["case_id"], unique=False)
    op.create_index("ix_card_org", "card", ["org_code", "id"], unique=False)
    op.create_index("ix_card_state", "card", ["state", "level", "id"], unique=False)
    op.create_table(
        "credential",
        sa.Column("id", RowId, nullable=False),
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime()),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_credential_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
    )
    op.create_index(op.f("ix_credential_sender_id"), "credential", ["sender_id"], unique=False)
    op.create_table(
        "envelope",
        sa.Column("id", RowId, nullable=False),
        sa.Column("receipt_no", sa.String(length=32), nullable=False),
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("message_id", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("body_format", sa.String(length=10), nullable=False),
        sa.Column("charset", sa.String(length=10), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("body_size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("accepted_count", sa.Integer(), nullable=False),
        sa.Column("rejected_count", sa.Integer(), nullable=False),
        sa.Column("record_ids", Document, nullable=False),
        sa.Column("errors", Document, nullable=False),
        sa.Column("processed_at", UtcTime()),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_envelope_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_envelope")),
        sa.UniqueConstraint("receipt_no", name=op.f("uq_envelope_receipt_no")),
        sa.UniqueConstraint("sender_id", "message_id", name=op.f("uq_envelope_sender_id_message_id")),
    )
    op.create_index("ix_envelope_received_at", "envelope", ["received_at", "id"], unique=False)
    op.create_index("ix_envelope_sender_received", "envelope", ["sender_id", "received_at"], unique=False)
    op.create_table(
        "finding",
        sa.Column("id", RowId, nullable=False),
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("rule_code", sa.String(length=20), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("level", sa.String(length=10)),
        sa.Column("occurred_at", UtcTime()),
        sa.Column("due_at", UtcTime()),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("evidence_digest", sa.String(length=64), nullable=False),
        sa.Column("judged_at", UtcTime(), nullable=False),
        sa.Column("retracted_at", UtcTime()),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_finding_case_id")),
        sa.ForeignKeyConstraint(["evidence_digest"], ["evidence.digest"], name=op.f("fk_finding_evidence_digest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(
        "uq_finding_standing",
        "finding",
        ["case_id", "rule_code", "subject"],
        unique=True,
        sqlite_where=sa.text("retracted_at IS NULL"),
        postgresql_where=sa.text("retracted_at IS NULL"),
    )
    op.create_table(
        "rule_version",
        sa.Column("rule_code", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["rule_code"], ["rule.code"], name=op.f("fk_rule_version_rule_code")),
        sa.PrimaryKeyConstraint("rule_code", "version", name=op.f("pk_rule_version")),
    )
    op.create_table(
        "sender_org",
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("org_code", sa.String(length=18), nullable=False),
        sa.ForeignKeyConstraint(["org_code"], ["department.org_code"], name=op.f("fk_sender_org_org_code")),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_sender_org_sender_id")),
        sa.PrimaryKeyConstraint("sender_id", "org_code", name=op.f("pk_sender_org")),
    )
    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", RowId, nullable=False),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("last_seen_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["staff_user.id"], name=op.f("fk_staff_session_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_staff_session")),
    )
    op.create_index(op.f("ix_staff_session_user_id"), "staff_session", ["user_id"], unique=False)
    op.create_table(
        "timer",
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_timer_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_timer")),
    )
    op.create_index("ix_timer_due_at", "timer", ["due_at"], unique=False)
    op.create_table(
        "card_event",
        sa.Column("id", RowId, nullable=False),
        sa.Column("card_id", RowId, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_card_event_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_event")),
    )
    op.create_index(op.f("ix_card_event_card_id"), "card_event", ["card_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", RowId, nullable=False),
        sa.Column("envelope_id", RowId, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("available_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200)),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_outbox_envelope_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_available_at", "outbox", ["available_at", "id"], unique=False)
    op.create_table(
        "process_record",
        sa.Column("id", RowId, nullable=False),
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("record_id", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("envelope_id", RowId, nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("item_code", sa.String(length=100), nullable=False),
        sa.Column("org_name", sa.String(length=200)),
        sa.Column("office", sa.String(length=400)),
        sa.Column("step_seq", sa.Integer(), nullable=False),
        sa.Column("step_code", sa.String(length=100)),
        sa.Column("step_name", sa.String(length=200), nullable=False),
        sa.Column("post", sa.String(length=200)),
        sa.Column("officer_id", sa.String(length=50)),
        sa.Column("officer_name", sa.String(length=100)),
        sa.Column("step_status", sa.String(length=32), nullable=False),
        sa.Column("started_at", UtcTime()),
        sa.Column("handled_at", UtcTime()),
        sa.Column("opinion", sa.Text()),
        sa.Column("risk", Document),
        sa.Column("notes", Document, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_process_record_case_id")),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_process_record_envelope_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_process_record_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process_record")),
        sa.UniqueConstraint(
            "sender_id", "record_id", "revision", name=op.f("uq_process_record_sender_id_record_id_revision")
        ),
    )
    op.create_index("ix_process_record_case", "process_record", ["case_id", "is_current"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", RowId, nullable=False),
        sa.Column("envelope_id", RowId, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.String(length=100)),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("quarantined_at", UtcTime(), nullable=False),
        sa.Column("resolved_at", UtcTime()),
        sa.Column("resolved_by", sa.String(length=100)),
        sa.Column("reason", sa.String(length=500)),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_quarantine_envelope_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("envelope_id", "seq", name=op.f("uq_quarantine_envelope_id_seq")),
    )
    op.create_index("ix_quarantine_state", "quarantine", ["state", "id"], unique=False)
    op.create_table(
        "result_record",
        sa.Column("id", RowId, nullable=False),
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("record_id", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("envelope_id", RowId, nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("item_code", sa.String(length=100), nullable=False),
        sa.Column("result_status", sa.String(length=32), nullable=False),
        sa.Column("raw_status", sa.String(length=32)),
        sa.Column("opinion", sa.Text()),
        sa.Column("finished_at", UtcTime(), nullable=False),
        sa.Column("receivable", sa.Numeric(precision=16, scale=2)),
        sa.Column("paid", sa.Numeric(precision=16, scale=2)),
        sa.Column("relief_reason", sa.String(length=400)),
        sa.Column("certificate_name", sa.String(length=200)),
        sa.Column("certificate_no", sa.String(length=200)),
        sa.Column("certificate_valid_until", sa.String(length=30)),
        sa.Column("delivered_at", UtcTime()),
        sa.Column("delivery_method", sa.String(length=100)),
        sa.Column("satisfaction", sa.Integer()),
        sa.Column("notes", Document, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_result_record_case_id")),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_result_record_envelope_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_result_record_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_record")),
        sa.UniqueConstraint(
            "sender_id", "record_id", "revision", name=op.f("uq_result_record_sender_id_record_id_revision")
        ),
    )
    op.create_index("ix_result_record_case", "result_record", ["case_id", "is_current"], unique=False)
    op.create_table(
        "service_item_version",
        sa.Column("id", RowId, nullable=False),
        sa.Column("item_code", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("sender_id", RowId, nullable=False),
        sa.Column("envelope_id", RowId, nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("item_name", sa.String(length=1000), nullable=False),
        sa.Column("item_type", sa.String(length=32), nullable=False),
        sa.Column("handling_class", sa.String(length=32), nullable=False),
        sa.Column("org_code", sa.String(length=18), nullable=False),
        sa.Column("org_name", sa.String(length=200), nullable=False),
        sa.Column("is_charged", sa.Boolean(), nullable=False),
        sa.Column("statutory_limit", sa.Integer()),
        sa.Column("statutory_limit_unit", sa.String(length=32)),
        sa.Column("promised_limit", sa.Integer(), nullable=False),
        sa.Column("promised_limit_unit", sa.String(length=32), nullable=False),
        sa.Column("valid_from", sa.Date()),
        sa.Column("document", Document, nullable=False),
        sa.Column("notes", Document, nullable=False),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_service_item_version_envelope_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_service_item_version_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_item_version")),
        sa.UniqueConstraint("item_code", "revision", name=op.f("uq_service_item_version_item_code_revision")),
    )
    op.create_index(op.f("ix_service_item_version_org_code"), "service_item_version", ["org_code"], unique=False)
    op.create_table(
        "attachment",
        sa.Column("id", RowId, nullable=False),
        sa.Column("process_record_id", RowId),
        sa.Column("result_record_id", RowId),
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("attachment_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=500)),
        sa.Column("kind", sa.String(length=100)),
        sa.Column("media_type", sa.String(length=100)),
        sa.Column("size", sa.Integer()),
        sa.Column("digest", sa.String(length=128)),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_attachment_case_id")),
        sa.ForeignKeyConstraint(
            ["process_record_id"], ["process_record.id"], name=op.f("fk_attachment_process_record_id")
        ),
        sa.ForeignKeyConstraint(
            ["result_record_id"], ["result_record.id"], name=op.f("fk_attachment_result_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index(op.f("ix_attachment_case_id"), "attachment", ["case_id"], unique=False)
    op.create_table(
        "case_application",
        sa.Column("process_record_id", RowId, nullable=False),
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.String(length=1000)),
        sa.Column("apply_method", sa.String(length=32)),
        sa.Column("apply_form", sa.Text()),
        sa.Column("applied_at", UtcTime(), nullable=False),
        sa.Column("accepted_at", UtcTime()),
        sa.Column("applicant_type", sa.String(length=32)),
        sa.Column("applicant_name", sa.String(length=200), nullable=False),
        sa.Column("applicant_id_type", sa.String(length=32)),
        sa.Column("applicant_id_sealed", sa.LargeBinary()),
        sa.Column("applicant_id_key", sa.String(length=32)),
        sa.Column("applicant_phone_sealed", sa.LargeBinary()),
        sa.Column("applicant_phone_key", sa.String(length=32)),
        sa.Column("legal_representative", sa.String(length=100)),
        sa.Column("agent_name", sa.String(length=100)),
        sa.Column("agent_id_type", sa.String(length=32)),
        sa.Column("agent_id_sealed", sa.LargeBinary()),
        sa.Column("agent_id_key", sa.String(length=32)),
        sa.Column("agent_phone_sealed", sa.LargeBinary()),
        sa.Column("agent_phone_key", sa.String(length=32)),
        sa.Column("handling_class", sa.String(length=32)),
        sa.Column("promised_limit", sa.Integer()),
        sa.Column("limit_unit", sa.String(length=32)),
        sa.Column("statutory_limit", sa.Integer()),
        sa.Column("statutory_limit_unit", sa.String(length=32)),
        sa.Column("area", sa.String(length=12)),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_case_application_case_id")),
        sa.ForeignKeyConstraint(
            ["process_record_id"], ["process_record.id"], name=op.f("fk_case_application_process_record_id")
        ),
        sa.PrimaryKeyConstraint("process_record_id", name=op.f("pk_case_application")),
    )
    op.create_index(op.f("ix_case_application_agent_id_key"), "case_application", ["agent_id_key"], unique=False)
    op.create_index(op.f("ix_case_application_agent_phone_key"), "case_application", ["agent_phone_key"], unique=False)
    op.create_index(
        op.f("ix_case_application_applicant_id_key"), "case_application", ["applicant_id_key"], unique=False
    )
    op.create_index(
        op.f("ix_case_application_applicant_phone_key"), "case_application", ["applicant_phone_key"], unique=False
    )
    op.create_index(op.f("ix_case_application_case_id"), "case_application", ["case_id"], unique=False)
    op.create_table(
        "case_material",
        sa.Column("id", RowId, nullable=False),
        sa.Column("process_record_id", RowId, nullable=False),
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=100)),
        sa.Column("copies", sa.Integer()),
        sa.Column("received", sa.Boolean()),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_case_material_case_id")),
        sa.ForeignKeyConstraint(
            ["process_record_id"], ["process_record.id"], name=op.f("fk_case_material_process_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_material")),
    )
    op.create_index(op.f("ix_case_material_case_id"), "case_material", ["case_id"], unique=False)
    op.create_table(
        "special_procedure",
        sa.Column("process_record_id", RowId, nullable=False),
        sa.Column("case_id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime()),
        sa.Column("basis", sa.Text()),
        sa.Column("approver", sa.String(length=100)),
        sa.Column("requested_limit", sa.Integer()),
        sa.Column("limit_unit", sa.String(length=32)),
        sa.Column("notified_in_writing", sa.Boolean()),
        sa.Column("result", sa.String(length=2000)),
        sa.ForeignKeyConstraint(["case_id"], ["case_library.id"], name=op.f("fk_special_procedure_case_id")),
        sa.ForeignKeyConstraint(
            ["process_record_id"], ["process_record.id"], name=op.f("fk_special_procedure_process_record_id")
        ),
        sa.PrimaryKeyConstraint("process_record_id", name=op.f("pk_special_procedure")),
    )
    op.create_index(op.f("ix_special_procedure_case_id"), "special_procedure", ["case_id"], unique=False)
    for statement in _SEARCH[op.get_bind().dialect.name]:
        op.execute(statement)
