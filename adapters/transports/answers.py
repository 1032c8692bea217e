"""What departments' systems answer over HTTP: data, or a failure with a code; shared by REST and SOAP."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

import jmespath
import requests
from jmespath.exceptions import JMESPathError
from lxml import etree

from adapters.xml_text import hardened_parser
from hub.domain.errors import RejectedError, RetryableError
from hub.domain.times import CHINA_TIME

_ATTEMPTS = 3
_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 10.0
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.I)
_PLACE = re.compile(r"\{(since|until|page|cursor)\}")
_HTML = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", re.I)
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_ASKS_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})

# A status that no repetition would change.
_STATUS_REJECTIONS: Mapping[int, tuple[str, str]] = MappingProxyType({
    401: ("HUB-4025", "对方系统不接受凭据（HTTP 401）"),
    403: ("HUB-4025", "对方系统不允许访问（HTTP 403）"),
    404: ("HUB-4030", "对方系统没有这个地址（HTTP 404）"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Credential:
    """How the hub shows itself to a department's system; `secret` is the kept secret itself."""

    kind: str = "none"
    secret: str = field(default="", repr=False)
    user: str = ""
    header: str = ""

    def put_on(self, session: requests.Session) -> None:
        if self.kind == "basic":
            session.auth = (self.user.encode(), self.secret.encode())  # type: ignore[assignment] # as UTF-8
        elif self.kind == "bearer":
            session.headers["Authorization"] = f"Bearer {self.secret}"
        elif self.kind == "header":
            session.headers[self.header] = self.secret


@dataclass(frozen=True, slots=True)
class Bounds:
    """The span of time that one pull asks for."""

    since: datetime
    until: datetime


def with_patience(ask: Callable[[], requests.Response], sleep: Callable[[float], None]) -> requests.Response:
    """A good answer, after a few attempts. Raises RetryableError HUB-9028 with the wait that was asked for."""
    attempt = 1
    while True:
        try:
            return good(ask())
        except RetryableError as exc:
            wait_seconds = max(_FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1), exc.retry_after_seconds or 0)
            if attempt == _ATTEMPTS or wait_seconds > _LONGEST_WAIT_SECONDS:
                raise
        sleep(wait_seconds)
        attempt += 1


def good(answer: requests.Response) -> requests.Response:
    if answer.ok:
        return answer
    if answer.status_code in _ASKS_LATER:
        text = f"对方系统繁忙或出错（HTTP {answer.status_code}）"
        raise RetryableError("HUB-9028", text, retry_after_seconds=_retry_after(answer.headers))
    unknown = ("HUB-4030", f"对方系统的应答不是数据（HTTP {answer.status_code}）")
    raise RejectedError(*_STATUS_REJECTIONS.get(answer.status_code, unknown))


def _retry_after(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Retry-After", "").strip()
    return min(int(text), 86_400) if re.fullmatch(r"\d{1,9}", text) else None


def refuse_web_page(answer: requests.Response) -> None:
    """Raises RejectedError HUB-4028: a login page with status 200 is the commonest answer of an expired session."""
    if _HTML.match(answer.content[:1000]) or answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise RejectedError("HUB-4028", "对方返回的是网页而不是数据（多为登录页）")


def charset_of(headers: Mapping[str, str]) -> str | None:
    found = _CHARSET.search(headers.get("Content-Type", ""))
    return found[1].lower() if found else None


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The time of the other side's clock, where it tells."""
    try:
        moment = parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo else None


def filler(transport: Mapping[str, Any], bounds: Bounds, places: Mapping[str, str]) -> Callable[[str], str]:
    """Puts times, page and cursor into a template; times are China's, in the document's form."""
    form = transport.get("timeFormat", _TIME_FORMAT)
    known = {
        "since": bounds.since.astimezone(CHINA_TIME).strftime(form),
        "until": bounds.until.astimezone(CHINA_TIME).strftime(form),
        **places,
    }
    return lambda text: _PLACE.sub(lambda found: known.get(found[1], ""), text)


def looker(form: str, body: bytes, charset: str | None) -> Callable[[str], Any]:
    """Looks into an answer with a selector: JMESPath, or XPath on names without namespaces.

    Raises RejectedError HUB-4030 when the answer is cut off or is something else.
    """
    return _LOOKERS[form](body, charset)


def _json_looker(body: bytes, charset: str | None) -> Callable[[str], Any]:
    document = _json(body, charset)

    def look(selector: str) -> Any:
        try:
            return jmespath.search(selector, document)
        except JMESPathError as exc:
            raise RejectedError("HUB-4030", "应答的结构与适配器文档不符") from exc

    return look


def _json(body: bytes, charset: str | None) -> Any:
    """A charset that lies is overruled, as the adapter does when it reads the same bytes."""
    for encoding in dict.fromkeys([charset or "utf-8-sig", "utf-8-sig", "gb18030"]):
        try:
            return json.loads(body.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
        except (ValueError, RecursionError) as exc:
            raise RejectedError("HUB-4030", "对方的应答不是完整的 JSON，可能被截断") from exc
    raise RejectedError("HUB-4030", "对方的应答不是可识别的编码")


def _xml_looker(body: bytes, charset: str | None) -> Callable[[str], Any]:
    root = xml_root(body)

    def look(selector: str) -> Any:
        try:
            found: Any = root.xpath(without_namespaces(selector))
        except etree.XPathError as exc:
            raise RejectedError("HUB-4030", "应答的结构与适配器文档不符") from exc
        if isinstance(found, list):
            return [node if isinstance(node, str) else "".join(node.itertext()) for node in found]
        return found

    return look


def xml_root(body: bytes) -> etree._Element:
    """Raises RejectedError HUB-4030."""
    try:
        return etree.fromstring(body, hardened_parser())
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise RejectedError("HUB-4030", "对方的应答不是完整的 XML，可能被截断") from exc


_NAME_TEST = re.compile(r"(^|/)([A-Za-z_\u4e00-\u9fff][\w.\-\u4e00-\u9fff]*)(?=/|$)")


def without_namespaces(path: str) -> str:
    """Plain names in a path match in any namespace."""
    return _NAME_TEST.sub(lambda found: f"{found[1]}*[local-name()='{found[2]}']", path)


_LOOKERS: Mapping[str, Callable[[bytes, str | None], Callable[[str], Any]]] = MappingProxyType({
    "json": _json_looker, "xml": _xml_looker,
})  # fmt: skip
