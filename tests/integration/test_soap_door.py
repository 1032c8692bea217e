"""The SOAP door over real HTTP: uvicorn on a loopback port, the gate, spyne, and a fake exchange behind them."""

import http.client
import logging
import re
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from typing import Any

import pytest
import uvicorn
from lxml import etree
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.contract import CONTRACT_NS
from adapters.contract_schema import OPERATIONS, types_xsd, wsdl
from hub.domain.errors import RetryableError
from hub.domain.records import PROCESS
from hub.gateway.soap_envelope import SoapVersion
from hub.gateway.soap_gate import GateLimits, Published, SoapGate
from hub.gateway.soap_operations import OPERATION_NAMES
from tests.fakes import NOW, SECRET, SENDER, FakeExchange

PATH = "/soap/exchange/v1"
SOAP_11, SOAP_12 = SoapVersion.SOAP_11.value, SoapVersion.SOAP_12.value
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
BASIC = "Basic " + b64encode(f"{SENDER.code}:{SECRET}".encode()).decode()
RARE_NAMES = "喆㛃䶮𬭎"
CANARY = "机密样例内容7391"


# --- a door on a port -------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """An HTTP answer with its parsed body."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def xml(self) -> etree._Element:
        return etree.fromstring(self.body)

    def text(self, name: str) -> str | None:
        return self.xml.findtext(f".//{{{CONTRACT_NS}}}{name}")

    def texts(self, name: str) -> list[str | None]:
        return [found.text for found in self.xml.iter(f"{{{CONTRACT_NS}}}{name}")]

    @property
    def code(self) -> str | None:
        return self.xml.findtext(f".//{{{CONTRACT_NS}}}hubFault/{{{CONTRACT_NS}}}code")

    @property
    def fault_text(self) -> str:
        return self.xml.findtext(".//faultstring") or self.xml.findtext(f".//{{{SOAP_12}}}Text") or ""


@dataclass
class Door:
    """A running door."""

    port: int
    exchange: FakeExchange
    gate: SoapGate
    default_headers: dict[str, str] = field(
        default_factory=lambda: {"Content-Type": "text/xml", "Authorization": BASIC}
    )

    def post(self, body: str | bytes, **headers: str | None) -> Answer:
        return self.request("POST", PATH, body, **headers)

    def request(self, method: str, path: str, body: str | bytes = b"", **headers: str | None) -> Answer:
        """Header names with `_` for `-`; None leaves a default header out."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        wanted = {name: value for name, value in (self.default_headers | named).items() if value is not None}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, wanted)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def raw(self, *parts: bytes, half_close: bool = False) -> bytes:
        """Sends bytes as they are and reads until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            for part in parts:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
            return received


@contextmanager
def open_door(limits: GateLimits | None = None, threads: int = 4) -> Iterator[Door]:
    exchange = FakeExchange()
    published = Published(wsdl(f"http://hub.example{PATH}"), types_xsd())
    gate = SoapGate(exchange, published, limits or GateLimits(), ThreadPoolExecutor(threads))
    app = Starlette(routes=[Route(PATH, gate)])
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=20))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Door(listener.getsockname()[1], exchange, gate)
    finally:
        server.should_exit = True
        thread.join(30)
        gate.close()
        listener.close()
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def shared_door() -> Iterator[Door]:
    with open_door() as door:
        yield door


@pytest.fixture
def door(shared_door: Door) -> Door:
    shared_door.exchange.envelopes.clear()
    shared_door.exchange.nonces.clear()
    return shared_door


# --- messages ---------------------------------------------------------------------------------------------------


def record(record_id: str = "r-1", application: str | None = None, **fields: str | None) -> str:
    """A process record in contract order; None leaves a field out."""
    values: dict[str, str | None] = {
        "recordId": record_id,
        "caseNo": "GS20260302-0007",
        "itemCode": "33032400GS-XK-0012",
        "orgCode": "33032400GS",
        "stepSeq": "1",
        "stepName": "受理",
        "officerName": None,
        "stepStatus": "ACCEPTED",
        "startedAt": None,
        "handledAt": "2026-03-02T09:30:00",
        "opinion": None,
        "application": application,
    } | fields
    return f"<record>{elements(values)}</record>"


