"""The ASGI gate of the SOAP door: nothing reaches the operations unscreened, everything gets an answer.

The event loop only moves bytes. Everything that computes or waits for the database runs in a bounded pool of threads;
when too many calls wait, the next one is told to come back.
"""

import asyncio
import hashlib
import logging
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adapters.xml_text import with_joined_surrogates
from hub.domain.envelopes import Sender
from hub.domain.errors import HubError, RejectedError, RetryableError
from hub.gateway.charsets import as_utf8
from hub.gateway.faults import Reply, fault_reply
from hub.gateway.http_bodies import DisconnectedError, Receive, RepeatedHeaderError, RequestBody, RequestHeaders, Send
from hub.gateway.screen import Scan, ShapeLimits, parse, scan
from hub.gateway.soap import SoapService
from hub.gateway.soap_envelope import SoapVersion, open_envelope, operation_name
from hub.gateway.soap_operations import OPERATION_NAMES, Call, SoapExchange
from hub.gateway.wsse import basic_credential

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_MEDIA_TYPES = frozenset({None, "text/xml", "application/xml", SoapVersion.SOAP_12.media_type})
_WSDL_QUERIES = frozenset({"wsdl", "singlewsdl"})
_HELP_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>数据交换接口</title></head>
<body><h1>数据交换接口（SOAP）</h1><p>本地址只接受 POST 报文。接口说明见 <a href="?wsdl">?wsdl</a>。</p></body></html>
""".encode()


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Sizes and times of the SOAP door."""

    body_bytes: int = 10 * 2**20
    body_deadline_seconds: float = 60.0
    records: int = 1000
    shape: ShapeLimits = field(default_factory=ShapeLimits)
    calls: int = 64  # under way and waiting together; each may hold a body


@dataclass(frozen=True, slots=True)
class Published:
    """The contract as files."""

    wsdl: bytes
    xsd: bytes


@dataclass(slots=True)
class _Request:
    """What is known of one request so far."""

    headers: RequestHeaders
    body: RequestBody
    trace_id: str
    seen: Scan


class SoapGate:
    """ASGI application of `/soap/exchange/v1`; the caller mounts it and closes it."""

    def __init__(
        self, exchange: SoapExchange, published: Published, limits: GateLimits, pool: ThreadPoolExecutor
    ) -> None:
        self._exchange = exchange
        self._published = published
        self._limits = limits
        self._pool = pool
        self._service = SoapService()
        self._under_way: set[Future[Any]] = set()
        self._closing = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = RequestHeaders(scope["headers"])
        trace_id = headers.trace_id()
        if scope["method"] == "GET":
            reply = self._document(scope["query_string"].decode("latin-1").lower())
        else:
            try:
                reply = await self._post(scope["method"], headers, receive, trace_id)
            except DisconnectedError:
                return
        await _send_reply(send, reply, trace_id)

    def close(self, grace_seconds: float = 20.0) -> None:
        """Refuses new calls and waits for those under way."""
        self._closing = True
        wait(list(self._under_way), timeout=grace_seconds)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _document(self, query: str) -> Reply:
        key = query.partition("&")[0].partition("=")[0]
        if key in _WSDL_QUERIES:
            return Reply(200, "text/xml; charset=utf-8", self._published.wsdl)
        if key == "xsd":
            return Reply(200, "text/xml; charset=utf-8", self._published.xsd)
        return Reply(405, "text/html; charset=utf-8", _HELP_PAGE, (("Allow", "GET, POST"),))

    async def _post(self, method: str, headers: RequestHeaders, receive: Receive, trace_id: str) -> Reply:
        body = RequestBody(receive, headers)
        request = _Request(headers, body, trace_id, Scan())
        try:
            return await self._answer(method, request)
        except HubError as error:
            status = 400 if isinstance(error, RepeatedHeaderError) else None
            reply = fault_reply(error, request.seen.version, trace_id, status)
        whole = await body.drain(2 * self._limits.body_bytes)
        return Reply(reply.status, reply.media_type, reply.body, reply.headers, close=not whole)

    async def _answer(self, method: str, request: _Request) -> Reply:
        sender = None
        if method != "POST":
            raise RejectedError("HUB-1020", "该地址只接受 POST")
        _check_headers(request)
        self._refuse_when_busy()
        authorization = request.headers.get("authorization")
        credential = basic_credential(authorization) if authorization else None
        if credential is not None:
            sender = await self._run(credential.sender, self._exchange)
        content = await request.body.read(self._limits.body_bytes, self._limits.body_deadline_seconds)
        return await self._run(self._perform, request, sender, content)

    def _refuse_when_busy(self) -> None:
        if self._closing or len(self._under_way) >= self._limits.calls:
            raise RetryableError("HUB-9003", "等待处理的请求过多")

    async def _run(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """Runs `work` in the pool. Raises RetryableError HUB-9003 when busy, HUB-9001 for what nobody foresaw."""
        self._refuse_when_busy()
        future = self._pool.submit(work, *arguments)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        await _finished(future)
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, HubError):
            raise error
        # The text of a foreign error may hold values of the message; where it happened does not.
        _log.error("soap call failed: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        raise RetryableError("HUB-9001", "中心内部错误") from error

    def _perform(self, request: _Request, sender: Sender | None, body: bytes) -> Reply:
        """Everything from bytes to answer, in a thread of the pool."""
        if not body.strip():
            raise RejectedError("HUB-1002", "正文为空")
        text = as_utf8(body, request.headers.charset)
        content = with_joined_surrogates(text.content)
        scan(content, self._limits.shape, request.seen)
        sender = sender or self._sender_of_token(request.seen)
        envelope = open_envelope(parse(content, self._limits.shape))
        operation_name(envelope.operation, OPERATION_NAMES, _hints(request.headers))
        digest = hashlib.sha256(body).hexdigest()
        call = Call(self._exchange, sender, body, text.charset, digest, request.trace_id, self._limits.records)
        answer = self._service.answer(envelope, call)
        return Reply(200, envelope.version.media_type + "; charset=utf-8", answer)

    def _sender_of_token(self, seen: Scan) -> Sender:
        if seen.token is None:
            raise RejectedError("HUB-2001", "请求没有带凭据")
        return seen.token.sender(self._exchange)


async def _finished(future: Future[Any]) -> None:
    """Waits without wrapping the future: asyncio logs the text of an exception that nobody came back for."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
    await done.wait()


def _check_headers(request: _Request) -> None:
    headers = request.headers
    headers.refuse_repeated()
    media_type = headers.media_type
    if media_type == SoapVersion.SOAP_12.media_type:
        request.seen.version = SoapVersion.SOAP_12
    if (headers.get("content-encoding") or "identity").lower() != "identity":
        raise RejectedError("HUB-1019", "不接受压缩的正文（Content-Encoding）")
    if media_type not in _MEDIA_TYPES:
        raise RejectedError("HUB-1009", "Content-Type 应为 text/xml 或 application/soap+xml")


def _hints(headers: RequestHeaders) -> Iterator[str]:
    yield from (hint for hint in (headers.get("soapaction"), headers.action) if hint)


async def _send_reply(send: Send, reply: Reply, trace_id: str) -> None:
    more = [("Connection", "close")] if reply.close else []
    headers = [
        ("Content-Type", reply.media_type),
        ("Content-Length", str(len(reply.body))),
        ("X-Request-Id", trace_id),
        *reply.headers,
        *more,
    ]
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": reply.body})
