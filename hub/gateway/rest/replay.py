"""Replay jobs over REST: made, watched, started, paused and cancelled by staff programs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.domain.errors import RejectedError
from hub.gateway.http_bodies import DisconnectedError, RequestBody, RequestHeaders
from hub.gateway.rest import identity
from hub.gateway.rest.context import RestContext
from hub.gateway.rest.documents import PROBLEM_ANSWER
from hub.gateway.rest.identity import Access, Identity, caller_of
from hub.gateway.rest.parameters import NoParameters, Plain, ReplayedParameters, ReplayParameters
from hub.gateway.rest.replay_models import ReplayItemList, ReplayJob, ReplayJobList, ReplayOrder
from hub.stores import replay
from hub.stores.replay_views import ItemQuery, ReplayQuery, replay_detail, search_items, search_replays

_LARGEST_BYTES = 256 * 1024
_DEADLINE_SECONDS = 30.0
_KEY = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")
_DESCRIPTIONS = {200: "成功；建立时：同一请求以前建立的任务", 201: "已建立"}
_ACT_TITLES = {
    "start": "启动重放任务", "pause": "暂停重放任务", "resume": "继续重放任务", "cancel": "取消重放任务",
}  # fmt: skip
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "由调用方编定；用同一个再次请求，得到同一个任务",
    "schema": {"type": "string", "minLength": 1, "maxLength": 100},
}

JobId = Annotated[Plain, Path(alias="id")]
Wanted = Annotated[NoParameters, Query()]


@dataclass(frozen=True, slots=True)
class ReplayOperations:
    """Who may use which is said where they are registered."""

    context: RestContext

    async def create(self, request: Request) -> Response:
        """Raises as `hub.stores.replay.create`, RejectedError HUB-1018, and as any body does."""
        key = _request_key(request)
        body = RequestBody(request.receive, RequestHeaders(request.scope["headers"]))
        try:
            content = await body.read(_LARGEST_BYTES, _DEADLINE_SECONDS)
        except DisconnectedError as exc:
            raise RejectedError("HUB-1013", "正文没有收完") from exc
        return await run_in_threadpool(self._create, request, key, content)

    def _create(self, request: Request, key: str, content: bytes) -> Response:
        try:
            order = ReplayOrder.model_validate_json(content).order(key)
        except ValidationError as exc:
            raise RequestValidationError(exc.errors(include_input=False)) from exc
        with self.context.database.unit() as unit:
            known = replay.find_request(unit, order)
            job_id = known or replay.create(unit, order, _staff_name(request), self.context.now())
            job = replay_detail(unit, job_id)
        status = HTTPStatus.OK if known else HTTPStatus.CREATED
        return JSONResponse(job, status, headers={"Location": f"/api/v1/replays/{job_id}"})

    def jobs(self, request: Request, wanted: Annotated[ReplayParameters, Query()]) -> Response:
        with self.context.database.read() as unit:
            page = search_replays(unit, ReplayQuery(**wanted.model_dump()))
        return JSONResponse({"items": page.items, "next": page.next})

    def job(self, request: Request, wanted: Wanted, job_id: JobId) -> Response:
        with self.context.database.read() as unit:
            return JSONResponse(replay_detail(unit, _row_id(job_id)))

    def items(self, request: Request, wanted: Annotated[ReplayedParameters, Query()], job_id: JobId) -> Response:
        with self.context.database.read() as unit:
            page = search_items(unit, _row_id(job_id), ItemQuery(**wanted.model_dump()))
        return JSONResponse({"items": page.items, "next": page.next})

    def turn(self, act: str, request: Request, wanted: Wanted, job_id: JobId) -> Response:
        """Raises NotFoundError HUB-4044, RejectedError HUB-5003."""
        with self.context.database.unit() as unit:
            replay.turn(unit, _row_id(job_id), act, _staff_name(request), self.context.now())
            return JSONResponse(replay_detail(unit, _row_id(job_id)))


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation; its endpoint is called with the request."""

    method: str
    path: str
    name: str
    title: str
    access: Access
    endpoint: Any
    answers: Mapping[int, type[BaseModel]]
    extra: Mapping[str, Any] = field(default_factory=dict)


def add_replays(router: APIRouter, root: str, context: RestContext, who: Identity) -> None:
    for each in _operations(ReplayOperations(context)):
        answers: dict[int | str, dict[str, Any]] = {
            status: {"model": model, "description": _DESCRIPTIONS[status]} for status, model in each.answers.items()
        }
        router.add_api_route(
            f"{root}/replays{each.path}",
            each.endpoint,
            methods=[each.method],
            dependencies=[Depends(who.admit(each.access))],
            response_model=None,
            status_code=max(each.answers),
            responses=answers | {"default": PROBLEM_ANSWER},
            operation_id=each.name,
            summary=each.title,
            tags=["重放"],
            openapi_extra={**each.extra, "security": [{"staff": []}]},
        )


def _operations(offered: ReplayOperations) -> Iterator[_Operation]:
    see, run = identity.REPLAYS, identity.RUN_REPLAYS
    both, body = {200: ReplayJob, 201: ReplayJob}, {"application/json": {"schema": ReplayOrder.model_json_schema()}}
    asked = {"parameters": [_KEY_PARAMETER], "requestBody": {"required": True, "content": body}}
    yield _Operation("POST", "", "createReplay", "建立重放任务", run, offered.create, both, asked)
    yield _Operation("GET", "", "replays", "检索重放任务", see, offered.jobs, {200: ReplayJobList})
    yield _Operation("GET", "/{id}", "replay", "查看重放任务", see, offered.job, {200: ReplayJob})
    items = "重放任务中的报文"
    yield _Operation("GET", "/{id}/items", "replayItems", items, see, offered.items, {200: ReplayItemList})
    for act, title in _ACT_TITLES.items():
        turn = partial(offered.turn, act)
        yield _Operation("POST", f"/{{id}}/{act}", f"{act}Replay", title, run, turn, {200: ReplayJob})


def _request_key(request: Request) -> str:
    keys = request.headers.getlist("idempotency-key")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0].strip()):
        text = "须有且只有一个 Idempotency-Key 请求头：1 至 100 个可见 ASCII 字符"
        raise RejectedError("HUB-1018", text, "Idempotency-Key")
    return keys[0].strip()


def _staff_name(request: Request) -> str:
    staff = caller_of(request).staff
    return staff.name if staff is not None else ""


def _row_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise replay.no_such_job()
    return int(text)