def elements(values: dict[str, str | None]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in values.items() if value is not None)


def push(*records: str, message_id: str = "m-1", operation: str = "pushProcess", **more: str) -> str:
    return envelope(f"<messageId>{message_id}</messageId>{''.join(records)}", operation, **more)


def envelope(
    inner: str, operation: str = "pushProcess", *, soap: str = SOAP_11, header: str = "", ns: str = CONTRACT_NS
) -> str:
    head = f"<e:Header>{header}</e:Header>" if header else ""
    return f'<e:Envelope xmlns:e="{soap}">{head}<e:Body><{operation} xmlns="{ns}">{inner}</{operation}></e:Body></e:Envelope>'


def ping(soap: str = SOAP_11, **more: str) -> str:
    return envelope("", "ping", soap=soap, **more)


def head(*lines: str, version: str = "1.1", authorization: str = BASIC) -> bytes:
    """Request line and headers as bytes; the connection closes after the answer."""
    first = (f"POST {PATH} HTTP/{version}", "Host: hub.example", "Connection: close", f"Authorization: {authorization}")
    return "\r\n".join((*first, *lines, "", "")).encode()


# --- accepted ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(types_xsd()))


CALLS = {
    "pushItems": f"<messageId>i</messageId><item>{elements({'itemCode': '33032400GS-XK-0012'})}</item>",
    "pushProcess": f"<messageId>p</messageId>{record()}{record(stepSeq='x')}",
    "pushResults": "<messageId>r</messageId><record><recordId>a</recordId></record>",
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
        assert door.exchange.envelopes["m-1"].body == body


def test_byte_order_mark_cdata_comments_and_attributes_are_tolerated(door: Door):
    message = push(
        f"""<record xmlns:xsi="{XSI}" xmlns:t="urn:t" xsi:type="t:ProcessRecord" e:encodingStyle="urn:x"><!-- 注释 -->"""
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
    assert b"ACCEPTED" in door.raw(head(f"Content-Length: {len(body)}", version="1.0"), body)


def test_chunked_body_is_read(door: Door):
    body = push(record()).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:], b""))
    assert b"ACCEPTED" in door.raw(head("Transfer-Encoding: chunked"), chunks)


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


# --- envelopes --------------------------------------------------------------------------------------------------

