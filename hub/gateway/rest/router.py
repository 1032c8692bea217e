"""Puts the REST door together: one table of operations, each with its address, its rights and its answer."""

from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route

from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.records import ITEM, PROCESS, RESULT
from hub.gateway.rest import identity, models
from hub.gateway.rest.adapter_door import AdapterDoor
from hub.gateway.rest.adapters import add_adapters
from hub.gateway.rest.attachments import add_attachments
from hub.gateway.rest.context import RestContext
from hub.gateway.rest.documents import PROBLEM_ANSWER, Documents, describe_adapted_push, describe_push
from hub.gateway.rest.door import ContractIntake, MessageDoor
from hub.gateway.rest.health import Health
from hub.gateway.rest.identity import Access, Identity
from hub.gateway.rest.problems import ProblemRoute, install_problems, problem
from hub.gateway.rest.quality import add_quality
from hub.gateway.rest.reading import Reading
from hub.gateway.rest.replay import add_replays
from hub.gateway.rest.service_state import ServiceOperations

__all__ = ["RestContext", "create_rest", "install_problems"]

_ROOT = "/api/v1"
_BY_DEPARTMENT = "/cases/by/{orgCode}/{caseNo:path}"  # departments write slashes in their case numbers
_PUSHES = (("items", ITEM), ("process-records", PROCESS), ("results", RESULT))
_ANSWERS_TO_PUSH: dict[int | str, dict[str, Any]] = {
    200: {"model": models.Receipt, "description": "重复报送，给回第一次的回执"},
    202: {"model": models.Receipt, "description": "全部接收"},
    207: {"model": models.Receipt, "description": "部分接收，逐条原因见 errors"},
    422: PROBLEM_ANSWER | {"description": "全部退回（receipt 为回执），或报文标识已用于另一份内容"},
    "default": PROBLEM_ANSWER,
}
_TEXT: dict[str, Any] = {"description": "成功", "content": {"text/plain": {"schema": {"type": "string"}}}}
_ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_SENDER_SECURITY: list[dict[str, list[str]]] = [{"sender": []}]
_STAFF_SECURITY: list[dict[str, list[str]]] = [{"staff": []}]


@dataclass(frozen=True, slots=True)
class _Read:
    """One reading operation; `method` names it in `Reading`."""

    path: str
    method: str
    title: str
    access: Access
    answer: type[BaseModel] | None = None


_READS = (
    _Read("/receipts/{receiptNo}", "receipt", "查询回执", identity.RECEIPTS, models.Receipt),
    _Read("/cases", "cases", "检索办件", identity.CASES, models.CaseList),
    _Read(_BY_DEPARTMENT, "case_of_department", "按部门办件编号查办件", identity.CASES, models.CaseDetail),
    _Read("/cases/{unifiedNo}", "case", "查看办件", identity.CASES, models.CaseDetail),
    _Read("/cases/{unifiedNo}/xes", "xes", "导出办件的事件日志（XES）", identity.CASES),
    _Read("/cards", "cards", "检索监察牌", identity.CARDS, models.CardList),
    _Read("/cards/{id}", "card", "查看监察牌及其证据", identity.CARDS, models.CardDetail),
    _Read("/messages", "messages", "检索报文", identity.MESSAGES, models.MessageList),
    _Read("/messages/{receiptNo}", "message", "查看报文", identity.MESSAGES, models.MessageDetail),
    _Read("/quarantine", "quarantine", "检索隔离的记录", identity.QUARANTINE, models.QuarantineList),
    _Read("/figures", "figures", "今日概况", identity.FIGURES, models.Figures),
)  # fmt: skip


def create_rest(context: RestContext) -> APIRouter:
    """The REST addresses. Include it after any other router below /api/v1: it answers for what is left there."""
    router = APIRouter(route_class=ProblemRoute)
    who = Identity(context.reception.senders, context.database, context.service)
    door = MessageDoor(who, context.limits, context.reception)
    _add_pushes(router, door, context)
    add_attachments(router, _ROOT, context, door, who)
    _add_adapted_push(router, AdapterDoor(context.adapted, door))
    for read in _READS:
        _add_read(router, read, Reading(context), who)
    _add_service(router, ServiceOperations(context), who)
    add_replays(router, _ROOT, context, who)
    add_adapters(router, _ROOT, context, who)
    add_quality(router, _ROOT, context, who)
    _add_health(router, Health(context.probes))
    Documents(router.routes).register(router)
    known = tuple(router.routes)
    rest = _ROOT + "/{rest:path}"
    router.add_api_route(rest, partial(_not_there, known), methods=_ALL_METHODS, include_in_schema=False)
    return router


