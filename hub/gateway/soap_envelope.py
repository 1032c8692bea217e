"""The SOAP envelope: its version, what its headers demand, and the one operation in its body."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from lxml import etree

from adapters.contract import CONTRACT_NS
from hub.domain.errors import RejectedError

WSSE_NS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_SECURITY = f"{{{WSSE_NS}}}Security"


class SoapVersion(Enum):
    """A SOAP version by its envelope namespace."""

    SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
    SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]

    def tag(self, name: str) -> str:
        return f"{{{self.value}}}{name}"

    @classmethod
    def of_namespace(cls, namespace: str) -> "SoapVersion | None":
        return _BY_NAMESPACE.get(namespace)


_MEDIA_TYPES: Mapping[SoapVersion, str] = MappingProxyType(
    {SoapVersion.SOAP_11: "text/xml", SoapVersion.SOAP_12: "application/soap+xml"}
)
_BY_NAMESPACE: Mapping[str, SoapVersion] = MappingProxyType({version.value: version for version in SoapVersion})

# Header blocks that name another node than the last one are not ours to understand (SOAP 1.1 §4.2.2, 1.2 part 1 §2.2).
_OUR_ROLES = frozenset({
    None, "", "http://schemas.xmlsoap.org/soap/actor/next", "http://www.w3.org/2003/05/soap-envelope/role/next",
    "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
})  # fmt: skip
_DEMANDED = frozenset({"1", "true"})


@dataclass(frozen=True, slots=True)
class OpenEnvelope:
    """An envelope whose form and headers are in order."""

    version: SoapVersion
    operation: etree._Element


def open_envelope(root: etree._Element) -> OpenEnvelope:
    """Raises RejectedError HUB-1008 on a foreign or broken envelope, HUB-1012 on a header that we must understand."""
    name = etree.QName(root)
    version = SoapVersion.of_namespace(name.namespace or "")
    if version is None or name.localname != "Envelope":
        raise RejectedError("HUB-1008", "根元素不是 SOAP 1.1 或 SOAP 1.2 的 Envelope")
    parts = [child.tag for child in root]
    if parts not in ([version.tag("Body")], [version.tag("Header"), version.tag("Body")]):
        raise RejectedError("HUB-1008", "Envelope 中应依次为至多一个 Header 和恰好一个 Body")
    if len(root) > 1:
        _refuse_demands(version, root[0])
    if len(root[-1]) != 1:
        raise RejectedError("HUB-1008", "Body 中应恰好有一个操作元素")
    return OpenEnvelope(version, root[-1][0])


def _refuse_demands(version: SoapVersion, header: etree._Element) -> None:
    for block in header:
        demanded = block.get(version.tag("mustUnderstand"), "").strip() in _DEMANDED
        role = block.get(version.tag("actor"), block.get(version.tag("role")))
        if demanded and role in _OUR_ROLES and block.tag != _SECURITY:
            raise RejectedError("HUB-1012", "信封头中有要求必须理解（mustUnderstand）而中心不处理的内容")


def operation_name(operation: etree._Element, known: frozenset[str], hints: Iterator[str]) -> str:
    """The operation that the body names. Headers are only hints, unless one names another of our operations.

    Raises RejectedError HUB-1011, HUB-1010 or HUB-1021.
    """
    tag = etree.QName(operation)
    if tag.namespace != CONTRACT_NS:
        raise RejectedError("HUB-1011", f"操作元素应在命名空间 {CONTRACT_NS} 中")
    if tag.localname not in known:
        raise RejectedError("HUB-1010", "Body 中的元素不是接口的操作")
    for hint in hints:
        hinted = hint.strip().strip("\"'").replace("/", ":").replace("#", ":").rpartition(":")[2]
        if hinted in known and hinted != tag.localname:
            raise RejectedError("HUB-1021", "SOAPAction 指的是另一个操作，与 Body 中的操作元素不同")
    return tag.localname
