"""Files of cases are kept once, sealed, and shown where they belong."""

from collections.abc import Callable
from typing import Any

import pytest

from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.receipts import Receipt, ReceiptStatus, RecordState
from hub.domain.records import PROCESS, Attachment, AttachmentNote
from hub.gateway.attachment_intake import AttachmentIntake
from hub.stores import registry
from hub.stores.attachments import Look, look_into
from hub.stores.case_views import CaseReader
from tests.builders import ITEM_CODE, SmallHub, a_step

CONTENT = "受理通知书全文".encode()
CASE_NO = "GS20260302-0007"


def a_file(**overrides: Any) -> Attachment:
    values: dict[str, Any] = {
        "id": "D-1", "name": "受理通知书.txt", "media_type": "text/plain", "case_no": CASE_NO, "item_code": ITEM_CODE,
        "kind": "通知书", "content": CONTENT,
    }  # fmt: skip
    return Attachment(**values | overrides)


@pytest.fixture
def keep(hub: SmallHub) -> Callable[..., Receipt]:
    intake = AttachmentIntake(hub.database, hub.sealer, hub.clock, most_bytes=1000)

    def push(message_id: str = "f-1", **overrides: Any) -> Receipt:
        return intake.keep(hub.sender, message_id, a_file(**overrides), "0" * 32)

    return push


def attachments_of_case(hub: SmallHub) -> list[dict[str, Any]]:
    law = hub.law()
    reader = CaseReader(law.calendar, law.policy, hub.sealer, hub.clock())
    with hub.database.read() as unit:
        shown: list[dict[str, Any]] = reader.by_org(unit, "33032400GS", CASE_NO, None)["attachments"]
    return shown


def test_file_is_promised_once_and_told_again(hub: SmallHub, keep: Callable[..., Receipt]):
    first, again, under_another_id = keep(), keep(), keep("f-2")
    assert (first.status, first.accepted_count) == (ReceiptStatus.ACCEPTED, 1)
    assert again == under_another_id == first.as_duplicate()
    assert hub.rows("SELECT count(*) FROM attachment_file")[0][0] == 1


@pytest.mark.parametrize("change", [{"content": b"other"}, {"name": "别的.txt"}, {"case_no": "X"}])
def test_same_id_for_something_else_is_a_conflict(keep: Callable[..., Receipt], change: dict[str, Any]):
    keep()
    with pytest.raises(RejectedError) as refusal:
        keep("f-2", **change)
    assert (refusal.value.code, refusal.value.path) == ("HUB-6001", "attachment/id")


def test_same_message_id_for_another_file_is_a_conflict(keep: Callable[..., Receipt]):
    keep()
    with pytest.raises(RejectedError) as refusal:
        keep(id="D-2")
    assert (refusal.value.code, refusal.value.path) == ("HUB-6001", "messageId")


def test_message_id_of_records_is_not_free_for_a_file(hub: SmallHub, keep: Callable[..., Receipt]):
    hub.push(PROCESS, [a_step()], "m-1")
    with pytest.raises(RejectedError) as refusal:
        keep("m-1")
    assert (refusal.value.code, refusal.value.path) == ("HUB-6001", "messageId")


def test_a_file_above_the_limit_is_refused(keep: Callable[..., Receipt]):
    with pytest.raises(RejectedError) as refusal:
        keep(content=b"x" * 1001)
    assert refusal.value.code == "HUB-1035"


def test_receipt_of_a_file_is_found_like_any_other(hub: SmallHub, keep: Callable[..., Receipt]):
    first = keep()
    for found in (
        hub.exchange.receipt(hub.sender, receipt_no=first.receipt_no),
        hub.exchange.receipt(hub.sender, message_id="f-1"),
    ):
        assert (found.receipt_no, found.digest) == (first.receipt_no, first.digest)
        assert [(state.record_id, state.state) for state in found.record_states] == [("D-1", RecordState.STORED)]


def test_content_is_sealed_at_rest(hub: SmallHub, keep: Callable[..., Receipt]):
    keep()
    sealed = bytes(hub.rows("SELECT content_sealed FROM attachment_file")[0][0])
    assert CONTENT not in sealed
    assert hub.sealer.open_body(sealed) == CONTENT


def test_case_shows_what_is_held_beside_what_records_say(hub: SmallHub, keep: Callable[..., Receipt]):
    notes = (AttachmentNote(attachment_id="D-1", name="通知书", size=7), AttachmentNote(attachment_id="D-9"))
    hub.push(PROCESS, [a_step(attachment=notes)])
    hub.work()
    first = keep()
    keep("f-2", id="D-2", name="另一份.pdf")
    noted, missing, unnoted = attachments_of_case(hub)
    assert (noted["name"], noted["size"], noted["receiptNo"]) == ("通知书", len(CONTENT), first.receipt_no)
    assert (missing["attachmentId"], missing["receiptNo"]) == ("D-9", None)
    assert (unnoted["name"], unnoted["digest"]) == ("另一份.pdf", first.digest)


def test_another_senders_file_with_the_same_case_number_is_not_shown(hub: SmallHub, keep: Callable[..., Receipt]):
    hub.push(PROCESS, [a_step()])
    hub.work()
    with hub.database.unit() as unit:
        registry.add_sender(unit, hub.sealer, "other", "另一系统", ["33032400GS"], hub.clock())
        other = registry.credentials_of(unit, hub.sealer, "other")
    assert other is not None
    AttachmentIntake(hub.database, hub.sealer, hub.clock).keep(other.sender, "f-1", a_file(), "0" * 32)
    assert attachments_of_case(hub) == []


def test_every_look_at_content_is_on_record(hub: SmallHub, keep: Callable[..., Receipt]):
    hub.push(PROCESS, [a_step()])
    hub.work()
    receipt = keep()
    look = Look("监察员甲", "核对受理材料", "10.0.0.9", None)
    (unified_no,) = hub.rows("SELECT unified_no FROM case_library")[0]
    with hub.database.unit() as unit:
        row = look_into(unit, look, unified_no, receipt.receipt_no, hub.clock())
    assert hub.sealer.open_body(row.content_sealed) == CONTENT
    (act,) = hub.rows("SELECT actor, object_id, detail FROM audit_event WHERE action = 'READ_ATTACHMENT'")
    assert (act[0], act[1]) == ("监察员甲", receipt.receipt_no)
    assert "核对受理材料" in str(act[2])


@pytest.mark.parametrize("scope", [None, frozenset({"33032400AJ"})])
def test_content_is_kept_from_whom_it_does_not_concern(
    hub: SmallHub, keep: Callable[..., Receipt], scope: frozenset[str] | None
):
    hub.push(PROCESS, [a_step()])
    hub.work()
    keep("f-1", case_no="另一件")
    (unified_no,) = hub.rows("SELECT unified_no FROM case_library")[0]
    receipt_no = hub.rows("SELECT receipt_no FROM attachment_file")[0][0]
    with pytest.raises(NotFoundError), hub.database.unit() as unit:
        look_into(unit, Look("x", "事由", "", scope), unified_no, receipt_no, hub.clock())
    assert hub.rows("SELECT count(*) FROM audit_event")[0][0] == 0
