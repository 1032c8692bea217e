"""Every failure as an RFC 9457 problem. Says what to mend, never what was sent."""

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from types import MappingProxyType, TracebackType
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.domain.errors import FieldIssue, HubError, NotFoundError, RejectedError, RetryableError
from hub.gateway.catalogue import ErrorEntry, catalogue
from hub.gateway.http_bodies import RepeatedHeaderError, RequestHeaders
from hub.gateway.tracing import note

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
_INTERNAL_ERROR = "HUB-9001"
_INTERNAL_TEXT = "中心内部错误"
_UNROUTED: Mapping[int, tuple[str, str]] = MappingProxyType({
    404: ("HUB-4043", "没有这个地址；接口的地址见 /docs"), 405: ("HUB-1020", "该地址不接受这个请求方法"),
})  # fmt: skip
_CHALLENGES = ('Basic realm="county-hub", charset="UTF-8"', 'Bearer realm="county-hub"')
_PROTECTION: Mapping[str, str] = MappingProxyType({"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"})

# What pydantic calls a fault of a parameter, in our catalogue. `expected` texts are ours; the value is never shown.
_PARAMETER_FAULTS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "missing": ("HUB-3001", "缺少必填项"),
    "extra_forbidden": ("HUB-3002", "没有这个查询参数"),
    "string_too_long": ("HUB-3005", "文本过长，最多 {max_length} 个字符"),
    "greater_than_equal": ("HUB-3006", "数值不得小于 {ge}"),
    "less_than_equal": ("HUB-3006", "数值不得大于 {le}"),
    "not_a_day": ("HUB-3007", "应为真实存在的日期，格式如 2026-03-02"),
    "not_listed": ("HUB-3004", "应为以下之一：{listed}"),
    "not_plain": ("HUB-1006", "含有不允许的控制字符"),
    "literal_error": ("HUB-3004", "应为以下之一：{expected}"),
    "json_invalid": ("HUB-1022", "正文不是有效的 JSON"),
    "int_parsing": ("HUB-3004", "应为整数"),
    "int_parsing_size": ("HUB-3006", "数值超出范围"),
})  # fmt: skip
_OTHER_FAULT = ("HUB-3004", "值的类型不对")


class RepeatedParameterError(RejectedError):
    """A query parameter stands twice. Answered with HTTP 400: the request itself is ambiguous."""


class IssuesError(RejectedError):
    """Several things are wrong; `issues` lists them, the error itself speaks for all."""

    def __init__(self, message: str, issues: Sequence[FieldIssue]) -> None:
        super().__init__(issues[0].code, message)
        self.issues = tuple(issues)


# What a class of errors says about the request as a whole counts for more than the status of its code.
_STATUSES: tuple[tuple[type[HubError], int], ...] = (
    (RepeatedHeaderError, 400), (RepeatedParameterError, 400), (IssuesError, 422),
)  # fmt: skip


def problem(error: HubError, trace_id: str, *, status: int | None = None, **more: Any) -> Response:
    """The problem of an error; `more` are further members. The status is the catalogue's unless given."""
    entry = catalogue().get(error.code) or catalogue()[_INTERNAL_ERROR]
    note().code = entry.code
    status = status or _status(error, entry)
    content = {
        "type": f"/errors/{entry.code}",
        "title": entry.title,
        "status": status,
        "detail": error.message,
        "code": entry.code,
        "retryable": entry.retryable,
        "traceId": trace_id,
        "errors": _errors(error),
    }
    response = JSONResponse(content | more, status, media_type=MEDIA_TYPE)
    _add_headers(response, trace_id)
    if status in (429, 503):
        known = error.retry_after_seconds if isinstance(error, RetryableError) else None
        response.headers["Retry-After"] = str(known or RETRY_AFTER_SECONDS)
    return response


def _status(error: HubError, entry: ErrorEntry) -> int:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), entry.http_status)