WRONG_ENVELOPES = {
    "empty": ("", "HUB-1002"),
    "blank": (" \r\n ", "HUB-1002"),
    "not xml": ("caseNo=1", "HUB-1001"),
    "cut off": (push(record())[:-30], "HUB-1001"),
    "doctype": ('<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + push(record("&x;")), "HUB-1005"),
    "instruction": ("<?a b?>" + push(record()), "HUB-1015"),
    "attributes": (push(record()).replace("<record>", "<record " + " ".join(f"a{n}=''" for n in range(5000)) + ">"), "HUB-1007"),
    "depth": (push(record(opinion="<a>" * 500 + "</a>" * 500)), "HUB-1007"),
    "control character": (push(record(opinion="\x01")), "HUB-1006"),
    "wrong charset": (b'<?xml version="1.0" encoding="utf-8"?>' + push(record(officerName="受理员")).encode("gbk"), "HUB-1004"),
    "not soap": ("<a/>", "HUB-1008"),
    "unknown version": (ping(soap="urn:soap-of-the-future"), "HUB-1008"),
    "two bodies": (ping().replace("</e:Envelope>", "<e:Body/></e:Envelope>"), "HUB-1008"),
    "no body": (f'<e:Envelope xmlns:e="{SOAP_11}"><e:Header/></e:Envelope>', "HUB-1008"),
    "empty body": (f'<e:Envelope xmlns:e="{SOAP_11}"><e:Body/></e:Envelope>', "HUB-1008"),
    "two operations": (ping().replace("</e:Body>", f'<ping xmlns="{CONTRACT_NS}"/></e:Body>'), "HUB-1008"),
    "header after body": (ping().replace("</e:Envelope>", "<e:Header/></e:Envelope>"), "HUB-1008"),
    "must understand": (ping(header='<a xmlns="urn:a" e:mustUnderstand="1"/>'), "HUB-1012"),
    "unknown operation": (envelope("", "pushEverything"), "HUB-1010"),
    "wrong namespace": (push(record(), ns="http://tempuri.org/"), "HUB-1011"),
    "no message id": (envelope(record()), "HUB-1018"),
    "long message id": (push(record(), message_id="m" * 101), "HUB-1018"),
    "no records": (push(), "HUB-1017"),
    "2,000 records": (push(*[record()] * 2000), "HUB-1016"),
    "201 items": (push(*["<item/>"] * 201, operation="pushItems"), "HUB-1016"),
    "unknown parameter": (envelope("<x>1</x>", "ping"), "HUB-3002"),
    "two message ids": (push("<messageId>2</messageId>", record()), "HUB-3003"),
    "unknown receipt": (envelope("<receiptNo>R1</receiptNo>", "queryReceipt"), "HUB-4041"),
    "no receipt named": (envelope("", "queryReceipt"), "HUB-3001"),
    "count not a number": (envelope("<itemCode>a</itemCode><count>x</count>", "allocateCaseNos"), "HUB-3004"),
    "count too high": (envelope("<itemCode>a</itemCode><count>1001</count>", "allocateCaseNos"), "HUB-3006"),
    "item of another": (envelope("<itemCode>a</itemCode><count>1</count>", "allocateCaseNos"), "HUB-4004"),
    "no such date": (envelope("<date>2027-02-29</date>", "reconcile"), "HUB-3007"),
    "week date": (envelope("<date>2026-W10-1</date>", "reconcile"), "HUB-3007"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_ENVELOPES)
def test_wrong_message_gets_a_readable_fault_and_stores_nothing(door: Door, wrong: str):
    body, code = WRONG_ENVELOPES[wrong]
    answer = door.post(body)
    assert answer.code == code
    assert answer.fault_text.startswith(f"[{code}] ")
    assert answer.status == (413 if code == "HUB-1016" else 500)
    assert answer.xml.findtext(".//faultcode", "").startswith("soap:")
    assert answer.text("traceId") == answer.headers["X-Request-Id"]
    assert not door.exchange.envelopes


def test_headers_that_must_be_understood_pass_when_meant_for_another_or_security(door: Door):
    for header in (
        '<a xmlns="urn:a" e:mustUnderstand="1" e:actor="urn:somebody-else"/>',
        '<a xmlns="urn:a" e:mustUnderstand="0"/>',
        f'<w:Security xmlns:w="{WSSE}" e:mustUnderstand="1"/>',
    ):
        assert door.post(ping(header=header)).text("contract") == "v1"


def test_soap_12_faults_are_400_for_the_sender_in_soap_12(door: Door):
    answer = door.post(push(soap=SOAP_12), content_type="application/soap+xml")
    assert (answer.status, answer.code) == (400, "HUB-1017")
    assert answer.xml.tag == f"{{{SOAP_12}}}Envelope"
    assert answer.xml.findtext(f".//{{{SOAP_12}}}Value") == "soap:Sender"


def test_action_of_another_operation_is_a_contradiction(door: Door):
    assert door.post(push(record()), soapaction='"urn:county-hub:exchange:v1:pushResults"').code == "HUB-1021"


def test_deep_signature_of_hrefs_is_only_an_unknown_attribute(door: Door):
    message = push(record()).replace("<caseNo>", '<caseNo href="#a" id="a">')
    assert door.post(message).text("status") == "ACCEPTED"


# --- HTTP -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl=", "singleWsdl", "WSDL&x=1"])
def test_wsdl_is_served_as_published_without_credential(door: Door, query: str):
    answer = door.request("GET", f"{PATH}?{query}", authorization=None)
    assert (answer.status, answer.body) == (200, wsdl(f"http://hub.example{PATH}"))


def test_schema_is_served_too(door: Door):
    assert door.request("GET", f"{PATH}?xsd=1", authorization=None).body == types_xsd()


def test_plain_get_explains_itself(door: Door):
    answer = door.request("GET", PATH, authorization=None)
    assert answer.status == 405
    assert "?wsdl" in answer.body.decode()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_allowed(door: Door, method: str):
    answer = door.request(method, PATH, ping())
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "HUB-1020", "GET, POST")


@pytest.mark.parametrize(
    "media_type", ["application/json", "multipart/related; boundary=x", "text/plain", "text/xml" + ";a" * 600]
)
def test_other_media_types_are_refused(door: Door, media_type: str):
    answer = door.post(ping(), content_type=media_type)
    assert (answer.status, answer.code) == (415, "HUB-1009")


def test_compressed_bodies_are_refused(door: Door):
    answer = door.post(ping(), content_encoding="gzip")
    assert (answer.status, answer.code) == (415, "HUB-1019")
    assert door.post(ping(), content_encoding="identity").status == 200


def test_repeated_headers_are_refused(door: Door):
    body = ping().encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    for repeated in ("SOAPAction: a", f"Authorization: {BASIC}", "Content-Type: text/xml"):
        received = door.raw((head + f"{repeated}\r\n" * 2 + "\r\n").encode(), body)
        assert received.startswith(b"HTTP/1.1 400 ")


def test_trace_of_the_caller_comes_back(door: Door):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = door.post(ping(), traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    assert answer.headers["X-Request-Id"] == trace
    assert door.post(ping(), traceparent="00-<script>-x-01").headers["X-Request-Id"] != trace


def test_body_above_the_limit_is_refused_whether_announced_or_not(door: Door):
    body = b" " * (11 * 2**20)
    announced = door.post(body)
    assert (announced.status, announced.code) == (413, "HUB-1003")
    head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: {BASIC}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    assert door.raw(head.encode(), chunk * 11, b"0\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_body_that_ends_early_stores_nothing_and_harms_nobody(door: Door):
    body = push(record()).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: {BASIC}\r\nContent-Length: {len(body) + 10}\r\n\r\n"
    assert door.raw(head.encode(), body, half_close=True) == b""
    assert not door.exchange.envelopes
    assert door.post(push(record())).text("status") == "ACCEPTED"


def test_body_that_never_ends_is_given_up_at_the_deadline():
    with open_door(GateLimits(body_deadline_seconds=0.3)) as door:
        head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: {BASIC}\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"
        assert door.raw(head.encode(), b"<e:Env").startswith(b"HTTP/1.1 408 ")


def test_expecting_sender_is_told_to_continue(door: Door):
    body = push(record()).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: {BASIC}\r\nContent-Length: {len(body)}\r\n"
        "Expect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    received = door.raw(head.encode(), body)
    assert received.startswith(b"HTTP/1.1 100 ")
    assert b"ACCEPTED" in received


def test_expecting_sender_without_right_is_refused_before_it_sends(door: Door):
    head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: Basic eDp5\r\nContent-Length: 999999\r\nExpect: 100-continue\r\n\r\n"
    assert door.raw(head.encode()).startswith(b"HTTP/1.1 401 ")


# --- who ----------------------------------------------------------------------------------------------------------


def test_no_or_wrong_credential_is_refused_with_a_challenge(door: Door):
    wrong = "Basic " + b64encode(f"{SENDER.code}:{CANARY}".encode()).decode()
    for authorization in (None, wrong, "Basic x", "Bearer abc"):
        answer = door.post(push(record()), authorization=authorization)
        assert (answer.status, answer.code) == (401, "HUB-2001")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert CANARY not in answer.body.decode()
    assert not door.exchange.envelopes


def security(password: str, *, kind: str = "", nonce: str = "", created: str = "") -> str:
    return (
        f'<w:Security xmlns:w="{WSSE}" xmlns:u="{WSU}" e:mustUnderstand="1"><w:UsernameToken><w:Username>{SENDER.code}</w:Username>'
        f'<w:Password Type="{kind}">{password}</w:Password><w:Nonce>{nonce}</w:Nonce><u:Created>{created}</u:Created>'
        "</w:UsernameToken></w:Security>"
    )


def digested(nonce: bytes, secret: str = SECRET) -> str:
    created = NOW.isoformat()
    digest = b64encode(sha1(nonce + created.encode() + secret.encode()).digest()).decode()
    return security(digest, kind=DIGEST, nonce=b64encode(nonce).decode(), created=created)


def test_username_token_with_text_or_digest_is_enough(door: Door):
    for header in (security(SECRET), digested(b"nonce-1")):
        assert door.post(ping(header=header), authorization=None).text("contract") == "v1"


def test_replayed_nonce_and_wrong_token_are_refused(door: Door):
    door.post(ping(header=digested(b"nonce-1")), authorization=None)
    replayed = door.post(ping(header=digested(b"nonce-1")), authorization=None)
    assert (replayed.status, replayed.code) == (401, "HUB-2005")
    for header in (security(CANARY), digested(b"nonce-2", secret="wrong")):
        answer = door.post(ping(header=header), authorization=None)
        assert (answer.status, answer.code) == (401, "HUB-2001")
        assert CANARY not in answer.body.decode()


# --- trouble ------------------------------------------------------------------------------------------------------


def stumble() -> None:
    raise RetryableError("HUB-9002", "存储暂时不可用")


def break_down() -> None:
    raise ValueError(CANARY)


def test_storage_trouble_is_503_with_retry_after():
    with open_door() as door:
        door.exchange.before_receive = stumble
        answer = door.post(push(record()))
        assert (answer.status, answer.code, answer.text("retryable")) == (503, "HUB-9002", "true")
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.xml.findtext(".//faultcode") == "soap:Server"


def test_unforeseen_error_is_a_fault_that_tells_and_logs_nothing_of_it(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with open_door() as door:
        door.exchange.before_receive = break_down
        answer = door.post(push(record(opinion=CANARY)))
        assert (answer.status, answer.code) == (500, "HUB-9001")
        assert CANARY not in answer.body.decode()
    assert "ValueError" in caplog.text
    assert CANARY not in caplog.text


def refused_when_full(door: Door) -> Answer:
    """Asks until the queue is full, with a credential so broken that no call comes of it."""
    while (answer := door.post("", authorization="Basic *")).status != 503:
        assert answer.status == 401
    return answer


def test_calls_above_the_queue_are_sent_away_and_those_under_way_finish():
    release, entered = threading.Event(), threading.Semaphore(0)

    def hold() -> None:
        entered.release()
        assert release.wait(20)

    with open_door(GateLimits(calls=2), threads=1) as door, ThreadPoolExecutor(2) as senders:
        door.exchange.before_receive = hold
        held = senders.submit(door.post, push(record()))
        assert entered.acquire(timeout=10)
        queued = senders.submit(
            door.post, push(record("b"), message_id="m-2", header=security(SECRET)), authorization=None
        )
        refused = refused_when_full(door)
        assert (refused.status, refused.code) == (503, "HUB-9003")
        release.set()
        assert [call.result(20).text("status") for call in (held, queued)] == ["ACCEPTED", "ACCEPTED"]
    assert door.exchange.envelopes.keys() == {"m-1", "m-2"}


def test_many_senders_at_once_get_their_own_receipts(door: Door):
    def one(number: int) -> tuple[str | None, list[str | None]]:
        bad = record(f"bad-{number}", stepSeq=f"x{number}")
        answer = door.post(push(record(f"r-{number}"), bad, message_id=f"m-{number}"))
        return answer.text("messageId"), answer.texts("recordId")

    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(one, range(80)))
    assert answers == [(f"m-{number}", [f"bad-{number}"]) for number in range(80)]


def test_closing_gate_refuses_new_calls():
    with open_door() as door:
        door.gate.close(grace_seconds=1)
        assert door.post(ping()).status == 503
