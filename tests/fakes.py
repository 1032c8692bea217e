"""Fakes with the interface of the real thing."""

import hashlib
import threading
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from hub.adapting.keeper import InForce
from hub.domain.envelopes import Arrival, Envelope, Sender
from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.receipts import (
    DayCount,
    Receipt,
    ReceiptStatus,
    Reconciliation,
    RecordError,
    RecordState,
    StateOfRecord,
)
from hub.domain.records import Attachment

SENDER = Sender(1, "GS-01", "示例市场监管系统", frozenset({"33032400GS", "33032400AJ"}))
SECRET = "right-secret"
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@dataclass
class FakeExchange:
    """The use cases of `Exchange` and of the intakes beside it over dictionaries.

    `before_receive` runs inside `receive`, to stumble or to wait.
    """

    sender: Sender = SENDER
    secret: str = SECRET
    at: datetime = NOW
    before_receive: object = None
    envelopes: dict[str, Envelope] = field(default_factory=dict)
    files: dict[str, Attachment] = field(default_factory=dict)
    nonces: set[bytes] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> datetime:
        return self.at

    def sender_by_password(self, code: str, secret: str) -> Sender:
        if (code, secret) != (self.sender.code, self.secret):
            raise RejectedError("HUB-2001", "报送方代码或密钥不正确")
        return self.sender

    def sender_by_digest(self, code: str, digest: bytes, nonce: bytes, created: str) -> Sender:
        right = b64encode(hashlib.sha1(nonce + created.encode() + self.secret.encode()).digest())
        if (code, digest) != (self.sender.code, right):
            raise RejectedError("HUB-2001", "报送方代码或密钥不正确")
        too_far = abs(self.at - datetime.fromisoformat(created)) > timedelta(minutes=5)
        if too_far or nonce in self.nonces:
            raise RejectedError("HUB-2005", "UsernameToken 已失效")
        self.nonces.add(nonce)
        return self.sender

    def receive(self, envelope: Envelope) -> Receipt:
        if callable(self.before_receive):
            self.before_receive()
        with self.lock:
            first = self.envelopes.setdefault(envelope.message_id, envelope)
        if first is envelope:
            return _receipt(envelope)
        if first.digest != envelope.digest:
            raise RejectedError("HUB-6001", "这个报文标识已用于内容不同的报文", "messageId")
        return _receipt(first).as_duplicate()

    def receipt(self, sender: Sender, *, receipt_no: str | None = None, message_id: str | None = None) -> Receipt:
        for envelope in self.envelopes.values():
            receipt = _receipt(envelope)
            if receipt_no in (None, receipt.receipt_no) and message_id in (None, receipt.message_id):
                return replace(receipt, record_states=tuple(map(_state, envelope.arrivals)))
        raise NotFoundError("HUB-4041", "没有这个回执；请核对回执编号或报文标识")

    def keep(self, sender: Sender, message_id: str, attachment: Attachment, trace_id: str) -> Receipt:
        known = self.files.setdefault(attachment.id, attachment)
        if known != attachment:
            raise RejectedError("HUB-6001", "这个附件标识已用于另一份附件", "attachment/id")
        digest = hashlib.sha256(attachment.content).hexdigest()
        return Receipt("R20260302-FILE", message_id, ReceiptStatus.ACCEPTED, self.at, digest, 1, 0)

    def submit(self, sender: Sender, text: str, trace_id: str) -> str:
        return f"<Receipt><Text>{len(text)}</Text></Receipt>"

    def reconcile(self, sender: Sender, day: date) -> Reconciliation:
        kinds = Counter(
            (envelope.kind.name, _state(arrival).state.value)
            for envelope in self.envelopes.values()
            for arrival in envelope.arrivals
        )
        return Reconciliation(
            day, "0" * 64, tuple(DayCount(kind, state, count) for (kind, state), count in sorted(kinds.items()))
        )

    def allocate_case_nos(self, sender: Sender, item_code: str, count: int) -> list[str]:
        if not item_code.startswith(tuple(sender.org_codes)):
            raise RejectedError("HUB-4004", "不能为该事项分配统一办件编号", "itemCode")
        return [f"330324GS20260302{number:06d}A" for number in range(1, count + 1)]


def _receipt(envelope: Envelope) -> Receipt:
    bad = [arrival for arrival in envelope.arrivals if arrival.issues]
    status = ReceiptStatus.PARTIAL
    if not bad:
        status = ReceiptStatus.ACCEPTED
    elif len(bad) == len(envelope.arrivals):
        status = ReceiptStatus.REJECTED
    return Receipt(
        receipt_no="R20260302-" + hashlib.sha256(envelope.message_id.encode()).hexdigest()[:12].upper(),
        message_id=envelope.message_id,
        status=status,
        received_at=envelope.received_at,
        digest=envelope.digest,
        accepted_count=len(envelope.arrivals) - len(bad),
        rejected_count=len(bad),
        errors=tuple(error for arrival in bad for error in _errors(envelope.kind.element, arrival)),
    )


def _errors(element: str, arrival: Arrival) -> list[RecordError]:
    prefix = f"{element}[{arrival.seq}]/"
    return [
        RecordError(arrival.seq, arrival.record_id, issue.code, (prefix + issue.path).rstrip("/"), issue.message)
        for issue in arrival.issues
    ]


def _state(arrival: Arrival) -> StateOfRecord:
    if arrival.issues:
        issue = arrival.issues[0]
        return StateOfRecord(arrival.seq, arrival.record_id, RecordState.REJECTED, issue.code, issue.message)
    return StateOfRecord(arrival.seq, arrival.record_id, RecordState.RECEIVED)


@dataclass
class FakeTrials:
    """Messages that came for adapters on trial, by message id."""

    tried: dict[str, Envelope] = field(default_factory=dict)

    def try_out(self, in_force: InForce, envelope: Envelope) -> Receipt:
        self.tried[envelope.message_id] = envelope
        return replace(_receipt(envelope), receipt_no="TRIAL-1")


@dataclass
class FakeKeeper:
    """Adapters in force, by code."""

    held: dict[str, InForce] = field(default_factory=dict)

    def in_force(self, code: str) -> InForce:
        if code not in self.held:
            raise NotFoundError("HUB-4045", "没有这个适配器")
        return self.held[code]
