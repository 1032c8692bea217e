"""What systems that can only send strings see of their door, over real HTTP."""

from collections.abc import Iterator
from html import escape
from typing import Any

import pytest
import suds.client
import zeep
from lxml import etree

from hub.domain.errors import RetryableError
from tests.adapter_doors import (
    MESSAGE,
    SECRET_TEXT,
    SENDER_TEXT,
    STRING_TRANSPORT,
    StringDoor,
    a_document,
    a_message,
    a_step_xml,
    open_string_door,
)
from tests.fakes import SECRET, SENDER
from tests.soap_door import BASIC, CANARY, SOAP_11, SOAP_12, XSI, Answer, digested, security

PATH = "/soap/string/paras/v1"
TEMPURI = "http://tempuri.org/"


@pytest.fixture(scope="module")
def shared() -> Iterator[StringDoor]:
    with open_string_door() as opened:
        yield opened


@pytest.fixture
def door(shared: StringDoor) -> StringDoor:
    shared.exchange.envelopes.clear()
    shared.exchange.before_receive = None
    shared.keeper.held.clear()
    shared.put(a_document())
    return shared


def call(message: str, secret: str | None = SECRET, *, soap: str = SOAP_11, header: str = "", ns: str = TEMPURI) -> str:
    """What a .NET client of `PushProcess(ValidateData, ParasXml)` sends; `message` is put in as it is."""
    head = f"<e:Header>{header}</e:Header>" if header else ""
    given = "" if secret is None else f"<ValidateData>{secret}</ValidateData>"
    body = f'<PushProcess xmlns="{ns}">{given}<ParasXml>{message}</ParasXml></PushProcess>'
    return f'<e:Envelope xmlns:e="{soap}">{head}<e:Body>{body}</e:Body></e:Envelope>'


def post(door: StringDoor, body: str | bytes, **headers: str | None) -> Answer:
    return door.door.request("POST", PATH, body, **{"authorization": None} | headers)


def said(answer: Answer) -> etree._Element:
    """The document inside the answer's string."""
    assert answer.status == 200, answer.body.decode()
    return etree.fromstring(answer.xml.xpath("string(//*[local-name()='PushProcessResult'])"))


# --- the description --------------------------------------------------------------------------------------------


def test_description_names_the_address_it_is_served_at(door: StringDoor):
    answer = door.door.request("GET", PATH + "?wsdl", authorization=None)
    assert answer.status == 200
    assert door.address().encode() in answer.body
    assert door.door.request("GET", PATH).status == 405


@pytest.mark.parametrize("path", ["/soap/string/nobody/v1", "/soap/string/plain/v1"])
def test_adapter_without_such_a_door_is_not_found(door: StringDoor, path: str):
    door.put(a_document(adapter="plain", transport={"kind": "push"}))
    code = {"nobody": "HUB-4045", "plain": "HUB-1031"}[path.split("/")[3]]
    described = door.door.request("GET", path + "?wsdl")
    called = door.door.request("POST", path, call(escape(a_message())))
    assert (described.code, called.code) == (code, code)


# --- real clients -----------------------------------------------------------------------------------------------

STYLES: list[dict[str, Any]] = [
    {"style": "wrapped"},
    {"style": "wrapped", "qualified": False, "soapAction": "http://tempuri.org/PushProcess"},
    {"style": "rpc"},
    {"style": "rpc", "parameters": [SENDER_TEXT, SECRET_TEXT, MESSAGE]},
    {"style": "bare", "parameters": [MESSAGE]},
]


def arguments(transport: dict[str, Any], message: str) -> list[str]:
    texts = {"sender": SENDER.code, "secret": SECRET, "message": message}
    return [texts[parameter["role"]] for parameter in transport["parameters"]]


@pytest.mark.parametrize("style", STYLES)
def test_zeep_client_gets_its_receipt(door: StringDoor, style: dict[str, Any]):
    transport = dict(STRING_TRANSPORT) | style
    door.put(a_document(transport=transport))
    client = zeep.Client(door.address() + "?wsdl")
    client.transport.session.auth = (SENDER.code, SECRET) if style["style"] == "bare" else None
    message = a_message(a_step_xml(BLR="喆㛃䶮𬭎 <甲> & 乙".replace("&", "&amp;").replace("<", "&lt;")))
    receipt = etree.fromstring(client.service.PushProcess(*arguments(transport, message)))
    assert (receipt.findtext("Status"), receipt.findtext("Code")) == ("ACCEPTED", "000")
    assert door.exchange.envelopes["p-1"].body == message.encode()


