"""Files of cases over SOAP, plain and as MTOM, and over REST."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.domain.records import PROCESS
from hub.stores.session import Database
from tests.builders import ITEM_CODE, a_small_hub, a_step
from tests.integration.rest_door import RestDoor, a_rest_door
from tests.soap_door import SOAP_11, SOAP_12, Door, elements, envelope, push, record

CONTENT = bytes(range(256)) * 3 + "\r\n--受理通知书".encode()
ABOUT = {"name": "受理通知书.pdf", "mediaType": "application/pdf", "caseNo": "GS20260302-0007", "itemCode": ITEM_CODE}
CONTENT_ID = "b7f6-1@cxf.apache.org"
INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{}"/>'


def soap_message(content: str, soap: str = SOAP_11) -> str:
    values = {"id": "D-1", **ABOUT, "content": content}
    inner = f"<messageId>f-1</messageId><attachment>{elements(values)}</attachment>"
    return envelope(inner, "pushAttachment", soap=soap)


def mtom(xml: str, *parts: tuple[str, bytes], soap: str = SOAP_11, boundary: str = "uuid:4c9a-1") -> tuple[bytes, str]:
    """Body and Content-Type as CXF 3 writes them."""
    version = "application/soap+xml" if soap == SOAP_12 else "text/xml"
    root = (
        f'Content-Type: application/xop+xml; charset=UTF-8; type="{version}"\r\nContent-Transfer-Encoding: binary\r\n'
    )
    pieces = [root.encode() + b"Content-ID: <root.message@cxf.apache.org>\r\n\r\n" + xml.encode()]
    for content_id, content in parts:
        head = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
        pieces.append(f"{head}Content-ID: <{content_id}>\r\n\r\n".encode() + content)
    line = f"\r\n--{boundary}".encode()
    body = b"".join(line + b"\r\n" + piece for piece in pieces) + line + b"--"
    content_type = (
        f'multipart/related; type="application/xop+xml"; boundary="{boundary}"; '
        f'start="<root.message@cxf.apache.org>"; start-info="{version}"'
    )
    return body, content_type


# --- SOAP -------------------------------------------------------------------------------------------------------


def test_base64_content_is_kept_byte_for_byte(door: Door):
    wrapped = "\n".join(b64encode(CONTENT).decode()[start : start + 76] for start in range(0, 2000, 76))
    answer = door.post(soap_message(wrapped))
    assert (answer.text("status"), answer.text("acceptedCount")) == ("ACCEPTED", "1")
    assert door.exchange.files["D-1"].content == CONTENT
    assert door.exchange.files["D-1"].name == "受理通知书.pdf"


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_mtom_content_is_kept_byte_for_byte(door: Door, soap: str):
    xml = soap_message(INCLUDE.format("b7f6-1%40cxf.apache.org"), soap)
    body, content_type = mtom(xml, (CONTENT_ID, CONTENT), soap=soap)
    answer = door.post(body, content_type=content_type)
    assert answer.text("status") == "ACCEPTED"
    assert answer.headers["Content-Type"].startswith("application/soap+xml" if soap == SOAP_12 else "text/xml")
    assert door.exchange.files["D-1"].content == CONTENT


def test_client_that_uses_mtom_for_everything_is_understood(door: Door):
    body, content_type = mtom(push(record()))
    assert door.post(body, content_type=content_type).text("status") == "ACCEPTED"
    assert door.exchange.envelopes["m-1"].body == push(record()).encode()


def test_reference_to_a_part_that_did_not_come_is_told(door: Door):
    body, content_type = mtom(soap_message(INCLUDE.format("nowhere")), (CONTENT_ID, CONTENT))
    answer = door.post(body, content_type=content_type)
    assert (answer.code, answer.text("path")) == ("HUB-1036", "attachment/content")


def test_reference_outside_a_multipart_message_is_told(door: Door):
    assert door.post(soap_message(INCLUDE.format("file:///etc/passwd"))).code == "HUB-1036"


BROKEN = [
    ("cut off", lambda body, kind: (body[:-40], kind)),
    ("no boundary", lambda body, kind: (body, "multipart/related; type=text/xml")),
    ("other boundary", lambda body, kind: (body, kind.replace("4c9a", "0000"))),
    ("no such start", lambda body, kind: (body, kind.replace("root.message", "other"))),
    ("boundary beyond reason", lambda body, kind: (body, f'multipart/related; boundary="{"x" * 300}"')),
    ("Chinese boundary", lambda body, kind: (body, "multipart/related; boundary=分隔".encode().decode("latin-1"))),
]


@pytest.mark.parametrize(("what", "broken"), BROKEN, ids=[what for what, _ in BROKEN])
def test_broken_multipart_is_told_as_such(door: Door, what: str, broken: Any):
    body, content_type = broken(*mtom(soap_message(INCLUDE.format(CONTENT_ID)), (CONTENT_ID, CONTENT)))
    assert door.post(body, content_type=content_type).code == "HUB-1033"


def test_many_parts_are_refused(door: Door):
    parts = [(f"part-{number}", b"x") for number in range(30)]
    body, content_type = mtom(soap_message(INCLUDE.format("part-1")), *parts)
    assert door.post(body, content_type=content_type).code == "HUB-1033"


def test_content_that_is_not_base64_is_told_by_path(door: Door):
    answer = door.post(soap_message("这不是 Base64"))
    assert (answer.code, answer.text("path")) == ("HUB-3004", "attachment/content")


def test_two_files_in_one_message_are_refused(door: Door):
    message = soap_message("eA==").replace("</attachment>", "</attachment><attachment/>")
    assert door.post(message).code == "HUB-1017"


# --- REST -------------------------------------------------------------------------------------------------------


@pytest.fixture
def rest(tmp_path: Path) -> Iterator[RestDoor]:
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    yield a_rest_door(a_small_hub(database))
    database.dispose()


def file_json(**changes: Any) -> bytes:
    values = {"id": "D-1", **ABOUT, "content": b64encode(CONTENT).decode()}
    return json.dumps(values | changes, ensure_ascii=False).encode()


def test_file_by_rest_is_promised_once(rest: RestDoor):
    first = rest.post("/api/v1/attachments", file_json(), key="f-1")
    again = rest.post("/api/v1/attachments", file_json(), key="f-1")
    other = rest.post("/api/v1/attachments", file_json(content="eA=="), key="f-2")
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 422)
    assert again.json() == first.json() | {"status": "DUPLICATE"}
    assert other.json()["code"] == "HUB-6001"
    assert rest.client.get(first.headers["Location"], auth=rest.basic).json()["recordStates"][0]["state"] == "STORED"


def test_everything_wrong_with_a_file_is_listed(rest: RestDoor):
    answer = rest.post("/api/v1/attachments", file_json(name="", caseNo=None, size=3))
    assert answer.status_code == 422
    assert {error["path"] for error in answer.json()["errors"]} == {"name", "caseNo", "size"}
    assert rest.stored("attachment_file") == 0


def test_supervisor_gets_the_bytes_when_saying_why(rest: RestDoor):
    rest.hub.push(PROCESS, [a_step()])
    rest.hub.work()
    receipt_no = rest.post("/api/v1/attachments", file_json(), key="f-1").json()["receiptNo"]
    case = rest.get("/api/v1/cases").json()["items"][0]
    address = f"/api/v1/cases/{case['unifiedNo']}/attachments/{receipt_no}"
    assert rest.get(address).status_code == 422
    assert rest.get(address, role="it_staff", params={"reason": "看看"}).status_code == 403
    answer = rest.get(address, params={"reason": "核对受理材料"})
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].endswith("%E5%8F%97%E7%90%86%E9%80%9A%E7%9F%A5%E4%B9%A6.pdf")
    assert rest.stored("audit_event WHERE action = 'READ_ATTACHMENT'") == 1
    detail = rest.get(f"/api/v1/cases/{case['unifiedNo']}").json()
    assert [shown["receiptNo"] for shown in detail["attachments"]] == [receipt_no]


def test_namespace_of_an_attachment_is_that_of_the_contract(door: Door):
    foreign = soap_message("eA==").replace("<attachment>", '<attachment xmlns="urn:other">')
    assert door.post(foreign).code == "HUB-1011"
