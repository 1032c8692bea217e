"""The use cases behind every door: who is calling, take a message, what became of it, what do you hold of mine."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from adapters.messages import same_content
from hub.domain.envelopes import Envelope, Sender
from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.domain.failpoints import failpoint
from hub.domain.item_codes import subject_of
from hub.domain.receipts import Receipt, Reconciliation
from hub.gateway.tracing import note
from hub.stores import attachments, case_library, exchange, quality, reconciliation, registry
from hub.stores.base import AnyRow
from hub.stores.sealing import Sealer
from hub.stores.session import Connection, Database

NONCE_WINDOW = timedelta(minutes=5)
_NONCE_MEMORY = NONCE_WINDOW * 3  # longer than any token can be valid, skew on both sides included

Also = Callable[[Connection, bool], None]
"""What is to be committed together with a message; told whether the message is new."""


def _nothing_more(_unit: Connection, _is_new: bool) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Exchange:
    """Thread-safe; one per process. `now` gives aware UTC time."""

    database: Database
    sealer: Sealer
    now: Callable[[], datetime]

    def sender_by_password(self, code: str, secret: str) -> Sender:
        """Raises RejectedError HUB-2001 on a wrong code or secret (the same for both), HUB-2002 when disabled."""
        given = secret.encode()
        known, held = self._matching(code, lambda kept: hmac.compare_digest(kept.encode(), given))
        self._note_use(held)
        return _enabled(known)

    def sender_by_digest(self, code: str, digest: bytes, nonce: bytes, created: str) -> Sender:
        """WS-Security PasswordDigest: Base64(SHA-1(nonce + created + secret)); `digest` is the Base64 text.

        Raises RejectedError HUB-2001 as `sender_by_password`, HUB-2005 outside the window or on a nonce seen before.
        """
        known, held = self._matching(
            code, lambda kept: hmac.compare_digest(_password_digest(kept, nonce, created), digest)
        )
        self._use_once(known.sender.sender_id, nonce, created)
        self._note_use(held)
        return _enabled(known)

    def _matching(
        self, code: str, fits: Callable[[str], bool]
    ) -> tuple[registry.SenderCredentials, registry.HeldSecret]:
        """The sender and its secret that was given; every secret is compared, so that time tells nothing."""
        with self.database.read() as unit:
            known = registry.credentials_of(unit, self.sealer, code)
        fitting = [held for held in known.held if fits(held.secret)] if known else []
        if known is None or not fitting:
            raise _refused()
        return known, fitting[0]

    def _note_use(self, held: registry.HeldSecret) -> None:
        """So that one sees when a sender has changed over to its new secret. A message never fails for it."""
        if held.is_use_news(self.now()):
            with suppress(RetryableError), self.database.unit() as unit:
                registry.note_use(unit, held.credential_id, self.now())

    def _use_once(self, sender_id: int, nonce: bytes, created: str) -> None:
        now = self.now()
        if abs(now - _parse_created(created)) > NONCE_WINDOW:
            raise RejectedError("HUB-2005", "UsernameToken 的 Created 与服务器时间相差超过 5 分钟，请校准时钟")
        with self.database.unit() as unit:
            registry.forget_nonces(unit, now - _NONCE_MEMORY)
            if not registry.remember_nonce(unit, sender_id, nonce, now):
                raise RejectedError("HUB-2005", "UsernameToken 的 Nonce 已经用过，每次请求须换新")

    def receive(self, envelope: Envelope, also: Also = _nothing_more) -> Receipt:
        """Commits the message and answers with its receipt; a repeated message gets its first receipt as DUPLICATE.

        `also` is done in the same unit of work. Raises RejectedError HUB-6001 when the messageId was used for other
        content, RetryableError HUB-9002, and whatever `also` raises, in which case nothing was taken.
        """
        sealed = self.sealer.seal_body(envelope.body)
        with self.database.unit() as unit:
            receipt = exchange.accept(unit, sealed, envelope)
            also(unit, receipt is not None)
            failpoint("s5_insert")
        failpoint("s6_commit")
        receipt = receipt or self._first_receipt(envelope)
        note().took(envelope.kind.name, receipt)
        return receipt

    def _first_receipt(self, envelope: Envelope) -> Receipt:
        with self.database.read() as unit:
            row = exchange.find(unit, envelope.sender.sender_id, message_id=envelope.message_id)
        if row is None:
            raise RejectedError("HUB-9001", "报文登记状态不明，请用同一报文标识重试")
        if row.digest != envelope.digest and not self._same_message(row, envelope):
            raise RejectedError("HUB-6001", "这个报文标识已用于内容不同的报文；新内容请换新的 messageId", "messageId")
        self._note_repeat(envelope)
        return exchange.receipt_of(row).as_duplicate()

    def _note_repeat(self, envelope: Envelope) -> None:
        """For the figures of data quality. A message never fails for it."""
        with suppress(RetryableError), self.database.unit() as unit:
            quality.note_repeat(unit, envelope.sender.sender_id, envelope.message_id)

    def _same_message(self, row: AnyRow, envelope: Envelope) -> bool:
        """Same records in other bytes: a retry carries a new security header, another client other white space."""
        if (row.kind, row.body_format) != (envelope.kind.name, envelope.body_format):
            return False
        first = (self.sealer.open_body(row.body_sealed), row.charset)
        return same_content(envelope.body_format, envelope.kind, first, (envelope.body, envelope.charset))

    def receipt(self, sender: Sender, *, receipt_no: str | None = None, message_id: str | None = None) -> Receipt:
        """The receipt with the state of every record. Raises NotFoundError HUB-4041, also for another sender's."""
        if not (receipt_no or message_id):
            raise _no_receipt()
        numbers = {"receipt_no": receipt_no, "message_id": message_id}
        with self.database.read() as unit:
            row = exchange.find(unit, sender.sender_id, **numbers)
            if row is not None:
                return replace(exchange.receipt_of(row), record_states=exchange.record_states(unit, row))
            file = attachments.find(unit, sender.sender_id, **numbers)
        if file is None:
            raise _no_receipt()
        return replace(attachments.receipt_of(file), record_states=attachments.record_states(file))

    def reconcile(self, sender: Sender, day: date) -> Reconciliation:
        """What the hub holds from the sender for one day in China, by received time."""
        with self.database.read() as unit:
            return reconciliation.reconcile(unit, sender.sender_id, day)

    def allocate_case_nos(self, sender: Sender, item_code: str, count: int) -> list[str]:
        """Fresh unified case numbers. Raises RejectedError HUB-4004 when no department of the sender fits the item."""
        with self.database.unit() as unit:
            subjects = registry.subjects_of(unit, sender.org_codes)
            own = set(subjects.values())
            named = subject_of("", item_code)
            subject = named if named in own else next(iter(sorted(own)), None) if named is None else None
            if subject is None or not 1 <= count <= 1000:
                raise RejectedError("HUB-4004", "该事项不属于本报送方的部门，或数量不在 1 至 1000 之间", "itemCode")
            return case_library.allocate(unit, sender.sender_id, item_code, subject, self.now(), count)


def _refused() -> RejectedError:
    return RejectedError("HUB-2001", "报送方代码或密钥不正确")


def _no_receipt() -> NotFoundError:
    return NotFoundError("HUB-4041", "没有这个回执；请核对回执编号或报文标识")


def _enabled(known: registry.SenderCredentials) -> Sender:
    if known.disabled_notice is not None:
        raise RejectedError("HUB-2002", f"报送方已停用：{known.disabled_notice}")
    return known.sender


def _password_digest(secret: str, nonce: bytes, created: str) -> bytes:
    return b64encode(hashlib.sha1(nonce + created.encode() + secret.encode(), usedforsecurity=False).digest())


def _parse_created(created: str) -> datetime:
    try:
        moment = datetime.fromisoformat(created.strip())
    except ValueError as exc:
        raise RejectedError("HUB-2005", "UsernameToken 的 Created 不是有效时间") from exc
    if moment.tzinfo is None:
        raise RejectedError("HUB-2005", "UsernameToken 的 Created 须带时区，例如以 Z 结尾")
    return moment
