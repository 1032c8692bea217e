"""Backup and restore of everything a hub keeps, except the secret key: without the key a backup opens nothing.

A backup is made while the hub runs and holds one consistent state. What was received afterwards is not in it:
`restore` tells from which receipt on senders must be asked. A state counts as restored only when its rows were
counted, its schema is the program's, its audit chain ends as the manifest says, and a sealed message opens.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, delete, func, select, table, update

from hub.domain.errors import HubError, RejectedError, RetryableError
from hub.domain.times import as_json, china_day
from hub.stores import audit, backup_engines, backup_file
from hub.stores.backup_file import DATABASE_MEMBERS, FORMAT, BackupFile, Sign, Sink, damaged
from hub.stores.base import AnyRow, insert_or_ignore
from hub.stores.case_library import number_series
from hub.stores.exchange import envelope
from hub.stores.outbox import outbox
from hub.stores.registry import sender
from hub.stores.schema import metadata
from hub.stores.sealing import Sealer
from hub.stores.session import Database
from hub.stores.upgrade import known_revisions, revision_of, upgrade
from hub.stores.users import staff_session

PRODUCT = "county-exchange-hub"

# Unified numbers given after the backup must not be given again to other cases. No county gives so many in a day.
NUMBERS_SKIPPED = 100_000

_HEADROOM_BYTES = 16 << 20
_SEALED_MESSAGES_TRIED = 10
_UNDER_WAY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and what did not: a receipt given after `lost_since` may be unknown to the restored hub."""

    manifest: Mapping[str, Any]
    lost_since: datetime
    restored_at: datetime
    unsent_messages: int
    highest_receipt: str | None


def key_fingerprint(sealer: Sealer) -> str:
    """Tells whether two hubs have the same key, and nothing about the key."""
    return signer(sealer)("key")


def signer(sealer: Sealer) -> Sign:
    return lambda text: sealer.search_key(f"backup {text}") or ""


# Making


def create(database: Database, url: str, sealer: Sealer, target: Path, now: datetime) -> BackupFile:
    """Writes a backup of a running hub to `target`.

    Raises RejectedError HUB-4006 when the name is taken, RetryableError HUB-9011 when tool or space is missing.
    """
    add_database = _ADD_DATABASE["sqlite" if database.is_sqlite else "postgresql"]
    try:
        with backup_file.new_file(target) as file:
            manifest = add_database(database, url, file, target.parent)
            facts = {
                "format": FORMAT,
                "product": PRODUCT,
                "productVersion": version(PRODUCT),
                "createdAt": as_json(now),
            }
            backup_file.finish(file, facts | {"keyFingerprint": key_fingerprint(sealer)} | manifest, signer(sealer))
    except OSError as exc:
        raise RetryableError("HUB-9011", f"写备份文件失败：{exc.strerror}") from exc
    return backup_file.read(target)


def _add_sqlite(database: Database, url: str, file: Any, folder: Path) -> dict[str, Any]:
    size = backup_engines.sqlite_path(url).stat().st_size
    backup_engines.require_space(folder, 2 * size + _HEADROOM_BYTES)
    with TemporaryDirectory(prefix=".hub-backup-", dir=folder) as scratch:
        copy = Path(scratch) / "hub.db"
        backup_engines.copy_sqlite(database, copy)
        with _opened(f"sqlite:///{copy}") as copied, copied.read() as unit:
            facts = _facts(unit)
        return facts | _member(file, "sqlite", lambda sink: backup_engines.pack_sqlite(copy, sink))


def _add_postgresql(database: Database, url: str, file: Any, folder: Path) -> dict[str, Any]:
    with backup_engines.postgres_snapshot(database) as (unit, snapshot):
        backup_engines.require_space(folder, backup_engines.postgres_size(unit) + _HEADROOM_BYTES)
        facts = _facts(unit)
        return facts | _member(file, "postgresql", lambda sink: backup_engines.dump_postgres(unit, url, snapshot, sink))


_ADD_DATABASE: Mapping[str, Callable[[Database, str, Any, Path], dict[str, Any]]] = {
    "sqlite": _add_sqlite,
    "postgresql": _add_postgresql,
}


