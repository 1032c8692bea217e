"""Every connection that the hub opens to a department: only where the county allows it, bounded in time and size.

The allow-list is looked at when a document is saved and again when a connection is opened. A name is resolved once and
the connection goes to the address that was checked, so that a name which changes between the two leads nowhere else.
"""

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from hub.domain.errors import RejectedError, RetryableError

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]

NOT_ALLOWED = "HUB-4020"
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
EXCHANGE_SECONDS = 40.0  # from the first byte sent to the last byte read; three attempts end within a lease
ANSWER_BYTES = 20 * 2**20
_CHUNK_BYTES = 64 * 1024
_LONGEST_HOST = 253

_DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_RULE = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.]+\](?:/\d{1,3})?|[^\s:\[\]]+):(?P<ports>\*|\d{1,5}(?:-\d{1,5})?)$")
_NAME_PATTERN = re.compile(r"^(?:\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$")
# Metadata services of clouds: some stand outside the link-local range.
_METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")))


@dataclass(frozen=True, slots=True)
class _Rule:
    """One entry of the allow-list: a name, `*.suffix`, an address or a network, and its ports."""

    name: str | None
    network: IpNetwork | None
    ports: range

    def covers_name(self, host: str, port: int) -> bool:
        return self.name is not None and port in self.ports and fnmatchcase(host, self.name)

    def covers_address(self, address: IpAddress, port: int) -> bool:
        return self.network is not None and port in self.ports and address in self.network


@dataclass(frozen=True, slots=True)
class AllowList:
    """Where the hub may connect to; empty: nowhere."""

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "AllowList":
        """`10.1.2.3:5432, 10.2.0.0/16:443, *.gov.example:8000-8999, db.example:*`, IPv6 in brackets.

        Raises RejectedError HUB-4020 that quotes the entry which is none.
        """
        return cls(tuple(_rule(entry) for entry in re.split(r"[,，;\s]+", text.strip()) if entry))

    def names(self, host: str, port: int) -> bool:
        """Whether an entry covers what an address (URL) says, before anything is resolved."""
        literal = _literal(host)
        if literal is not None:
            return any(rule.covers_address(literal, port) for rule in self.rules)
        return any(rule.covers_name(host, port) for rule in self.rules)

    def admits(self, address: IpAddress, port: int) -> bool:
        """Whether a name that is covered may lead here: special addresses only where an entry names them as such."""
        return not _is_special(address) or any(rule.covers_address(address, port) for rule in self.rules)


def _rule(entry: str) -> _Rule:
    found = _RULE.match(entry.lower())
    if found is None:
        raise RejectedError(NOT_ALLOWED, f"允许清单中的“{entry}”应写成 主机:端口，例如 10.1.2.3:5432、*.例.cn:443")
    host, ports = found["host"].replace("[", "").replace("]", ""), _ports(found["ports"])
    try:
        return _Rule(None, ipaddress.ip_network(host, strict=False), ports)
    except ValueError:
        if _NAME_PATTERN.match(host) is None or not ports:
            raise RejectedError(NOT_ALLOWED, f"允许清单中的“{entry}”不是主机名、*.后缀、地址或网段") from None
    return _Rule(host, None, ports)