def _add_pushes(router: APIRouter, door: MessageDoor, context: RestContext) -> None:
    for name, kind in _PUSHES:
        intake = ContractIntake(kind, context.exchange, context.limits)
        router.add_api_route(
            f"{_ROOT}/{name}",
            partial(door.take, intake),
            methods=["POST"],
            status_code=202,
            response_model=None,
            responses=_ANSWERS_TO_PUSH,
            operation_id=kind.operation,
            summary=f"报送{kind.title}",
            tags=["报送"],
            openapi_extra=describe_push(kind) | {"security": _SENDER_SECURITY},
        )


def _add_adapted_push(router: APIRouter, door: AdapterDoor) -> None:
    router.add_api_route(
        f"{_ROOT}/push/{{adapter}}",
        door.push,
        methods=["POST"],
        status_code=202,
        response_model=None,
        responses=_ANSWERS_TO_PUSH,
        operation_id="pushAdapted",
        summary="以部门自己的格式报送，由适配器解读",
        tags=["报送"],
        openapi_extra=describe_adapted_push() | {"security": _SENDER_SECURITY},
    )


def _add_read(router: APIRouter, read: _Read, reading: Reading, who: Identity) -> None:
    router.add_api_route(
        _ROOT + read.path,
        getattr(reading, read.method),
        methods=["GET"],
        dependencies=[Depends(who.admit(read.access))],
        response_model=None,
        response_class=JSONResponse if read.answer else Response,
        responses={200: _described(read.answer), "default": PROBLEM_ANSWER},
        operation_id=to_camel(read.method),
        summary=read.title,
        tags=["查询"],
        openapi_extra={"security": _STAFF_SECURITY + _SENDER_SECURITY if read.access.senders else _STAFF_SECURITY},
    )


def _add_service(router: APIRouter, operations: ServiceOperations, who: Identity) -> None:
    body = {"required": True, "content": {"application/json": {"schema": models.ServiceChange.model_json_schema()}}}
    for method, endpoint, access, title, more in (
        ("GET", operations.show, identity.SERVICE_STATE_READ, "查看服务状态", {}),
        ("PUT", operations.change, identity.SERVICE_STATE, "设置服务状态", {"requestBody": body}),
    ):
        router.add_api_route(
            f"{_ROOT}/service-state",
            endpoint,
            methods=[method],
            dependencies=[Depends(who.admit(access))],
            response_model=None,
            responses={200: _described(models.ServiceState), "default": PROBLEM_ANSWER},
            operation_id=f"{method.lower()}ServiceState",
            summary=title,
            tags=["运行"],
            openapi_extra={"security": _STAFF_SECURITY} | more,
        )


def _described(answer: type[BaseModel] | None) -> dict[str, Any]:
    if answer is None:
        return {"description": "成功", "content": {"application/xml": {"schema": {"type": "string"}}}}
    return {"description": "成功", "model": answer}


def _add_health(router: APIRouter, health: Health) -> None:
    for path, probe, title, answer in (
        ("/healthz", health.live, "进程是否存活", _described(models.Alive)),
        ("/readyz", health.ready, "能否处理请求", _described(models.Ready)),
        ("/metrics", health.metrics, "本进程的运行指标（Prometheus 文本格式）", _TEXT),
    ):
        router.add_api_route(
            path,
            probe,
            methods=["GET"],
            response_model=None,
            responses={200: answer, "default": PROBLEM_ANSWER},
            operation_id=path.strip("/"),
            summary=title,
            tags=["运行"],
        )


def _not_there(routes: tuple[BaseRoute, ...], request: Request) -> Response:
    """Raises NotFoundError HUB-4043 for an unknown address; HUB-1020 with `Allow` for a known one."""
    methods = {method for route in routes if _is_address(route, request) for method in route.methods or ()}
    if not methods:
        raise NotFoundError("HUB-4043", "没有这个地址；可用的地址见 /docs")
    response = problem(RejectedError("HUB-1020", "该地址不接受这个请求方法"), request.state.trace_id)
    response.headers["Allow"] = ", ".join(sorted(methods))
    return response


def _is_address(route: BaseRoute, request: Request) -> TypeGuard[Route]:
    return isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
