"""The load client: keep-alive connections, requests of prepared bytes, nothing parsed that need not be.

It shares the machine with what it measures; its own CPU is printed beside the rest.
"""

import itertools
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.messages import Load

_TIMEOUT_SECONDS = 60
_CHUNK_BYTES = 65536


class RefusedError(RuntimeError):
    """The door did not answer with a receipt of an accepted message."""


class Connection:
    """One keep-alive connection, opened again when the door has closed it for being idle."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = self._open()

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Sends a request and reads the answer: HTTP status and content."""
        if self._was_closed():
            self._socket.close()
            self._socket = self._open()
        self._socket.sendall(request)
        head, content = self._head()
        missing = content_length(head) - len(content)
        while missing > 0:
            chunk = self._receive()
            content += chunk
            missing -= len(chunk)
        return status_of(head), content

    def close(self) -> None:
        self._socket.close()

    def _open(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def _was_closed(self) -> bool:
        """No answer is under way here, so whatever can be read is the end of the connection."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def _head(self) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest

    def _receive(self) -> bytes:
        chunk = self._socket.recv(_CHUNK_BYTES)
        if not chunk:
            raise ConnectionError("the door closed the connection")
        return chunk


def status_of(head: bytes) -> int:
    return int(head[9:12])


def content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def is_accepted(status: int, content: bytes) -> bool:
    """Every record of the message was accepted."""
    return status in (200, 202) and b"ACCEPTED" in content


@dataclass(slots=True)
class ClosedLoop:
    """Sends as fast as answers come, over several connections, while `gate` is open.

    The first failure ends it; `finish` raises it.
    """

    ports: Sequence[int]
    load: Load
    more: Callable[[int], bool]
    gate: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    answer_seconds: list[float] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _failures: list[Exception] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, first: int = 0) -> None:
        """`first` continues the numbering where an earlier loop over the same load ended."""
        self._numbers = itertools.count(first)
        self.gate.set()
        self._threads = [threading.Thread(target=self._run, args=[port], daemon=True) for port in self.ports]
        for thread in self._threads:
            thread.start()

    def is_running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def finish(self) -> int:
        """Waits for the answers under way; the number of messages accepted."""
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]
        return len(self.answer_seconds)

    def _run(self, port: int) -> None:
        try:
            self._send_all(Connection(port))
        except (OSError, RefusedError) as exc:
            self._failures.append(exc)

    def _send_all(self, connection: Connection) -> None:
        while not self._failures and self.more(number := next(self._numbers)):
            self.gate.wait()
            request = self.load.request(number)
            started = time.perf_counter()
            status, content = connection.ask(request)
            self.answer_seconds.append(time.perf_counter() - started)
            if not is_accepted(status, content):
                raise RefusedError(f"the door answered {status}: {content[:500].decode(errors='replace')}")
        connection.close()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
