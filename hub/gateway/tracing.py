"""One trace id per request, from its header to its answer, its log lines and its stored message; and its one log line.

The doors note what they find out (`note()`); who asked, what for and how it ended is logged and counted here, once.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from hub.domain.receipts import Receipt
from hub.gateway.http_bodies import AsgiMessage, Receive, RequestHeaders, Send

Scope = MutableMapping[str, Any]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

OTHER = "other"
NO_STATUS = 0  # the caller went away before there was an answer
_SERVER_ERROR = 500
_INTERNAL_ERROR = "HUB-9001"
_DOORS = (
    ("/soap/", "soap"), ("/api/", "rest"), ("/static/", "static"), ("/healthz", "probe"), ("/readyz", "probe"),
    ("/metrics", "probe"),
)  # fmt: skip
_QUIET_DOORS = frozenset({"static", "probe"})

log = structlog.get_logger()


@dataclass(slots=True)
class RequestNote:
    """What one request told of itself: names and counts, never content. Empty: not known.

    `operation` is a name of the contract or an address template, `sender` the code of a sender whose credential held.
    """

    trace_id: str
    door: str = OTHER
    operation: str = ""
    sender: str = ""
    code: str = ""
    kind: str = ""
    receipt: Receipt | None = None
    body_bytes: int = 0
    status: int = NO_STATUS
    seconds: float = 0.0

    def took(self, kind: str, receipt: Receipt) -> None:
        """A message was taken, or recognised as taken before."""
        self.kind, self.receipt = kind, receipt


_current: ContextVar[RequestNote | None] = ContextVar("request_note", default=None)


def note() -> RequestNote:
    """The note of the request under way; one that nobody reads when there is none."""
    return _current.get() or RequestNote("")


class Observed:
    """ASGI application around all doors and windows."""

    def __init__(self, app: AsgiApp, finished: Callable[[RequestNote], None]) -> None:
        self._app = app
        self._finished = finished

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        mine = RequestNote(RequestHeaders(scope["headers"]).trace_id(), _door(scope["path"]))
        # The doors read the id from the headers: this one stands last and counts.
        scope["headers"] = [*scope["headers"], (b"x-trace-id", mine.trace_id.encode())]
        _current.set(mine)
        with bound_contextvars(trace_id=mine.trace_id):
            await self._observe(mine, scope, receive, send)

    async def _observe(self, mine: RequestNote, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        answered = False
        try:
            await self._app(scope, _counting(mine, receive), _stamping(mine, send))
            answered = True
        finally:
            if not answered:
                mine.status, mine.code = mine.status or _SERVER_ERROR, mine.code or _INTERNAL_ERROR
            mine.seconds = time.perf_counter() - started
            mine.operation = mine.operation or _operation(mine.door, scope)
            self._finished(mine)
            _write(mine)


def _counting(mine: RequestNote, receive: Receive) -> Receive:
    async def counted() -> AsgiMessage:
        message = await receive()
        mine.body_bytes += len(message.get("body", b""))
        return message

    return counted


def _stamping(mine: RequestNote, send: Send) -> Send:
    async def stamped(message: AsgiMessage) -> None:
        if message["type"] == "http.response.start":
            mine.status = message["status"]
            headers = list(message.get("headers", ()))
            if not any(name.lower() == b"x-request-id" for name, _ in headers):
                message["headers"] = [*headers, (b"x-request-id", mine.trace_id.encode())]
        await send(message)

    return stamped


def _door(path: str) -> str:
    return next((door for start, door in _DOORS if path.startswith(start)), "console")


def _operation(door: str, scope: Scope) -> str:
    """The name of what was routed to: one of a fixed set, whatever the caller wrote in the address."""
    if door == "soap":
        return "document" if scope["method"] == "GET" else OTHER
    route = scope.get("route")
    return getattr(route, "operation_id", None) or getattr(route, "path", None) or OTHER


def _write(mine: RequestNote) -> None:
    say = log.debug if mine.door in _QUIET_DOORS else log.warning if mine.status >= _SERVER_ERROR else log.info
    fields: dict[str, Any] = {
        "door": mine.door, "operation": mine.operation, "status": mine.status, "code": mine.code or None,
        "sender": mine.sender or None, "bytes": mine.body_bytes, "duration_ms": round(mine.seconds * 1000, 1),
    }  # fmt: skip
    if mine.receipt is not None:
        taken = mine.receipt
        fields |= {"receipt_no": taken.receipt_no, "result": taken.status.value}
        fields |= {"accepted": taken.accepted_count, "rejected": taken.rejected_count}
    say("request", **{name: value for name, value in fields.items() if value is not None})
