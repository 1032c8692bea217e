"""Opens a department's database: a checked address, a kept secret, bounded waits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    NoSuchTableError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)

from adapters.transports.folders import Folders
from adapters.transports.outbound import Outbound
from hub.domain.errors import RejectedError, RetryableError

_BAD_ADDRESS = "HUB-4024"
_CONNECT_SECONDS = 10
_STATEMENT_SECONDS = 60

_PORTS: Mapping[str, int] = MappingProxyType({
    "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "oracle": 1521, "mssql": 1433, "dm": 5236, "kingbase": 54321,
})  # fmt: skip
# Others could name another host, a file or a program: the address that was checked would not be the one used.
_HARMLESS_OPTIONS = frozenset({"charset", "sslmode", "service_name", "driver", "Encrypt", "TrustServerCertificate"})

_WAITS: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "psycopg": {"connect_timeout": _CONNECT_SECONDS, "options": f"-c statement_timeout={_STATEMENT_SECONDS}s"},
    "psycopg2": {"connect_timeout": _CONNECT_SECONDS, "options": f"-c statement_timeout={_STATEMENT_SECONDS}s"},
    "pymysql": {
        "connect_timeout": _CONNECT_SECONDS, "read_timeout": _STATEMENT_SECONDS, "write_timeout": _STATEMENT_SECONDS
    },
    "oracledb": {"tcp_connect_timeout": _CONNECT_SECONDS},
    "pymssql": {"login_timeout": _CONNECT_SECONDS, "timeout": _STATEMENT_SECONDS},
    "pyodbc": {"timeout": _CONNECT_SECONDS},
    "pysqlite": {"timeout": _CONNECT_SECONDS},
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """A connection address that passed the rules; `host` is None for a file of SQLite."""

    url: URL
    host: str | None
    port: int

    def check(self, outbound: Outbound, folders: Folders) -> None:
        """Raises RejectedError HUB-4020 or HUB-4022 when the county does not allow it."""
        if self.host is None:
            folders.require(Path(self.url.database or ""))
        else:
            outbound.require(self.host, self.port)


def database_address(text: str) -> DatabaseAddress:
    """Reads `dialect+driver://user@host:port/name`. Raises RejectedError HUB-4024 when it is none, or says too much."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as exc:
        raise RejectedError(_BAD_ADDRESS, "数据库地址应写成 方言+驱动://用户@主机:端口/库名") from exc
    if url.password is not None:
        raise RejectedError(_BAD_ADDRESS, "数据库地址中不能写密码；请用 hub secret set 保存，并写密钥名")
    if set(url.query) - _HARMLESS_OPTIONS:
        allowed = "、".join(sorted(_HARMLESS_OPTIONS))
        raise RejectedError(_BAD_ADDRESS, f"数据库地址的参数只能是：{allowed}")
    if url.get_backend_name() == "sqlite":
        return DatabaseAddress(url, None, 0)
    port = url.port or _PORTS.get(url.get_backend_name())
    if not url.host or port is None or set(url.host) & set(",/"):
        raise RejectedError(_BAD_ADDRESS, "数据库地址须写明一个主机；不常见的数据库还须写明端口")
    return DatabaseAddress(url, url.host, port)


def open_database(address: DatabaseAddress, password: str | None, outbound: Outbound, folders: Folders) -> Engine:
    """An engine with one connection at a time, to the address that was checked.

    Raises RejectedError HUB-4020, HUB-4022, HUB-4024 (no driver), RetryableError HUB-9026 (name not known).
    """
    address.check(outbound, folders)
    url = address.url if password is None else address.url.set(password=password)
    try:
        arguments = dict(_WAITS.get(url.get_driver_name(), {}))
        if address.host is not None:
            checked = outbound.addresses(address.host, address.port)[0]
            if url.get_backend_name() == "postgresql":
                arguments["hostaddr"] = checked  # the name stays, for certificates
            else:
                url = url.set(host=checked)
        engine = create_engine(
            url.set(port=address.port or None), connect_args=arguments, pool_size=1, max_overflow=0,
            pool_timeout=_CONNECT_SECONDS, hide_parameters=True,
        )  # fmt: skip
    except (NoSuchModuleError, ImportError) as exc:
        raise RejectedError(_BAD_ADDRESS, "没有安装这种数据库的驱动；请在中心的 Python 环境中安装后重试") from exc
    if address.host is None:
        _begin_ourselves(engine)
    return engine


def _begin_ourselves(engine: Engine) -> None:
    """SQLite: a write transaction from its first statement, so that nothing changes between looking and writing."""

    @event.listens_for(engine, "connect")
    def leave_to_us(dbapi_connection: Any, _: Any) -> None:
        dbapi_connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_SAID: Sequence[tuple[type[Exception], Callable[[], Exception]]] = (
    (NoSuchTableError, lambda: RejectedError("HUB-4026", "对方数据库没有这张表，或没有读取它的权限")),
    (UnicodeDecodeError, lambda: RejectedError("HUB-4026", "对方数据库中有不符合其字符集的内容")),
    (OperationalError, lambda: RetryableError("HUB-9026", "无法连接对方数据库，或用户名、密码、库名不被接受")),
    (InterfaceError, lambda: RetryableError("HUB-9026", "与对方数据库的连接中断")),
    (TimeoutError, lambda: RetryableError("HUB-9026", "与对方数据库的连接一直被占用")),
    (DBAPIError, lambda: RejectedError("HUB-4026", "对方数据库不接受这个查询：表、列、权限或内容编码不符")),
    (SQLAlchemyError, lambda: RejectedError("HUB-4026", "对方数据库的表不能读取")),
)


@contextmanager
def table_errors() -> Iterator[None]:
    """What a department's database says becomes ours here; never its text, which may quote values."""
    try:
        yield
    except (SQLAlchemyError, UnicodeDecodeError) as exc:
        raise next(ours for theirs, ours in _SAID if isinstance(exc, theirs))() from exc


@contextmanager
def write_errors() -> Iterator[None]:
    """Whatever keeps the hub from writing back: the rows are ours already, the debt stays."""
    try:
        yield
    except (SQLAlchemyError, UnicodeError) as exc:
        raise RetryableError("HUB-9030", "处理标志不能写回对方数据库：没有更新权限、被锁或连接中断") from exc
