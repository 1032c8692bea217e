"""Adapters over REST: documents with their versions, the acts of their life, dry runs, codes that no map knew."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from adapters.document import LARGEST_DOCUMENT, load_document
from hub.adapting import views
from hub.adapting.mapping_desk import map_and_replay
from hub.adapting.office import ACTS, AdapterOffice, Asked
from hub.adapting.rehearsal import rehearse
from hub.domain.errors import RejectedError
from hub.gateway.http_bodies import DisconnectedError, RequestBody, RequestHeaders
from hub.gateway.rest import adapter_models as models
from hub.gateway.rest import identity
from hub.gateway.rest.context import RestContext
from hub.gateway.rest.documents import PROBLEM_ANSWER
from hub.gateway.rest.identity import Access, Identity, caller_of
from hub.gateway.rest.parameters import (
    AdapterParameters,
    DiffParameters,
    NoParameters,
    Plain,
    RehearsalParameters,
    UnmappedParameters,
    VersionParameters,
)
from hub.stores import adapters, unmapped_codes
from hub.stores.adapters import AdapterQuery
from hub.stores.unmapped_codes import UnmappedQuery

_DEADLINE_SECONDS = 30.0
_ONE = "/adapters/{code}"
_CODE = "/unmapped-codes/{id}"
_YAML = "application/yaml"
_DOCUMENT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            _YAML: {"schema": {"type": "string"}},
        },
    },
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": "所改草稿的 ETag；还没有草稿时不写",
            "schema": {"type": "string"},
        }
    ],
}

_T = TypeVar("_T", bound=BaseModel)
AdapterCode = Annotated[Plain, Path(alias="code")]
EntryId = Annotated[Plain, Path(alias="id")]
Wanted = Annotated[NoParameters, Query()]
RehearsalWanted = Annotated[RehearsalParameters, Query()]


@dataclass(frozen=True, slots=True)
class AdapterOperations:
    """Who may use which is said where they are registered."""

    context: RestContext

    @property
    def office(self) -> AdapterOffice:
        return self.context.office

    def list(self, request: Request, wanted: Annotated[AdapterParameters, Query()]) -> Response:
        query = AdapterQuery(wanted.q or "", wanted.state or "", wanted.sender or "", wanted.limit, wanted.after)
        with self.context.database.read() as unit:
            page = adapters.search(unit, query)
        return JSONResponse({"items": page.items, "next": page.next})

    def show(self, request: Request, wanted: Wanted, code: AdapterCode) -> Response:
        with self.context.database.read() as unit:
            return JSONResponse(views.adapter_detail(unit, code))

    def version(self, request: Request, wanted: Annotated[VersionParameters, Query()], code: AdapterCode) -> Response:
        """The document as JSON, or as YAML for who accepts that; its ETag is the digest for `If-Match`."""
        with self.context.database.read() as unit:
            found = views.version_detail(unit, code, wanted.version)
        headers = {"ETag": f'"{found["digest"]}"'}
        if _YAML in request.headers.get("accept", ""):
            return PlainTextResponse(found["text"], headers=headers, media_type=_YAML)
        return JSONResponse(found, headers=headers)

    def diff(self, request: Request, wanted: Annotated[DiffParameters, Query()], code: AdapterCode) -> Response:
        with self.context.database.read() as unit:
            return JSONResponse({"items": views.differences(unit, code, wanted.old, wanted.new)})

    async def save(self, request: Request, wanted: Wanted, code: AdapterCode) -> Response:
        """Raises as `AdapterOffice.save`, RejectedError HUB-3006 for a document of another adapter."""
        text = (await _body(request)).decode("utf-8-sig", errors="replace")
        return await run_in_threadpool(self._save, request, code, text)

    def _save(self, request: Request, code: str, text: str) -> Response:
        document = load_document(text)
        if document["adapter"] != code:
            raise RejectedError("HUB-3006", "文档里的适配器代码与地址不同", "adapter")
        row = self.office.save(document, _name(request), _expected(request))
        return JSONResponse(adapters.version_row(row), headers={"ETag": f'"{row.content_digest}"'})

    def rehearse(
        self, request: Request, wanted: Annotated[RehearsalParameters, Query()], code: AdapterCode
    ) -> Response:
        context = self.context
        tried = rehearse(context.database, context.sealer, code, wanted.version, wanted.messages)
        return JSONResponse(tried.row())

    async def act(self, act: str, request: Request, wanted: Wanted, code: AdapterCode) -> Response:
        """Raises as `AdapterOffice.act`."""
        asked = _asked(models.ActAsked, await _body(request))
        return await run_in_threadpool(self._act, act, request, code, asked)

    def _act(self, act: str, request: Request, code: str, asked: models.ActAsked) -> Response:
        wish = Asked(act, _name(request), asked.version, asked.reason, asked.fingerprint, asked.until, _peer(request))
        self.office.act(code, wish)
        with self.context.database.read() as unit:
            return JSONResponse(views.adapter_detail(unit, code))

    def unmapped(self, request: Request, wanted: Annotated[UnmappedParameters, Query()]) -> Response:
        query = UnmappedQuery(wanted.adapter or "", wanted.state or "", wanted.limit, wanted.after)
        with self.context.database.read() as unit:
            page = unmapped_codes.search(unit, query)
        return JSONResponse({"items": page.items, "next": page.next})

    async def map(self, request: Request, wanted: Wanted, entry_id: EntryId) -> Response:
        """Raises as `AdapterOffice.map_code`."""
        asked = _asked(models.MapAsked, await _body(request))
        return await run_in_threadpool(self._map, request, _number(entry_id), asked)

    def _map(self, request: Request, entry_id: int, asked: models.MapAsked) -> Response:
        return JSONResponse(map_and_replay(self.office, entry_id, asked.token, _name(request), replays=asked.replay))

    async def ignore(self, request: Request, wanted: Wanted, entry_id: EntryId) -> Response:
        asked = _asked(models.IgnoreAsked, await _body(request))
        await run_in_threadpool(self.office.ignore_code, _number(entry_id), asked.reason, _name(request))
        return Response(status_code=204)


async def _body(request: Request) -> bytes:
    try:
        return await RequestBody(request.receive, RequestHeaders(request.scope["headers"])).read(
            LARGEST_DOCUMENT, _DEADLINE_SECONDS
        )
    except DisconnectedError as exc:
        raise RejectedError("HUB-1013", "正文没有收完") from exc


def _asked(model: type[_T], body: bytes) -> _T:
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as exc:
        raise RequestValidationError(exc.errors(include_input=False)) from exc


def _expected(request: Request) -> str | None:
    """Digest of the draft that was changed; "" when there was none; None for `If-Match: *`."""
    given = request.headers.get("if-match", "").strip()
    return None if given == "*" else given.removeprefix("W/").strip('"')


def _name(request: Request) -> str:
    staff = caller_of(request).staff
    return staff.name if staff is not None else ""


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise unmapped_codes.no_such_code()
    return int(text)


@dataclass(frozen=True, slots=True)
class _Operation:
    method: str
    path: str
    name: str
    title: str
    access: Access
    endpoint: Any
    answer: type[BaseModel] | None
    extra: Mapping[str, Any] = field(default_factory=dict)


def add_adapters(router: APIRouter, root: str, context: RestContext, who: Identity) -> None:
    """Registers the operations below `/adapters` and `/unmapped-codes`."""
    for each in _operations(AdapterOperations(context)):
        answer: dict[str, Any] = {"description": "成功"} | ({"model": each.answer} if each.answer else {})
        router.add_api_route(
            root + each.path,
            each.endpoint,
            methods=[each.method],
            dependencies=[Depends(who.admit(each.access))],
            response_model=None,
            status_code=200 if each.answer else 204,
            responses={200 if each.answer else 204: answer, "default": PROBLEM_ANSWER},
            operation_id=each.name,
            summary=each.title,
            tags=["适配器"],
            openapi_extra={**each.extra, "security": [{"staff": []}]},
        )


def _operations(offered: AdapterOperations) -> Iterator[_Operation]:
    see, change = identity.ADAPTERS, identity.CHANGE_ADAPTERS
    yield _Operation("GET", "/adapters", "adapters", "检索适配器", see, offered.list, models.AdapterList)
    yield _Operation("GET", _ONE, "adapter", "查看适配器", see, offered.show, models.AdapterDetail)
    yield _Operation(
        "PUT", _ONE, "saveAdapter", "存为草稿", change, offered.save, models.AdapterVersion, _DOCUMENT_BODY
    )
    document = "查看一个版本的文档"
    yield _Operation(
        "GET", f"{_ONE}/document", "adapterDocument", document, see, offered.version, models.AdapterDocument
    )
    yield _Operation("GET", f"{_ONE}/diff", "adapterDiff", "比较两个版本", see, offered.diff, models.AdapterChanges)
    rehearsal = "用已收的报文试读"
    yield _Operation(
        "POST", f"{_ONE}/dry-run", "rehearseAdapter", rehearsal, see, offered.rehearse, models.AdapterRehearsal
    )
    for act in ACTS.values():
        body = _json_body(models.ActAsked)
        yield _Operation(
            "POST", f"{_ONE}/{act.name}", f"{act.name}Adapter", f"{act.title}（适配器）", change,
            partial(offered.act, act.name), models.AdapterDetail, body,
        )  # fmt: skip
    codes = "检索未对照代码"
    yield _Operation("GET", "/unmapped-codes", "unmappedCodes", codes, see, offered.unmapped, models.UnmappedCodeList)
    yield _Operation(
        "POST",
        f"{_CODE}/map",
        "mapCode",
        "对照代码",
        change,
        offered.map,
        models.MappedCode,
        _json_body(models.MapAsked),
    )
    yield _Operation(
        "POST", f"{_CODE}/ignore", "ignoreCode", "不对照", change, offered.ignore, None, _json_body(models.IgnoreAsked)
    )


def _json_body(model: type[BaseModel]) -> Mapping[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": model.model_json_schema()}}}}
