"""Receipts as a string: in the shape of an adapter's reply template, or as `Receipt` XML."""

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from adapters.replies import render
from hub.domain.errors import RejectedError
from hub.domain.receipts import Receipt, ReceiptStatus
from hub.domain.times import as_json

_TAKEN, _TAKEN_BEFORE = "000", "001"  # the return codes that departments' programs look for
_TEXTS: Mapping[ReceiptStatus, str] = {
    ReceiptStatus.ACCEPTED: "已接收", ReceiptStatus.DUPLICATE: "重复报送，已接收过", ReceiptStatus.PARTIAL: "部分接收",
    ReceiptStatus.REJECTED: "全部退回",
}  # fmt: skip
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def receipt_xml(receipt: Receipt) -> str:
    """`<Receipt>` with a `Record` for every unit that was refused."""
    root = etree.Element("Receipt")
    for name, text in _head(receipt).items():
        etree.SubElement(root, name).text = text
    records = etree.SubElement(root, "Records")
    for error in receipt.errors:
        record = etree.SubElement(records, "Record", seq=str(error.seq))
        parts = {"RecordId": error.record_id, "Code": error.code, "Field": error.path, "Text": error.message}
        for name, part in parts.items():
            etree.SubElement(record, name).text = _writable(part)
    return etree.tostring(root, encoding="unicode")


def _head(receipt: Receipt) -> dict[str, str]:
    values = _values_of(receipt)
    return {
        "ReceiptNo": values["receiptNo"], "MessageId": values["messageId"], "Status": values["status"],
        "Code": values["code"], "Text": values["message"], "AcceptedCount": values["acceptedCount"],
        "RejectedCount": values["rejectedCount"],
    }  # fmt: skip


def refusal_xml(error: RejectedError, trace_id: str) -> str:
    """`<Receipt>` of a message of which nothing could be taken."""
    root = etree.Element("Receipt")
    parts = {"Status": ReceiptStatus.REJECTED, "Code": error.code, "Text": error.message, "TraceId": trace_id}
    for name, text in parts.items():
        etree.SubElement(root, name).text = text
    if error.path:
        etree.SubElement(root, "Field").text = _writable(error.path)
    return etree.tostring(root, encoding="unicode")


def receipt_text(document: Mapping[str, Any], receipt: Receipt) -> str:
    """The receipt as the adapter's clients know it; as `Receipt` XML where the document says nothing."""
    return shaped_receipt(document, receipt) or receipt_xml(receipt)


def refusal_text(document: Mapping[str, Any], error: RejectedError, trace_id: str) -> str:
    """As `receipt_text`, for a message of which nothing could be taken."""
    return shaped_refusal(document, error, trace_id) or refusal_xml(error, trace_id)


def shaped_receipt(document: Mapping[str, Any], receipt: Receipt) -> str | None:
    """None where the document has no template for this outcome."""
    outcome = "rejected" if receipt.status is ReceiptStatus.REJECTED else "accepted"
    return _shaped(document, outcome, _values_of(receipt))


def shaped_refusal(document: Mapping[str, Any], error: RejectedError, trace_id: str) -> str | None:
    """As `shaped_receipt`."""
    values = dict.fromkeys(_NAMES, "") | {"status": ReceiptStatus.REJECTED.value}
    values |= {"code": error.code, "message": error.message, "path": _writable(error.path), "traceId": trace_id}
    return _shaped(document, "rejected", values)


def _shaped(document: Mapping[str, Any], outcome: str, values: Mapping[str, str]) -> str | None:
    template = document.get("reply", {}).get(outcome)
    return None if template is None else render(template, values)


def media_type_of(text: str) -> str:
    """By the first sign, as templates are told apart."""
    return _MEDIA_TYPES.get(text.lstrip()[:1], "text/plain; charset=utf-8")


_MEDIA_TYPES = {"<": "text/xml; charset=utf-8", "{": "application/json", "[": "application/json"}
_NAMES = (
    "receiptNo", "messageId", "status", "receivedAt", "digest", "acceptedCount", "rejectedCount", "code", "message",
    "path", "seq", "traceId",
)  # fmt: skip


def _values_of(receipt: Receipt) -> dict[str, str]:
    """What a reply template may name. Of several errors the first speaks."""
    first = receipt.errors[0] if receipt.errors else None
    taken = _TAKEN_BEFORE if receipt.status is ReceiptStatus.DUPLICATE else _TAKEN
    values = {
        "receiptNo": receipt.receipt_no,
        "messageId": receipt.message_id,
        "status": receipt.status.value,
        "receivedAt": as_json(receipt.received_at),
        "digest": receipt.digest,
        "acceptedCount": str(receipt.accepted_count),
        "rejectedCount": str(receipt.rejected_count),
        "code": first.code if first else taken,
        "message": first.message if first else _TEXTS[receipt.status],
        "path": first.path if first else "",
        "seq": str(first.seq) if first else "",
    }
    return dict.fromkeys(_NAMES, "") | {name: _writable(text) for name, text in values.items()}


def _writable(text: str | None) -> str:
    return _NOT_IN_XML.sub("", text or "")
