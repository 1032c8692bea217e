"""The desk of the published contract: `/soap/exchange/v1`."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from hub.domain.failpoints import failpoint
from hub.gateway.admission import Admission
from hub.gateway.faults import Reply
from hub.gateway.http_bodies import RequestHeaders
from hub.gateway.soap import SoapService
from hub.gateway.soap_envelope import operation_name
from hub.gateway.soap_gate import Scope, ScreenedCall
from hub.gateway.soap_operations import INTAKE_OPERATIONS, OPERATION_NAMES, Call, SoapUses
from hub.gateway.tracing import note

XML = "text/xml; charset=utf-8"
HTML = "text/html; charset=utf-8"
_WSDL_QUERIES = frozenset({"wsdl", "singlewsdl"})
_HELP_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>数据交换接口</title></head>
<body><h1>数据交换接口（SOAP）</h1><p>本地址只接受 POST 报文。接口说明见 <a href="?wsdl">?wsdl</a>。</p></body></html>
""".encode()


def asks_for_wsdl(scope: Scope) -> bool:
    return _query_key(scope) in _WSDL_QUERIES


def help_page() -> Reply:
    """What somebody sees who opens the address in a browser."""
    return Reply(405, HTML, _HELP_PAGE, (("Allow", "GET, POST"),))


def _query_key(scope: Scope) -> str:
    query: str = scope["query_string"].decode("latin-1").lower()
    return query.partition("&")[0].partition("=")[0]


@dataclass(frozen=True, slots=True)
class Published:
    """The contract as files."""

    wsdl: bytes
    xsd: bytes


class ExchangeDesk:
    """Every sender; the operations of contract §1."""

    asks_for_credential = True

    def __init__(self, uses: SoapUses, published: Published, records: int, admission: Admission) -> None:
        self._uses = uses
        self._published = published
        self._records = records
        self._admission = admission
        self._service = SoapService()

    async def document(self, scope: Scope) -> Reply:
        if asks_for_wsdl(scope):
            return Reply(200, XML, self._published.wsdl)
        if _query_key(scope) == "xsd":
            return Reply(200, XML, self._published.xsd)
        return help_page()

    def answer(self, call: ScreenedCall) -> bytes:
        name = operation_name(call.envelope.operation, OPERATION_NAMES, _hints(call.headers))
        note().operation = name
        if name in INTAKE_OPERATIONS:
            self._admission.require_intake()
        failpoint("s4_authz")
        assert call.sender is not None  # noqa: S101 - as `asks_for_credential` has it
        digest = hashlib.sha256(call.body).hexdigest()
        known = Call(
            self._uses, call.sender, call.body, call.charset, digest, call.trace_id, self._records, call.parts
        )  # fmt: skip
        return self._service.answer(call.envelope, known)


def _hints(headers: RequestHeaders) -> Iterator[str]:
    yield from (hint for hint in (headers.get("soapaction"), headers.action) if hint)
