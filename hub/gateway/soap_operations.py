"""The operations of contract §1: how they read their parameters, and which use case they call. No SOAP library."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

from lxml import etree

from adapters.contract import CONTRACT_NS
from adapters.contract_schema import MAX_MESSAGE_ID_LENGTH, MAX_NUMBERS_PER_CALL
from adapters.contract_schema import OPERATIONS as PUBLISHED
from adapters.messages import SOAP
from hub.domain.envelopes import Envelope, Sender
from hub.domain.errors import RejectedError
from hub.domain.receipts import Receipt
from hub.domain.records import RECORD_KINDS, RecordKind
from hub.domain.times import CHINA_TIME
from hub.gateway.admission import refuse_more_records
from hub.gateway.arrivals import check_elements
from hub.gateway.wsse import SenderDirectory

CONTRACT_VERSION = "v1"
_MAX_CODE_CHARACTERS = 100
_DAY = re.compile("[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"\+?[0-9]{1,9}")


class SoapExchange(SenderDirectory, Protocol):
    """The use cases behind the SOAP door."""

    def receive(self, envelope: Envelope) -> Receipt: ...

    def receipt(self, sender: Sender, *, receipt_no: str | None, message_id: str | None) -> Receipt: ...

    def reconcile(self, sender: Sender, day: date) -> Any: ...

    def allocate_case_nos(self, sender: Sender, item_code: str, count: int) -> list[str]: ...

    @property
    def now(self) -> Callable[[], datetime]: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one sender; `body` is the HTTP body byte for byte, `digest` its SHA-256 in hex.

    `charset` is how the door found the body to be encoded; `most_records` the county's limit for one message.
    """

    exchange: SoapExchange
    sender: Sender
    body: bytes
    charset: str
    digest: str
    trace_id: str
    most_records: int


def _push(kind: RecordKind, call: Call, operation: etree._Element) -> Receipt:
    parameters = _Parameters(operation, kind.element)
    message_id = parameters.message_id()
    if not parameters.records:
        raise RejectedError("HUB-1017", f"报文中没有 {kind.element} 元素")
    refuse_more_records(call.sender, len(parameters.records))
    most = min(kind.max_per_message, call.most_records)
    if len(parameters.records) > most:
        raise RejectedError("HUB-1016", f"报文中的记录超过 {most} 条，请拆成多个报文")
    return call.exchange.receive(
        Envelope(
            sender=call.sender,
            message_id=message_id,
            kind=kind,
            body=call.body,
            body_format=SOAP,
            digest=call.digest,
            received_at=call.exchange.now(),
            trace_id=call.trace_id,
            arrivals=check_elements(kind, parameters.records, call.sender),
            charset=call.charset,
        )
    )


def _query_receipt(call: Call, operation: etree._Element) -> Receipt:
    parameters = _Parameters(operation)
    receipt_no, message_id = parameters.text("receiptNo"), parameters.text("messageId")
    if receipt_no is None and message_id is None:
        raise RejectedError("HUB-3001", "回执编号和报文标识至少填写一项", "receiptNo")
    return call.exchange.receipt(call.sender, receipt_no=receipt_no, message_id=message_id)


def _allocate_case_nos(call: Call, operation: etree._Element) -> list[str]:
    parameters = _Parameters(operation)
    item_code = parameters.required("itemCode")
    if len(item_code) > _MAX_CODE_CHARACTERS:
        raise RejectedError("HUB-3005", f"文本过长，最多 {_MAX_CODE_CHARACTERS} 个字符", "itemCode")
    written = parameters.required("count")
    if not _WHOLE.fullmatch(written):
        raise RejectedError("HUB-3004", "应为整数", "count")
    if not 1 <= int(written) <= MAX_NUMBERS_PER_CALL:
        raise RejectedError("HUB-3006", f"数值应在 1 至 {MAX_NUMBERS_PER_CALL} 之间", "count")
    return call.exchange.allocate_case_nos(call.sender, item_code, int(written))


def _reconcile(call: Call, operation: etree._Element) -> Any:
    written = _Parameters(operation).required("date")
    error = RejectedError("HUB-3007", "应为真实存在的日期，格式如 2026-03-02", "date")
    if not _DAY.fullmatch(written):
        raise error
    try:
        day = date.fromisoformat(written)
    except ValueError as exc:
        raise error from exc
    return call.exchange.reconcile(call.sender, day)


def _ping(call: Call, operation: etree._Element) -> tuple[datetime, str]:
    _Parameters(operation)
    return call.exchange.now().astimezone(CHINA_TIME), CONTRACT_VERSION


class _Parameters:
    """The children of an operation element; empty ones are absent, unqualified ones are taken as ours."""

    def __init__(self, operation: etree._Element, record_name: str | None = None) -> None:
        self.records: list[etree._Element] = []
        self._texts: dict[str, str] = {}
        self._known = _PARAMETER_NAMES[etree.QName(operation).localname]
        for child in operation:
            tag = etree.QName(child)
            if tag.namespace not in (None, CONTRACT_NS):
                raise RejectedError("HUB-1011", f"操作元素的下级元素应在命名空间 {CONTRACT_NS} 中")
            if tag.localname == record_name:
                self.records.append(child)
            else:
                self._take(tag.localname, child)

    def _take(self, name: str, child: etree._Element) -> None:
        if name in self._texts:
            raise RejectedError("HUB-3003", "参数重复出现", name)
        if name not in self._known:
            raise RejectedError("HUB-3002", "合同中没有这个参数", name[:64])
        if len(child):
            raise RejectedError("HUB-3004", "应为单个值，不应再有下级字段", name)
        self._texts[name] = (child.text or "").strip()

    def text(self, name: str) -> str | None:
        return self._texts.get(name) or None

    def required(self, name: str) -> str:
        text = self.text(name)
        if text is None:
            raise RejectedError("HUB-3001", "缺少必填项", name)
        return text

    def message_id(self) -> str:
        """Raises RejectedError HUB-1018."""
        message_id = self.text("messageId")
        if message_id is None or len(message_id) > MAX_MESSAGE_ID_LENGTH:
            raise RejectedError("HUB-1018", f"须有报文标识 messageId，最多 {MAX_MESSAGE_ID_LENGTH} 个字符", "messageId")
        return message_id


_PARAMETER_NAMES = MappingProxyType(
    {published.name: frozenset(part.name for part in published.request) for published in PUBLISHED}
)

Operation = Callable[[Call, etree._Element], Any]

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {kind.operation: partial(_push, kind) for kind in RECORD_KINDS.values()}
    | {
        "queryReceipt": _query_receipt,
        "allocateCaseNos": _allocate_case_nos,
        "reconcile": _reconcile,
        "ping": _ping,
    }
)
OPERATION_NAMES = frozenset(OPERATIONS)
INTAKE_OPERATIONS = frozenset(kind.operation for kind in RECORD_KINDS.values()) | {"allocateCaseNos"}
