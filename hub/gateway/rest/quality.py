"""Data quality, silence and reconciliation over REST."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.record_list import LARGEST_BYTES, read_record_list
from hub.domain.errors import RejectedError
from hub.gateway.http_bodies import DisconnectedError, RequestBody, RequestHeaders
from hub.gateway.rest import identity
from hub.gateway.rest.context import RestContext
from hub.gateway.rest.documents import PROBLEM_ANSWER
from hub.gateway.rest.door import refuse_compressed
from hub.gateway.rest.identity import Access, Identity, caller_of
from hub.gateway.rest.parameters import (
    NoParameters,
    Plain,
    QualityParameters,
    QualityRecordParameters,
    ReconciliationParameters,
)
from hub.gateway.rest.quality_models import (
    ComparisonAnswer,
    OwnList,
    QualityList,
    QualityRecordList,
    ReconciliationAnswer,
    SenderQualityDetail,
    SilenceList,
)
from hub.stores.quality import BehindQuery
from supervision.quality.desk import QualityDesk

_DEADLINE_SECONDS = 60.0
_USUAL_SPAN = timedelta(days=29)
_ONE = "/quality/senders/{sender}"
_ACCOUNTS = "/reconciliations"
_STAFF: list[dict[str, list[str]]] = [{"staff": []}]
_SENDER: list[dict[str, list[str]]] = [{"sender": []}]

Wanted = Annotated[NoParameters, Query()]
SpanWanted = Annotated[QualityParameters, Query()]


@dataclass(frozen=True, slots=True)
class QualityOperations:
    """Who may use which is said where they are registered."""

    desk: QualityDesk

    def senders(self, request: Request, wanted: SpanWanted) -> Response:
        return JSONResponse({"items": list(self.desk.senders(*self._span(wanted)))})

    def sender(self, request: Request, wanted: SpanWanted, code: Annotated[Plain, Path(alias="sender")]) -> Response:
        return JSONResponse(self.desk.sender(code, *self._span(wanted)))

    def records(self, request: Request, wanted: Annotated[QualityRecordParameters, Query()]) -> Response:
        first_day, last_day = self._span(wanted)
        query = BehindQuery(
            wanted.measure, first_day, last_day, wanted.sender, wanted.kind, wanted.code, wanted.limit, wanted.after
        )
        return JSONResponse(self.desk.behind(query))

    def silence(self, request: Request, wanted: Wanted) -> Response:
        return JSONResponse({"items": list(self.desk.listener.silences())})

    def reconciliation(self, request: Request, wanted: Annotated[ReconciliationParameters, Query()]) -> Response:
        return JSONResponse(self.desk.reconciliation(_about(request, wanted.sender), wanted.day or self.desk.today()))

    async def compare(self, request: Request, wanted: Annotated[ReconciliationParameters, Query()]) -> Response:
        """Raises RejectedError HUB-4035 to HUB-4037, and as any body does."""
        code = _about(request, wanted.sender)
        headers = RequestHeaders(request.scope["headers"])
        refuse_compressed(headers)
        try:
            content = await RequestBody(request.receive, headers).read(LARGEST_BYTES, _DEADLINE_SECONDS)
        except DisconnectedError as exc:
            raise RejectedError("HUB-1013", "正文没有收完") from exc
        return await run_in_threadpool(self._compare, code, wanted.day, content)

    def _compare(self, code: str, day: date | None, content: bytes) -> Response:
        listed = read_record_list(content)
        if day is not None and listed.day is not None and day != listed.day:
            raise RejectedError("HUB-4037", "地址中的日期与清单中的不同", "date")
        return JSONResponse(self.desk.compare(code, day or listed.day or self.desk.today(), listed.entries))

    def _span(self, wanted: QualityParameters) -> tuple[date, date]:
        last_day = wanted.to_day or self.desk.today()
        return wanted.from_day or last_day - _USUAL_SPAN, last_day


def _about(request: Request, asked: str | None) -> str:
    """The sender whose data it is about: its own for a sender. Raises RejectedError HUB-2003, HUB-3001."""
    own = caller_of(request).sender
    if own is not None:
        if asked not in (None, own.code):
            raise RejectedError("HUB-2003", "报送方只能对自己的账", "sender")
        return own.code
    if asked is None:
        raise RejectedError("HUB-3001", "须指明报送方", "sender")
    return asked


@dataclass(frozen=True, slots=True)
class _Operation:
    method: str
    path: str
    name: str
    title: str
    access: Access
    endpoint: Any
    answer: type[BaseModel]
    extra: Mapping[str, Any] = field(default_factory=dict)


def add_quality(router: APIRouter, root: str, context: RestContext, who: Identity) -> None:
    """Registers the operations below `/quality` and `/reconciliations`."""
    for each in _operations(QualityOperations(context.quality)):
        security = _STAFF + _SENDER if each.access.senders else _STAFF
        router.add_api_route(
            root + each.path,
            each.endpoint,
            methods=[each.method],
            dependencies=[Depends(who.admit(each.access))],
            response_model=None,
            responses={200: {"model": each.answer, "description": "成功"}, "default": PROBLEM_ANSWER},
            operation_id=each.name,
            summary=each.title,
            tags=["数据质量与对账"],
            openapi_extra={**each.extra, "security": security},
        )


def _operations(offered: QualityOperations) -> Iterator[_Operation]:
    see, account = identity.MESSAGES, identity.RECEIPTS
    forms = {"application/json": {"schema": OwnList.model_json_schema()}, "text/csv": {"schema": {"type": "string"}}}
    body = {"requestBody": {"required": True, "content": forms}}
    yield from (
        _Operation("GET", "/quality", "quality", "各报送方的数据质量", see, offered.senders, QualityList),
        _Operation("GET", "/quality/records", "qualityRecords", "指标的明细", see, offered.records, QualityRecordList),
        _Operation("GET", "/quality/silence", "silence", "各报送方是否静默", see, offered.silence, SilenceList),
        _Operation("GET", _ONE, "senderQuality", "一个报送方的数据质量", see, offered.sender, SenderQualityDetail),
        _Operation("GET", _ACCOUNTS, "reconciliation", "对账", account, offered.reconciliation, ReconciliationAnswer),
        _Operation("POST", _ACCOUNTS, "compareList", "核对清单", account, offered.compare, ComparisonAnswer, body),
    )
