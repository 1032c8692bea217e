"""What departments' toolkits, generated from `?wsdl` alone, see of the SOAP door."""

import socket
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree

from tests.e2e.clients.toolkits import CLIENTS, TOOLKITS, Toolkit, Workplace, run

PATH = "/soap/exchange/v1"
ORG_CODE = "33032400AJ"  # one of those the test sender may speak for
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NAMES = {"c": "urn:county-hub:exchange:v1", "e": "http://schemas.xmlsoap.org/soap/envelope/"}
pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer as it came."""

    status: int
    body: bytes

    def text(self, name: str) -> str | None:
        return etree.fromstring(self.body).findtext(f".//{{{NAMES['c']}}}{name}")


@dataclass(frozen=True)
class Recorded:
    """A request as a toolkit without a Linux version puts it on the wire."""

    name: str
    content_type: str | None
    headers: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    http: str = "1.1"


def new_message_id() -> str:
    return f"E2E-{uuid.uuid4().hex[:12]}"


def envelope(name: str, message_id: str, org_code: str) -> str:
    text = (CLIENTS / "envelopes" / f"{name}.xml").read_text(encoding="utf-8")
    return text.replace("{message_id}", message_id).replace("{org_code}", org_code)


def basic(sender: str, secret: str) -> str:
    return "Basic " + b64encode(f"{sender}:{secret}".encode()).decode()


def send(url: str, body: bytes, headers: dict[str, str], http: str = "1.1") -> Answer:
    """A POST written by hand: nothing but the headers named, in the HTTP version named."""
    target = urlsplit(url)
    fixed = {"Host": target.netloc, "Content-Length": len(body), "Connection": "close"}
    lines = [f"POST {target.path} HTTP/{http}", *(f"{name}: {value}" for name, value in {**fixed, **headers}.items())]
    with socket.create_connection((target.hostname, target.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, content = received.removeprefix(CONTINUE).partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]), content)


def push_reference(hub_server, message_id: str) -> Answer:
    """The same two records as every client sends, in the plainest envelope."""
    body = envelope("plain", message_id, ORG_CODE).encode()
    authorization = basic(hub_server.sender, hub_server.secret)
    return send(hub_server.url + PATH, body, {"Content-Type": "text/xml", "Authorization": authorization})


def lines_of(output: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)


@pytest.fixture(params=TOOLKITS, ids=lambda toolkit: toolkit.name)
def toolkit(request: pytest.FixtureRequest) -> Toolkit:
    missing = request.param.missing()
    if missing:
        pytest.skip(f"not on this machine: {' '.join(missing)} (Debian: {request.param.package})")
    return request.param


def test_toolkit_does_all_a_department_needs(toolkit: Toolkit, hub_server, tmp_path: Path, pytestconfig: pytest.Config):
    wsdl_url = f"{hub_server.url}{PATH}?wsdl"
    cache = pytestconfig.cache.mkdir(f"soap-{toolkit.name}")
    command = toolkit.build(Workplace(tmp_path, wsdl_url, cache))
    message_id = new_message_id()
    arguments = [wsdl_url, hub_server.sender, hub_server.secret, message_id, ORG_CODE]
    said = lines_of(run([*command, *arguments], tmp_path))

    assert said["contract"] == "v1"
    assert (said["status"], said["accepted"], said["states"]) == ("ACCEPTED", "2", "2")
    assert said["again"] == "DUPLICATE"
    assert said["refused"].strip()
    assert "回执" in said["fault"]
    assert said["code"] == "HUB-4041"
    # Taken as a repetition only if every field of both records arrived as it was meant, down to the rarest character.
    assert push_reference(hub_server, message_id).text("status") == "DUPLICATE"


ACTION = "urn:county-hub:exchange:v1:pushProcess"
ASP_NET = "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 2.0.50727.8669)"
UTF_8 = "text/xml; charset=utf-8"
RECORDED = (
    Recorded("plain", None, http="1.0"),
    Recorded("asmx", UTF_8, {"SOAPAction": f'"{ACTION}"', "User-Agent": ASP_NET}, encoding="utf-8-sig"),
    Recorded("wcf", UTF_8, {"SOAPAction": f'"{ACTION}"', "Expect": "100-continue", "Accept-Encoding": "gzip, deflate"}),
    Recorded("wcf12", f'application/soap+xml; charset=utf-8; action="{ACTION}"'),
    Recorded("delphi", 'text/xml; charset="utf-8"', {"SOAPAction": '""', "User-Agent": "CodeGear SOAP 1.3"}),
    Recorded("vb6", "text/xml; charset=gb2312", {"SOAPAction": ACTION}, encoding="gb18030", http="1.0"),
    Recorded("pocketsoap", "text/xml; charset=UTF-8", {"SOAPAction": '""', "User-Agent": "PocketSOAP/1.5.5"}),
)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_recorded_request_is_taken_field_by_field(recorded: Recorded, hub_server):
    message_id = new_message_id()
    body = envelope(recorded.name, message_id, ORG_CODE).encode(recorded.encoding)
    headers = {"Authorization": basic(hub_server.sender, hub_server.secret), **recorded.headers}
    if recorded.content_type:
        headers["Content-Type"] = recorded.content_type
    answer = send(hub_server.url + PATH, body, headers, recorded.http)

    assert answer.status == 200, answer.body.decode()
    assert (answer.text("status"), answer.text("acceptedCount")) == ("ACCEPTED", "2")
    assert push_reference(hub_server, message_id).text("status") == "DUPLICATE"


def test_soap_12_client_is_answered_and_faulted_in_soap_12(hub_server):
    question = envelope("wcf12_query", "unknown", ORG_CODE).encode()
    headers = {
        "Authorization": basic(hub_server.sender, hub_server.secret),
        "Content-Type": "application/soap+xml",
    }
    answer = send(hub_server.url + PATH, question, headers)
    fault = etree.fromstring(answer.body).find(".//{http://www.w3.org/2003/05/soap-envelope}Fault")

    assert answer.status == 400
    assert fault.findtext("{*}Code/{*}Value").endswith(":Sender")
    assert "回执" in fault.findtext("{*}Reason/{*}Text")
    assert answer.text("code") == "HUB-4041"


def test_wrong_password_is_refused_with_a_fault_in_the_callers_version(hub_server):
    body = envelope("asmx", new_message_id(), ORG_CODE).encode()
    headers = {"Authorization": basic(hub_server.sender, "wrong"), "Content-Type": "text/xml; charset=utf-8"}
    answer = send(hub_server.url + PATH, body, headers)

    assert answer.status == 401
    assert etree.fromstring(answer.body).find("e:Body/e:Fault", NAMES) is not None
    assert answer.text("code") == "HUB-2001"
