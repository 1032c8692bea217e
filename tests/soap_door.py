"""A SOAP door on a loopback port, a fake exchange behind it, and builders for what goes through it."""

import http.client
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1

import uvicorn
from lxml import etree
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.contract import CONTRACT_NS
from adapters.contract_schema import types_xsd, wsdl
from hub.gateway.admission import Admission, AdmissionLimits
from hub.gateway.door_threads import DoorThreads
from hub.gateway.exchange_desk import ExchangeDesk, Published
from hub.gateway.known_senders import KnownSenders
from hub.gateway.reception import Reception
from hub.gateway.soap_envelope import SoapVersion
from hub.gateway.soap_gate import GateLimits, SoapGate
from hub.gateway.soap_operations import SoapUses
from tests.fakes import NOW, SECRET, SENDER, FakeExchange

PATH = "/soap/exchange/v1"
SOAP_11, SOAP_12 = SoapVersion.SOAP_11.value, SoapVersion.SOAP_12.value
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
BASIC = "Basic " + b64encode(f"{SENDER.code}:{SECRET}".encode()).decode()
AUTHORISED = f"Authorization: {BASIC}"
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
    reception: Reception
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
def open_door(limits: GateLimits | None = None, threads: int = 4, admission: Admission | None = None) -> Iterator[Door]:
    exchange = FakeExchange()
    published = Published(wsdl(f"http://hub.example{PATH}"), types_xsd())
    admission = admission or Admission(AdmissionLimits())
    reception = Reception(admission, DoorThreads(threads), KnownSenders(exchange))
    limits = limits or GateLimits()
    gate = SoapGate(
        ExchangeDesk(SoapUses(exchange, exchange, exchange), published, limits.records, admission), limits, reception
    )
    try:
        with on_a_port(Starlette(routes=[Route(PATH, gate)])) as port:
            yield Door(port, exchange, reception)
    finally:
        reception.threads.close()


@contextmanager
def on_a_port(app: Starlette) -> Iterator[int]:
    """Serves an application on a free loopback port until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=20))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive()


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
    body = f'<e:Body><{operation} xmlns="{ns}">{inner}</{operation}></e:Body>'
    return f'<e:Envelope xmlns:e="{soap}">{head}{body}</e:Envelope>'


def ping(soap: str = SOAP_11, **more: str) -> str:
    return envelope("", "ping", soap=soap, **more)


def head(*lines: str, version: str = "1.1", connection: str = "close") -> bytes:
    """Request line and headers as bytes, without credential."""
    first = (f"POST {PATH} HTTP/{version}", "Host: hub.example", f"Connection: {connection}")
    return "\r\n".join((*first, *lines, "", "")).encode()


def security(password: str, *, kind: str = "", nonce: str = "", created: str = "") -> str:
    return (
        f'<w:Security xmlns:w="{WSSE}" xmlns:u="{WSU}" e:mustUnderstand="1">'
        f"<w:UsernameToken><w:Username>{SENDER.code}</w:Username>"
        f'<w:Password Type="{kind}">{password}</w:Password><w:Nonce>{nonce}</w:Nonce><u:Created>{created}</u:Created>'
        "</w:UsernameToken></w:Security>"
    )


def digested(nonce: bytes, secret: str = SECRET) -> str:
    created = NOW.isoformat()
    digest = b64encode(sha1(nonce + created.encode() + secret.encode()).digest()).decode()
    return security(digest, kind=DIGEST, nonce=b64encode(nonce).decode(), created=created)
