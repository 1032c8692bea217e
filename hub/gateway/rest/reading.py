"""Reading: cases, cards, messages, quarantine, figures. Each call is one view of the database."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.domain.errors import NotFoundError
from hub.gateway.rest.context import RestContext
from hub.gateway.rest.identity import caller_of
from hub.gateway.rest.parameters import (
    CardParameters,
    CaseParameters,
    MessageParameters,
    NoParameters,
    Plain,
    QuarantineParameters,
)
from hub.gateway.rest.receipt_json import receipt_json, receipt_of_message
from hub.gateway.rest.xes import write_xes
from hub.stores.card_views import CardQuery, card_detail, search_cards
from hub.stores.case_views import CaseQuery, CaseReader, search_cases
from hub.stores.dashboard import todays_figures
from hub.stores.message_views import (
    MessageQuery,
    QuarantineQuery,
    message_detail,
    search_messages,
    search_quarantine,
)
from hub.stores.paging import Page

_T = TypeVar("_T")
Wanted = Annotated[NoParameters, Query()]


@dataclass(frozen=True, slots=True)
class Reading:
    """The operations; who may use which is said where they are registered."""

    context: RestContext

    def cases(self, request: Request, wanted: Annotated[CaseParameters, Query()]) -> Response:
        query = CaseQuery(**wanted.model_dump(), scope=caller_of(request).scope)
        return _page(self._read(search_cases, query))

    def case(self, request: Request, wanted: Wanted, unified_no: Annotated[Plain, Path(alias="unifiedNo")]) -> Response:
        return JSONResponse(self._case(request, unified_no))

    def case_of_department(
        self,
        request: Request,
        wanted: Wanted,
        org_code: Annotated[Plain, Path(alias="orgCode")],
        case_no: Annotated[Plain, Path(alias="caseNo")],
    ) -> Response:
        return JSONResponse(self._read(self._reader().by_org, org_code, case_no, caller_of(request).scope))

    def xes(self, request: Request, wanted: Wanted, unified_no: Annotated[Plain, Path(alias="unifiedNo")]) -> Response:
        return Response(write_xes(self._case(request, unified_no)), media_type="application/xml")

    def cards(self, request: Request, wanted: Annotated[CardParameters, Query()]) -> Response:
        query = CardQuery(**wanted.model_dump(), scope=caller_of(request).scope)
        return _page(self._read(search_cards, query))

    def card(self, request: Request, wanted: Wanted, card_id: Annotated[Plain, Path(alias="id")]) -> Response:
        return JSONResponse(self._read(card_detail, _row_id(card_id), caller_of(request).scope))

    def messages(self, request: Request, wanted: Annotated[MessageParameters, Query()]) -> Response:
        return _page(self._read(search_messages, MessageQuery(**wanted.model_dump())))

    def message(
        self, request: Request, wanted: Wanted, receipt_no: Annotated[Plain, Path(alias="receiptNo")]
    ) -> Response:
        return JSONResponse(self._read(message_detail, receipt_no))

    def receipt(
        self, request: Request, wanted: Wanted, receipt_no: Annotated[Plain, Path(alias="receiptNo")]
    ) -> Response:
        sender = caller_of(request).sender
        if sender is None:
            return JSONResponse(receipt_of_message(self._read(message_detail, receipt_no)))
        return JSONResponse(receipt_json(self.context.exchange.receipt(sender, receipt_no=receipt_no)))

    def quarantine(self, request: Request, wanted: Annotated[QuarantineParameters, Query()]) -> Response:
        return _page(self._read(search_quarantine, QuarantineQuery(**wanted.model_dump())))

    def figures(self, request: Request, wanted: Wanted) -> Response:
        now = self.context.now()
        due_soon_until = self.context.law().due_soon_until(now)
        return JSONResponse(self._read(todays_figures, now, due_soon_until, caller_of(request).scope))

    def _case(self, request: Request, unified_no: str) -> dict[str, Any]:
        return self._read(self._reader().by_unified_no, unified_no, caller_of(request).scope)

    def _reader(self) -> CaseReader:
        law = self.context.law()
        return CaseReader(law.calendar, law.policy, self.context.sealer, self.context.now())

    def _read(self, view: Callable[..., _T], *arguments: Any) -> _T:
        with self.context.database.read() as unit:
            return view(unit, *arguments)


def _page(page: Page) -> Response:
    return JSONResponse({"items": page.items, "next": page.next})


def _row_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFoundError("HUB-4043", "没有这张牌")
    return int(text)
