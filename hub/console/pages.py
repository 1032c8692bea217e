"""The frame of every page: session, right, forged-request check, answer, headers, failure page."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeGuard
from urllib.parse import quote, urlsplit

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.console.rendering import Renderer
from hub.console.security_headers import protect_page
from hub.console.services import ConsoleServices, ConsoleUser
from hub.console.session import Cookies, Right, check_form, csrf_token, may, require
from hub.console.static_files import StaticFiles
from hub.domain.errors import HubError, NotFoundError, RejectedError, RetryableError
from hub.domain.service_states import Activity, Service

_TRIDENT = ("MSIE ", "Trident/")

FLASHES = {
    "signed_out": "您已安全退出。",
    "discarded": "已作废该记录，理由已写入审计日志。",
    "service_changed": "服务状态已改变，理由已写入审计日志。",
    "replayed": "已提交重放，处理结果见该报文的记录状态。",
    "replay_created": "已建立重放任务，正在试运行；看过结果再开始。",
    "replay_start": "重放已开始。",
    "replay_pause": "已暂停；已在队列中的报文会做完。",
    "replay_resume": "重放已继续。",
    "replay_cancel": "已取消；已在队列中的报文会做完。",
    "sender_changed": "报送方的登记已更新。",
    "sender_disabled": "已停用；它的报文会收到您写的说明。",
    "sender_enabled": "已恢复；它可以继续报送。",
    "secret_revoked": "该密钥已作废，几秒内生效。",
    "draft_saved": "草稿已保存。",
    "adapter_changed": "适配器的状态已改变，已写入审计日志。",
    "code_mapped": "对照已加入新版本。",
    "code_ignored": "已标为不需要对照。",
}
_STATUS_BY_CODE = {
    "HUB-1003": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "HUB-2006": HTTPStatus.UNAUTHORIZED,
    "HUB-2007": HTTPStatus.FORBIDDEN,
    "HUB-2008": HTTPStatus.FORBIDDEN,
    "HUB-5004": HTTPStatus.CONFLICT,
}


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How much a form may bring. A larger one is only read from somebody who is signed in."""

    total_bytes: int = 64 * 1024
    fields: int = 120  # every record of the longest list ticked
    files: int = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the browser sent it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The text fields, and the files that are not empty."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Upload] = ()


