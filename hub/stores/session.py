"""Engine and units of work; database errors become ours here."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlalchemy.pool import PoolProxiedConnection

from hub.domain.errors import RetryableError
from hub.stores.base import dump_json

__all__ = ["Connection", "Database"]

_SQLITE_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",  # NORMAL may lose a commit at power failure: a receipt would be a lie
    "busy_timeout = 10000",
    "foreign_keys = ON",
    "cache_size = -16000",
    "mmap_size = 0",
)
_POOL_WAIT_SECONDS = 5


class Database:
    """One database, SQLite or PostgreSQL. Thread-safe."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        # SQLite lets one writer in and makes the others poll; waiting on a lock here is fairer and faster.
        self._writer = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def unit(self) -> Iterator[Connection]:
        """One unit of work: committed when the block ends, rolled back when it raises.

        Raises RetryableError HUB-9002 when the database cannot be reached, is locked, full or shutting down.
        """
        with self._writer, _translated(), self.engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view without write lock. Raises as `unit`."""
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    # Only outages: what the database says of a value (DataError, IntegrityError) would be said again at every retry.
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError) as exc:
        raise RetryableError("HUB-9002", "数据库暂时不可用，请稍后用同一报文标识重试") from exc


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url, json_serializer=dump_json, pool_size=20, max_overflow=20, pool_timeout=_POOL_WAIT_SECONDS,
        connect_args={"check_same_thread": False},
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def set_pragmas(dbapi_connection: Any, _: Any) -> None:
        dbapi_connection.isolation_level = None  # we begin transactions ourselves
        for pragma in _SQLITE_PRAGMAS:
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(url: str) -> Engine:
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(
        url, json_serializer=dump_json, pool_size=10, max_overflow=10, pool_timeout=_POOL_WAIT_SECONDS
    )

    @event.listens_for(engine, "connect")
    def set_limits(dbapi_connection: Any, _: PoolProxiedConnection) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute(
                "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'; SET timezone = 'UTC'"
            )
        dbapi_connection.commit()

    return engine
