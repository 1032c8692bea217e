"""The operations of contract §1: how they read their parameters, and which use case they call. No SOAP library."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, cast
from urllib.parse import unquote

from lxml import etree

from adapters.contract import CONTRACT_NS, normalise, read_element
from adapters.contract_schema import MAX_MESSAGE_ID_LENGTH, MAX_NUMBERS_PER_CALL
from adapters.contract_schema import OPERATIONS as PUBLISHED
from adapters.messages import SOAP
from hub.domain.envelopes import Envelope, Sender
from hub.domain.errors import RejectedError
from hub.domain.receipts import Receipt
from hub.domain.records import ATTACHMENT, RECORD_KINDS, Attachment, RecordKind
from hub.domain.times import CHINA_TIME
from hub.gateway.admission import refuse_more_records
from hub.gateway.arrivals import check_elements
from hub.gateway.wsse import SenderDirectory

CONTRACT_VERSION = "v1"
_MAX_CODE_CHARACTERS = 100
_DAY = re.compile("[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"\+?[0-9]{1,9}")
_XOP_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"


class SoapExchange(SenderDirectory, Protocol):
    """The use cases behind the SOAP door."""

    def receive(self, envelope: Envelope) -> Receipt: ...

    def receipt(self, sender: Sender, *, receipt_no: str | None, message_id: str | None) -> Receipt: ...

    def reconcile(self, sender: Sender, day: date) -> Any: ...

    def allocate_case_nos(self, sender: Sender, item_code: str, count: int) -> list[str]: ...

    @property
    def now(self) -> Callable[[], datetime]: ...


class Files(Protocol):
    """What takes files of cases."""

    def keep(self, sender: Sender, message_id: str, attachment: Attachment, trace_id: str) -> Receipt: ...


class Packages(Protocol):
    """What takes whole documents as strings."""

    def submit(self, sender: Sender, text: str, trace_id: str) -> str: ...


@dataclass(frozen=True, slots=True)
class SoapUses:
    """Everything that an operation may use."""

    exchange: SoapExchange
    files: Files
    packages: Packages


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one sender; `body` is its XML byte for byte, `digest` its SHA-256 in hex.

    `charset` is how the door found the body to be encoded; `most_records` the county's limit for one message; `parts`
    what an MTOM message brought beside its XML, by content id.
    """

    uses: SoapUses
    sender: Sender
    body: bytes
    charset: str
    digest: str
    trace_id: str
    most_records: int
    parts: Mapping[str, bytes]


def _push(kind: RecordKind, call: Call, operation: etree._Element) -> Receipt:
    parameters = _Parameters(operation, kind.element)
    message_id = parameters.message_id()
    if not parameters.records:
        raise RejectedError("HUB-1017", f"报文中没有 {kind.element} 元素")
    refuse_more_records(call.sender, len(parameters.records))
    most = min(kind.max_per_message, call.most_records)
    if len(parameters.records) > most:
        raise RejectedError("HUB-1016", f"报文中的记录超过 {most} 条，请拆成多个报文")
    return call.uses.exchange.receive(
        Envelope(
            sender=call.sender,
            message_id=message_id,
            kind=kind,
            body=call.body,
            body_format=SOAP,
            digest=call.digest,
            received_at=call.uses.exchange.now(),
            trace_id=call.trace_id,
            arrivals=check_elements(kind, parameters.records, call.sender),
            charset=call.charset,
        )
    )


def _push_attachment(call: Call, operation: etree._Element) -> Receipt:
    parameters = _Parameters(operation, ATTACHMENT.element)
    message_id = parameters.message_id()
    if len(parameters.records) != 1:
        raise RejectedError("HUB-1017", f"报文中应恰好有一个 {ATTACHMENT.element} 元素")
    element = parameters.records[0]
    _take_in(element, call.parts)
    normalise(element)
    reading = read_element(ATTACHMENT, element)
    if reading.issues:
        first = reading.issues[0]
        raise RejectedError(first.code, first.message, f"{ATTACHMENT.element}/{first.path}")
    return call.uses.files.keep(call.sender, message_id, cast(Attachment, reading.record), call.trace_id)


def _take_in(element: etree._Element, parts: Mapping[str, bytes]) -> None:
    """Puts the MTOM part that an element refers to where the element would hold it in Base64."""
    for include in list(element.iter(_XOP_INCLUDE))[:1]:
        name = unquote(include.get("href", "").removeprefix("cid:"))
        holder = include.getparent()
        if name not in parts or holder is None:
            raise RejectedError("HUB-1036", "xop:Include 指向的 MIME 分段不在报文中", f"{ATTACHMENT.element}/content")
        holder.remove(include)
        holder.text = b64encode(parts[name]).decode()


def _submit_xml(call: Call, operation: etree._Element) -> str:
    message = _Parameters(operation).required("message")
    return call.uses.packages.submit(call.sender, message, call.trace_id)


def _query_receipt(call: Call, operation: etree._Element) -> Receipt:
    parameters = _Parameters(operation)
    receipt_no, message_id = parameters.text("receiptNo"), parameters.text("messageId")
    if receipt_no is None and message_id is None:
        raise RejectedError("HUB-3001", "回执编号和报文标识至少填写一项", "receiptNo")
    return call.uses.exchange.receipt(call.sender, receipt_no=receipt_no, message_id=message_id)


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
    return call.uses.exchange.allocate_case_nos(call.sender, item_code, int(written))


def _reconcile(call: Call, operation: etree._Element) -> Any:
    written = _Parameters(operation).required("date")
    error = RejectedError("HUB-3007", "应为真实存在的日期，格式如 2026-03-02", "date")
    if not _DAY.fullmatch(written):
        raise error
    try:
        day = date.fromisoformat(written)
    except ValueError as exc:
        raise error from exc
    return call.uses.exchange.reconcile(call.sender, day)


def _ping(call: Call, operation: etree._Element) -> tuple[datetime, str]:
    _Parameters(operation)
    return call.uses.exchange.now().astimezone(CHINA_TIME), CONTRACT_VERSION


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
        ATTACHMENT.operation: _push_attachment,
        "submitXml": _submit_xml,
        "queryReceipt": _query_receipt,
        "allocateCaseNos": _allocate_case_nos,
        "reconcile": _reconcile,
        "ping": _ping,
    }
)
OPERATION_NAMES = frozenset(OPERATIONS)
INTAKE_OPERATIONS = OPERATION_NAMES - {"queryReceipt", "reconcile", "ping"}
