"""A database as a stream of bytes and back, once for SQLite and once for PostgreSQL.

SQLite: the online backup interface copies one consistent state while others write. PostgreSQL: `pg_dump` in the
snapshot in which the manifest's figures are read; the password goes through a file, never through the command line.
"""

import gzip
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo
from sqlalchemy import inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from hub.domain.errors import RejectedError, RetryableError
from hub.stores.backup_file import Sink, damaged, sync_folder
from hub.stores.session import Connection, Database

_CHUNK_BYTES = 1 << 20
_GZIP_LEVEL = 1  # what takes the space is sealed and does not shrink
_OWNER_ONLY = 0o600


def _missing(what: str) -> RetryableError:
    return RetryableError("HUB-9011", what)


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raises RetryableError HUB-9011 before anything is written that would not fit."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise _missing(f"磁盘空间不够：{folder} 还有 {free >> 20} MiB，需要约 {(needed_bytes >> 20) + 1} MiB")


def require_empty(url: str) -> None:
    """Raises RejectedError HUB-5011 when there is anything where a backup is to be restored."""
    if is_sqlite(url):
        require_no_files(sqlite_path(url))
        return
    database = Database(url)
    try:
        with database.read() as unit:
            if inspect(unit).get_table_names():
                raise RejectedError("HUB-5011", "目标数据库里已经有表，不覆盖；请新建一个空数据库")
    finally:
        database.dispose()


def is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


# SQLite


def require_no_files(path: Path) -> None:
    """A journal left by another database would be played into the new one. Raises RejectedError HUB-5011."""
    for file in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm", "-journal"))):
        if file.exists():
            raise RejectedError("HUB-5011", f"已有文件 {file}，不覆盖")


def sqlite_path(url: str) -> Path:
    return Path(make_url(url).database or "")


def copy_sqlite(database: Database, copy: Path) -> None:
    """One consistent state of a database that others go on writing to."""
    copy.touch(_OWNER_ONLY)
    with database.read() as unit:
        source: Any = unit.connection.driver_connection
        target = sqlite3.connect(copy)
        try:
            source.backup(target)
        finally:
            target.close()


def pack_sqlite(copy: Path, sink: Sink) -> None:
    # Without name and time the same database gives the same bytes.
    with copy.open("rb") as plain, gzip.GzipFile("", "wb", _GZIP_LEVEL, _AsFile(sink), mtime=0) as packed:
        shutil.copyfileobj(plain, packed, _CHUNK_BYTES)


class _AsFile:
    """What gzip asks of a file that it writes to."""

    def __init__(self, sink: Sink) -> None:
        self.write = sink.write

    def flush(self) -> None:
        pass


def unpack_sqlite(chunks: Iterable[bytes], target: Path) -> None:
    """Raises RejectedError HUB-4011 when the file is not a sound SQLite database."""
    target.touch(_OWNER_ONLY)
    with tempfile.TemporaryFile(dir=target.parent) as packed:
        for chunk in chunks:
            packed.write(chunk)
        packed.seek(0)
        with gzip.GzipFile(fileobj=packed) as plain, target.open("wb") as file:
            shutil.copyfileobj(plain, file, _CHUNK_BYTES)
    _check_integrity(target)


def _check_integrity(path: Path) -> None:
    opened = sqlite3.connect(path)
    try:
        said = [row[0] for row in opened.execute("PRAGMA integrity_check(1)")]
    except sqlite3.DatabaseError as exc:
        raise damaged("里面的 SQLite 数据库不能读") from exc
    finally:
        opened.close()
    if said != ["ok"]:
        raise damaged("里面的 SQLite 数据库未通过完整性检查")


def settle_sqlite(finished: Path, target: Path) -> None:
    """Gives a database that nobody has open its name, synced; never the name of another."""
    last = sqlite3.connect(finished)
    last.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    last.close()
    with finished.open("rb") as file:
        os.fsync(file.fileno())
    require_no_files(target)
    finished.rename(target)
    sync_folder(target.parent)


# PostgreSQL


@contextmanager
def postgres_snapshot(database: Database) -> Iterator[tuple[Connection, str]]:
    """A transaction that sees one state, and the name under which `pg_dump` sees the same."""
    with database.read() as unit:
        unit.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        unhurried(unit)
        yield unit, unit.execute(text("SELECT pg_export_snapshot()")).scalar_one()


def unhurried(unit: Connection) -> None:
    """Lifts the time limits of ordinary work: whole tables are counted, and a dump is waited for."""
    if unit.dialect.name == "postgresql":
        unit.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        unit.execute(text("SET LOCAL statement_timeout = 0"))


def gather_statistics(unit: Connection) -> None:
    """A dump has none, and without them the first queries of a large PostgreSQL database crawl."""
    if unit.dialect.name == "postgresql":
        unit.exec_driver_sql("ANALYZE")


