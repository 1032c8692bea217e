"""Messages by POST. The event loop only moves bytes; who, what and where to is settled in threads."""

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

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
class Delivery:
    """A whole message of a known sender. `message_id` None: the address leaves it to the message."""

    sender: Sender
    message_id: str | None
    headers: RequestHeaders
    body: bytes
    trace_id: str


class Intake(Protocol):
    """What one address does with messages."""

    def message_id(self, keys: list[str]) -> str | None:
        """From the Idempotency-Key headers. Raises RejectedError HUB-1018."""

    def check(self, headers: RequestHeaders) -> None:
        """Raises RejectedError for a form that is not taken here; the body is not there yet."""

    def perform(self, delivery: Delivery) -> Response:
        """Takes the message, in a thread."""


class MessageDoor:
    """Takes messages at any address; lives on one event loop."""

    def __init__(self, identity: Identity, limits: RestLimits, reception: Reception) -> None:
        self._identity = identity
        self._limits = limits
        self._reception = reception

    async def take(self, intake: Intake, request: Request) -> Response:
        headers = RequestHeaders(request.scope["headers"])
        body = RequestBody(request.receive, headers)
        try:
            response = await self._answer(intake, request, headers, body)
        except DisconnectedError:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
        failpoint("s7_reply")
        return response

    async def _answer(self, intake: Intake, request: Request, headers: RequestHeaders, body: RequestBody) -> Response:
        try:
            return await self._take(intake, request, headers, body)
        except HubError as error:
            response = problem(error, request.state.trace_id)
        if not await body.drain(2 * self._limits.body_bytes):
            response.headers["Connection"] = "close"
        return response

    async def _take(self, intake: Intake, request: Request, headers: RequestHeaders, body: RequestBody) -> Response:
        failpoint("s1_headers")
        headers.refuse_repeated()
        reception, limits = self._reception, self._limits
        reception.admission.require_intake()
        with reception.admission.visit(headers.content_length) as visit:
            sender = await reception.basic_sender(visit, headers, peer_of(request.scope))
            if sender is None:
                raise await reception.run(visit, self._identity.not_a_sender, headers)
            refuse_compressed(headers)
            intake.check(headers)
            message_id = intake.message_id(request.headers.getlist("idempotency-key"))
            content = await body.read(limits.body_bytes, limits.body_deadline_seconds, visit.charge)
            failpoint("s2_body")
            delivery = Delivery(sender, message_id, headers, content, request.state.trace_id)
            return await reception.run(visit, intake.perform, delivery)


def refuse_compressed(headers: RequestHeaders) -> None:
    """Raises RejectedError HUB-1019."""
    if (headers.get("content-encoding") or "identity").lower() != "identity":
        raise RejectedError("HUB-1019", "不接受压缩的正文（Content-Encoding）")


def message_id_of(keys: list[str]) -> str:
    """The message id in the Idempotency-Key headers, which may be quoted. Raises RejectedError HUB-1018."""
    matched = _KEY.fullmatch(keys[0].strip()) if len(keys) == 1 else None
    if matched is None:
        text = "须有且只有一个 Idempotency-Key 请求头作为报文标识：1 至 100 个可见 ASCII 字符"
        raise RejectedError("HUB-1018", text, "Idempotency-Key")
    return matched[1]


def status_of(receipt: Receipt) -> HTTPStatus:
    return _STATUSES[receipt.status]


def receipt_response(receipt: Receipt, trace_id: str, *, is_stored: bool = True) -> Response:
    """The receipt as JSON, with its address where it can be asked for; within a problem when nothing was taken."""
    if receipt.status is ReceiptStatus.REJECTED:
        return _all_rejected(receipt, trace_id)
    headers = {"Location": f"/api/v1/receipts/{receipt.receipt_no}"} if is_stored else {}
    return JSONResponse(receipt_json(receipt), status_of(receipt), headers=headers)


def _all_rejected(receipt: Receipt, trace_id: str) -> Response:
    first = receipt.errors[0]
    error = RejectedError(first.code, f"报文中的 {receipt.rejected_count} 条记录都没有被接收，逐条原因见 errors")
    shown = receipt_json(receipt)
    return problem(error, trace_id, status=status_of(receipt), errors=shown["errors"], receipt=shown)


@dataclass(frozen=True, slots=True)
class ContractIntake:
    """The address of one kind of records in the form of the contract."""

    kind: RecordKind
    exchange: Exchange
    limits: RestLimits

    def message_id(self, keys: list[str]) -> str:
        return message_id_of(keys)

    def check(self, headers: RequestHeaders) -> None:
        """Raises RejectedError HUB-1009."""
        if headers.media_type not in (None, "application/json"):
            raise RejectedError("HUB-1009", "Content-Type 应为 application/json")

    def perform(self, delivery: Delivery) -> Response:
        receipt = self.exchange.receive(self._envelope(delivery))
        return receipt_response(receipt, delivery.trace_id)

    def _envelope(self, delivery: Delivery) -> Envelope:
        assert delivery.message_id is not None  # noqa: S101 - as `message_id` gave it
        body, sender = delivery.body, delivery.sender
        message = read_message(body, delivery.headers.charset)
        failpoint("s3_screen")
        refuse_more_records(sender, len(message.records))
        most = min(self.kind.max_per_message, self.limits.records)
        if len(message.records) > most:
            raise RejectedError("HUB-1016", f"报文中的记录超过 {most} 条，请拆成多个报文")
        arrivals = check_json(self.kind, message.records, sender)
        failpoint("s4_authz")
        return Envelope(
            sender=sender,
            message_id=delivery.message_id,
            kind=self.kind,
            body=body,
            body_format=JSON,
            digest=hashlib.sha256(body).hexdigest(),
            received_at=self.exchange.now(),
            trace_id=delivery.trace_id,
            arrivals=arrivals,
            charset=message.charset,
        )
