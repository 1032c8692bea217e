"""Pushes and uploads in a department's own form, and whole documents by `submitXml`."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import Response
from lxml import etree
from openpyxl import Workbook

from adapters.library import shipped_document
from hub.adapting.keeper import AdapterKeeper
from hub.domain.errors import NotFoundError
from hub.domain.receipts import RecordState
from hub.gateway.adapted import AdaptedIntake
from hub.gateway.admission import AdmissionLimits
from hub.gateway.rest.context import RestLimits
from hub.stores.session import Database
from tests.adapter_doors import a_document, a_message, a_step_xml, in_force
from tests.builders import a_small_hub
from tests.fakes import SENDER, FakeExchange, FakeKeeper, FakeTrials
from tests.integration.rest_door import RestDoor, a_rest_door
from tests.soap_door import CANARY

PUSH = "/api/v1/push/paras"
COLUMNS = ("XH", "BJBH", "SXBM", "HJXH", "HJMC", "BLR", "BLSJ")
ROW = ("r-1", "GS20260302-0007", "33032400GS-XK-0012", "1", "受理", "经办人丙", "2026-03-02T09:30:00")
FIELDS = a_document()["routes"][0]["fields"]


@pytest.fixture
def keeper() -> FakeKeeper:
    return FakeKeeper({"paras": in_force(a_document())})


@pytest.fixture
def door(tmp_path: Path, keeper: FakeKeeper) -> Iterator[RestDoor]:
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    yield a_rest_door(a_small_hub(database), keeper=keeper)
    database.dispose()


def push(door: RestDoor, body: str | bytes, path: str = PUSH, **headers: str) -> Response:
    sent = {"Content-Type": "application/xml"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return door.client.post(
        path, content=body if isinstance(body, bytes) else body.encode(), headers=sent, auth=door.basic
    )


def upload(door: RestDoor, content: bytes, name: str, path: str = PUSH, **fields: Any) -> Response:
    return door.client.post(path, files={"file": (name, content)}, data=fields, auth=door.basic)


def stored_body(door: RestDoor) -> bytes:
    return door.hub.sealer.open_body(door.hub.rows("SELECT body_sealed FROM envelope")[0][0])


# --- taken ------------------------------------------------------------------------------------------------------


def test_push_is_promised_and_told_again(door: RestDoor):
    first, again = push(door, a_message()), push(door, a_message())
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["messageId"] == "p-1"
    assert again.json() == first.json() | {"status": "DUPLICATE"}
    assert stored_body(door) == a_message().encode()
    assert door.client.get(first.headers["Location"], auth=door.basic).status_code == 200


def test_key_of_the_request_goes_before_the_message_s_own(door: RestDoor):
    assert push(door, a_message(), Idempotency_Key='"k-1"').json()["messageId"] == "k-1"
    assert push(door, a_message(), Idempotency_Key="k" * 101).json()["code"] == "HUB-1018"


def test_message_without_any_number_is_known_by_its_content(door: RestDoor):
    nameless = a_message(message_id="")
    first = push(door, nameless).json()
    assert first["messageId"] == f"sha256-{first['digest'][:48]}"
    assert push(door, nameless).json()["status"] == "DUPLICATE"


@pytest.mark.parametrize("charset", ["gbk", "gb2312", "GB18030"])
def test_header_names_the_charset(door: RestDoor, charset: str):
    body = a_message().encode("gb18030")
    assert push(door, body, Content_Type=f"text/xml; charset={charset}").status_code == 202
    assert stored_body(door) == body


def test_uploaded_file_is_stored_byte_for_byte(door: RestDoor):
    content = a_message().encode("gb18030")
    sent = {"file": ("上报.xml", content, "text/xml; charset=gbk")}
    assert door.client.post(PUSH, files=sent, auth=door.basic).status_code == 202
    assert stored_body(door) == content


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_form_field_holds_the_message(door: RestDoor, encoding: str):
    body = f"data={quote(a_message().encode(encoding))}&token="
    kind = f"application/x-www-form-urlencoded; charset={encoding}"
    assert push(door, body, Content_Type=kind).status_code == 202
    assert stored_body(door) == a_message().encode(encoding)


def table_document(**intake: Any) -> dict[str, Any]:
    return a_document(intake={"format": "rows"} | intake, transport={"kind": "push"})


def test_table_as_csv_is_read_row_by_row(door: RestDoor, keeper: FakeKeeper):
    keeper.held["paras"] = in_force(table_document(format="csv"))
    content = f"{','.join(COLUMNS)}\r\n{','.join(ROW)}\r\nr-2,{','.join(ROW[1:])}\r\n".encode("gb18030")
    for answer in (
        push(door, content, Content_Type="text/csv; charset=gbk"),
        upload(door, content + b"\r\n", "表.csv"),
    ):
        assert (answer.status_code, answer.json()["acceptedCount"]) == (202, 2)


def test_table_as_workbook_is_read_row_by_row(door: RestDoor, keeper: FakeKeeper):
    keeper.held["paras"] = in_force(table_document(format="xlsx"))
    book, file = Workbook(), BytesIO()
    book.active.append(COLUMNS)
    book.active.append(ROW)
    book.save(file)
    answer = upload(door, file.getvalue(), "办件.xlsx")
    assert (answer.status_code, answer.json()["acceptedCount"]) == (202, 1)


def test_unit_of_the_address_says_which_table_it_is(door: RestDoor, keeper: FakeKeeper):
    document = table_document(units=[{"name": "steps"}, {"name": "results"}])
    document["routes"] = [{"name": "step", "unit": "steps", "store": "PROCESS", "fields": FIELDS}]
    keeper.held["paras"] = in_force(document)
    content = f"{','.join(COLUMNS)}\n{','.join(ROW)}\n".encode()
    assert upload(door, content, "a.csv", PUSH + "?unit=steps").json()["acceptedCount"] == 1
    assert push(door, content, PUSH + "?unit=" + "x" * 101, Content_Type="text/csv").status_code == 422


# --- answered in the shape of the document ----------------------------------------------------------------------


def test_reply_template_answers_for_every_outcome(door: RestDoor, keeper: FakeKeeper):
    reply = {
        "accepted": '{"code": "{code}", "id": "{receiptNo}"}',
        "rejected": '{"code": "{code}", "msg": "{message}"}',
    }
    keeper.held["paras"] = in_force(a_document(reply=reply))
    answers = [
        push(door, body)
        for body in (a_message(), a_message(), "<paras>", a_message(a_step_xml(HJXH="甲"), message_id="p-2"))
    ]
    assert {(answer.status_code, answer.headers["Content-Type"]) for answer in answers} == {(200, "application/json")}
    codes = [answer.json()["code"] for answer in answers]
    assert codes[:2] == ["000", "001"]
    assert all(code.startswith("HUB-") for code in codes[2:])


# --- refused ----------------------------------------------------------------------------------------------------


def test_units_are_refused_one_by_one(door: RestDoor):
    partial = push(door, a_message(a_step_xml(), a_step_xml(XH="r-2", HJXH="甲")))
    assert (partial.status_code, partial.json()["rejectedCount"]) == (207, 1)
    rejected = push(door, a_message(a_step_xml(HJXH="甲"), message_id="p-2"))
    assert (rejected.status_code, rejected.json()["receipt"]["status"]) == (422, "REJECTED")


def test_unreadable_message_is_told_without_repeating_it(door: RestDoor):
    answer = push(door, f"<paras><step>{CANARY}")
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert CANARY not in answer.text
    assert door.stored("envelope") == 0


def test_adapter_of_another_sender_is_not_to_be_used(door: RestDoor, keeper: FakeKeeper):
    keeper.held["paras"] = in_force(a_document(), sender_code="somebody-else")
    answer = push(door, a_message())
    assert (answer.status_code, answer.json()["code"]) == (403, "HUB-2011")
    assert door.stored("envelope") == 0


def test_adapter_on_trial_answers_and_stores_nothing(door: RestDoor, keeper: FakeKeeper):
    keeper.held["paras"] = in_force(a_document(), trial=True)
    answer = push(door, a_message(a_step_xml(), a_step_xml(XH="r-2", HJXH="甲")))
    assert (answer.status_code, answer.json()["receiptNo"][:5], answer.json()["status"]) == (207, "TRIAL", "PARTIAL")
    assert "Location" not in answer.headers
    assert door.stored("envelope") == 0


def test_unknown_and_disabled_adapters_say_so(door: RestDoor, keeper: FakeKeeper):
    assert push(door, a_message(), "/api/v1/push/nobody").json()["code"] == "HUB-4045"
    keeper.held["paras"] = in_force(a_document(), disabled_notice="系统升级")
    answer = push(door, a_message())
    assert answer.json()["code"] == "HUB-2010"
    assert "系统升级" in answer.json()["detail"]


BODIES: list[tuple[str, dict[str, Any], str]] = [
    ("empty", {"content": b" "}, "HUB-1002"),
    ("a type nobody reads", {"content": b"x", "headers": {"Content-Type": "image/png"}}, "HUB-1009"),
    ("compressed", {"content": b"x", "headers": {"Content-Encoding": "gzip"}}, "HUB-1019"),
    ("no file", {"files": {"other": ("a.csv", b"x")}}, "HUB-1034"),
    ("two files", {"files": [("file", ("a", b"x")), ("file", ("b", b"y"))]}, "HUB-1034"),
    ("empty file", {"files": {"file": ("a.csv", b"")}}, "HUB-1002"),
    ("two filled fields", {"data": {"a": "x", "b": "y"}}, "HUB-1034"),
    ("no filled field", {"data": {"a": ""}}, "HUB-1034"),
    (
        "broken parts",
        {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        "HUB-1033",
    ),
    ("too large", {"content": b"x" * 3000}, "HUB-1003"),
]


@pytest.mark.parametrize(("what", "sent", "code"), BODIES, ids=[what for what, *_ in BODIES])
def test_body_that_cannot_be_a_message_is_refused(tmp_path: Path, what: str, sent: dict[str, Any], code: str):
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    limits = RestLimits(body_bytes=2048)
    keeper = FakeKeeper({"paras": in_force(a_document())})
    door = a_rest_door(a_small_hub(database), limits, AdmissionLimits(message_bytes=2048), keeper=keeper)
    headers = {"Content-Type": "text/plain"} if "content" in sent else {}
    answer = door.client.post(PUSH, **sent | {"headers": headers | sent.get("headers", {})}, auth=door.basic)
    assert answer.json()["code"] == code
    assert door.stored("envelope") == 0
    database.dispose()


def test_staff_token_and_stranger_cannot_push(door: RestDoor):
    assert door.client.post(PUSH, content=b"x").status_code == 401
    assert door.client.post(PUSH, content=b"x", headers=door.bearer("it_staff")).json()["code"] == "HUB-2003"


def test_receipt_as_xml_survives_any_text(door: RestDoor, keeper: FakeKeeper):
    keeper.held["paras"] = in_force(a_document(reply={"accepted": "<R no='{messageId}'>{status}</R>"}))
    answer = push(door, a_message(message_id="a&lt;b&apos;&amp;"))
    assert etree.fromstring(answer.content).get("no") == "a<b'&"


# --- to the stores ----------------------------------------------------------------------------------------------


def test_message_of_the_adapter_that_every_hub_has_reaches_its_store(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    hub = a_small_hub(database)
    door = a_rest_door(hub, keeper=AdapterKeeper(database))
    assert push(door, PACKAGE.encode("gbk"), "/api/v1/push/package").is_success
    hub.work()
    assert hub.rows("SELECT step_name, officer_name FROM process_record") == [("受理", "经办人丙")]
    receipt = hub.exchange.receipt(hub.sender, message_id="33032400GS-20260302-000001")
    assert [state.state for state in receipt.record_states] == [RecordState.STORED]
    database.dispose()


# --- submitXml --------------------------------------------------------------------------------------------------

PACKAGE = """<?xml version="1.0" encoding="GBK"?>
<Package version="1.0"><Head><MessageId>33032400GS-20260302-000001</MessageId><Sender>33032400GS</Sender>
<BizType>PROCESS</BizType><SendTime>2026-03-02T10:05:00+08:00</SendTime><Count>1</Count></Head>
<Body><Record seq="1"><internal_no>GS20260302-0007</internal_no><item_id>33032400GS-XK-0012</item_id>
<no_ord>1</no_ord><tache_name>受理</tache_name><status>1</status><user_staff_code>GS0031</user_staff_code>
<user_name>经办人丙</user_name><note>材料齐全，予以受理</note><process_date>2026-03-02 10:00:00</process_date></Record>
</Body></Package>"""


def submit(keeper: FakeKeeper, exchange: FakeExchange, text: str) -> etree._Element:
    return etree.fromstring(AdaptedIntake(keeper, exchange, FakeTrials()).submit(SENDER, text, "0" * 32))


def test_package_as_a_string_gets_its_receipt_as_a_string():
    keeper, exchange = FakeKeeper({"package": in_force(shipped_document("package"))}), FakeExchange()
    first, again = (submit(keeper, exchange, PACKAGE) for _ in range(2))
    assert (first.findtext("Status"), first.findtext("Code"), first.findtext("AcceptedCount")) == (
        "ACCEPTED",
        "000",
        "1",
    )
    assert (again.findtext("Status"), again.findtext("Code")) == ("DUPLICATE", "001")
    assert first.findtext("MessageId") == "33032400GS-20260302-000001"


@pytest.mark.parametrize("text", ["<Package>", "<Package/>", "{}", PACKAGE.replace("Record", "Other")])
def test_package_of_which_nothing_can_be_taken_is_refused_in_its_receipt(text: str):
    keeper, exchange = FakeKeeper({"package": in_force(shipped_document("package"))}), FakeExchange()
    receipt = submit(keeper, exchange, text)
    assert receipt.findtext("Status") == "REJECTED"
    assert receipt.findtext("Code", "").startswith("HUB-1")
    assert exchange.envelopes == {}


def test_hub_without_the_package_adapter_says_so():
    with pytest.raises(NotFoundError):
        AdaptedIntake(FakeKeeper(), FakeExchange(), FakeTrials()).submit(SENDER, PACKAGE, "0" * 32)