@pytest.mark.parametrize("style", STYLES[:4])
def test_suds_client_gets_its_receipt(door: StringDoor, style: dict[str, Any]):
    transport = dict(STRING_TRANSPORT) | style
    door.put(a_document(transport=transport))
    client = suds.client.Client(door.address() + "?wsdl", cache=None)
    receipt = etree.fromstring(client.service.PushProcess(*arguments(transport, a_message())))
    assert receipt.findtext("Status") == "ACCEPTED"


# --- what is tolerated ------------------------------------------------------------------------------------------

DECLARED = '<?xml version="1.0" encoding="gb2312"?>' + a_message()


def unqualified(body: str) -> str:
    return body.replace(f' xmlns="{TEMPURI}"', f' xmlns:t="{TEMPURI}"').replace("PushProcess", "t:PushProcess")


BODIES: dict[str, tuple[str | bytes, dict[str, str]]] = {
    "escaped": (call(escape(a_message())), {}),
    "CDATA": (call(f"<![CDATA[{a_message()}]]>"), {}),
    "inner declaration of another charset": (call(escape(DECLARED)), {}),
    "byte order mark inside the string": (call("\ufeff" + escape(DECLARED)), {}),
    "byte order mark": (b"\xef\xbb\xbf" + call(escape(a_message())).encode(), {}),
    "GBK by header": (call(escape(DECLARED)).encode("gbk"), {"content_type": "text/xml; charset=gbk"}),
    "GB2312 declared": (('<?xml version="1.0" encoding="gb2312"?>' + call(escape(DECLARED))).encode("gbk"), {}),
    "SOAP 1.2": (call(escape(a_message()), soap=SOAP_12), {"content_type": "application/soap+xml"}),
    "foreign SOAPAction": (call(escape(a_message())), {"soapaction": '"urn:something-else"'}),
    "parameters without namespace": (unqualified(call(escape(a_message()))), {}),
    "another namespace": (call(escape(a_message()), ns="http://webservice.example/"), {}),
    "types written out": (
        call(escape(a_message())).replace("<ParasXml>", f'<ParasXml xmlns:i="{XSI}" i:type="xsd:string">'),
        {},
    ),
    "names of Axis": (call(escape(a_message())).replace("ValidateData", "in0").replace("ParasXml", "in1"), {}),
    "XML that should have been a string": (call(a_message()), {}),
}


@pytest.mark.parametrize("what", BODIES)
def test_message_is_taken_however_old_toolkits_write_it(door: StringDoor, what: str):
    body, headers = BODIES[what]
    receipt = said(post(door, body, **headers))
    assert (receipt.findtext("Status"), receipt.findtext("MessageId")) == ("ACCEPTED", "p-1")
    taken = door.exchange.envelopes["p-1"]
    assert [arrival.record_id for arrival in taken.arrivals] == ["r-1"]
    assert "经办人丙" in taken.body.decode()
    assert "xmlns" not in taken.body.decode()


def test_what_is_stored_is_the_string_and_never_the_secret(door: StringDoor):
    post(door, call(escape(DECLARED)))
    assert door.exchange.envelopes["p-1"].body == a_message().encode()


def test_same_message_again_is_told_as_known(door: StringDoor):
    post(door, call(escape(a_message())))
    receipt = said(post(door, call(f"<![CDATA[{a_message()}]]>")))
    assert (receipt.findtext("Status"), receipt.findtext("Code")) == ("DUPLICATE", "001")


# --- who is calling ---------------------------------------------------------------------------------------------


def test_credential_of_http_or_soap_counts_as_well(door: StringDoor):
    message = escape(a_message())
    assert said(post(door, call(message, None), authorization=BASIC)).findtext("Status") == "ACCEPTED"
    for header in (security(SECRET), digested(b"nonce of strings")):
        assert said(post(door, call(message, None, header=header))).findtext("Status") == "DUPLICATE"


@pytest.mark.parametrize("secret", ["wrong-" + CANARY, "", None])
def test_without_the_right_secret_nothing_is_taken(door: StringDoor, secret: str | None):
    answer = post(door, call(escape(a_message()), secret))
    assert (answer.status, answer.code) == (500, "HUB-2001")  # beside a 401 old toolkits read no fault
    assert CANARY not in answer.body.decode()
    assert door.exchange.envelopes == {}


def test_secret_alone_names_no_sender_where_the_adapter_has_none(door: StringDoor):
    door.put(a_document(), sender_code=None)
    assert post(door, call(escape(a_message()))).code == "HUB-2001"


