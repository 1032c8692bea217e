"""The ASGI gate of the SOAP door: nothing reaches the operations unscreened, everything gets an answer.

The event loop only moves bytes. Everything that computes or waits for the database runs in the threads of the
reception; when too many calls wait, the next one is told to come back.
"""

import hashlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from adapters.xml_text import with_joined_surrogates
from hub.domain.envelopes import Sender
from hub.domain.errors import HubError, RejectedError
from hub.domain.failpoints import failpoint
from hub.gateway.admission import Visit
from hub.gateway.charsets import as_utf8
from hub.gateway.faults import Reply, fault_reply
from hub.gateway.http_bodies import DisconnectedError, Receive, RepeatedHeaderError, RequestBody, RequestHeaders, Send
from hub.gateway.reception import Reception, peer_of
from hub.gateway.screen import Scan, ShapeLimits, parse, scan
from hub.gateway.soap import SoapService
from hub.gateway.soap_envelope import SoapVersion, open_envelope, operation_name
from hub.gateway.soap_operations import INTAKE_OPERATIONS, OPERATION_NAMES, Call, SoapExchange
from hub.gateway.tracing import note

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
    peer: str
    seen: Scan


class SoapGate:
    """ASGI application of `/soap/exchange/v1`; the caller mounts it."""

    def __init__(self, exchange: SoapExchange, published: Published, limits: GateLimits, reception: Reception) -> None:
        self._exchange = exchange
        self._published = published
        self._limits = limits
        self._reception = reception
        self._service = SoapService()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = RequestHeaders(scope["headers"])
        trace_id = headers.trace_id()
        if scope["method"] == "GET":
            reply = self._document(scope["query_string"].decode("latin-1").lower())
        else:
            try:
                request = _Request(headers, RequestBody(receive, headers), trace_id, peer_of(scope), Scan())
                reply = await self._post(scope["method"], request)
            except DisconnectedError:
                return
            failpoint("s7_reply")
        await _send_reply(send, reply, trace_id)

    def _document(self, query: str) -> Reply:
        key = query.partition("&")[0].partition("=")[0]
        if key in _WSDL_QUERIES:
            return Reply(200, "text/xml; charset=utf-8", self._published.wsdl)
        if key == "xsd":
            return Reply(200, "text/xml; charset=utf-8", self._published.xsd)
        return Reply(405, "text/html; charset=utf-8", _HELP_PAGE, (("Allow", "GET, POST"),))

    async def _post(self, method: str, request: _Request) -> Reply:
        try:
            return await self._answer(method, request)
        except HubError as error:
            status = 400 if isinstance(error, RepeatedHeaderError) else None
            reply = fault_reply(error, request.seen.version, request.trace_id, status)
        whole = await request.body.drain(2 * self._limits.body_bytes)
        return Reply(reply.status, reply.media_type, reply.body, reply.headers, close=not whole)

    async def _answer(self, method: str, request: _Request) -> Reply:
        if method != "POST":
            raise RejectedError("HUB-1020", "该地址只接受 POST")
        failpoint("s1_headers")
        _check_headers(request)
        with self._reception.admission.visit(request.headers.content_length) as visit:
            sender = await self._reception.basic_sender(visit, request.headers, request.peer)
            limits = self._limits
            content = await request.body.read(limits.body_bytes, limits.body_deadline_seconds, visit.charge)
            failpoint("s2_body")
            return await self._reception.run(visit, self._perform, request, visit, sender, content)

    def _perform(self, request: _Request, visit: Visit, sender: Sender | None, body: bytes) -> Reply:
        """Everything from bytes to answer, in a thread."""
        if not body.strip():
            raise RejectedError("HUB-1002", "正文为空")
        text = as_utf8(body, request.headers.charset)
        content = with_joined_surrogates(text.content)
        scan(content, self._limits.shape, request.seen)
        failpoint("s3_screen")
        sender = sender or self._sender_of_token(request, visit)
        envelope = open_envelope(parse(content, self._limits.shape))
        name = operation_name(envelope.operation, OPERATION_NAMES, _hints(request.headers))
        note().operation = name
        if name in INTAKE_OPERATIONS:
            self._reception.admission.require_intake()
        failpoint("s4_authz")
        digest = hashlib.sha256(body).hexdigest()
        call = Call(self._exchange, sender, body, text.charset, digest, request.trace_id, self._limits.records)
        answer = self._service.answer(envelope, call)
        return Reply(200, envelope.version.media_type + "; charset=utf-8", answer)

    def _sender_of_token(self, request: _Request, visit: Visit) -> Sender:
        token = request.seen.token
        if token is None:
            raise RejectedError("HUB-2001", "请求没有带凭据")
        sender = token.sender(self._reception.senders.from_peer(request.peer))
        visit.identify(sender)
        return sender


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
