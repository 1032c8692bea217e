"""Files of cases over REST: pushed by departments, read by staff who say why."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from adapters.contract import read_json
from hub.domain.errors import RejectedError
from hub.domain.records import ATTACHMENT, Attachment
from hub.gateway.http_bodies import RequestHeaders
from hub.gateway.reception import peer_of
from hub.gateway.rest import identity, models
from hub.gateway.rest.context import RestContext
from hub.gateway.rest.documents import PROBLEM_ANSWER, describe_attachment
from hub.gateway.rest.door import Delivery, MessageDoor, message_id_of, receipt_response
from hub.gateway.rest.identity import Identity, caller_of
from hub.gateway.rest.json_body import read_document
from hub.gateway.rest.parameters import Plain
from hub.gateway.rest.problems import IssuesError
from hub.stores.attachments import Look, look_into

_ANSWERS_TO_PUSH: dict[int | str, dict[str, Any]] = {
    200: {"model": models.Receipt, "description": "重复报送，给回第一次的回执"},
    202: {"model": models.Receipt, "description": "已接收"},
    "default": PROBLEM_ANSWER,
}
_BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


class ReasonParameters(BaseModel):
    """Why somebody wants to see what a case holds."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Plain, Field(min_length=2, description="查看的事由，记入审计")]


@dataclass(frozen=True, slots=True)
class AttachmentPush:
    """The intake of `POST /attachments`."""

    context: RestContext

    def message_id(self, keys: list[str]) -> str:
        return message_id_of(keys)

    def check(self, headers: RequestHeaders) -> None:
        """Raises RejectedError HUB-1009."""
        if headers.media_type not in (None, "application/json"):
            raise RejectedError("HUB-1009", "Content-Type 应为 application/json")

    def perform(self, delivery: Delivery) -> Response:
        """Raises IssuesError where the attachment is not as the contract has it, and as `AttachmentIntake.keep`."""
        document, _ = read_document(delivery.body, delivery.headers.charset)
        reading = read_json(ATTACHMENT, document)
        if reading.issues:
            raise IssuesError("附件不合规，逐项原因见 errors", reading.issues)
        attachment = cast(Attachment, reading.record)
        receipt = self.context.files.keep(delivery.sender, str(delivery.message_id), attachment, delivery.trace_id)
        return receipt_response(receipt, delivery.trace_id)


@dataclass(frozen=True, slots=True)
class AttachmentReading:
    """The content of files; every look is audited."""

    context: RestContext

    def content(
        self,
        request: Request,
        wanted: Annotated[ReasonParameters, Query()],
        unified_no: Annotated[Plain, Path(alias="unifiedNo")],
        receipt_no: Annotated[Plain, Path(alias="receiptNo")],
    ) -> Response:
        caller = caller_of(request)
        look = Look(caller.staff.name if caller.staff else "", wanted.reason, peer_of(request.scope), caller.scope)
        with self.context.database.unit() as unit:
            row = look_into(unit, look, unified_no, receipt_no, self.context.now())
        # Never as what the sender calls it: a browser might run it.
        disposition = f"attachment; filename*=UTF-8''{quote(row.name, safe='')}"
        content = self.context.sealer.open_body(row.content_sealed)
        return Response(content, media_type="application/octet-stream", headers={"Content-Disposition": disposition})


def add_attachments(router: APIRouter, root: str, context: RestContext, door: MessageDoor, who: Identity) -> None:
    router.add_api_route(
        f"{root}/attachments",
        partial(door.take, AttachmentPush(context)),
        methods=["POST"],
        status_code=202,
        response_model=None,
        responses=_ANSWERS_TO_PUSH,
        operation_id=ATTACHMENT.operation,
        summary="报送附件",
        tags=["报送"],
        openapi_extra=describe_attachment() | {"security": [{"sender": []}]},
    )
    router.add_api_route(
        root + "/cases/{unifiedNo}/attachments/{receiptNo}",
        AttachmentReading(context).content,
        methods=["GET"],
        dependencies=[Depends(who.admit(identity.ATTACHMENTS))],
        response_model=None,
        response_class=Response,
        responses={200: {"description": "附件内容", "content": _BYTES}, "default": PROBLEM_ANSWER},
        operation_id="attachmentContent",
        summary="取附件内容（须写事由，记入审计）",
        tags=["查询"],
        openapi_extra={"security": [{"staff": []}]},
    )
