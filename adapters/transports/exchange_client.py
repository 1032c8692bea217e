"""A small SOAP 1.1 client of our own contract, for the command line, the demo, imports, benches and tests."""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from lxml import etree

from adapters.contract import CONTRACT_NS, write_element
from adapters.transports.exchange_answers import (
    Pong,
    StumbledError,
    read_answer,
    read_case_nos,
    read_day_totals,
    read_pong,
    read_receipt,
)
from hub.domain.errors import RejectedError, RetryableError
from hub.domain.receipts import Receipt, Reconciliation
from hub.domain.records import Record, RecordKind

SOAP11_NS = "http://schemas.xmlsoap.org/soap/envelope/"
ENDPOINT_PATH = "/soap/exchange/v1"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently one call is repeated. A server's Retry-After is obeyed up to the longest wait."""

    attempts: int = 5
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0

    def wait_seconds(self, attempt: int, asked_seconds: float | None) -> float:
        backoff_seconds = self.first_wait_seconds * 2.0 ** (attempt - 1)
        return min(self.longest_wait_seconds, max(backoff_seconds, asked_seconds or 0.0))


@dataclass
class ExchangeClient:
    """Calls one hub as one sender; `timeout` in seconds for connecting and for each read. Not for many threads.

    `url` is the hub's address, with or without `/soap/exchange/v1`. Every call raises RejectedError for what will never
    succeed and RetryableError when all attempts stumbled (HUB-9005 not reachable, or the hub's own code). A push is
    repeated with the same message id and the same bytes: the hub answers DUPLICATE if it had it already.
    """

    url: str
    sender: str
    secret: str = field(repr=False)
    timeout: float = 30.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RejectedError("HUB-3004", "中心地址应以 http:// 或 https:// 开头", "url")
        address = self.url.partition("?")[0].rstrip("/")
        self._endpoint = address if address.endswith(ENDPOINT_PATH) else address + ENDPOINT_PATH
        self._session = requests.Session()
        # A proxy of the environment can never be the way to this very machine.
        self._session.trust_env = parts.hostname not in _LOOPBACK
        # requests writes text as Latin-1; the hub reads UTF-8.
        self._session.auth = cast(Any, (self.sender.encode(), self.secret.encode()))

    def __enter__(self) -> "ExchangeClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def push(self, kind: RecordKind, message_id: str, records: Sequence[Record | etree._Element]) -> Receipt:
        """Pushes one message. An element goes out as it stands, so that a faulty record can be sent too."""
        call = _element(kind.operation)
        _append_text(call, "messageId", message_id)
        call.extend(_record_element(record, kind.element) for record in records)
        return read_receipt(self._call(call))

    def push_message(self, message: bytes) -> Receipt:
        """Sends a complete SOAP message byte for byte."""
        return read_receipt(self._repeat(message, None))

    def query_receipt(self, *, receipt_no: str | None = None, message_id: str | None = None) -> Receipt:
        call = _element("queryReceipt")
        _append_text(call, "receiptNo", receipt_no)
        _append_text(call, "messageId", message_id)
        return read_receipt(self._call(call))

    def allocate_case_nos(self, item_code: str, count: int) -> list[str]:
        """Unified case numbers. Not repeated once the hub may have given some: numbers are given only once."""
        call = _element("allocateCaseNos")
        _append_text(call, "itemCode", item_code)
        _append_text(call, "count", str(count))
        return read_case_nos(self._call(call, repeatable=False))

    def reconcile(self, day: date) -> Reconciliation:
        call = _element("reconcile")
        _append_text(call, "date", day.isoformat())
        return read_day_totals(self._call(call))

    def ping(self) -> Pong:
        return read_pong(self._call(_element("ping")))

    def _call(self, call: etree._Element, *, repeatable: bool = True) -> etree._Element:
        operation = etree.QName(call).localname
        return self._repeat(_envelope(call), f"{CONTRACT_NS}:{operation}", repeatable=repeatable)

    def _repeat(self, message: bytes, action: str | None, *, repeatable: bool = True) -> etree._Element:
        attempt = 1
        while True:
            try:
                return self._post(message, action)
            except StumbledError as exc:
                if attempt >= self.retry.attempts or not (repeatable or exc.untouched):
                    raise
                self.sleep(self.retry.wait_seconds(attempt, exc.wait_seconds))
            attempt += 1

    def _post(self, message: bytes, action: str | None) -> etree._Element:
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        if action is not None:
            headers["SOAPAction"] = f'"{action}"'
        try:
            # A redirect would carry the secret to another address.
            answer = self._session.post(
                self._endpoint, data=message, headers=headers, timeout=self.timeout, allow_redirects=False
            )
        except requests.RequestException as exc:
            raise _unreachable(exc) from exc
        return read_answer(answer.status_code, answer.headers, answer.content)


def _unreachable(error: requests.RequestException) -> RejectedError | RetryableError:
    if isinstance(error, requests.exceptions.SSLError):
        return RejectedError("HUB-9006", "无法与中心建立安全连接：证书不受信任或协议不符")
    if isinstance(error, requests.exceptions.Timeout):
        return StumbledError("HUB-9005", "中心没有在规定时间内应答")
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return StumbledError("HUB-9005", "无法连接中心，或连接中断")
    return RejectedError("HUB-9006", "请求无法发出，请核对中心地址")


def _envelope(call: etree._Element) -> bytes:
    envelope = etree.Element(f"{{{SOAP11_NS}}}Envelope", nsmap={"soap": SOAP11_NS})
    etree.SubElement(envelope, f"{{{SOAP11_NS}}}Body").append(call)
    return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def _element(tag: str) -> etree._Element:
    nsmap: Any = {None: CONTRACT_NS}
    return etree.Element(f"{{{CONTRACT_NS}}}{tag}", nsmap=nsmap)


def _append_text(parent: etree._Element, tag: str, text: str | None) -> None:
    if text is not None:
        etree.SubElement(parent, f"{{{CONTRACT_NS}}}{tag}").text = text


def _record_element(record: Record | etree._Element, tag: str) -> etree._Element:
    return deepcopy(record) if isinstance(record, etree._Element) else write_element(record, tag)
