"""`POST /api/v1/push/{adapter}`: a message or a file in a department's own form."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from adapters.reading import Content
from hub.adapting.keeper import InForce
from hub.domain.errors import RejectedError
from hub.domain.receipts import Receipt
from hub.gateway.adapted import AdaptedIntake, Foreign
from hub.gateway.http_bodies import RequestHeaders
from hub.gateway.multipart import FORM_DATA, parts_of
from hub.gateway.replies import media_type_of, shaped_receipt, shaped_refusal
from hub.gateway.rest.door import Delivery, MessageDoor, message_id_of, receipt_response
from hub.gateway.tracing import note

_FORM = "application/x-www-form-urlencoded"
_FILE_FIELD = "file"
_MOST_FIELDS = 20
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MEDIA_TYPES = frozenset({
    None, "text/xml", "application/xml", "application/json", "text/json", "text/csv", "application/csv", "text/plain",
    "application/octet-stream", "application/vnd.ms-excel", _XLSX, FORM_DATA, _FORM,
})  # fmt: skip


class AdapterDoor:
    """Gives every message to the adapter that its address names."""

    def __init__(self, intake: AdaptedIntake, door: MessageDoor) -> None:
        self._intake = intake
        self._door = door

    async def push(
        self,
        request: Request,
        adapter: Annotated[str, Path(description="适配器编码", max_length=40)],
        unit: Annotated[
            str | None, Query(description="表名或文件类型：一个适配器读几种表时指明是哪一种", max_length=100)
        ] = None,
    ) -> Response:
        return await self._door.take(_Push(self._intake, adapter, unit), request)


class _Push:
    """The intake of one request; `unit` names the records of a table or file that does not say what it holds."""

    def __init__(self, intake: AdaptedIntake, adapter: str, unit: str | None) -> None:
        self._intake = intake
        self._adapter = adapter
        self._unit = unit

    def message_id(self, keys: list[str]) -> str | None:
        return message_id_of(keys) if keys else None

    def check(self, headers: RequestHeaders) -> None:
        if headers.media_type not in _MEDIA_TYPES:
            raise RejectedError("HUB-1009", "Content-Type 应为 XML、JSON、CSV 或 xlsx 的类型，或 multipart/form-data")

    def perform(self, delivery: Delivery) -> Response:
        in_force = self._intake.in_force(self._adapter)
        document = in_force.compiled.document
        try:
            receipt = self._take(in_force, delivery)
        except RejectedError as error:
            shaped = shaped_refusal(document, error, delivery.trace_id)
            if shaped is None:
                raise
            note().code = error.code
            return _shaped_response(shaped)
        shaped = shaped_receipt(document, receipt)
        if shaped is not None:
            return _shaped_response(shaped)
        return receipt_response(receipt, delivery.trace_id, is_stored=not in_force.trial)

    def _take(self, in_force: InForce, delivery: Delivery) -> Receipt:
        content = content_of(delivery.headers, delivery.body, self._unit)
        return self._intake.take(in_force, delivery.sender, Foreign(content, delivery.trace_id, delivery.message_id))


def _shaped_response(text: str) -> Response:
    """Always 200: what came of it stands in the text, and old clients read no text beside another status."""
    return Response(text, media_type=media_type_of(text))


# --- what the body holds ----------------------------------------------------------------------------------------


def content_of(headers: RequestHeaders, body: bytes, unit: str | None) -> Content:
    """The department's own bytes. Raises RejectedError HUB-1002, HUB-1033, HUB-1034."""
    unpack = _UNPACKING.get(headers.media_type or "", _plain)
    content = unpack(headers, body, unit)
    if not content.body.strip():
        raise RejectedError("HUB-1002", "正文为空")
    return content


def _plain(headers: RequestHeaders, body: bytes, unit: str | None) -> Content:
    return Content(body, headers.charset, headers.media_type, unit)


def _upload(headers: RequestHeaders, body: bytes, unit: str | None) -> Content:
    parts = parts_of(body, headers.get("content-type") or "", _MOST_FIELDS)
    files = [part for part in parts if part.disposition("name") == _FILE_FIELD]
    if len(files) != 1:
        raise RejectedError("HUB-1034", "应恰好有一个名为 file 的文件", _FILE_FIELD)
    own = RequestHeaders([(b"content-type", (files[0].media_type or "").encode("latin-1"))])
    return Content(files[0].content, own.charset, own.media_type, unit)


def _form_field(headers: RequestHeaders, body: bytes, unit: str | None) -> Content:
    """The one field of a form that holds anything: the message, in whatever charset the form was written."""
    if body.count(b"&") >= _MOST_FIELDS:
        raise RejectedError("HUB-1034", f"表单的字段超过 {_MOST_FIELDS} 个")
    values = [field.partition(b"=")[2] for field in body.split(b"&")]
    filled = [value for value in values if value.strip()]
    if len(filled) != 1:
        raise RejectedError("HUB-1034", "表单应恰好有一个字段有内容，其中放报文")
    return Content(unquote_to_bytes(filled[0].replace(b"+", b" ")), headers.charset, None, unit)


_Unpack = Callable[[RequestHeaders, bytes, str | None], Content]
_UNPACKING: Mapping[str, _Unpack] = MappingProxyType({FORM_DATA: _upload, _FORM: _form_field})
