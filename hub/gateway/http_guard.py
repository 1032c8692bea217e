"""A deadline and a bound for request headers, and a bound for connections: uvicorn has none of the three.

Without them one silent connection each is kept for ever, and headers without end fill the memory (slowloris).
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.gateway.http_bodies import Receive, Send

HEADER_SECONDS = 10.0
HEADER_BYTES = 64 * 1024
MOST_CONNECTIONS = 2_000
_BUSY = "中心繁忙，请稍后重试".encode()


class GuardedProtocol(HttpToolsProtocol):
    """One connection. From its first moment, and from the first byte of each later request, the headers have a
    deadline; a connection that says nothing between two requests is uvicorn's own business."""

    _header_bytes: int | None = 0  # None: the headers of the request under way are complete
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        if self._header_bytes is None and self.cycle is not None and self.cycle.response_complete:
            self._await_headers()
        if self._header_bytes is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_bytes is not None and self._header_bytes > HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("Request header is too large.")

    def on_headers_complete(self) -> None:
        self._header_bytes = None
        self._forget_deadline()
        if len(self.connections) > MOST_CONNECTIONS:
            self.app = _busy
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


async def _busy(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(_BUSY)).encode()),
        (b"retry-after", b"5"), (b"connection", b"close"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _BUSY})
