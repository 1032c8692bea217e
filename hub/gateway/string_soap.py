"""The desk of systems that can only send strings: `/soap/string/{adapter}/v1`, an operation as each knows it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lxml import etree

from adapters.string_wsdl import Role, StringService, Style, string_service, string_wsdl
from hub.adapting.keeper import InForce
from hub.domain.envelopes import Sender
from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.failpoints import failpoint
from hub.gateway.adapted import AdaptedIntake, Foreign
from hub.gateway.exchange_desk import XML, asks_for_wsdl, help_page
from hub.gateway.faults import Reply
from hub.gateway.reception import Reception
from hub.gateway.soap_envelope import OpenEnvelope
from hub.gateway.soap_gate import BodyCredentialError, Scope, ScreenedCall
from hub.gateway.tracing import note

STRING_PATH = "/soap/string/{adapter}/v1"
_ADDRESS = re.compile("/soap/string/([a-z][a-z0-9-]{1,39})/v1/?")
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NAMESPACES = {"xsi": "http://www.w3.org/2001/XMLSchema-instance", "xsd": "http://www.w3.org/2001/XMLSchema"}


@dataclass(frozen=True, slots=True)
class StringDesk:
    """Serves every adapter that has such a door. `public_url` without a slash at its end."""

    intake: AdaptedIntake
    public_url: str
    reception: Reception

    asks_for_credential = False

    async def document(self, scope: Scope) -> Reply:
        """Raises NotFoundError HUB-4045, RejectedError HUB-1031."""
        if not asks_for_wsdl(scope):
            return help_page()
        with self.reception.admission.visit(None) as visit:
            return Reply(200, XML, await self.reception.run(visit, self._wsdl, scope["path"]))

    def _wsdl(self, path: str) -> bytes:
        code = _adapter_code(path)
        return string_wsdl(_service_of(self.intake.in_force(code)), self.public_url + STRING_PATH.format(adapter=code))

    def answer(self, call: ScreenedCall) -> bytes:
        self.reception.admission.require_intake()
        in_force = self.intake.in_force(_adapter_code(call.path))
        service = _service_of(in_force)
        texts = read_texts(service, call.envelope.operation)
        note().operation = "pushString"
        sender = call.sender or _sender_of_strings(call, in_force, texts)
        self._refuse_other_name(sender, texts)
        failpoint("s4_authz")
        foreign = Foreign.text(texts[Role.MESSAGE], call.trace_id)
        return write_answer(service, call.envelope, self.intake.answer_text(in_force, sender, foreign))

    def _refuse_other_name(self, sender: Sender, texts: "Texts") -> None:
        named = texts.get(Role.SENDER)
        if named is not None and named.strip() != sender.code:
            raise BodyCredentialError("HUB-2001", "报文中的报送方代码与凭据不符")


def _adapter_code(path: str) -> str:
    matched = _ADDRESS.fullmatch(path)
    if matched is None:
        raise NotFoundError("HUB-4045", "没有这个适配器")
    return matched[1]


def _service_of(in_force: InForce) -> StringService:
    document = in_force.compiled.document
    return string_service(document.get("transport", {}), document["title"])


def _sender_of_strings(call: ScreenedCall, in_force: InForce, texts: "Texts") -> Sender:
    """The sender that the strings of the message name.

    Raises BodyCredentialError HUB-2001, HUB-2002, RetryableError HUB-2009.
    """
    code, secret = texts.get(Role.SENDER) or in_force.sender_code, texts.get(Role.SECRET)
    if not code or not secret:
        raise BodyCredentialError("HUB-2001", "请求没有带凭据")
    try:
        sender = call.directory.sender_by_password(code.strip(), secret.strip())
    except RejectedError as exc:
        raise BodyCredentialError(exc.code, exc.message) from exc
    call.visit.identify(sender)
    return sender


# --- reading ----------------------------------------------------------------------------------------------------

Texts = Mapping[Role, str]


def read_texts(service: StringService, operation: etree._Element) -> Texts:
    """What the call's strings say, by role, in whatever style they come. Raises RejectedError HUB-1010, HUB-1032.

    Namespaces say nothing here: the address names the adapter, and old toolkits get them wrong. Nor do names that are
    all unknown (`in0`, `arg1`): such strings are taken in order.
    """
    name = etree.QName(operation).localname
    if name == service.operation:
        given = list(operation)
        return _complete(service, _by_name(service, given) or _by_place(service, given))
    if service.style is Style.BARE and name == service.parameters[0].name:
        return _complete(service, {Role.MESSAGE: _text(operation, name)})
    raise RejectedError("HUB-1010", f"Body 中的元素不是接口的操作，应为 {service.operation}")


def _by_name(service: StringService, given: Sequence[etree._Element]) -> Texts:
    roles = {parameter.name: parameter.role for parameter in service.parameters}
    texts: dict[Role, str] = {}
    for child in given:
        name = etree.QName(child).localname
        if name not in roles:
            continue
        if roles[name] in texts:
            raise RejectedError("HUB-1032", "参数重复出现", name)
        texts[roles[name]] = _text(child, name)
    return texts


def _by_place(service: StringService, given: Sequence[etree._Element]) -> Texts:
    if len(given) != len(service.parameters):
        raise _missing(service)
    placed = zip(service.parameters, given, strict=True)
    return {parameter.role: _text(child, parameter.name) for parameter, child in placed}


def _complete(service: StringService, texts: Texts) -> Texts:
    if not texts.get(Role.MESSAGE, "").strip():
        raise _missing(service)
    return texts


def _missing(service: StringService) -> RejectedError:
    name = next(parameter.name for parameter in service.parameters if parameter.role is Role.MESSAGE)
    return RejectedError("HUB-1032", "缺少报文参数，或报文参数为空", name)


def _text(element: etree._Element, name: str) -> str:
    """The string, or the one element that stands where its text should."""
    if not len(element):
        return element.text or ""
    if len(element) > 1 or (element.text or "").strip():
        raise RejectedError("HUB-1032", "应为一个字符串：报文中的 < 和 & 要转义，或放进 CDATA", name)
    return _taken_out(element, element[0])


def _taken_out(element: etree._Element, document: etree._Element) -> str:
    """Text of a document without the default namespace of the call around it."""
    surrounding = etree.QName(element).namespace
    element.remove(document)
    for node in document.iter():
        if etree.QName(node).namespace == surrounding:
            node.tag = etree.QName(node).localname
    etree.cleanup_namespaces(document)
    return etree.tostring(document, encoding="unicode", with_tail=False)


# --- answering --------------------------------------------------------------------------------------------------


def write_answer(service: StringService, envelope: OpenEnvelope, text: str) -> bytes:
    """The answer envelope in the version of the call and the style of the service."""
    tag = envelope.version.tag
    root = etree.Element(tag("Envelope"), nsmap={"soap": envelope.version.value} | _NAMESPACES)
    body = etree.SubElement(root, tag("Body"))
    result = _RESULTS[service.style](body, service)
    result.text = text
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _wrapped_result(body: etree._Element, service: StringService) -> etree._Element:
    response = _own(body, service, service.response)
    return _own(response, service, service.result) if service.qualified else _foreign(response, service.result)


def _bare_result(body: etree._Element, service: StringService) -> etree._Element:
    return _own(body, service, service.result)


def _rpc_result(body: etree._Element, service: StringService) -> etree._Element:
    response = _own(body, service, service.response)
    result = _foreign(response, service.result)
    result.set(_XSI_TYPE, "xsd:string")  # dynamic calls of Axis 1.x know no other source of the type
    return result


def _own(parent: etree._Element, service: StringService, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{service.namespace}}}{name}", nsmap={"tns": service.namespace})


def _foreign(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, name)


_RESULTS: Mapping[Style, Callable[[etree._Element, StringService], etree._Element]] = MappingProxyType(
    {Style.WRAPPED: _wrapped_result, Style.BARE: _bare_result, Style.RPC: _rpc_result}
)
