"""Engine and units of work; database errors become ours here."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import psycopg
from psycopg.types.json import set_json_dumps
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, TimeoutError
from sqlalchemy.pool import PoolProxiedConnection

from hub.domain.errors import RetryableError
from hub.stores.base import dump_json, planned_anew

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

# Where the address says nothing else. A server that vanished is noticed within about half a minute.
_CONNECTING = {
    "connect_timeout": "5",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",  # milliseconds
}
_LIMITS = {"timezone": "UTC", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}
_STATEMENT_LIMITS = {"serve": "30s"}  # somebody waits for the answer
_LONGEST_STATEMENT = "5min"

# What PostgreSQL says of itself and not of a value, though psycopg files it as an internal error.
_READ_ONLY_TRANSACTION = "25006"
_IDLE_TOO_LONG = "25P03"


class Database:
    """One database, SQLite or PostgreSQL. Thread-safe. `role` names the process to PostgreSQL, as `hub-work`."""

    def __init__(self, url: str, role: str = "hub") -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url, role)
        # SQLite lets one writer in and makes the others poll; waiting on a lock here is fairer and faster.
        self._writer = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def unit(self) -> Iterator[Connection]:
        """One unit of work: committed when the block ends, rolled back when it raises.

        Raises RetryableError HUB-9002 when the database cannot be reached, is locked, full, shutting down or read-only,
        or chose this unit to end a deadlock.
        """
        with self._writer, _translated(), self.engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view without write lock. Raises as `unit`."""
        with _translated(), self.engine.connect() as connection, connection.begin(), planned_anew(connection):
            yield connection

    def dispose(self) -> None:
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    # Only outages: what the database says of a value (DataError, IntegrityError) would be said again at every retry.
    # COPY goes past SQLAlchemy, so that psycopg's own errors arrive too.
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError, psycopg.OperationalError, psycopg.InterfaceError) as exc:
        raise RetryableError("HUB-9002", "数据库暂时不可用，请稍后用同一报文标识重试") from exc
    except (InternalError, psycopg.InternalError) as exc:
        state = getattr(getattr(exc, "orig", exc), "sqlstate", None)
        if state == _READ_ONLY_TRANSACTION:
            raise _read_only() from exc
        if state == _IDLE_TOO_LONG:
            raise RetryableError("HUB-9002", "数据库连接空闲过久被收回，请稍后用同一报文标识重试") from exc
        raise


def _read_only() -> RetryableError:
    return RetryableError(
        "HUB-9002",
        "数据库只读：地址指向备库，或主备正在切换；请核对 HUB_DATABASE_URL（target_session_attrs=read-write）",
    )


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


def _postgresql_engine(url: str, role: str) -> Engine:
    address = make_url(url).set(drivername="postgresql+psycopg")
    defaults = _CONNECTING | {"application_name": f"hub-{role}"}
    engine = create_engine(
        address.update_query_dict({name: value for name, value in defaults.items() if name not in address.query}),
        json_serializer=dump_json, pool_size=10, max_overflow=10, pool_timeout=_POOL_WAIT_SECONDS,
    )  # fmt: skip
    limits = _LIMITS | {"statement_timeout": _STATEMENT_LIMITS.get(role, _LONGEST_STATEMENT)}
    settings = "; ".join(f"SET {name} = '{value}'" for name, value in limits.items())

    @event.listens_for(engine, "connect")
    def prepare(dbapi_connection: Any, _: PoolProxiedConnection) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute(settings)
            (in_recovery,) = cursor.execute("SELECT pg_is_in_recovery()").fetchone()
        dbapi_connection.commit()
        if in_recovery:
            dbapi_connection.close()
            raise _read_only()
        set_json_dumps(dump_json, dbapi_connection)

    return engine
