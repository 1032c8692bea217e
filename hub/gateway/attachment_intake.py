"""Taking files of cases: the use case behind `pushAttachment` and `POST /api/v1/attachments`."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub.domain.envelopes import Sender
from hub.domain.errors import RejectedError
from hub.domain.failpoints import failpoint
from hub.domain.receipts import Receipt
from hub.domain.records import ATTACHMENT, Attachment
from hub.gateway.tracing import note
from hub.stores import attachments, exchange
from hub.stores.attachments import PushedFile
from hub.stores.sealing import Sealer
from hub.stores.session import Connection, Database


@dataclass(frozen=True, slots=True)
class AttachmentIntake:
    """Thread-safe; one per process. `now` gives aware UTC time."""

    database: Database
    sealer: Sealer
    now: Callable[[], datetime]
    most_bytes: int = 10 * 2**20

    def keep(self, sender: Sender, message_id: str, attachment: Attachment, trace_id: str) -> Receipt:
        """Commits a file and answers with its receipt; a repeated one gets its first receipt as DUPLICATE.

        Raises RejectedError HUB-1035 above the limit, HUB-6001 when its id or the messageId was used for something
        else, RetryableError HUB-9002.
        """
        if len(attachment.content) > self.most_bytes:
            raise RejectedError("HUB-1035", f"附件超过 {self.most_bytes} 字节", "attachment/content")
        digest = hashlib.sha256(attachment.content).hexdigest()
        pushed = PushedFile(sender.sender_id, message_id, attachment, digest, self.now(), trace_id)
        sealed = self.sealer.seal_body(attachment.content)
        with self.database.unit() as unit:
            _refuse_used_message_id(unit, pushed)
            receipt = attachments.keep(unit, sealed, pushed) or _first_receipt(unit, pushed)
            failpoint("s5_insert")
        failpoint("s6_commit")
        note().took(ATTACHMENT.name, receipt)
        return receipt


def _refuse_used_message_id(unit: Connection, pushed: PushedFile) -> None:
    if exchange.find(unit, pushed.sender_id, message_id=pushed.message_id) is not None:
        raise RejectedError("HUB-6001", "这个报文标识已用于报送记录；附件请换新的 messageId", "messageId")


def _first_receipt(unit: Connection, pushed: PushedFile) -> Receipt:
    """The receipt of the one row that stands in the way, if it is this file; its message may have had another id."""
    rows = attachments.held(unit, pushed)
    same = [row for row in rows if pushed.says_the_same(row)]
    if rows and len(same) == len(rows):
        return attachments.receipt_of(same[0]).as_duplicate()
    if any(row.attachment_id == pushed.attachment.id for row in rows if row not in same):
        raise RejectedError("HUB-6001", "这个附件标识已用于另一份附件；新附件请换新的标识", "attachment/id")
    raise RejectedError("HUB-6001", "这个报文标识已用于另一份附件；请换新的 messageId", "messageId")
