"""Who may see what, and that a request really comes from the signed-in user's own page."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from hub.console.services import ConsoleUser
from hub.domain.errors import RejectedError


class Right(StrEnum):
    """What a page asks of its visitor. Every page names one."""

    HOME = "HOME"
    CASES = "CASES"
    CARDS = "CARDS"
    MESSAGES = "MESSAGES"
    MESSAGE_BODY = "MESSAGE_BODY"
    QUARANTINE = "QUARANTINE"
    MEND_QUARANTINE = "MEND_QUARANTINE"
    REPLAYS = "REPLAYS"
    RUN_REPLAYS = "RUN_REPLAYS"
    ADAPTERS = "ADAPTERS"
    CHANGE_ADAPTERS = "CHANGE_ADAPTERS"
    SERVICE_STATE = "SERVICE_STATE"
    HELP = "HELP"


_EVERYONE = frozenset({Right.HOME, Right.HELP})
_SUPERVISES = _EVERYONE | {
    Right.CASES, Right.CARDS, Right.MESSAGES, Right.QUARANTINE, Right.REPLAYS, Right.ADAPTERS,
}  # fmt: skip
# Administration, security and audit are separate duties (GB/T 22239 8.1.4.2 d): none of the three reads business data.
RIGHTS: Mapping[str, frozenset[Right]] = MappingProxyType({
    "system_admin": _EVERYONE | {Right.MESSAGES, Right.REPLAYS, Right.RUN_REPLAYS, Right.SERVICE_STATE},
    "security_admin": _EVERYONE,
    "auditor": _EVERYONE | {Right.ADAPTERS},
    "it_staff": _SUPERVISES | {
        Right.MESSAGE_BODY, Right.MEND_QUARANTINE, Right.RUN_REPLAYS, Right.CHANGE_ADAPTERS,
    },
    "supervisor": _SUPERVISES,
    "department": _EVERYONE | {Right.CASES, Right.CARDS},
})  # fmt: skip


def may(user: ConsoleUser, right: Right) -> bool:
    return right in RIGHTS.get(user.role, frozenset())


def require(user: ConsoleUser, right: Right) -> None:
    """Raises RejectedError HUB-2007."""
    if not may(user, right):
        raise RejectedError("HUB-2007", "您的角色没有此项权限")


# --- cookies ----------------------------------------------------------------------------------------------------

_SECONDS_OF_A_WORKING_DAY = 12 * 3600
_SIGN_IN_SECONDS = 3600


class Cookies:
    """Names and attributes of our cookies; `secure` when the public address is https."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        prefix = "__Host-" if secure else ""
        self.session = f"{prefix}hub_session"
        self.sign_in = f"{prefix}hub_sign_in"
        self.flash = f"{prefix}hub_flash"

    def keep_session(self, response: Response, token: str) -> None:
        self._keep(response, self.session, token, _SECONDS_OF_A_WORKING_DAY)

    def keep_sign_in(self, response: Response, secret: str) -> None:
        self._keep(response, self.sign_in, secret, _SIGN_IN_SECONDS)

    def keep_flash(self, response: Response, name: str) -> None:
        self._keep(response, self.flash, name, 60)

    def forget(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _keep(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")


def new_secret() -> str:
    return secrets.token_urlsafe(32)


# --- forged requests ----------------------------------------------------------------------------------------------


def csrf_token(cookie: str) -> str:
    """Bound to the cookie of the session, so that it needs no store and ends with the session."""
    return hmac.new(cookie.encode(), b"console form", hashlib.sha256).hexdigest()


def check_form(request: Request, cookie: str, token: str, public_url: str) -> None:
    """Raises RejectedError HUB-2008 when the form was not served by us to this very session."""
    if not cookie or not hmac.compare_digest(csrf_token(cookie).encode(), token.encode()):
        raise RejectedError("HUB-2008", "表单已失效，请返回上一页刷新后重新提交")
    if not _is_own_origin(request, public_url):
        raise RejectedError("HUB-2008", "请求不是从本平台页面发出的")


def _is_own_origin(request: Request, public_url: str) -> bool:
    # Old browsers leave Origin out of same-origin forms; the token then decides alone.
    origin = request.headers.get("origin") or request.headers.get("referer")
    if origin is None:
        return True
    own_hosts = {request.headers.get("host", ""), urlsplit(public_url).netloc}
    return _netloc(origin) in own_hosts - {""}


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def local_path(target: str) -> str:
    """`target` if it is a path of this site, else the home page: nobody is sent elsewhere after signing in."""
    is_path = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_path and target.isprintable() and "\\" not in target else "/"
