"""Asks a department's SOAP service by its own WSDL. Documents that a WSDL imports come only from allowed places."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import requests
import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError

from adapters.reading import Content
from adapters.transports.answers import Bounds, charset_of, filler, refuse_web_page, with_patience, xml_root
from adapters.transports.outbound import OutboundSession, split_address
from hub.domain.errors import RejectedError, RetryableError

_MOST_IMPORTS = 50
_LOADING_SECONDS = 60.0  # a WSDL with all that it imports
_UNUSABLE = "HUB-4032"
# What zeep lets through when a WSDL is not one, besides errors of its own.
_ZEEP_FAILURES = (
    ZeepError, etree.LxmlError, AttributeError, KeyError, LookupError, TypeError, ValueError, NotImplementedError,
    AssertionError, RecursionError,
)  # fmt: skip


class _Transport(zeep.Transport):
    """zeep's requests through the bounded session; nothing is read from this machine's disk."""

    def __init__(self, session: OutboundSession, sleep: Callable[[float], None]) -> None:
        super().__init__(session=session)  # type: ignore[no-untyped-call]
        session.adapters.pop("file://", None)  # zeep brings one for WSDL files
        self._sleep = sleep
        self._imports_left = _MOST_IMPORTS
        self._load_until = time.monotonic() + _LOADING_SECONDS

    def load(self, url: str) -> bytes:
        self._imports_left -= 1
        if self._imports_left < 0 or time.monotonic() > self._load_until:
            raise RejectedError(_UNUSABLE, "WSDL 引入的文件过多，或取得太慢")
        split_address(url)  # a relative or file address has nowhere to point to
        answer = with_patience(lambda: self.session.get(url), self._sleep)
        refuse_web_page(answer)
        return answer.content

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> requests.Response:
        return self.session.post(address, data=message, headers=dict(headers))


@dataclass(frozen=True, slots=True)
class SoapSource:
    """One operation of a department's service. Not for many threads.

    Raises RejectedError HUB-4032 (WSDL), HUB-4033 (fault), and as `rest.RestSource`.
    """

    transport: Mapping[str, Any]
    session: OutboundSession
    sleep: Callable[[float], None] = time.sleep

    def fetch(self, bounds: Bounds) -> Content:
        """The answer's result: the text of a string result, else the result element."""
        call = self._operation()
        fill = filler(self.transport, bounds, {})
        try:
            answer = call(**_filled(self.transport.get("parameters", {}), fill))
        except ZeepError as exc:
            raise RejectedError(_UNUSABLE, "参数与 WSDL 中操作的定义不符", "transport/parameters") from exc
        except (TypeError, ValueError) as exc:
            raise RejectedError(_UNUSABLE, "参数与 WSDL 中操作的定义不符", "transport/parameters") from exc
        return self._result(answer)

    def _operation(self) -> Callable[..., requests.Response]:
        wsdl = self.transport["wsdl"]
        location = wsdl["url"] if "url" in wsdl else BytesIO(wsdl["text"].encode())
        settings = zeep.Settings(
            strict=True, raw_response=True, forbid_dtd=True, forbid_entities=True, forbid_external=False,
            xml_huge_tree=False,
        )  # fmt: skip
        try:
            client = zeep.Client(  # type: ignore[no-untyped-call]
                location, transport=_Transport(self.session, self.sleep), settings=settings
            )
            service = self._service(client)
            operation: Callable[..., requests.Response] = service[self.transport["operation"]]
        except _ZEEP_FAILURES as exc:
            raise RejectedError(_UNUSABLE, "WSDL 不能使用，或其中没有这个服务、端口或操作", "transport/wsdl") from exc
        return operation

    def _service(self, client: zeep.Client) -> Any:
        """The address of the document wins over the WSDL's, which is often that of a developer's machine."""
        chosen = client.bind(self.transport.get("service"), self.transport.get("port"))
        if "endpoint" in self.transport:
            name = str(chosen._binding.name)
            return client.create_service(name, self.transport["endpoint"])  # type: ignore[no-untyped-call]
        return chosen

    def _result(self, answer: requests.Response) -> Content:
        refuse_web_page(answer)
        if answer.status_code not in (200, 500):  # a fault comes with 500
            with_patience(lambda: answer, lambda _: None)
        root = xml_root(answer.content)
        body = next(root.iter("{*}Body"), None)
        if body is None or len(body) == 0:
            raise RejectedError("HUB-4030", "对方的应答不是 SOAP 应答")
        if etree.QName(body[0]).localname == "Fault":
            raise _fault(body[0])
        return self._content(body[0], charset_of(answer.headers))

    def _content(self, operation: etree._Element, charset: str | None) -> Content:
        name, unit = self.transport.get("result"), self.transport.get("unit")
        result = next(operation.iter(f"{{*}}{name}"), None) if name else next(iter(operation), None)
        if result is None:
            raise RejectedError("HUB-4030", "对方的应答中没有结果元素", "transport/result")
        if len(result) == 0:
            return Content((result.text or "").encode(), "utf-8", None, unit)
        return Content(etree.tostring(result, encoding="utf-8"), "utf-8", "text/xml", unit)


def _fault(fault: etree._Element) -> RejectedError | RetryableError:
    """The sender's fault is ours to mend; the receiver's may pass. Its text is not repeated: it may quote data."""
    code = next((node.text or "" for node in fault.iter("{*}faultcode", "{*}Value")), "")
    if code.rpartition(":")[2].lower() in ("client", "sender"):
        return RejectedError("HUB-4033", "对方系统以 SOAP 错误拒绝了请求（Client）", "transport/parameters")
    return RetryableError("HUB-9028", "对方系统以 SOAP 错误应答（Server）")


def _filled(parameters: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(parameters, Mapping):
        return {name: _filled(value, fill) for name, value in parameters.items()}
    if isinstance(parameters, list):
        return [_filled(value, fill) for value in parameters]
    return fill(parameters) if isinstance(parameters, str) else parameters