def _ports(text: str) -> range:
    if text == "*":
        return range(1, 65536)
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _literal(host: str) -> IpAddress | None:
    """An address written as such; `0x7f.1`, `127.1` and the like are names here, and no entry covers them."""
    try:
        return _plain(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        return None


def _plain(address: IpAddress) -> IpAddress:
    """An IPv4 address that hides in an IPv6 one is what is connected to."""
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour
        if hidden is None and address in ipaddress.ip_network("64:ff9b::/96"):
            hidden = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return hidden or address
    return address


def _is_special(address: IpAddress) -> bool:
    return (
        address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
        or address.is_reserved or address in _METADATA
    )  # fmt: skip


def resolve(host: str, port: int) -> list[str]:
    """Raises RetryableError HUB-9026 when the name is not known at present."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise RetryableError("HUB-9026", "对方系统的主机名现在不能解析") from exc
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Outbound:
    """Opens connections within the allow-list. Thread-safe."""

    allow: AllowList
    resolver: Resolver = resolve
    seconds: float = EXCHANGE_SECONDS
    answer_bytes: int = ANSWER_BYTES

    def require(self, host: str, port: int) -> None:
        """Raises RejectedError HUB-4020 when no entry of the allow-list covers host and port."""
        if not self.allow.names(host.lower().rstrip("."), port):
            raise _refusal(host, port)

    def addresses(self, host: str, port: int) -> list[str]:
        """Resolved once: where to connect to. Raises as `require` and `resolve`."""
        self.require(host, port)
        found = [_plain(ipaddress.ip_address(text.partition("%")[0])) for text in self.resolver(host, port)]
        admitted = [str(address) for address in found if self.allow.admits(address, port)]
        if not admitted:
            raise RejectedError(NOT_ALLOWED, f"{_shown(host)} 解析到本机、链路本地或元数据等特殊地址，不允许连接")
        return admitted

    def open(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """A connection to the first checked address that answers. Raises OSError, and as `addresses`."""
        failure = OSError("no address")
        for address in self.addresses(host, port):
            try:
                return socket.create_connection((address, port), timeout or CONNECT_SECONDS)
            except OSError as exc:
                failure = exc
        raise failure

    def session(self) -> "OutboundSession":
        return OutboundSession(self)


def _refusal(host: str, port: int) -> RejectedError:
    return RejectedError(NOT_ALLOWED, f"目标 {_shown(host)}:{port} 不在允许清单（HUB_PULL_ALLOW）之内")


def _shown(host: str) -> str:
    return host[:100] if host.isprintable() else "（不可显示的主机名）"


def split_address(url: str) -> tuple[str, int]:
    """Host and port of an HTTP address. Raises RejectedError HUB-4020 on another scheme, or with a user in it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise RejectedError(NOT_ALLOWED, "地址不是有效的网址") from exc
    if parts.scheme not in _DEFAULT_PORTS or not 0 < len(host) <= _LONGEST_HOST:
        raise RejectedError(NOT_ALLOWED, "地址应以 http:// 或 https:// 开头")
    if parts.username is not None or parts.password is not None:
        raise RejectedError(NOT_ALLOWED, "地址中不能写用户名和密码；请用 authentication 与密钥名")
    return host, port if port is not None else _DEFAULT_PORTS[parts.scheme]


class OutboundSession(requests.Session):
    """requests within the bounds: no proxy of the environment, no redirects, a deadline and a size for every answer.

    What goes wrong is raised as RejectedError (HUB-4020, HUB-4029, HUB-4034) or RetryableError (HUB-9026, HUB-9027).
    """

    def __init__(self, outbound: Outbound) -> None:
        super().__init__()
        self.trust_env = False
        adapter = _OutboundAdapter(outbound)
        self.adapters.clear()
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options |= {"allow_redirects": False, "stream": True, "timeout": (CONNECT_SECONDS, READ_SECONDS)}
        with http_errors():
            answer = super().send(request, **options)
        if answer.is_redirect or answer.is_permanent_redirect:
            raise RejectedError("HUB-4029", "对方要求转到另一个地址（多为登录页或已迁址）；不自动跟随")
        return answer


@contextmanager
def http_errors() -> Iterator[None]:
    """Errors of requests and urllib3 become ours here."""
    try:
        yield
    except requests.exceptions.SSLError as exc:
        raise RejectedError("HUB-4025", "无法建立安全连接：对方证书不受信任、与主机名不符或协议过旧") from exc
    except requests.exceptions.Timeout as exc:
        raise RetryableError("HUB-9027", "对方系统没有在规定时间内应答") from exc
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError, HTTPError) as exc:
        raise RetryableError("HUB-9026", "无法连接对方系统，或连接中断、应答不完整") from exc
    except requests.RequestException as exc:
        raise RejectedError("HUB-4030", "请求无法发出，或对方的应答不符合 HTTP 协议") from exc


class _OutboundAdapter(HTTPAdapter):
    """Opens sockets through `Outbound`, reads the whole answer within its bounds."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **options)
        opened = self._outbound.open
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool_class(HTTPConnectionPool, HTTPConnection, opened),
            "https": _pool_class(HTTPSConnectionPool, HTTPSConnection, opened),
        }

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        with _Deadline(self._outbound.seconds) as deadline:
            answer = super().send(request, **options)
            with closing(answer.raw):  # never used again: the next exchange has a connection and a deadline of its own
                cast(Any, answer)._content = self._read(answer.raw, deadline)
            cast(Any, answer)._content_consumed = True
        return answer

    def _read(self, raw: Any, deadline: "_Deadline") -> bytes:
        parts = bytearray()
        while part := raw.read1(_CHUNK_BYTES, decode_content=True):
            parts += part
            if len(parts) > self._outbound.answer_bytes:
                raise RejectedError("HUB-4034", f"对方的应答超过 {self._outbound.answer_bytes} 字节")
        deadline.check()  # a connection that was cut looks like one that ended
        return bytes(parts)


_Open: TypeAlias = Callable[[str, int, float | None], socket.socket]


def _pool_class(pool: type[HTTPConnectionPool], connection: type[HTTPConnection], opened: _Open) -> Any:
    """A pool whose connections are opened to checked addresses, for certificates and Host under their own name."""

    def new_connection(self: Any) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, int | float) else None
        try:
            sock = opened(self.host, self.port, timeout)
        except TimeoutError as exc:
            raise ConnectTimeoutError(self, "timed out") from exc
        except OSError as exc:
            raise NewConnectionError(self, "not reachable") from exc
        _Deadline.watch(sock)
        return sock

    connection_class = type(f"Checked{connection.__name__}", (connection,), {"_new_conn": new_connection})
    return type(f"Checked{pool.__name__}", (pool,), {"ConnectionCls": connection_class})


class _Deadline:
    """Cuts the connection of this thread's exchange when its time is over, whatever it waits for.

    Timeouts of a socket begin anew with every byte: a peer that sends one byte at a time would never meet them.
    """

    _current = threading.local()

    def __init__(self, seconds: float) -> None:
        self._sockets: list[socket.socket] = []
        self._passed = threading.Event()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._current.deadline = self
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        self._current.deadline = None
        for duplicate in self._sockets:
            duplicate.close()
        if isinstance(error, Exception) and self._passed.is_set():
            raise _late() from error

    @classmethod
    def watch(cls, sock: socket.socket) -> None:
        deadline = getattr(cls._current, "deadline", None)
        if deadline is not None:
            # TLS takes the socket over: only a duplicate still names the connection
            deadline._sockets.append(sock.dup())

    def check(self) -> None:
        """Raises RetryableError HUB-9027."""
        if self._passed.is_set():
            raise _late()

    def _cut(self) -> None:
        self._passed.set()
        for sock in self._sockets:
            with suppress(OSError):  # closed by the peer already
                sock.shutdown(socket.SHUT_RDWR)


def _late() -> RetryableError:
    return RetryableError("HUB-9027", "对方系统没有在规定时间内给完应答")