_PLAIN_FORM = FormLimits()


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a signed-in user."""

    request: Request
    user: ConsoleUser
    session: str
    service: Service
    form: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Upload] = ()

    def query(self, name: str) -> str:
        return self.request.query_params.get(name, "").strip()

    def field(self, name: str) -> str:
        return self.form.get(name, "").strip()

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    @property
    def wants_fragment(self) -> bool:
        headers = self.request.headers
        return "hx-request" in headers and "hx-history-restore-request" not in headers


Handler = Callable[[Visit], Response]
OpenHandler = Callable[[Request, Form], Response]


class SignInNeededError(Exception):
    """The visitor has no session, or it ended."""


class Console:
    """Adds pages to one router; each page is registered with the right that it asks for."""

    def __init__(self, services: ConsoleServices, public_url: str, county_name: str) -> None:
        self.services = services
        self.public_url = public_url
        self.cookies = Cookies(secure=public_url.startswith("https://"))
        self.static = StaticFiles()
        self.renderer = Renderer(self.static, county_name)
        self.router = APIRouter()

    def page(self, path: str, right: Right, handler: Handler) -> None:
        self.open_page(path, lambda request, form: self._signed_in(request, form, right, handler))

    def action(self, path: str, right: Right, handler: Handler, limits: FormLimits = _PLAIN_FORM) -> None:
        self._add(path, "POST", lambda request, form: self._signed_in(request, form, right, handler), limits)

    def open_page(self, path: str, handler: OpenHandler) -> None:
        """A page that needs no session."""
        self._add(path, "GET", handler)

    def open_action(self, path: str, handler: OpenHandler) -> None:
        """A form target that checks its form by itself or through `page`."""
        self._add(path, "POST", handler)

    def render(self, visit: Visit, template: str, status: int = HTTPStatus.OK, **context: Any) -> Response:
        page = self.renderer.render(template, {**self._frame(visit), **context})
        response = HTMLResponse(page, status_code=status)
        if visit.request.cookies.get(self.cookies.flash):
            self.cookies.forget(response, self.cookies.flash)
        return response

    def render_open(self, template: str, status: int = HTTPStatus.OK, **context: Any) -> Response:
        return HTMLResponse(self.renderer.render(template, {"user": None, **context}), status_code=status)

    def done(self, target: str, flash: str) -> Response:
        """After a form: on to `target`, where the message of FLASHES is shown once."""
        response = RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
        self.cookies.keep_flash(response, flash)
        return response

    def _frame(self, visit: Visit) -> dict[str, Any]:
        return {
            "user": visit.user,
            "path": visit.request.url.path,
            "csrf": csrf_token(visit.session),
            "now": self.services.now(),
            "service": visit.service,
            "flash": FLASHES.get(visit.request.cookies.get(self.cookies.flash, "")),
            "may": lambda right: may(visit.user, Right(right)),
        }

    def _add(self, path: str, method: str, handler: OpenHandler, limits: FormLimits = _PLAIN_FORM) -> None:
        async def answer(request: Request) -> Response:
            form = await self._form(request, limits) if method == "POST" else Form()
            return await run_in_threadpool(self._answer, request, form, handler)

        self.router.add_route(path, answer, methods=[method], include_in_schema=False)

    async def _form(self, request: Request, limits: FormLimits) -> Form | None:
        """None when it is too large. A large form of a stranger is left unread: he is asked to sign in."""
        if limits != _PLAIN_FORM and not await run_in_threadpool(self._is_signed_in, request):
            return Form()
        return await _read_form(request, limits)

    def _is_signed_in(self, request: Request) -> bool:
        session = request.cookies.get(self.cookies.session, "")
        with suppress(HubError):  # the answer meets the same failure, and says so
            return bool(session) and self.services.user_of(session) is not None
        return False

    def _answer(self, request: Request, form: Form | None, handler: OpenHandler) -> Response:
        if any(sign in request.headers.get("user-agent", "") for sign in _TRIDENT):
            return protect_page(self.render_open("trident.html"))
        try:
            if form is None:
                raise RejectedError("HUB-1003", "提交的表单过大")
            return protect_page(handler(request, form))
        except SignInNeededError:
            return protect_page(_to_sign_in(request))
        except HubError as error:
            return protect_page(self.failure(request, error))

    def _signed_in(self, request: Request, form: Form, right: Right, handler: Handler) -> Response:
        session = request.cookies.get(self.cookies.session, "")
        user = self.services.user_of(session) if session else None
        if user is None:
            raise SignInNeededError
        visit = Visit(request, user, session, self.services.service(), form.fields, form.files)
        try:
            _require_service(visit, right)
            if request.method == "POST":
                check_form(request, session, form.fields.get("csrf", ""), self.public_url)
            require(user, right)
            return handler(visit)
        except HubError as error:
            return self.render(visit, "problem.html", _status(error), error=error, heading=_heading(error))

    def failure(self, request: Request, error: HubError) -> Response:
        """The page that says what went wrong to somebody who need not be signed in."""
        return self.render_open("problem.html", _status(error), error=error, heading=_heading(error))


def _require_service(visit: Visit, right: Right) -> None:
    """Raises RetryableError HUB-9021 when the state of the service leaves no room for the page or the change."""
    if right is Right.SERVICE_STATE:
        return
    visit.service.require(Activity.QUERY)
    if visit.request.method == "POST" and right is not Right.MESSAGE_BODY:
        visit.service.require(Activity.CHANGE)


def _status(error: HubError) -> int:
    if isinstance(error, RetryableError):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, NotFoundError):
        return HTTPStatus.NOT_FOUND
    return _STATUS_BY_CODE.get(error.code, HTTPStatus.BAD_REQUEST)


_HEADINGS = {
    HTTPStatus.NOT_FOUND: "没有找到",
    HTTPStatus.FORBIDDEN: "不能这样做",
    HTTPStatus.SERVICE_UNAVAILABLE: "平台暂时不可用",
}


def _heading(error: HubError) -> str:
    return _HEADINGS.get(HTTPStatus(_status(error)), "没有办成")


def _to_sign_in(request: Request) -> Response:
    """A fragment request is told to leave the page, or the form would appear inside a list."""
    fragment = "hx-request" in request.headers
    here = urlsplit(request.headers.get("hx-current-url", "") if fragment else str(request.url))
    back = here.path + (f"?{here.query}" if here.query else "")
    target = "/login" if request.method != "GET" or back in ("", "/") else f"/login?next={quote(back, safe='/')}"
    if fragment:
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)


async def _read_form(request: Request, limits: FormLimits) -> Form | None:
    """None when the form is larger than it may be, or of unannounced size."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > limits.total_bytes:
        return None
    async with request.form(max_files=limits.files, max_fields=limits.fields, max_part_size=limits.total_bytes) as form:
        texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        files = [Upload(each.filename or "", await each.read()) for _, each in form.multi_items() if _is_file(each)]
    return Form(texts, [each for each in files if each.name and each.content])


def _is_file(value: str | UploadFile) -> TypeGuard[UploadFile]:
    return not isinstance(value, str)