def postgres_size(unit: Connection) -> int:
    """Bytes on the server's disk; a dump has no indexes and is smaller."""
    return int(unit.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def dump_postgres(unit: Connection, url: str, snapshot: str, sink: Sink) -> None:
    """Raises RetryableError HUB-9011 when `pg_dump` is missing, older than the server, or fails."""
    tool = _tool("pg_dump", unit)
    options = ("--format=custom", "--compress=1", "--no-owner", "--no-privileges", "--lock-wait-timeout=30s")
    with _conninfo(url) as conninfo, tempfile.TemporaryFile() as errors:
        command = (tool, *options, f"--snapshot={snapshot}", f"--dbname={conninfo}")
        with subprocess.Popen(  # noqa: S603 - a list of ours, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process:
            _drain(process.stdout, sink)
        if process.returncode:
            raise _failed("pg_dump", _first_line(errors))


def _drain(pipe: Any, sink: Sink) -> None:
    while chunk := pipe.read(_CHUNK_BYTES):
        sink.write(chunk)


def load_postgres(chunks: Iterable[bytes], url: str) -> None:
    """All of a dump into an empty database, or nothing of it. Raises as `dump_postgres`."""
    database = Database(url)
    try:
        with database.read() as unit:
            tool = _tool("pg_restore", unit)
    finally:
        database.dispose()
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    with _conninfo(url) as conninfo:
        _feed((tool, *options, f"--dbname={conninfo}"), chunks)


def drop_tables(unit: Connection) -> None:
    """Every table of a PostgreSQL database; of SQLite the whole file is thrown away instead."""
    names = inspect(unit).get_table_names()
    if unit.dialect.name == "postgresql" and names:
        quote = unit.dialect.identifier_preparer.quote
        unit.exec_driver_sql(f"DROP TABLE {', '.join(map(quote, names))} CASCADE")


def list_postgres(chunks: Iterable[bytes]) -> None:
    """Raises RetryableError HUB-9011 when `pg_restore` is missing or cannot read the table of contents."""
    _feed((_tool("pg_restore"), "--list"), chunks)


def _feed(command: Sequence[str], chunks: Iterable[bytes]) -> None:
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(  # noqa: S603 - a list of ours, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        ) as process:
            _pour(chunks, process.stdin)
        if process.returncode:
            raise _failed("pg_restore", _restored_table(errors))


def _pour(chunks: Iterable[bytes], pipe: Any) -> None:
    """Until the reader has read enough (a list) or has failed: its exit status tells which."""
    with suppress(BrokenPipeError):
        for chunk in chunks:
            pipe.write(chunk)
    with suppress(BrokenPipeError):
        pipe.close()


def _failed(tool: str, about: str) -> RetryableError:
    return _missing(f"{tool} 失败" + (f"：{about}" if about else ""))


def _first_line(errors: Any) -> str:
    errors.seek(0)
    return str(errors.readline().decode(errors="replace").strip()[:200])


def _restored_table(errors: Any) -> str:
    """Only the table: what else `pg_restore` says may hold the values of a row."""
    errors.seek(0)
    found = re.search(rb'(?:relation|table) "(\w{1,63})"', errors.read(_CHUNK_BYTES))
    return f"表 {found[1].decode()}" if found else ""


def _tool(name: str, server: Connection | None = None) -> str:
    """Where the client tool is. Raises RetryableError HUB-9011 when it is missing or older than the server."""
    path = shutil.which(name)
    if path is None:
        raise _missing(f"没有找到 {name}，请安装 postgresql-client")
    said = subprocess.run((path, "--version"), capture_output=True, text=True, check=False).stdout  # noqa: S603 - found above
    found = re.search(r"\) (\d+)", said)
    client = int(found[1]) if found else 0
    if server is not None and client < _major(server):
        raise _missing(f"{name} 是 {client} 版，比 PostgreSQL 服务器的 {_major(server)} 版旧")
    return path


def _major(server: Connection) -> int:
    return int((server.dialect.server_version_info or (0,))[0])


@contextmanager
def _conninfo(url: str) -> Iterator[str]:
    """The address as the client tools understand it; the password in a file of the owner's only."""
    parsed = make_url(url.replace("postgresql://", "postgresql+psycopg://", 1))
    arguments = dict(parsed.get_dialect()().create_connect_args(parsed)[1])
    password = arguments.pop("password", None)
    with tempfile.NamedTemporaryFile("w", prefix="hub-pgpass-", encoding="utf-8") as file:
        if password:
            escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
            file.write(f"*:*:*:*:{escaped}\n")
            file.flush()
            arguments["passfile"] = file.name
        yield make_conninfo("", **arguments)


@contextmanager
def scratch_postgres(url: str) -> Iterator[str]:
    """A database of its own on the same server, dropped afterwards. Raises RetryableError HUB-9011 if not allowed."""
    name = f"hub_scratch_{secrets.token_hex(6)}"
    server = Database(url)
    try:
        _administer(server, f'CREATE DATABASE "{name}"')
        try:
            yield _render(make_url(url).set(database=name))
        finally:
            _administer(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        server.dispose()


def _administer(server: Database, statement: str) -> None:
    try:
        with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql(statement)
    except DBAPIError as exc:
        raise _missing("不能建立或删除临时数据库：请给数据库用户 CREATEDB 权限，或用 --scratch-url 指定空库") from exc


def _render(url: URL) -> str:
    return url.render_as_string(hide_password=False)