def _errors(error: HubError) -> list[dict[str, Any]]:
    if isinstance(error, IssuesError):
        return [{"path": issue.path, "code": issue.code, "message": issue.message} for issue in error.issues]
    if error.path:
        return [{"path": error.path, "code": error.code, "message": error.message}]
    return []


def _add_headers(response: Response, trace_id: str) -> None:
    stamp(response, trace_id)
    if response.status_code == 401:
        for challenge in _CHALLENGES:
            response.headers.append("WWW-Authenticate", challenge)


def stamp(response: Response, trace_id: str) -> Response:
    """Puts on what every answer of this door carries."""
    response.headers["X-Request-Id"] = trace_id
    for name, value in _PROTECTION.items():
        response.headers.setdefault(name, value)
    return response


def invalid_parameters(error: RequestValidationError) -> IssuesError:
    """What FastAPI found wrong with path and query, in our words."""
    return IssuesError("参数不合规，逐项原因见 errors", [_parameter_issue(found) for found in error.errors()])


def _parameter_issue(found: Mapping[str, Any]) -> FieldIssue:
    code, text = _PARAMETER_FAULTS.get(found["type"], _OTHER_FAULT)
    name = "" if found["type"] == "extra_forbidden" or not found["loc"] else str(found["loc"][-1])
    return FieldIssue(code, name, text.format_map(found.get("ctx", {})))


FailurePage = Callable[[Request, HubError], Response]


def install_problems(app: FastAPI, page: FailurePage | None = None) -> None:
    """Problems for what no route of an application answers: unknown addresses, wrong methods, and faults of ours.

    Somebody who looks for a page gets `page` instead.
    """
    app.add_exception_handler(HTTPException, partial(_unrouted, page))
    app.add_exception_handler(Exception, _failed)


def _unrouted(page: FailurePage | None, request: Request, error: Exception) -> Response:
    looks_for_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
    if page is not None and looks_for_page and getattr(error, "status_code", 0) == HTTPStatus.NOT_FOUND:
        return page(request, NotFoundError("HUB-4043", "没有这个页面"))
    status = error.status_code if isinstance(error, HTTPException) else 500
    code, text = _UNROUTED.get(status, (_INTERNAL_ERROR, _INTERNAL_TEXT))
    response = problem(RejectedError(code, text), _trace_id(request), status=status)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


def _failed(request: Request, error: Exception) -> Response:
    return problem(_ours(error, error.__traceback__), _trace_id(request))


def _trace_id(request: Request) -> str:
    return RequestHeaders(request.scope["headers"]).trace_id()


class ProblemRoute(APIRoute):
    """Answers failures of its operation, expected or not, as problems, and stamps every answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            attempt = _Attempt(_trace_id(request))
            request.state.trace_id = attempt.trace_id
            with attempt:
                refuse_repeated_parameters(request)
                attempt.response = await handler(request)
            return stamp(attempt.response, attempt.trace_id)

        return answer


class _Attempt:
    """Ends with a response, whatever happens inside."""

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id
        self.response: Response

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.response = problem(_ours(error, where), self.trace_id)
        return True


def _ours(error: Exception, where: TracebackType | None) -> HubError:
    if isinstance(error, HubError):
        return error
    if isinstance(error, RequestValidationError):
        return invalid_parameters(error)
    # The text of a foreign error may hold values of the request; where it happened does not.
    _log.error("rest call failed: %s\n%s", type(error).__name__, "".join(traceback.format_tb(where)))
    return RetryableError(_INTERNAL_ERROR, _INTERNAL_TEXT)


def refuse_repeated_parameters(request: Request) -> None:
    """Raises RepeatedParameterError HUB-3003."""
    query = request.scope["query_string"].decode("latin-1")
    counts = Counter(name for name, _ in parse_qsl(query, keep_blank_values=True))
    if any(count > 1 for count in counts.values()):
        raise RepeatedParameterError("HUB-3003", "查询参数重复出现，每个参数只能写一次")
