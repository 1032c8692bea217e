"""HTTP bodies under a byte limit and a deadline, and the few request headers that doors look at."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from hub.domain.errors import RejectedError, RetryableError

AsgiMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]

# Proxies and servers disagree about which of two such headers counts; the code is that of the header's own errors.
_ONLY_ONCE: Mapping[str, str] = MappingProxyType({
    "content-length": "HUB-1013", "content-type": "HUB-1009", "content-encoding": "HUB-1019", "soapaction": "HUB-1021",
    "authorization": "HUB-2001",
})  # fmt: skip
_TRACE_PARENT = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE_ID = re.compile("([0-9a-f]{32})")
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\";\s]*)\"?\s*(?:;|$)", re.IGNORECASE)
_ACTION = re.compile(r";\s*action\s*=\s*(\"[^\"]*\"|[^;\s]*)\s*(?:;|$)", re.IGNORECASE)
_MAX_CONTENT_TYPE_CHARACTERS = 1000
_DRAIN_SECONDS = 5.0


class DisconnectedError(Exception):
    """The sender went away before its message was whole. Nothing is stored, nobody is answered."""


class RepeatedHeaderError(RejectedError):
    """A header that may stand once stands twice. Answered with HTTP 400."""


class RequestHeaders:
    """Headers by lower-case name."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._values = {name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, value in raw}
        self._counts = Counter(name.decode("latin-1").lower() for name, _ in raw)

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def refuse_repeated(self) -> None:
        """Raises RepeatedHeaderError."""
        for name, code in _ONLY_ONCE.items():
            if self._counts[name] > 1:
                raise RepeatedHeaderError(code, f"请求头 {name} 重复出现")

    @property
    def media_type(self) -> str | None:
        """Raises RejectedError HUB-1009 on a header beyond all reason."""
        content_type = self._content_type()
        return content_type.partition(";")[0].strip().lower() or None

    @property
    def charset(self) -> str | None:
        matched = _CHARSET.search(self._content_type())
        return matched[1] or None if matched else None

    @property
    def action(self) -> str | None:
        matched = _ACTION.search(self._content_type())
        return matched[1] if matched else None

    @property
    def content_length(self) -> int | None:
        written = self.get("content-length")
        return int(written) if written is not None and written.isascii() and written.isdigit() else None

    def trace_id(self) -> str:
        """The caller's trace id, from `traceparent` (W3C) or `X-Trace-Id` (32 hexadecimal digits), or a fresh one."""
        matched = _TRACE_PARENT.fullmatch(self.get("traceparent") or "")
        matched = matched or _TRACE_ID.fullmatch((self.get("x-trace-id") or "").lower())
        return matched[1] if matched else uuid4().hex

    def _content_type(self) -> str:
        content_type = self.get("content-type") or ""
        if len(content_type) > _MAX_CONTENT_TYPE_CHARACTERS:
            raise RejectedError("HUB-1009", "Content-Type 过长")
        return content_type


class RequestBody:
    """The body of one request, read at most once."""

    def __init__(self, receive: Receive, headers: RequestHeaders) -> None:
        self._receive = receive
        self._headers = headers
        self._finished = False
        self._overdue = False

    async def read(
        self, limit_bytes: int, deadline_seconds: float, charge: Callable[[int], None] = lambda _: None
    ) -> bytes:
        """Raises RejectedError HUB-1003, HUB-1013, RetryableError HUB-1014, DisconnectedError.

        `charge` is told of bytes as they come in, and may raise.
        """
        announced = self._headers.content_length
        if announced is not None and announced > limit_bytes:
            raise _too_large(limit_bytes)
        try:
            async with asyncio.timeout(deadline_seconds):
                body = await self._collect(limit_bytes, charge)
        except TimeoutError as exc:
            self._overdue = True
            raise RetryableError("HUB-1014", f"正文没有在 {deadline_seconds:g} 秒内收完") from exc
        if announced is not None and announced != len(body):
            raise RejectedError("HUB-1013", "收到的字节数与 Content-Length 不符")
        return body

    async def _collect(self, limit_bytes: int, charge: Callable[[int], None]) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while not self._finished:
            chunk = await self._next_chunk()
            size += len(chunk)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            charge(len(chunk))
            chunks.append(chunk)
        return b"".join(chunks)

    async def _next_chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        self._finished = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def drain(self, limit_bytes: int) -> bool:
        """Reads what an early answer left unread, so that the sender can read the answer; False when it is too much.

        A sender that waits for `100 Continue` has sent nothing: reading would only invite it to.
        """
        if self._finished:
            return True
        if self._overdue or (self._headers.get("expect") or "").lower() == "100-continue":
            return False
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                return await self._skip(limit_bytes)
        except TimeoutError:
            return False

    async def _skip(self, limit_bytes: int) -> bool:
        size = 0
        while not self._finished and size <= limit_bytes:
            size += len(await self._next_chunk())
        return self._finished


def _too_large(limit_bytes: int) -> RejectedError:
    return RejectedError("HUB-1003", f"正文超过 {limit_bytes // 2**20} MiB")
