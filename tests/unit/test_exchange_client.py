import base64
from datetime import UTC, date, datetime

import pytest
import requests
import responses
from lxml import etree

from adapters.contract import CONTRACT_NS, read_element
from adapters.contract_schema import types_xsd
from adapters.transports.exchange_client import ExchangeClient, RetryPolicy
from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.domain.receipts import ReceiptStatus, RecordState
from hub.domain.records import PROCESS, ProcessRecord

URL = "http://hub.example/soap/exchange/v1"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
RECEIPT = """<receipt><receiptNo>R-1</receiptNo><messageId>m-1</messageId><status>{status}</status>
<receivedAt>2026-03-02T10:00:00+08:00</receivedAt><digest>ab</digest><acceptedCount>1</acceptedCount>
<rejectedCount>1</rejectedCount>{more}</receipt>"""


def an_answer(operation: str, inner: str) -> str:
    response = f'<{operation}Response xmlns="{CONTRACT_NS}">{inner}</{operation}Response>'
    return f'<?xml version="1.0"?><s:Envelope xmlns:s="{SOAP}"><s:Body>{response}</s:Body></s:Envelope>'


def a_receipt(status: str = "ACCEPTED", more: str = "", operation: str = "pushProcess") -> str:
    return an_answer(operation, RECEIPT.format(status=status, more=more))


def a_fault(code: str = "HUB-1005", retryable: str = "false", text: str = "[HUB-1005] 报文含有 DOCTYPE") -> str:
    detail = f'<h:hubFault xmlns:h="{CONTRACT_NS}"><h:code>{code}</h:code><h:path>a/b</h:path>'
    detail += f"<h:traceId>t</h:traceId><h:retryable>{retryable}</h:retryable></h:hubFault>"
    fault = f"<faultcode>s:Client</faultcode><faultstring>{text}</faultstring><detail>{detail}</detail>"
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault>{fault}</s:Fault></s:Body></s:Envelope>'


def a_record(record_id: str = "r-1") -> ProcessRecord:
    return ProcessRecord(
        record_id=record_id,
        case_no="c-1",
        item_code="33032400AJ-XK-0001",
        org_code="33032400AJ",
        step_seq=1,
        step_name="受理喆㛃䶮𬭎",
        step_status="ACCEPTED",
        handled_at=datetime(2026, 3, 2, 2, tzinfo=UTC),
    )


