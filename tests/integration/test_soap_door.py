"""What the SOAP door takes, over real HTTP: uvicorn on a loopback port, the gate, spyne, and a fake exchange."""

import re
from hashlib import sha256
from typing import Any

import pytest
from lxml import etree

from adapters.contract import CONTRACT_NS
from adapters.contract_schema import OPERATIONS, types_xsd
from hub.domain.records import PROCESS
from hub.gateway.soap_operations import OPERATION_NAMES
from tests.fakes import SENDER
from tests.soap_door import (
    AUTHORISED,
    CANARY,
    RARE_NAMES,
    SOAP_11,
    SOAP_12,
    XSI,
    Door,
    elements,
    envelope,
    head,
    push,
    record,
)

# --- accepted ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(types_xsd()))


FILE = {
    "id": "D-1", "name": "受理通知书.txt", "mediaType": "text/plain", "caseNo": "GS20260302-0007",
    "itemCode": "33032400GS-XK-0012", "kind": "通知书", "content": "5qC35L6L",
}  # fmt: skip
CALLS = {
    "pushItems": f"<messageId>i</messageId><item>{elements({'itemCode': '33032400GS-XK-0012'})}</item>",
    "pushProcess": f"<messageId>p</messageId>{record()}{record(stepSeq='x')}",
    "pushResults": "<messageId>r</messageId><record><recordId>a</recordId></record>",
    "pushAttachment": f"<messageId>f</messageId><attachment>{elements(FILE)}</attachment>",
    "submitXml": "<message>&lt;Package/&gt;</message>",
    "queryReceipt": "<messageId>p</messageId>",
    "allocateCaseNos": "<itemCode>33032400GS-XK-0012</itemCode><count>3</count>",
    "reconcile": "<date>2026-03-02</date>",
    "ping": "",
}


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_every_published_operation_is_dispatched_and_answers_as_published(door: Door, published_schema: Any, soap: str):
    assert {operation.name for operation in OPERATIONS} == OPERATION_NAMES == CALLS.keys()
    for operation, inner in CALLS.items():
        answer = door.post(envelope(inner, operation, soap=soap))
        assert answer.status == 200
        body = answer.xml[-1]
        assert body.tag == f"{{{soap}}}Body"
        assert etree.QName(body[0]).localname == operation + "Response"
        published_schema.assertValid(body[0])


def test_receipt_promises_what_the_exchange_took(door: Door):
    body = push(record())
    answer = door.post(body)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert (answer.text("status"), answer.text("acceptedCount"), answer.text("rejectedCount")) == ("ACCEPTED", "1", "0")
    assert answer.text("digest") == sha256(body.encode()).hexdigest()
    assert answer.text("receivedAt") == "2026-03-02T10:00:00+08:00"
    taken = door.exchange.envelopes["m-1"]
    assert (taken.body, taken.kind, taken.sender, taken.body_format) == (body.encode(), PROCESS, SENDER, "soap")


def test_second_push_of_same_message_returns_first_receipt(door: Door):
    first, second = door.post(push(record())), door.post(push(record()))
    assert second.text("status") == "DUPLICATE"
    assert second.text("receiptNo") == first.text("receiptNo")


def test_same_message_id_with_other_content_is_a_fault(door: Door):
    door.post(push(record()))
    assert door.post(push(record("other"))).code == "HUB-6001"


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "gb18030"])
def test_gbk_bodies_are_read_by_declaration_and_by_header(door: Door, charset: str):
    message = push(record(officerName=RARE_NAMES))
    declared = f'<?xml version="1.0" encoding="{charset}"?>{message}'
    for body, content_type in (
        (declared.encode("gb18030"), "text/xml"),
        (declared.encode("gb18030"), "text/xml; charset=utf-8"),
        (message.encode("gb18030"), f'text/xml; charset="{charset}"'),
    ):
        door.exchange.envelopes.clear()
        assert door.post(body, content_type=content_type).text("status") == "ACCEPTED"
        taken = door.exchange.envelopes["m-1"]
        assert (taken.body, taken.charset) == (body, "gb18030")


