"""Pushes by JSON. The event loop only moves bytes; who, what and where to is settled in threads."""

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.messages import JSON
from hub.domain.envelopes import Envelope, Sender
from hub.domain.errors import HubError, RejectedError
from hub.domain.failpoints import failpoint
from hub.domain.receipts import Receipt, ReceiptStatus
from hub.domain.records import RecordKind
from hub.gateway.admission import refuse_more_records
from hub.gateway.arrivals import check_json
from hub.gateway.exchange import Exchange
from hub.gateway.http_bodies import DisconnectedError, RequestBody, RequestHeaders
from hub.gateway.reception import Reception, peer_of
from hub.gateway.rest.context import RestLimits
from hub.gateway.rest.identity import Identity
from hub.gateway.rest.json_body import read_message
from hub.gateway.rest.problems import problem
from hub.gateway.rest.receipt_json import receipt_json

_KEY = re.compile(r'"?([!#-~](?:[ !#-~]{0,98}[!#-~])?)"?')
_STATUSES = {
    ReceiptStatus.ACCEPTED: HTTPStatus.ACCEPTED,
    ReceiptStatus.PARTIAL: HTTPStatus.MULTI_STATUS,
    ReceiptStatus.REJECTED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ReceiptStatus.DUPLICATE: HTTPStatus.OK,
}


@dataclass(frozen=True, slots=True)
class _Push:
    """One push of which everything but the body is known."""

    kind: RecordKind
    sender: Sender
    message_id: str
    charset: str | None
    trace_id: str


class PushDoor:
    """Takes messages; lives on one event loop."""

    def __init__(self, exchange: Exchange, identity: Identity, limits: RestLimits, reception: Reception) -> None:
        self._exchange = exchange
        self._identity = identity
        self._limits = limits
        self._reception = reception

    async def push(self, kind: RecordKind, request: Request) -> Response:
        headers = RequestHeaders(request.scope["headers"])
        body = RequestBody(request.receive, headers)
        try:
            response = await self._answer(kind, request, headers, body)
        except DisconnectedError:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
        failpoint("s7_reply")
        return response

    async def _answer(self, kind: RecordKind, request: Request, headers: RequestHeaders, body: RequestBody) -> Response:
        try:
            return await self._take(kind, request, headers, body)
        except HubError as error:
            response = problem(error, request.state.trace_id)
        if not await body.drain(2 * self._limits.body_bytes):
            response.headers["Connection"] = "close"
        return response

    async def _take(self, kind: RecordKind, request: Request, headers: RequestHeaders, body: RequestBody) -> Response:
        failpoint("s1_headers")
        headers.refuse_repeated()
        reception, limits = self._reception, self._limits
        reception.admission.require_intake()
        with reception.admission.visit(headers.content_length) as visit:
            sender = await reception.basic_sender(visit, headers, peer_of(request.scope))
            if sender is None:
                raise await reception.run(visit, self._identity.not_a_sender, headers)
            _check_form(headers)
            message_id = message_id_of(request.headers.getlist("idempotency-key"))
            content = await body.read(limits.body_bytes, limits.body_deadline_seconds, visit.charge)
            failpoint("s2_body")
            push = _Push(kind, sender, message_id, headers.charset, request.state.trace_id)
            return await reception.run(visit, self._perform, push, content)

    def _perform(self, push: _Push, body: bytes) -> Response:
        receipt = self._exchange.receive(self._envelope(push, body))
        if receipt.status is ReceiptStatus.REJECTED:
            return _all_rejected(receipt, push.trace_id)
        location = f"/api/v1/receipts/{receipt.receipt_no}"
        return JSONResponse(receipt_json(receipt), _STATUSES[receipt.status], headers={"Location": location})

    def _envelope(self, push: _Push, body: bytes) -> Envelope:
        message = read_message(body, push.charset)
        failpoint("s3_screen")
        refuse_more_records(push.sender, len(message.records))
        most = min(push.kind.max_per_message, self._limits.records)
        if len(message.records) > most:
            raise RejectedError("HUB-1016", f"报文中的记录超过 {most} 条，请拆成多个报文")
        arrivals = check_json(push.kind, message.records, push.sender)
        failpoint("s4_authz")
        digest = hashlib.sha256(body).hexdigest()
        now = self._exchange.now()
        return Envelope(
            push.sender, push.message_id, push.kind, body, JSON, digest, now, push.trace_id, arrivals, message.charset
        )


def _check_form(headers: RequestHeaders) -> None:
    if (headers.get("content-encoding") or "identity").lower() != "identity":
        raise RejectedError("HUB-1019", "不接受压缩的正文（Content-Encoding）")
    if headers.media_type not in (None, "application/json"):
        raise RejectedError("HUB-1009", "Content-Type 应为 application/json")


def message_id_of(keys: list[str]) -> str:
    """The message id in the Idempotency-Key headers, which may be quoted. Raises RejectedError HUB-1018."""
    matched = _KEY.fullmatch(keys[0].strip()) if len(keys) == 1 else None
    if matched is None:
        text = "须有且只有一个 Idempotency-Key 请求头作为报文标识：1 至 100 个可见 ASCII 字符"
        raise RejectedError("HUB-1018", text, "Idempotency-Key")
    return matched[1]


def _all_rejected(receipt: Receipt, trace_id: str) -> Response:
    first = receipt.errors[0]
    error = RejectedError(first.code, f"报文中的 {receipt.rejected_count} 条记录都没有被接收，逐条原因见 errors")
    shown = receipt_json(receipt)
    return problem(error, trace_id, status=_STATUSES[receipt.status], errors=shown["errors"], receipt=shown)