class Waits:
    """A sleep that only remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def a_client(url: str = URL, waits: Waits | None = None, attempts: int = 3) -> ExchangeClient:
    return ExchangeClient(url, "AJ", "密钥", 5.0, RetryPolicy(attempts=attempts), waits or Waits())


@pytest.fixture
def hub():
    with responses.RequestsMock() as mocked:
        yield mocked


def test_push_sends_one_document_literal_message_that_the_contract_reads(hub):
    hub.post(URL, body=a_receipt())
    a_client().push(PROCESS, "m-1", [a_record()])
    request = hub.calls[0].request
    operation = etree.fromstring(request.body).find(f"{{{SOAP}}}Body")[0]
    assert operation.tag == f"{{{CONTRACT_NS}}}pushProcess"
    assert [child.tag.rpartition("}")[2] for child in operation] == ["messageId", "record"]
    assert read_element(PROCESS, operation[1]).record == a_record()
    assert request.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert request.headers["SOAPAction"] == '"urn:county-hub:exchange:v1:pushProcess"'


def test_credential_is_basic_in_utf_8(hub):
    hub.post(URL, body=a_receipt())
    a_client().push(PROCESS, "m-1", [a_record()])
    scheme, _, token = hub.calls[0].request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(token).decode()) == ("Basic", "AJ:密钥")


@pytest.mark.parametrize("url", ["http://hub.example", "http://hub.example/", URL, URL + "?wsdl"])
def test_address_may_be_the_hub_or_its_endpoint(hub, url):
    hub.post(URL, body=a_receipt())
    assert a_client(url).push(PROCESS, "m-1", [a_record()]).receipt_no == "R-1"


@pytest.mark.parametrize("url", ["hub.example", "ftp://hub.example", ""])
def test_address_that_is_no_web_address_is_refused(url):
    with pytest.raises(RejectedError):
        a_client(url)


def test_receipt_tells_errors_and_record_states(hub):
    more = "<error><seq>2</seq><recordId>r-2</recordId><code>HUB-3001</code><path>record[2]/caseNo</path>"
    more += "<message>缺少必填项</message></error><recordState><seq>1</seq><state>STORED</state></recordState>"
    hub.post(URL, body=a_receipt("PARTIAL", more, "queryReceipt"))
    receipt = a_client().query_receipt(message_id="m-1")
    assert receipt.status is ReceiptStatus.PARTIAL
    assert receipt.received_at == datetime(2026, 3, 2, 2, tzinfo=UTC)
    assert (receipt.errors[0].seq, receipt.errors[0].path) == (2, "record[2]/caseNo")
    assert (receipt.record_states[0].record_id, receipt.record_states[0].state) == (None, RecordState.STORED)


def test_element_is_sent_as_it_stands(hub):
    hub.post(URL, body=a_receipt())
    a_client().push(PROCESS, "m-1", [etree.fromstring("<faulty/>")])
    assert b"<faulty" in hub.calls[0].request.body


def test_complete_message_is_sent_byte_for_byte(hub):
    message = a_fault().encode()
    hub.post(URL, body=a_receipt())
    a_client().push_message(message)
    assert hub.calls[0].request.body == message


def test_ping_case_numbers_and_totals_are_read(hub):
    pong = "<serverTime>2026-03-02T10:00:00+08:00</serverTime><contract>v1</contract>"
    hub.post(URL, body=an_answer("ping", pong))
    hub.post(URL, body=an_answer("allocateCaseNos", "<unifiedNo>A</unifiedNo><unifiedNo>B</unifiedNo>"))
    count = "<count><recordKind>PROCESS</recordKind><state>STORED</state><count>7</count></count>"
    hub.post(URL, body=an_answer("reconcile", f"<date>2026-03-02</date><digest>ab</digest>{count}"))
    client = a_client()
    assert client.ping().server_time == datetime(2026, 3, 2, 2, tzinfo=UTC)
    assert client.allocate_case_nos("33032400AJ-XK-0001", 2) == ["A", "B"]
    totals = client.reconcile(date(2026, 3, 2))
    assert (totals.day, totals.counts[0].count) == (date(2026, 3, 2), 7)


def test_fault_becomes_a_rejection_with_code_path_and_chinese_text(hub):
    hub.post(URL, status=500, body=a_fault())
    with pytest.raises(RejectedError) as refused:
        a_client().ping()
    assert (refused.value.code, refused.value.message, refused.value.path) == ("HUB-1005", "报文含有 DOCTYPE", "a/b")


def test_rejection_is_never_repeated(hub):
    hub.post(URL, status=500, body=a_fault())
    with pytest.raises(RejectedError):
        a_client().push(PROCESS, "m-1", [a_record()])
    assert len(hub.calls) == 1


def test_unknown_receipt_is_not_found(hub):
    hub.post(URL, status=500, body=a_fault("HUB-4041", text="[HUB-4041] 没有这份回执"))
    with pytest.raises(NotFoundError):
        a_client().query_receipt(receipt_no="R-0")


def test_busy_hub_is_asked_again_with_the_same_bytes(hub):
    waits = Waits()
    hub.post(URL, status=503, body=a_fault("HUB-9003", "true"), headers={"Retry-After": "7"})
    hub.post(URL, body=requests.ConnectionError("cut"))
    hub.post(URL, body=a_receipt("DUPLICATE"))
    receipt = a_client(waits=waits).push(PROCESS, "m-1", [a_record()])
    assert receipt.status is ReceiptStatus.DUPLICATE
    assert waits.seconds == [7.0, 1.0]
    assert len({call.request.body for call in hub.calls}) == 1


def test_attempts_are_bounded_and_the_last_error_stands(hub):
    waits = Waits()
    hub.post(URL, status=429, body="")
    with pytest.raises(RetryableError) as stumbled:
        a_client(waits=waits, attempts=3).ping()
    assert stumbled.value.code == "HUB-9005"
    assert len(hub.calls) == 3
    assert waits.seconds == [0.5, 1.0]


def test_server_cannot_ask_for_an_endless_wait():
    assert RetryPolicy(longest_wait_seconds=30).wait_seconds(1, 86_400) == 30


@pytest.mark.parametrize("failure", [requests.ConnectionError("refused"), requests.ReadTimeout("slow")])
def test_unreachable_hub_is_a_passing_failure(hub, failure):
    hub.post(URL, body=failure)
    with pytest.raises(RetryableError) as stumbled:
        a_client(attempts=1).ping()
    assert stumbled.value.code == "HUB-9005"


def test_untrusted_certificate_is_not_tried_again(hub):
    hub.post(URL, body=requests.exceptions.SSLError("self-signed"))
    with pytest.raises(RejectedError):
        a_client().ping()
    assert len(hub.calls) == 1


def test_case_numbers_are_not_asked_for_again_after_a_broken_connection(hub):
    hub.post(URL, body=requests.ConnectionError("cut"))
    with pytest.raises(RetryableError):
        a_client().allocate_case_nos("33032400AJ-XK-0001", 5)
    assert len(hub.calls) == 1


def test_case_numbers_are_asked_for_again_when_the_hub_was_busy(hub):
    hub.post(URL, status=503, body=a_fault("HUB-9003", "true"))
    hub.post(URL, body=an_answer("allocateCaseNos", "<unifiedNo>A</unifiedNo>"))
    assert a_client().allocate_case_nos("33032400AJ-XK-0001", 1) == ["A"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, "", "HUB-2001"),
        (404, "<html/>", "HUB-9006"),
        (302, "", "HUB-9006"),
        (200, "not xml", "HUB-9006"),
        (200, "<html><body/></html>", "HUB-9006"),
        (200, an_answer("ping", ""), "HUB-9006"),
        (413, "", "HUB-1003"),
    ],
)
def test_answer_without_fault_is_refused_by_what_its_status_says(hub, status, body, code):
    hub.post(URL, status=status, body=body)
    with pytest.raises(RejectedError) as refused:
        a_client().ping()
    assert refused.value.code == code


def test_redirect_does_not_carry_the_secret_away(hub):
    hub.post(URL, status=307, headers={"Location": "http://elsewhere.example/"})
    with pytest.raises(RejectedError):
        a_client().ping()
    assert len(hub.calls) == 1


def test_secret_is_not_shown():
    assert "密钥" not in repr(a_client())


def test_timeout_is_passed_on(hub):
    hub.post(URL, body=a_receipt())
    a_client().push(PROCESS, "m-1", [a_record()])
    assert hub.calls[0].request.req_kwargs["timeout"] == 5.0


def test_every_call_is_valid_by_the_published_schema(hub):
    schema = etree.XMLSchema(etree.fromstring(types_xsd()))
    hub.post(URL, status=401)
    client = a_client()
    calls = (
        lambda: client.push(PROCESS, "m-1", [a_record("r-1"), a_record("r-2")]),
        lambda: client.query_receipt(receipt_no="R-1"),
        lambda: client.query_receipt(message_id="m-1"),
        lambda: client.allocate_case_nos("33032400AJ-XK-0001", 2),
        lambda: client.reconcile(date(2026, 3, 2)),
        client.ping,
    )
    for call in calls:
        with pytest.raises(RejectedError):
            call()
    for sent in hub.calls:
        schema.assertValid(etree.fromstring(sent.request.body).find(f"{{{SOAP}}}Body")[0])
