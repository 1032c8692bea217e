"""Failures as SOAP faults: bytes, HTTP status and headers, in the version that the sender spoke."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lxml import etree

from adapters.contract import CONTRACT_NS
from hub.domain.errors import HubError, RetryableError
from hub.gateway.catalogue import ErrorEntry, catalogue
from hub.gateway.soap_envelope import SoapVersion
from hub.gateway.tracing import note

Headers = tuple[tuple[str, str], ...]

RETRY_AFTER_SECONDS = 5
_INTERNAL_ERROR = "HUB-9001"

# Statuses with a meaning of their own to HTTP; every other fault has the status of its SOAP version.
_HTTP_STATUSES = frozenset({401, 403, 405, 408, 413, 415, 429, 503})
_CODES_OF_SOAP: Mapping[str, str] = MappingProxyType({"HUB-1008": "VersionMismatch", "HUB-1012": "MustUnderstand"})
_SENDER_AND_RECEIVER: Mapping[SoapVersion, tuple[str, str]] = MappingProxyType(
    {SoapVersion.SOAP_11: ("Client", "Server"), SoapVersion.SOAP_12: ("Sender", "Receiver")}
)
_MORE_HEADERS: Mapping[int, Headers] = MappingProxyType({
    401: (("WWW-Authenticate", 'Basic realm="county-hub", charset="UTF-8"'),),
    405: (("Allow", "GET, POST"),),
})  # fmt: skip
_COME_BACK_LATER = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `close` asks for the connection to be given up after it."""

    status: int
    media_type: str
    body: bytes
    headers: Headers = ()
    close: bool = False


def fault_reply(error: HubError, version: SoapVersion | None, trace_id: str, status: int | None = None) -> Reply:
    """The fault of an error; SOAP 1.1 when the sender's version is not known. `status` overrules the HTTP status."""
    spoken = version or SoapVersion.SOAP_11
    note().code = error.code
    entry = catalogue().get(error.code) or catalogue()[_INTERNAL_ERROR]
    fault_code = _fault_code(error, spoken)
    envelope = etree.Element(spoken.tag("Envelope"), nsmap={"soap": spoken.value})
    fault = etree.SubElement(etree.SubElement(envelope, spoken.tag("Body")), spoken.tag("Fault"))
    detail = _WRITERS[spoken](fault, fault_code, _fault_text(error, entry))
    _append_detail(detail, error, entry, trace_id)
    body = etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)
    status = status or _status(entry, spoken, fault_code)
    return Reply(status, spoken.media_type + "; charset=utf-8", body, _more_headers(error, status))


def _more_headers(error: HubError, status: int) -> Headers:
    if status in _COME_BACK_LATER:
        known = error.retry_after_seconds if isinstance(error, RetryableError) else None
        return (("Retry-After", str(known or RETRY_AFTER_SECONDS)),)
    return _MORE_HEADERS.get(status, ())


def _fault_code(error: HubError, version: SoapVersion) -> str:
    sender, receiver = _SENDER_AND_RECEIVER[version]
    return _CODES_OF_SOAP.get(error.code, receiver if isinstance(error, RetryableError) else sender)


def _fault_text(error: HubError, entry: ErrorEntry) -> str:
    return f"[{error.code}] {error.message.rstrip('。')}。{entry.remedy}"


def _status(entry: ErrorEntry, version: SoapVersion, fault_code: str) -> int:
    if entry.http_status in _HTTP_STATUSES:
        return entry.http_status
    return 400 if version is SoapVersion.SOAP_12 and fault_code == "Sender" else 500


def _write_11(fault: etree._Element, fault_code: str, text: str) -> etree._Element:
    etree.SubElement(fault, "faultcode").text = f"soap:{fault_code}"
    etree.SubElement(fault, "faultstring").text = text
    return etree.SubElement(fault, "detail")


def _write_12(fault: etree._Element, fault_code: str, text: str) -> etree._Element:
    tag = SoapVersion.SOAP_12.tag
    etree.SubElement(etree.SubElement(fault, tag("Code")), tag("Value")).text = f"soap:{fault_code}"
    reason = etree.SubElement(etree.SubElement(fault, tag("Reason")), tag("Text"))
    reason.set("{http://www.w3.org/XML/1998/namespace}lang", "zh-CN")
    reason.text = text
    return etree.SubElement(fault, tag("Detail"))


_WRITERS = MappingProxyType({SoapVersion.SOAP_11: _write_11, SoapVersion.SOAP_12: _write_12})


def _append_detail(detail: etree._Element, error: HubError, entry: ErrorEntry, trace_id: str) -> None:
    hub_fault = etree.SubElement(detail, f"{{{CONTRACT_NS}}}hubFault", nsmap={"hub": CONTRACT_NS})
    fields = {"code": error.code, "path": error.path, "traceId": trace_id, "retryable": str(entry.retryable).lower()}
    for name, text in fields.items():
        if text is not None:
            etree.SubElement(hub_fault, f"{{{CONTRACT_NS}}}{name}").text = text