def test_sender_in_a_string_must_be_the_one_of_the_credential(door: StringDoor):
    parameters = [SENDER_TEXT, MESSAGE]
    door.put(a_document(transport=dict(STRING_TRANSPORT) | {"parameters": parameters}))
    body = call(escape(a_message()), None).replace("<ParasXml>", "<UserCode>{}</UserCode><ParasXml>")
    assert post(door, body.format("other"), authorization=BASIC).code == "HUB-2001"
    assert said(post(door, body.format(SENDER.code), authorization=BASIC)).findtext("Status") == "ACCEPTED"


# --- what is wrong ----------------------------------------------------------------------------------------------


def test_units_that_are_refused_are_listed_in_the_answer(door: StringDoor):
    receipt = said(post(door, call(escape(a_message(a_step_xml(), a_step_xml(XH="r-2", HJXH="甲"))))))
    assert (receipt.findtext("Status"), receipt.findtext("RejectedCount")) == ("PARTIAL", "1")
    (record,) = receipt.iterfind("Records/Record")
    assert (record.get("seq"), record.findtext("Code"), record.findtext("RecordId")) == ("2", "HUB-3004", "r-2")
    assert "stepSeq" in record.findtext("Field", "")


def test_document_of_which_nothing_can_be_read_is_refused_in_the_answer(door: StringDoor):
    receipt = said(post(door, call(escape("<paras><step>" + CANARY))))
    assert receipt.findtext("Status") == "REJECTED"
    assert receipt.findtext("Code", "").startswith("HUB-")
    assert CANARY not in etree.tostring(receipt, encoding="unicode")


def test_document_without_a_record_is_refused_in_the_answer(door: StringDoor):
    assert said(post(door, call(escape("<paras/>")))).findtext("Code") == "HUB-1017"


def test_answers_keep_to_the_shape_of_the_document(door: StringDoor):
    reply = {
        "accepted": "<RESULT><STATUS>200</STATUS><NO>{receiptNo}</NO></RESULT>",
        "rejected": "<RESULT><STATUS>500</STATUS><DESC>{code} {message}</DESC></RESULT>",
    }
    door.put(a_document(reply=reply))
    assert said(post(door, call(escape(a_message())))).findtext("STATUS") == "200"
    for wrong in (a_message(a_step_xml(HJXH="甲"), message_id="p-2"), "<paras>"):
        refused = said(post(door, call(escape(wrong))))
        assert refused.findtext("STATUS") == "500"
        assert "HUB-" in refused.findtext("DESC", "")


SHAPES = [
    ("no message", lambda body: body.replace("ParasXml", "Other"), "HUB-1032"),
    ("empty message", lambda body: call(""), "HUB-1032"),
    ("message twice", lambda body: body.replace("</ParasXml>", "</ParasXml><ParasXml>x</ParasXml>"), "HUB-1032"),
    ("text and elements", lambda body: call("text <a/>"), "HUB-1032"),
    ("another operation", lambda body: body.replace("PushProcess", "PushResult"), "HUB-1010"),
    ("no envelope", lambda body: a_message(), "HUB-1008"),
    ("document type", lambda body: "<!DOCTYPE a>" + body, "HUB-1005"),
]


@pytest.mark.parametrize(("what", "spoil", "code"), SHAPES, ids=[what for what, *_ in SHAPES])
def test_call_that_is_not_the_operation_gets_a_fault(door: StringDoor, what: str, spoil: Any, code: str):
    answer = post(door, spoil(call(escape(a_message()))))
    assert answer.code == code
    assert "。" in answer.fault_text


def test_disabled_adapter_tells_its_notice(door: StringDoor):
    door.put(a_document(), disabled_notice="系统升级，3 月 9 日恢复")
    answer = post(door, call(escape(a_message())))
    assert answer.code == "HUB-2010"
    assert "3 月 9 日恢复" in answer.fault_text


def test_hub_that_stumbles_answers_with_a_fault_worth_a_retry(door: StringDoor):
    def stumble() -> None:
        raise RetryableError("HUB-9002", "数据库不可用")

    door.exchange.before_receive = stumble
    answer = post(door, call(escape(a_message())))
    assert (answer.status, answer.code, answer.text("retryable")) == (503, "HUB-9002", "true")


def test_adapter_keeps_to_its_quota(door: StringDoor):
    door.put(a_document(quota={"messagesPerSecond": 0.01, "burstMessages": 1, "messageRecords": 1}))
    two = call(escape(a_message(a_step_xml(), a_step_xml(XH="r-2"))))
    assert said(post(door, two)).findtext("Code") == "HUB-1016"
    answer = post(door, call(escape(a_message())))
    assert (answer.status, answer.code) == (429, "HUB-9022")
    assert int(answer.headers["Retry-After"]) > 5
