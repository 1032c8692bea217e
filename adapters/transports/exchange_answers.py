"""What a hub answers over SOAP 1.1: receipts and the like as values, faults as the two kinds of error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from lxml import etree

from adapters.contract import CONTRACT_NS, parse_instant
from hub.domain.errors import HubError, NotFoundError, RejectedError, RetryableError
from hub.domain.receipts import (
    DayCount,
    Receipt,
    ReceiptStatus,
    Reconciliation,
    RecordError,
    RecordState,
    StateOfRecord,
)

_UNREADABLE = "HUB-9006"
_CODE_IN_FRONT = re.compile(r"\[?(HUB-[0-9]{4})\]?\s*")
_UNTOUCHED_STATUSES = frozenset({429, 503})
_NOT_FOUND_CODES = frozenset({"HUB-4041", "HUB-4042", "HUB-4043"})

# What a status says when something before the hub answered without a fault.
_STATUS_REJECTIONS: Mapping[int, tuple[str, str]] = {
    401: ("HUB-2001", "报送方编码或密钥不正确"),
    403: ("HUB-2003", "没有权限"),
    404: ("HUB-9006", "此地址没有数据交换服务，请核对中心地址"),
    405: ("HUB-1020", "此地址不接受报送，请核对中心地址"),
    413: ("HUB-1003", "报文过大"),
    415: ("HUB-1009", "媒体类型不被接受"),
}
_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class StumbledError(RetryableError):
    """One attempt failed. `untouched`: the hub surely did nothing. `wait_seconds`: how long it asks to wait."""

    def __init__(self, code: str, message: str, *, untouched: bool = False, wait_seconds: float | None = None) -> None:
        super().__init__(code, message)
        self.untouched = untouched
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to ping."""

    server_time: datetime
    contract: str


def read_answer(status: int, headers: Mapping[str, str], content: bytes) -> etree._Element:
    """The response element of a SOAP 1.1 answer. Raises what a fault or a status says."""
    child = _body_child(content)
    if child is not None and etree.QName(child).localname == "Fault":
        raise _fault(child, status, headers)
    if status in (200, 202) and child is not None:
        return child
    raise _without_fault(status, headers)


def _body_child(content: bytes) -> etree._Element | None:
    """None for anything that is no SOAP message, such as the error page of a proxy."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        envelope = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return None
    body = envelope.find("{*}Body")
    return body[0] if body is not None and len(body) else None


def _fault(fault: etree._Element, status: int, headers: Mapping[str, str]) -> HubError:
    said = " ".join((fault.findtext("faultstring") or fault.findtext("{*}Reason/{*}Text") or "").split())
    found = _CODE_IN_FRONT.match(said)
    detail = fault.find(f".//{{{CONTRACT_NS}}}hubFault")
    code = _text(detail, "code") or (found[1] if found else _UNREADABLE)
    message = said[found.end() :] if found else said
    if _text(detail, "retryable") in ("true", "1") or status in _UNTOUCHED_STATUSES:
        return _stumbled(code, message, status, headers)
    error = NotFoundError if code in _NOT_FOUND_CODES else RejectedError
    return error(code, message or "中心拒绝了请求", _text(detail, "path"))


def _without_fault(status: int, headers: Mapping[str, str]) -> HubError:
    if status in _PASSING_STATUSES:
        return _stumbled("HUB-9005", f"中心或其前置代理暂时不能服务（HTTP {status}）", status, headers)
    code, message = _STATUS_REJECTIONS.get(status, (_UNREADABLE, f"应答不是数据交换合同的报文（HTTP {status}）"))
    return RejectedError(code, message)


def _stumbled(code: str, message: str, status: int, headers: Mapping[str, str]) -> StumbledError:
    asked = headers.get("Retry-After", "")
    wait_seconds = float(asked) if re.fullmatch(r"[0-9]{1,6}", asked) else None
    return StumbledError(code, message, untouched=status in _UNTOUCHED_STATUSES, wait_seconds=wait_seconds)


def read_receipt(answer: etree._Element) -> Receipt:
    """Raises RejectedError HUB-9006 for an answer that is no receipt."""
    receipt = answer.find(f"{{{CONTRACT_NS}}}receipt")
    try:
        return Receipt(
            receipt_no=_must(receipt, "receiptNo"),
            message_id=_must(receipt, "messageId"),
            status=ReceiptStatus(_must(receipt, "status")),
            received_at=_instant(receipt, "receivedAt"),
            digest=_must(receipt, "digest"),
            accepted_count=int(_must(receipt, "acceptedCount")),
            rejected_count=int(_must(receipt, "rejectedCount")),
            errors=tuple(_record_error(error) for error in _all(receipt, "error")),
            record_states=tuple(_record_state(state) for state in _all(receipt, "recordState")),
        )
    except ValueError as exc:
        raise _unreadable() from exc


def _record_error(error: etree._Element) -> RecordError:
    return RecordError(
        seq=int(_must(error, "seq")),
        record_id=_text(error, "recordId"),
        code=_must(error, "code"),
        path=_text(error, "path") or "",
        message=_text(error, "message") or "",
    )


def _record_state(state: etree._Element) -> StateOfRecord:
    return StateOfRecord(
        seq=int(_must(state, "seq")),
        record_id=_text(state, "recordId"),
        state=RecordState(_must(state, "state")),
        code=_text(state, "code"),
        message=_text(state, "message"),
    )


def read_case_nos(answer: etree._Element) -> list[str]:
    return [number.text or "" for number in _all(answer, "unifiedNo")]


def read_day_totals(answer: etree._Element) -> Reconciliation:
    try:
        totals = tuple(
            DayCount(_must(count, "recordKind"), _must(count, "state"), int(_must(count, "count")))
            for count in _all(answer, "count")
        )
        return Reconciliation(date.fromisoformat(_must(answer, "date")[:10]), _must(answer, "digest"), totals)
    except ValueError as exc:
        raise _unreadable() from exc


def read_pong(answer: etree._Element) -> Pong:
    try:
        return Pong(_instant(answer, "serverTime"), _must(answer, "contract"))
    except ValueError as exc:
        raise _unreadable() from exc


def _unreadable() -> RejectedError:
    return RejectedError(_UNREADABLE, "中心的应答缺少合同规定的内容，双方版本可能不一致")


def _all(parent: etree._Element | None, name: str) -> list[etree._Element]:
    return [] if parent is None else parent.findall(f"{{{CONTRACT_NS}}}{name}")


def _text(parent: etree._Element | None, name: str) -> str | None:
    text = None if parent is None else parent.findtext(f"{{{CONTRACT_NS}}}{name}")
    return text.strip() or None if text else None


def _must(parent: etree._Element | None, name: str) -> str:
    text = _text(parent, name)
    if text is None:
        raise ValueError(name)
    return text


def _instant(parent: etree._Element | None, name: str) -> datetime:
    moment = parse_instant(_must(parent, name))
    if moment is None:
        raise ValueError(name)
    return moment
