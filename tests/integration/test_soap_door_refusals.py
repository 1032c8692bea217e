"""What the SOAP door refuses, and that it always answers."""

import logging
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.contract import CONTRACT_NS
from adapters.contract_schema import types_xsd, wsdl
from hub.domain.errors import RetryableError
from hub.gateway.admission import Admission, AdmissionLimits
from hub.gateway.soap_gate import GateLimits
from tests.fakes import SECRET, SENDER
from tests.soap_door import (
    AUTHORISED,
    BASIC,
    CANARY,
    PATH,
    SOAP_11,
    SOAP_12,
    WSSE,
    Answer,
    Door,
    digested,
    envelope,
    head,
    open_door,
    ping,
    push,
    record,
    security,
)

# --- envelopes --------------------------------------------------------------------------------------------------

MANY_ATTRIBUTES = " ".join(f"a{number}=''" for number in range(5000))
WRONG_ENVELOPES = {
    "empty": ("", "HUB-1002"),
    "blank": (" \r\n ", "HUB-1002"),
    "not xml": ("caseNo=1", "HUB-1001"),
    "cut off": (push(record())[:-30], "HUB-1001"),
    "doctype": ('<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + push(record("&x;")), "HUB-1005"),
    "instruction": ("<?a b?>" + push(record()), "HUB-1015"),
    "attributes": (push(record()).replace("<record>", f"<record {MANY_ATTRIBUTES}>"), "HUB-1007"),
    "depth": (push(record(opinion="<a>" * 500 + "</a>" * 500)), "HUB-1007"),
    "control character": (push(record(opinion="\x01")), "HUB-1006"),
    "wrong charset": (push(record(opinion="同意")).encode("gbk"), "HUB-1004"),
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
    "media_type", ["application/json", "multipart/mixed; boundary=x", "text/plain", "text/xml" + ";a" * 600]
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
    for repeated in ("SOAPAction: a", f"Authorization: {BASIC}", "Content-Type: text/xml"):
        received = door.raw(head(f"Content-Length: {len(body)}", repeated, repeated), body)
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
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    assert door.raw(head(AUTHORISED, "Transfer-Encoding: chunked"), chunk * 11, b"0\r\n\r\n").startswith(
        b"HTTP/1.1 413 "
    )


def test_body_that_ends_early_stores_nothing_and_harms_nobody(door: Door):
    body = push(record()).encode()
    assert door.raw(head(AUTHORISED, f"Content-Length: {len(body) + 10}"), body, half_close=True) == b""
    assert not door.exchange.envelopes
    assert door.post(push(record())).text("status") == "ACCEPTED"


def test_body_that_never_ends_is_given_up_at_the_deadline():
    with open_door(GateLimits(body_deadline_seconds=0.3)) as door:
        assert door.raw(head(AUTHORISED, "Content-Length: 100"), b"<e:Env").startswith(b"HTTP/1.1 408 ")


def test_county_may_allow_fewer_records_than_the_contract():
    with open_door(GateLimits(records=2)) as door:
        assert door.post(push(record("a"), record("b"))).text("status") == "ACCEPTED"
        assert door.post(push(record("a"), record("b"), record("c"), message_id="m-2")).code == "HUB-1016"


def test_expecting_sender_is_told_to_continue(door: Door):
    body = push(record()).encode()
    received = door.raw(head(AUTHORISED, f"Content-Length: {len(body)}", "Expect: 100-continue"), body)
    assert received.startswith(b"HTTP/1.1 100 ")
    assert b"ACCEPTED" in received


def test_expecting_sender_without_right_is_refused_before_it_sends(door: Door):
    wrong = ("Authorization: Basic eDp5", "Content-Length: 999999", "Expect: 100-continue")
    assert door.raw(head(*wrong, connection="keep-alive")).startswith(b"HTTP/1.1 401 ")


# --- who ----------------------------------------------------------------------------------------------------------


def test_no_or_wrong_credential_is_refused_with_a_challenge(door: Door):
    wrong = "Basic " + b64encode(f"{SENDER.code}:{CANARY}".encode()).decode()
    for authorization in (None, wrong, "Basic x", "Bearer abc"):
        answer = door.post(push(record()), authorization=authorization)
        assert (answer.status, answer.code) == (401, "HUB-2001")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert CANARY not in answer.body.decode()
    assert not door.exchange.envelopes


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

    with open_door(admission=Admission(AdmissionLimits(places=2)), threads=1) as door, ThreadPoolExecutor(2) as senders:
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
        door.reception.threads.close(grace_seconds=1)
        assert door.post(ping()).status == 503
