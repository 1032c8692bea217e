"""Asks a department's HTTP interface for what is new, page by page. What is no data is a failure with a code."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from adapters.reading import Content
from adapters.transports.answers import Bounds, charset_of, date_of, filler, looker, refuse_web_page, with_patience
from adapters.transports.outbound import OutboundSession
from hub.domain.errors import RejectedError

MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """One answer. `records`: how many it holds, None where the document does not say how to count them."""

    content: Content
    records: int | None
    cursor: str | None
    server_time: datetime | None


@dataclass(frozen=True, slots=True)
class RestSource:
    """A department's interface as its adapter document describes it. Not for many threads.

    Raises RejectedError HUB-4025, HUB-4028..4031, HUB-4034 and RetryableError HUB-9026..9028.
    """

    transport: Mapping[str, Any]
    session: OutboundSession
    sleep: Callable[[float], None] = time.sleep

    def pages(self, bounds: Bounds, cursor: str | None = None) -> Iterator[AnswerPage]:
        """Every page from `cursor` on, each asked for when wanted."""
        paging = self.transport.get("paging", {})
        number = paging.get("first", 1)
        for _ in range(min(paging.get("maxPages", MOST_PAGES), MOST_PAGES)):
            page = self._page(bounds, number, cursor)
            yield page
            if not self._follows(page, cursor):
                return
            number, cursor = number + paging.get("step", 1), page.cursor
        raise RejectedError("HUB-4030", "对方系统的分页没有尽头：页数超过上限", "transport/paging/maxPages")

    def _follows(self, page: AnswerPage, cursor: str | None) -> bool:
        kind = self.transport.get("paging", {}).get("kind", "none")
        if kind == "page":
            return bool(page.records)
        return kind == "cursor" and page.cursor not in (None, "", cursor)

    def _page(self, bounds: Bounds, number: int, cursor: str | None) -> AnswerPage:
        answer = with_patience(lambda: self._ask(bounds, number, cursor), self.sleep)
        body, charset = answer.content, charset_of(answer.headers)
        refuse_web_page(answer)
        look = looker(self.transport.get("answer", "json"), body, charset)
        self._require_success(look)
        paging = self.transport.get("paging", {})
        records = _count(look, paging["records"]) if "records" in paging else None
        following = look(paging["next"]) if "next" in paging else None
        content = Content(body, charset, answer.headers.get("Content-Type"), self.transport.get("unit"))
        return AnswerPage(content, records, _text(following), date_of(answer.headers))

    def _ask(self, bounds: Bounds, number: int, cursor: str | None) -> requests.Response:
        fill = filler(self.transport, bounds, {"page": str(number), "cursor": cursor or ""})
        query = {name: fill(str(value)) for name, value in self.transport.get("query", {}).items()}
        headers = {name: str(value) for name, value in self.transport.get("headers", {}).items()}
        body = self.transport.get("body")
        method = self.transport.get("method", "POST" if body is not None else "GET")
        data = None if body is None else fill(body).encode()
        if data is not None and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = f"application/{self.transport.get('answer', 'json')}; charset=utf-8"
        return self.session.request(method, self.transport["url"], params=query, headers=headers, data=data)

    def _require_success(self, look: Callable[[str], Any]) -> None:
        """Many interfaces answer 200 and say in the body that nothing came of it."""
        success = self.transport.get("success")
        if success is None:
            return
        if _text(look(success["select"])) not in {str(value) for value in success["values"]}:
            raise RejectedError("HUB-4031", "对方系统的应答表示没有成功", "transport/success")


def _count(look: Callable[[str], Any], selector: str) -> int:
    found = look(selector)
    if not isinstance(found, list):
        raise RejectedError("HUB-4030", "应答中没有适配器文档所说的记录列表", "transport/paging/records")
    return len(found)


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None or isinstance(value, dict) else str(value)