def _member(file: Any, engine: str, write: Callable[[Sink], None]) -> dict[str, Any]:
    name = DATABASE_MEMBERS[engine]
    with backup_file.member(file, name) as sink:
        write(sink)
    return {"members": {name: {"size": sink.size, "sha256": sink.hexdigest}}}


def _facts(unit: Connection) -> dict[str, Any]:
    """What a restored database must show again."""
    last = unit.execute(select(envelope).order_by(envelope.c.id.desc()).limit(1)).first()
    head = audit.head(unit)
    return {
        "engine": unit.dialect.name,
        "engineVersion": ".".join(map(str, unit.dialect.server_version_info or ())),
        "schemaRevision": revision_of(unit),
        "rows": {name: _count(unit, name) for name in sorted(metadata.tables)},
        "lastReceipt": last and {"receiptNo": last.receipt_no, "receivedAt": as_json(last.received_at)},
        "audit": head and {"id": head.id, "hash": head.hash},
        "senders": [_last_of(row) for row in _last_messages(unit)],
    }


def _count(unit: Connection, name: str) -> int:
    return unit.execute(select(func.count()).select_from(table(name))).scalar_one()


def _last_messages(unit: Connection) -> list[AnyRow]:
    newest = select(func.max(envelope.c.id)).group_by(envelope.c.sender_id)
    query = select(sender.c.code, envelope).join_from(envelope, sender).where(envelope.c.id.in_(newest))
    return list(unit.execute(query.order_by(sender.c.code)).all())


def _last_of(row: AnyRow) -> dict[str, Any]:
    return {
        "sender": row.code,
        "lastMessageId": row.message_id,
        "lastReceiptNo": row.receipt_no,
        "lastReceivedAt": as_json(row.received_at),
    }


# Proving


def verify(path: Path, sealer: Sealer | None) -> BackupFile:
    """Reads every byte of the file. Raises NotFoundError, RejectedError HUB-4011, HUB-9004 when the key is another."""
    held = backup_file.read(path)
    if sealer is not None:
        if held.manifest["keyFingerprint"] != key_fingerprint(sealer):
            raise RejectedError("HUB-9004", "备份是用另一把密钥加密的：请先放回当时的密钥")
        held.check_seal(signer(sealer))
    held.check_database()
    if held.engine == "postgresql":
        backup_engines.list_postgres(held.chunks())
    return held


def rehearse(held: BackupFile, sealer: Sealer, scratch_url: str, folder: Path) -> None:
    """Restores into a scratch database and proves what came out. Raises as `restore`.

    `scratch_url`: an empty PostgreSQL database; not used for SQLite, which is unpacked below `folder`.
    """
    with TemporaryDirectory(prefix=".hub-verify-", dir=folder) as scratch:
        url = f"sqlite:///{Path(scratch) / 'hub.db'}" if held.engine == "sqlite" else scratch_url
        _load(held, url)
        with _opened(url) as database:
            _prove(database, held.manifest, sealer)


def _load(held: BackupFile, url: str) -> None:
    if held.engine == "sqlite":
        backup_engines.unpack_sqlite(held.chunks(), backup_engines.sqlite_path(url))
    else:
        backup_engines.load_postgres(held.chunks(), url)


def _prove(database: Database, manifest: Mapping[str, Any], sealer: Sealer) -> None:
    """Raises RejectedError HUB-4011 when the database is not what the manifest says; brings its schema up to date."""
    with database.read() as unit:
        backup_engines.unhurried(unit)
        differing = [name for name, rows in manifest["rows"].items() if _count(unit, name) != rows]
    if differing:
        raise damaged(f"恢复出的行数与清单不符：{'、'.join(differing)}")
    upgrade(database)
    with database.read() as unit:
        backup_engines.unhurried(unit)
        head = audit.head(unit)
        if (head and {"id": head.id, "hash": head.hash}) != manifest["audit"]:
            raise damaged("审计链的末端与清单不符")
        broken = next(audit.broken_links(unit), None)
        if broken is not None:
            raise damaged(f"审计链在第 {broken} 行断开")
        _open_messages(unit, sealer)


