"""The ASGI gate of the SOAP doors: nothing reaches an operation unscreened, everything gets an answer.

The event loop only moves bytes. Everything that computes or waits for the database runs in the threads of the
reception; when too many calls wait, the next one is told to come back.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.xml_text import with_joined_surrogates
from hub.domain.envelopes import Sender
from hub.domain.errors import HubError, RejectedError
from hub.domain.failpoints import failpoint
from hub.gateway.admission import Visit
from hub.gateway.charsets import as_utf8
from hub.gateway.faults import Reply, fault_reply
from hub.gateway.http_bodies import DisconnectedError, Receive, RepeatedHeaderError, RequestBody, RequestHeaders, Send
from hub.gateway.multipart import RELATED, header_parameters, parts_of
from hub.gateway.reception import Reception, peer_of
from hub.gateway.screen import Scan, ShapeLimits, parse, scan
from hub.gateway.soap_envelope import OpenEnvelope, SoapVersion, open_envelope
from hub.gateway.wsse import SenderDirectory

Scope = MutableMapping[str, Any]

_MEDIA_TYPES = frozenset({None, "text/xml", "application/xml", SoapVersion.SOAP_12.media_type, RELATED})
_MOST_PARTS = 20


class BodyCredentialError(RejectedError):
    """A credential inside the operation is wrong. A fault like any other: old toolkits read no fault beside a 401."""


# What a class of errors says about the HTTP status counts for more than its code.
_STATUSES: tuple[tuple[type[HubError], int], ...] = ((RepeatedHeaderError, 400), (BodyCredentialError, 500))


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Sizes and times of the SOAP door."""

    body_bytes: int = 10 * 2**20
    body_deadline_seconds: float = 60.0
    records: int = 1000
    shape: ShapeLimits = field(default_factory=ShapeLimits)


@dataclass(slots=True)
class _Request:
    """What is known of one request so far."""

    scope: Scope
    headers: RequestHeaders
    body: RequestBody
    trace_id: str
    peer: str
    seen: Scan


@dataclass(frozen=True, slots=True)
class ScreenedCall:
    """A call whose form is in order. `sender` None: neither HTTP nor the SOAP header brought a credential.

    `body` is the XML byte for byte, `parts` what an MTOM message brought beside it, by content id. `directory` checks
    a credential from elsewhere; whom it finds must be announced to `visit`.
    """

    sender: Sender | None
    envelope: OpenEnvelope
    body: bytes
    parts: Mapping[str, bytes]
    charset: str
    headers: RequestHeaders
    path: str
    trace_id: str
    visit: Visit
    directory: SenderDirectory


class Desk(Protocol):
    """What stands behind the gate at one kind of address."""

    @property
    def asks_for_credential(self) -> bool:
        """Whether a call without credential is refused before its envelope is opened."""

    async def document(self, scope: Scope) -> Reply:
        """What GET brings. Raises HubError."""

    def answer(self, call: ScreenedCall) -> bytes:
        """The answer envelope in UTF-8; in a thread. Raises HubError."""


class SoapGate:
    """ASGI application; the caller mounts it."""

    def __init__(self, desk: Desk, limits: GateLimits, reception: Reception) -> None:
        self._desk = desk
        self._limits = limits
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = RequestHeaders(scope["headers"])
        trace_id = headers.trace_id()
        if scope["method"] == "GET":
            reply = await self._document(scope, trace_id)
        else:
            try:
                request = _Request(scope, headers, RequestBody(receive, headers), trace_id, peer_of(scope), Scan())
                reply = await self._post(request)
            except DisconnectedError:
                return
            failpoint("s7_reply")
        await _send_reply(send, reply, trace_id)

    async def _document(self, scope: Scope, trace_id: str) -> Reply:
        try:
            return await self._desk.document(scope)
        except HubError as error:
            return fault_reply(error, None, trace_id)

    async def _post(self, request: _Request) -> Reply:
        try:
            return await self._answer(request)
        except HubError as error:
            status = next((status for kind, status in _STATUSES if isinstance(error, kind)), None)
            reply = fault_reply(error, request.seen.version, request.trace_id, status)
        whole = await request.body.drain(2 * self._limits.body_bytes)
        return Reply(reply.status, reply.media_type, reply.body, reply.headers, close=not whole)

    async def _answer(self, request: _Request) -> Reply:
        if request.scope["method"] != "POST":
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
        message = _message_in(request.headers, body)
        text = as_utf8(message.xml, message.charset)
        content = with_joined_surrogates(text.content)
        scan(content, self._limits.shape, request.seen)
        failpoint("s3_screen")
        sender = sender or self._sender_of_token(request, visit)
        envelope = open_envelope(parse(content, self._limits.shape))
        directory = self._reception.senders.from_peer(request.peer)
        call = ScreenedCall(
            sender=sender, envelope=envelope, body=message.xml, parts=message.parts, charset=text.charset,
            headers=request.headers, path=request.scope["path"], trace_id=request.trace_id, visit=visit,
            directory=directory,
        )  # fmt: skip
        return Reply(200, envelope.version.media_type + "; charset=utf-8", self._desk.answer(call))

    def _sender_of_token(self, request: _Request, visit: Visit) -> Sender | None:
        token = request.seen.token
        if token is None:
            if self._desk.asks_for_credential:
                raise RejectedError("HUB-2001", "请求没有带凭据")
            return None
        sender = token.sender(self._reception.senders.from_peer(request.peer))
        visit.identify(sender)
        return sender


@dataclass(frozen=True, slots=True)
class _Message:
    """The XML of a call, the charset that its header names, and what came beside it."""

    xml: bytes
    charset: str | None
    parts: Mapping[str, bytes]


def _message_in(headers: RequestHeaders, body: bytes) -> _Message:
    """Raises RejectedError HUB-1033 on a multipart body that is broken or has no root part."""
    if headers.media_type != RELATED:
        return _Message(body, headers.charset, {})
    content_type = headers.get("content-type") or ""
    parts = parts_of(body, content_type, _MOST_PARTS)
    start = header_parameters(content_type).get("start", "").removeprefix("<").removesuffix(">")
    root = next((part for part in parts if not start or part.content_id == start), None)
    if root is None:
        raise RejectedError("HUB-1033", "multipart 正文中没有 start 所指的分段")
    own = RequestHeaders([(b"content-type", (root.media_type or "").encode("latin-1"))])
    return _Message(root.content, own.charset, {part.content_id: part.content for part in parts if part is not root})


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
