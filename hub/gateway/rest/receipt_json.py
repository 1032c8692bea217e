"""Receipts as JSON, from the use case that senders ask and from the read model that staff ask."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hub.domain.receipts import Receipt, RecordError, StateOfRecord
from hub.domain.times import as_json

_OF_MESSAGE = (
    "receiptNo", "messageId", "status", "receivedAt", "digest", "acceptedCount", "rejectedCount", "errors",
)  # fmt: skip
_OF_RECORD = ("seq", "recordId", "state", "code", "message")


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """The receipt of contract §1; `recordStates` only where the receipt has them."""
    shown = {
        "receiptNo": receipt.receipt_no,
        "messageId": receipt.message_id,
        "status": receipt.status.value,
        "receivedAt": as_json(receipt.received_at),
        "digest": receipt.digest,
        "acceptedCount": receipt.accepted_count,
        "rejectedCount": receipt.rejected_count,
        "errors": [_line(error) for error in receipt.errors],
    }
    if receipt.record_states:
        shown["recordStates"] = [_line(state) for state in receipt.record_states]
    return shown


def _line(line: RecordError | StateOfRecord) -> dict[str, Any]:
    fields = asdict(line)
    return {"seq": fields.pop("seq"), "recordId": fields.pop("record_id"), **fields}


def receipt_of_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """The same receipt out of `message_detail`."""
    states = [{name: record[name] for name in _OF_RECORD} for record in message["records"]]
    return {name: message[name] for name in _OF_MESSAGE} | {"recordStates": states}