def _open_messages(unit: Connection, sealer: Sealer) -> None:
    """Raises RejectedError HUB-9004 when a message cannot be opened with this key."""
    newest = select(envelope.c.body_sealed).order_by(envelope.c.id.desc()).limit(_SEALED_MESSAGES_TRIED)
    for row in unit.execute(newest).all():
        sealer.open_body(row.body_sealed)


# Restoring


def require_fit(held: BackupFile, url: str) -> None:
    """Raises RejectedError HUB-5012 for another engine or a newer schema, HUB-5011 when the target is not empty."""
    engine = "sqlite" if backup_engines.is_sqlite(url) else "postgresql"
    if held.engine != engine:
        raise RejectedError("HUB-5012", f"备份来自 {held.engine}，目标是 {engine}")
    if held.manifest["schemaRevision"] not in known_revisions():
        raise RejectedError("HUB-5012", f"备份的结构版本 {held.manifest['schemaRevision']} 比本程序新，请先升级程序")
    backup_engines.require_empty(url)


def restore(held: BackupFile, url: str, sealer: Sealer, act: audit.Act, now: datetime) -> Restored:
    """Restores into an empty database, which stays empty unless everything is proved. `act` is audited.

    Raises RejectedError HUB-4011, HUB-5011, HUB-5012, HUB-9004, RetryableError HUB-9011.
    """
    require_fit(held, url)
    with _target(held, url) as being_restored:
        _load(held, being_restored)
        with _opened(being_restored) as database, _emptied_on_failure(database):
            _prove(database, held.manifest, sealer)
            with database.unit() as unit:
                backup_engines.unhurried(unit)
                unsent = _after(unit, held.manifest, now)
                backup_engines.gather_statistics(unit)
                audit.record(unit, act, now)
    last = held.manifest["lastReceipt"]
    return Restored(held.manifest, _lost_since(held.manifest), now, unsent, last and last["receiptNo"])


@contextmanager
def _target(held: BackupFile, url: str) -> Iterator[str]:
    """The address to restore to. For SQLite a file beside the target, which takes its name when all went well."""
    if held.engine != "sqlite":
        yield url
        return
    path = backup_engines.sqlite_path(url)
    backup_engines.require_space(path.parent, 2 * held.database_size + _HEADROOM_BYTES)
    with TemporaryDirectory(prefix=".hub-restore-", dir=path.parent) as scratch:
        unpacked = Path(scratch) / path.name
        yield f"sqlite:///{unpacked}"
        backup_engines.settle_sqlite(unpacked, path)


@contextmanager
def _emptied_on_failure(database: Database) -> Iterator[None]:
    """What was not proved must not be taken for a hub. All that is there was loaded a moment ago."""
    try:
        yield
    except HubError:
        with database.unit() as unit:
            backup_engines.drop_tables(unit)
        raise


def _after(unit: Connection, manifest: Mapping[str, Any], now: datetime) -> int:
    """Makes the past fit for going on; the number of messages that wait for a worker.

    The broker knows nothing of this past, so that every waiting message is published again; whoever was signed in
    signs in again.
    """
    unit.execute(update(outbox).values(published_at=None))
    unit.execute(delete(staff_session))
    _skip_numbers(unit, china_day(_lost_since(manifest)), china_day(now))
    return unit.execute(select(func.count()).select_from(outbox)).scalar_one()


def _lost_since(manifest: Mapping[str, Any]) -> datetime:
    """When the backup was made, less what a message may take from its arrival to its commit."""
    return datetime.fromisoformat(manifest["createdAt"]) - _UNDER_WAY


def _skip_numbers(unit: Connection, first: date, last: date) -> None:
    """Leaves a gap in the numbers of every day of which numbers may have been given that the backup does not know."""
    subjects = unit.execute(select(number_series.c.area, number_series.c.letters).distinct()).all()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    rows = [
        {"area": subject.area, "letters": subject.letters, "day": day, "last_serial": 0}
        for subject in subjects
        for day in days
    ]
    if rows:
        unit.execute(insert_or_ignore(unit, number_series), rows)
    unknown = number_series.c.day >= first
    unit.execute(update(number_series).where(unknown).values(last_serial=number_series.c.last_serial + NUMBERS_SKIPPED))


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()
