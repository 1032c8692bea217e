"""A TCP proxy that behaves badly on request: latency, bandwidth, silence, resets, slices, cuts at a word."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.servers import free_port

_CHUNK_BYTES = 65536
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER 0: the peer sees a reset, not an end


@dataclass(slots=True)
class Toxics:
    """What the proxy does to every connection, changed while it runs; the defaults do nothing."""

    latency_seconds: float = 0.0
    bytes_per_second: int = 0
    slice_bytes: int = 0
    limit_bytes: int = 0  # from the server, then the connection is reset
    is_silent: bool = False  # takes everything, passes nothing on: a peer that hangs
    is_down: bool = False


@dataclass(slots=True)
class Cut:
    """Resets a connection when the client says `word`; `every` n-th time, at most `times`."""

    word: bytes
    is_delivered: bool  # the word reaches the server, its answer never comes back
    every: int = 1
    times: int = 1_000_000
    seen: int = 0
    done: int = 0

    def strikes(self, data: bytes) -> bool:
        if self.word not in data:
            return False
        self.seen += 1
        if self.seen % self.every or self.done >= self.times:
            return False
        self.done += 1
        return True


@dataclass(slots=True)
class Proxy:
    """Listens on `port` of 127.0.0.1 and speaks to `target_port`; runs in a thread with a loop of its own."""

    target_port: int
    port: int = field(default_factory=free_port)
    toxics: Toxics = field(default_factory=Toxics)
    cut: Cut | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop, init=False)
    _links: set["_Link"] = field(default_factory=set, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _server: asyncio.Server | None = field(default=None, init=False)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(10)
        self._loop.close()

    def reset_all(self) -> None:
        """Resets every connection that stands."""
        self._run(self._reset_all())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._reset_all()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _reset_all(self) -> None:
        for link in list(self._links):
            link.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.toxics.is_down:
            _reset(writer)
            return
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            _reset(writer)
            return
        link = _Link(self, reader, writer, *upstream)
        self._links.add(link)
        try:
            await link.run()
        except asyncio.CancelledError:
            return  # the proxy closes; raising would only be logged
        finally:
            self._links.discard(link)


@dataclass(eq=False, slots=True)
class _Link:
    """One connection through the proxy."""

    proxy: Proxy
    client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    server: asyncio.StreamReader
    to_server: asyncio.StreamWriter
    passed_bytes: int = 0
    is_cut: bool = False

    async def run(self) -> None:
        ways = [asyncio.ensure_future(self._forward()), asyncio.ensure_future(self._back())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.reset()

    def reset(self) -> None:
        _reset(self.to_client)
        _reset(self.to_server)

    async def _forward(self) -> None:
        while data := await self.client.read(_CHUNK_BYTES):
            cut = self.proxy.cut
            if cut is not None and cut.strikes(data):
                if not cut.is_delivered:
                    return
                self.is_cut = True
            await self._pass_on(data, self.to_server)

    async def _back(self) -> None:
        while data := await self.server.read(_CHUNK_BYTES):
            if self.is_cut:
                return  # the server has answered: what it was told has happened
            self.passed_bytes += len(data)
            limit = self.proxy.toxics.limit_bytes
            if limit and self.passed_bytes > limit:
                return
            await self._pass_on(data, self.to_client)

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        toxics = self.proxy.toxics
        while toxics.is_silent:
            await asyncio.sleep(0.1)
        if toxics.latency_seconds:
            await asyncio.sleep(toxics.latency_seconds)
        size = toxics.slice_bytes or len(data)
        for start in range(0, len(data), size):
            part = data[start : start + size]
            writer.write(part)
            await writer.drain()
            if toxics.bytes_per_second:
                await asyncio.sleep(len(part) / toxics.bytes_per_second)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() != -1:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    writer.transport.abort()


@contextmanager
def proxy_running(target_port: int) -> Iterator[Proxy]:
    proxy = Proxy(target_port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