def test_byte_order_mark_cdata_comments_and_attributes_are_tolerated(door: Door):
    message = push(
        f"""<record xmlns:xsi="{XSI}" xmlns:t="urn:t" xsi:type="t:Record" e:encodingStyle="urn:x"><!-- 注释 -->"""
        + record(opinion="<![CDATA[同意 <受理> & 办理]]>", officerName=RARE_NAMES)[len("<record>") :]
    )
    message = re.sub(r"<(caseNo|stepSeq|handledAt|opinion)>", r'<\1 xsi:type="t:string" id="x">', message)
    answer = door.post(b"\xef\xbb\xbf" + message.encode())
    assert (answer.text("status"), answer.texts("path")) == ("ACCEPTED", [])


def test_nil_and_empty_optional_fields_are_absent(door: Door):
    nil = f'<record xmlns:xsi="{XSI}">' + record(startedAt="", opinion="", officerName=" ")[len("<record>") :]
    answer = door.post(push(nil.replace("<startedAt>", '<startedAt xsi:nil="true">')))
    assert answer.text("status") == "ACCEPTED"


@pytest.mark.parametrize("blank", ["caseNo", "stepName", "stepStatus", "orgCode"])
def test_blank_where_a_value_must_be_is_missing(door: Door, blank: str):
    answer = door.post(push(record(**{blank: "  "})))
    assert (answer.text("code"), answer.text("path")) == ("HUB-3001", f"record[1]/{blank}")


def test_unqualified_children_are_taken_as_ours(door: Door):
    message = push(record()).replace(f' xmlns="{CONTRACT_NS}"', f' xmlns:n="{CONTRACT_NS}"')
    assert door.post(message.replace("pushProcess", "n:pushProcess")).text("status") == "ACCEPTED"


def test_schema_location_of_a_sender_is_never_followed(door: Door, tmp_path: Any):
    lenient = tmp_path / "lenient.xsd"
    lenient.write_text('<schema xmlns="http://www.w3.org/2001/XMLSchema"/>', encoding="utf-8")
    attributes = f'<record xmlns:xsi="{XSI}" xsi:schemaLocation="{CONTRACT_NS} {lenient.as_uri()}">'
    answer = door.post(push(attributes + record(stepSeq="x")[len("<record>") :]))
    assert answer.texts("path") == ["record[1]/stepSeq"]


@pytest.mark.parametrize(
    "action", [None, "", '""', "pushProcess", f'"{CONTRACT_NS}:pushProcess"', "http://tempuri.org/Send"]
)
def test_soap_action_is_only_a_hint(door: Door, action: str | None):
    assert door.post(push(record()), soapaction=action).text("status") == "ACCEPTED"


def test_action_parameter_of_soap_12_is_only_a_hint_too(door: Door):
    message = push(record(), soap=SOAP_12)
    answer = door.post(message, content_type='application/soap+xml; charset=utf-8; action="http://tempuri.org/Send"')
    assert answer.text("status") == "ACCEPTED"
    assert answer.headers["Content-Type"] == "application/soap+xml; charset=utf-8"
    contradicting = door.post(message, content_type='application/soap+xml; action="urn:x:pushItems"')
    assert (contradicting.status, contradicting.code) == (400, "HUB-1021")


def test_content_type_may_be_absent(door: Door):
    assert door.post(push(record()), content_type=None).text("status") == "ACCEPTED"


def test_old_http_without_soap_action_is_answered(door: Door):
    body = push(record()).encode()
    assert b"ACCEPTED" in door.raw(head(AUTHORISED, f"Content-Length: {len(body)}", version="1.0"), body)


def test_chunked_body_is_read(door: Door):
    body = push(record()).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:], b""))
    assert b"ACCEPTED" in door.raw(head(AUTHORISED, "Transfer-Encoding: chunked"), chunks)


# --- records ----------------------------------------------------------------------------------------------------


def test_one_bad_record_among_a_thousand_is_listed_and_the_rest_kept(door: Door):
    records = [record(f"r-{number}") for number in range(1, 1001)]
    records[499] = record(
        "r-500",
        application="<title>某店设立</title><appliedAt>2026-02-30T09:00:00</appliedAt><applicantName>甲</applicantName>",
    )
    answer = door.post(push(*records))
    assert (answer.text("status"), answer.text("acceptedCount"), answer.text("rejectedCount")) == (
        "PARTIAL",
        "999",
        "1",
    )
    error = answer.xml.find(f".//{{{CONTRACT_NS}}}error")
    assert error is not None
    assert [child.text for child in error][:4] == ["500", "r-500", "HUB-3007", "record[500]/application/appliedAt"]


