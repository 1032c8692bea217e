"""How the database is set up and doing, for the check-up; nothing here changes anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select, text

from hub.stores.outbox import outbox

# PostgreSQL's settings under which a committed message survives a power failure, and what each protects from.
SAFE_SETTINGS: Mapping[str, tuple[frozenset[str], str]] = {
    "fsync": (frozenset({"on"}), "断电后数据库可能损坏"),
    "full_page_writes": (frozenset({"on"}), "断电后数据页可能残缺"),
    "synchronous_commit": (frozenset({"on", "local", "remote_write", "remote_apply"}), "断电后已发回执的报文可能丢失"),
}


@dataclass(frozen=True, slots=True)
class PostgresCondition:
    """`unsafe` holds the consequence of each setting that breaks the promise of a receipt."""

    version: str
    major: int
    unsafe: Mapping[str, str]
    is_standby: bool
    is_read_only: bool
    has_checksums: bool
    standbys_waited_for: str
    clock_ahead_seconds: float  # of the database before ours


def postgres_condition(unit: Connection, now: datetime) -> PostgresCondition:
    settings = {row.name: row.setting for row in unit.execute(text("SELECT name, setting FROM pg_settings")).all()}
    in_recovery, clock = unit.execute(text("SELECT pg_is_in_recovery(), clock_timestamp()")).one()
    unsafe = {name: harm for name, (safe, harm) in SAFE_SETTINGS.items() if settings[name] not in safe}
    return PostgresCondition(
        version=settings["server_version"],
        major=int(settings["server_version_num"]) // 10_000,
        unsafe=unsafe,
        is_standby=in_recovery,
        is_read_only=settings["default_transaction_read_only"] == "on",
        has_checksums=settings["data_checksums"] == "on",
        standbys_waited_for=settings["synchronous_standby_names"],
        clock_ahead_seconds=(clock - now).total_seconds(),
    )


@dataclass(frozen=True, slots=True)
class SqliteCondition:
    """`is_synced`: a commit is on the disk before it is answered (synchronous FULL or EXTRA)."""

    version: str
    is_synced: bool
    is_wal: bool


def sqlite_condition(unit: Connection) -> SqliteCondition:
    def pragma(name: str) -> Any:
        return unit.exec_driver_sql(f"PRAGMA {name}").scalar()

    version = ".".join(map(str, unit.dialect.server_version_info or ()))
    return SqliteCondition(version, pragma("synchronous") >= 2, pragma("journal_mode") == "wal")


def oldest_unpublished_seconds(unit: Connection, now: datetime) -> float:
    """How long a message has been due that neither the broker nor a worker has; 0 when there is none."""
    due = outbox.c.published_at.is_(None) & (outbox.c.available_at <= now)
    due_since = case((outbox.c.available_at > outbox.c.created_at, outbox.c.available_at), else_=outbox.c.created_at)
    since = unit.execute(select(func.min(due_since)).where(due)).scalar()
    return (now - since).total_seconds() if since is not None else 0.0
