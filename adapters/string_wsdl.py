"""The one operation of strings that an old client was built for, as its adapter document gives it, and its WSDL 1.1."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from lxml import etree

from adapters.contract_schema import HTTP_TRANSPORT, SOAP_11, WSDL
from adapters.contract_types import XS, add, as_bytes
from hub.domain.errors import RejectedError

KIND = "soap_string"
_TEXT = "xs:string"


class Role(StrEnum):
    """What a string parameter holds."""

    MESSAGE = "message"
    SECRET = "secret"  # noqa: S105 - the name of a role
    SENDER = "sender"


class Style(StrEnum):
    """How the strings stand in the SOAP body."""

    WRAPPED = "wrapped"  # document/literal, parameters inside an element named like the operation (.NET, CXF)
    BARE = "bare"  # document/literal, the one parameter is the body's element
    RPC = "rpc"  # rpc/literal, what Axis 1.x knows


@dataclass(frozen=True, slots=True)
class Parameter:
    """One string of the request."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class StringService:
    """A service of one operation; `qualified`: its parameters stand in its namespace."""

    title: str
    namespace: str
    name: str
    port: str
    operation: str
    action: str
    style: Style
    parameters: tuple[Parameter, ...]
    result: str
    qualified: bool

    @property
    def response(self) -> str:
        return f"{self.operation}Response"


def string_service(transport: Mapping[str, Any], title: str) -> StringService:
    """The service of a document's transport. Raises RejectedError HUB-1031 for another kind, HUB-1030 as below."""
    if transport.get("kind") != KIND:
        raise RejectedError("HUB-1031", "该适配器没有字符串方式的 SOAP 接口")
    style, operation = Style(transport.get("style", Style.WRAPPED)), transport["operation"]
    name = transport.get("service", f"{operation}Service")
    return _checked(
        StringService(
            title=title,
            namespace=transport["namespace"],
            name=name,
            port=transport.get("port", f"{name}Soap"),
            operation=operation,
            action=transport.get("soapAction", ""),
            style=style,
            parameters=tuple(Parameter(given["name"], Role(given["role"])) for given in transport["parameters"]),
            result=transport.get("resultName", operation + _RESULT_ENDINGS[style]),
            qualified=transport.get("qualified", style is not Style.RPC),
        )
    )


# What .NET and Axis 1.x call the one value that comes back.
_RESULT_ENDINGS: Mapping[Style, str] = MappingProxyType(
    {Style.WRAPPED: "Result", Style.BARE: "Result", Style.RPC: "Return"}
)


def _checked(service: StringService) -> StringService:
    """Raises RejectedError HUB-1030 for what no client could be built for."""
    names = [parameter.name for parameter in service.parameters]
    roles = [parameter.role for parameter in service.parameters]
    if len(set(roles)) < len(roles) or Role.MESSAGE not in roles:
        raise _wrong("须有且只有一个 message 参数，secret 与 sender 至多各一个", "transport/parameters")
    if len(set(names)) < len(names):
        raise _wrong("参数名不得重复", "transport/parameters")
    if service.style is Style.BARE and (len(names) > 1 or service.result in names):
        raise _wrong("bare 方式只能有一个参数，且 resultName 不得与它同名", "transport/style")
    return service


def _wrong(text: str, path: str) -> RejectedError:
    return RejectedError("HUB-1030", text, path)


# --- WSDL 1.1 ---------------------------------------------------------------------------------------------------


def string_wsdl(service: StringService, address: str) -> bytes:
    """The service description in the plainest form there is: SOAP 1.1, strings only, everything in one file."""
    prefixes = {"wsdl": WSDL, "soap": SOAP_11, "xs": XS, "tns": service.namespace}
    root = etree.Element(f"{{{WSDL}}}definitions", nsmap=prefixes)
    root.attrib.update({"name": service.name, "targetNamespace": service.namespace})
    _add_types(root, service)
    _add_messages(root, service)
    _add_port_type(root, service)
    _add_binding(root, service)
    _add_service(root, service, address)
    return as_bytes(root)


def _add_types(root: etree._Element, service: StringService) -> None:
    if service.style is Style.RPC:
        return
    schema = etree.SubElement(_describe(root, "types"), f"{{{XS}}}schema", targetNamespace=service.namespace)
    schema.set("elementFormDefault", "qualified" if service.qualified else "unqualified")
    names = [parameter.name for parameter in service.parameters]
    if service.style is Style.WRAPPED:
        _add_wrapper(schema, service.operation, names)
        _add_wrapper(schema, service.response, [service.result])
    else:
        for name in (*names, service.result):
            add(schema, "element", name=name, type=_TEXT)


def _add_wrapper(schema: etree._Element, name: str, texts: list[str]) -> None:
    """Anonymous type, every text once and optional: what an .asmx page writes and every importer unwraps."""
    sequence = add(add(add(schema, "element", name=name), "complexType"), "sequence")
    for text in texts:
        add(sequence, "element", minOccurs="0", maxOccurs="1", name=text, type=_TEXT)


_Parts = list[tuple[str, str, str]]  # name, `element` or `type`, what it refers to


def _wrapped_parts(service: StringService) -> tuple[_Parts, _Parts]:
    request = [("parameters", "element", f"tns:{service.operation}")]
    return request, [("parameters", "element", f"tns:{service.response}")]


def _bare_parts(service: StringService) -> tuple[_Parts, _Parts]:
    name = service.parameters[0].name
    return [(name, "element", f"tns:{name}")], [(service.result, "element", f"tns:{service.result}")]


def _rpc_parts(service: StringService) -> tuple[_Parts, _Parts]:
    return [(parameter.name, "type", _TEXT) for parameter in service.parameters], [(service.result, "type", _TEXT)]


_PARTS: Mapping[Style, Callable[[StringService], tuple[_Parts, _Parts]]] = MappingProxyType(
    {Style.WRAPPED: _wrapped_parts, Style.BARE: _bare_parts, Style.RPC: _rpc_parts}
)


def _add_messages(root: etree._Element, service: StringService) -> None:
    for direction, parts in zip(("In", "Out"), _PARTS[service.style](service), strict=True):
        message = _describe(root, "message", name=f"{service.operation}Soap{direction}")
        for name, attribute, target in parts:
            _describe(message, "part", **{"name": name, attribute: target})


def _add_port_type(root: etree._Element, service: StringService) -> None:
    operation = _describe(_describe(root, "portType", name=service.port), "operation", name=service.operation)
    _describe(operation, "documentation").text = service.title
    _describe(operation, "input", message=f"tns:{service.operation}SoapIn")
    _describe(operation, "output", message=f"tns:{service.operation}SoapOut")


def _add_binding(root: etree._Element, service: StringService) -> None:
    style = "rpc" if service.style is Style.RPC else "document"
    binding = _describe(root, "binding", name=f"{service.port}Binding", type=f"tns:{service.port}")
    _soap(binding, "binding", style=style, transport=HTTP_TRANSPORT)
    operation = _describe(binding, "operation", name=service.operation)
    _soap(operation, "operation", soapAction=service.action, style=style)
    namespace = {"namespace": service.namespace} if service.style is Style.RPC else {}
    for direction in ("input", "output"):
        _soap(_describe(operation, direction), "body", use="literal", **namespace)


def _add_service(root: etree._Element, service: StringService, address: str) -> None:
    declared = _describe(root, "service", name=service.name)
    port = _describe(declared, "port", name=service.port, binding=f"tns:{service.port}Binding")
    _soap(port, "address", location=address)


def _describe(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{WSDL}}}{tag}", attributes)


def _soap(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{SOAP_11}}}{tag}", attributes)