BAD_RECORDS = {
    "missing": (record(caseNo=None), "HUB-3001", "record[1]/caseNo"),
    "unknown": (record(colour=CANARY), "HUB-3002", "record[1]/colour"),
    "repeated": (record(caseNo="a</caseNo><caseNo>b"), "HUB-3003", "record[1]/caseNo"),
    "out of order": (record(orgName="某局"), "HUB-3003", "record[1]/orgName"),
    "out of order below": (
        record(
            application="<appliedAt>2026-03-02T09:00:00</appliedAt><title>某店</title><applicantName>甲</applicantName>"
        ),
        "HUB-3003",
        "record[1]/application/title",
    ),
    "not a number": (record(stepSeq=CANARY), "HUB-3004", "record[1]/stepSeq"),
    "nested": (record(caseNo="<a>1</a>"), "HUB-3004", "record[1]/caseNo"),
    "too long": (record(stepName="长" * 201), "HUB-3005", "record[1]/stepName"),
    "out of range": (record(stepSeq="0"), "HUB-3006", "record[1]/stepSeq"),
    "no such day": (record(handledAt="2027-02-29T09:00:00"), "HUB-3007", "record[1]/handledAt"),
    "not a time": (record(handledAt=CANARY), "HUB-3007", "record[1]/handledAt"),
    "handled without a time": (record(handledAt=None), "HUB-3001", "record[1]/handledAt"),
    "other organisation": (record(orgCode="99999999ZZ"), "HUB-2004", "record[1]/orgCode"),
}


@pytest.mark.parametrize("bad", BAD_RECORDS)
def test_bad_record_is_named_by_code_and_path_without_its_value(door: Door, bad: str):
    broken, code, path = BAD_RECORDS[bad]
    answer = door.post(push(broken, record("good")))
    assert (answer.text("acceptedCount"), answer.text("rejectedCount")) == ("1", "1")
    assert (answer.texts("code"), answer.texts("path")) == ([code], [path])
    assert CANARY not in answer.body.decode()


def test_29_february_of_a_leap_year_and_a_time_without_offset_are_fine(door: Door):
    assert door.post(push(record(handledAt="2028-02-29T09:00:00"))).text("status") == "ACCEPTED"


def test_running_step_needs_no_handling_time(door: Door):
    assert door.post(push(record(stepStatus="RUNNING", handledAt=None))).text("status") == "ACCEPTED"


def test_record_of_a_foreign_namespace_is_refused(door: Door):
    message = push(record()).replace("<caseNo>", '<caseNo xmlns="urn:other">')
    assert door.post(message).text("rejectedCount") == "1"


def item(**fields: str) -> str:
    values = {
        "itemCode": "33032400GS-XK-0012",
        "itemName": "示例许可",
        "itemType": "XK",
        "handlingClass": "PROMISE",
        "orgCode": "33032400GS",
        "orgName": "示例局",
        "legalBasis": "示例依据",
        "acceptConditions": "示例条件",
        "isCharged": "false",
        "statutoryLimit": "20",
        "statutoryLimitUnit": "WORKING_DAY",
        "promisedLimit": "5",
        "promisedLimitUnit": "WORKING_DAY",
        "address": "示例路 1 号",
        "phone": "0577-00000000",
        "supervisionPhone": "0577-00000000",
    }
    return f"<item>{elements(values | fields)}</item>"


def test_items_are_checked_beyond_the_schema(door: Door):
    items = [item(), item(promisedLimit="21"), item(itemCode="33032400GS-XK-0000"), item(itemCode="OWN-1")]
    answer = door.post(push(*items, operation="pushItems"))
    assert answer.texts("code") == ["HUB-4001", "HUB-4002"]
    assert answer.texts("path") == ["item[2]/promisedLimit", "item[3]/itemCode"]
    assert answer.text("acceptedCount") == "2"


def test_query_shows_the_state_of_every_record(door: Door):
    door.post(push(record(), record("bad", stepSeq="0")))
    answer = door.post(envelope("<messageId>m-1</messageId>", "queryReceipt"))
    assert answer.texts("state") == ["RECEIVED", "REJECTED"]
