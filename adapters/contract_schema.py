"""The published contract: XSD, WSDL 1.1 and JSON Schema, all generated from the record classes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lxml import etree

from adapters.contract import CODE_LENGTH, CONTRACT_NS
from adapters.contract_types import (
    DAY_PATTERN,
    INSTANT_PATTERN,
    MONEY_PATTERN,
    Part,
    add,
    add_element,
    add_record_types,
    add_sequence,
    add_wrapper,
    as_bytes,
    describe_codes,
    describe_tokens,
    schema_root,
    type_name,
    with_nested,
)
from hub.domain.codes import RECEIPT_STATES, RECORD_STATES
from hub.domain.fields import (
    Binary,
    Code,
    Day,
    FieldSpec,
    Flag,
    Group,
    Instant,
    Money,
    Presence,
    Text,
    Whole,
    field_specs,
)
from hub.domain.records import ATTACHMENT, ITEM, PROCESS, RECORD_KINDS, RESULT, RecordKind

WSDL = "http://schemas.xmlsoap.org/wsdl/"
SOAP_11 = "http://schemas.xmlsoap.org/wsdl/soap/"
SOAP_12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
HTTP_TRANSPORT = "http://schemas.xmlsoap.org/soap/http"
SERVICE = "CountyExchange"
FAULT = "hubFault"
MAX_MESSAGE_ID_LENGTH = 100
MAX_NUMBERS_PER_CALL = 1000
_COUNT_TYPE = f"Whole1To{MAX_NUMBERS_PER_CALL}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: wrapper element `name` in, wrapper element `name` + Response out."""

    name: str
    title: str
    request: tuple[Part, ...]
    response: tuple[Part, ...]

    @property
    def action(self) -> str:
        return f"{CONTRACT_NS}:{self.name}"


_MESSAGE_ID_TYPE = f"tns:RequiredText{MAX_MESSAGE_ID_LENGTH}"
_MESSAGE_ID = Part("messageId", _MESSAGE_ID_TYPE, "报文标识，由报送方编定，不得重复使用；重发同一报文时保持不变")
_RECEIPT = Part("receipt", "tns:Receipt", "回执")


def _push(kind: RecordKind) -> Operation:
    records = Part(kind.element, f"tns:{type_name(kind.record)}", kind.title, most=kind.max_per_message)
    return Operation(kind.operation, f"报送{kind.title}", (_MESSAGE_ID, records), (_RECEIPT,))


OPERATIONS: tuple[Operation, ...] = (
    _push(ITEM),
    _push(PROCESS),
    _push(RESULT),
    _push(ATTACHMENT),
    Operation(
        "queryReceipt",
        "查询回执及每条记录的处理状态；回执编号与报文标识至少填写一项",
        (
            Part("receiptNo", "xs:string", "回执编号", least=0),
            Part("messageId", "xs:string", "报文标识", least=0),
        ),
        (_RECEIPT,),
    ),
    Operation(
        "allocateCaseNos",
        "预取统一办件编号",
        (
            Part("itemCode", "tns:RequiredText100", "事项编码"),
            Part("count", f"tns:{_COUNT_TYPE}", "数量"),
        ),
        (Part("unifiedNo", "xs:string", "统一办件编号", most=MAX_NUMBERS_PER_CALL),),
    ),
    Operation(
        "reconcile",
        "对账：某日（北京时间，按收到时间）中心收到本报送方的记录数与摘要",
        (Part("date", "tns:Day", "对账日期"),),
        (
            Part("date", "xs:date", "对账日期"),
            Part("digest", "xs:string", "当日记录的摘要值（SHA-256，十六进制）"),
            Part("count", "tns:DayCount", "按记录种类和状态的条数", least=0, most=None),
        ),
    ),
    Operation(
        "submitXml",
        "以一个字符串报送整个 XML 文档（Package/Head/Body/Record），供只能传字符串的系统使用",
        (Part("message", "xs:string", "XML 文档全文"),),
        (Part("receiptXml", "xs:string", "回执 XML，根元素 Receipt"),),
    ),
    Operation(
        "ping",
        "测试连通与凭据",
        (),
        (Part("serverTime", "xs:dateTime", "中心当前时间"), Part("contract", "xs:string", "接口版本")),
    ),
)


_KIND_TITLES = {kind.name: kind.title for kind in RECORD_KINDS.values()}
_ANSWER_TYPES: Mapping[str, tuple[str, tuple[Part, ...]]] = MappingProxyType({
    "RecordError": ("一条被退回的记录及原因", (
        Part("seq", "xs:int", "记录在报文中的序号，从 1 开始"),
        Part("recordId", "xs:string", "记录标识", least=0),
        Part("code", "xs:string", "错误代码"),
        Part("path", "xs:string", "出错字段的路径"),
        Part("message", "xs:string", "中文说明"),
    )),
    "RecordState": ("一条记录的处理状态", (
        Part("seq", "xs:int", "记录在报文中的序号，从 1 开始"),
        Part("recordId", "xs:string", "记录标识", least=0),
        Part("state", "xs:string", f"状态：{describe_tokens(RECORD_STATES)}"),
        Part("code", "xs:string", "退回或隔离的错误代码", least=0),
        Part("message", "xs:string", "退回或隔离的中文说明", least=0),
    )),
    "Receipt": ("回执：返回即表示所列记录已落盘，不会丢失", (
        Part("receiptNo", "xs:string", "回执编号"),
        Part("messageId", "xs:string", "报文标识"),
        Part("status", "xs:string", f"接收情况：{describe_tokens(RECEIPT_STATES)}"),
        Part("receivedAt", "xs:dateTime", "收到时间"),
        Part("digest", "xs:string", "HTTP 正文（报送附件时为附件内容）的 SHA-256 值（十六进制）"),
        Part("acceptedCount", "xs:int", "接收条数"),
        Part("rejectedCount", "xs:int", "退回条数"),
        Part("error", "tns:RecordError", "被退回的记录", least=0, most=None),
        Part("recordState", "tns:RecordState", "每条记录的状态（仅查询回执时返回）", least=0, most=None),
    )),
    "DayCount": ("一种记录在一种状态下的条数", (
        Part("recordKind", "xs:string", f"记录种类：{describe_tokens(_KIND_TITLES)}"),
        Part("state", "xs:string", f"状态：{describe_tokens(RECORD_STATES)}"),
        Part("count", "xs:int", "条数"),
    )),
    "HubFaultDetail": ("故障详情", (
        Part("code", "xs:string", "错误代码，含义与处理办法见错误代码表"),
        Part("path", "xs:string", "出错位置", least=0),
        Part("traceId", "xs:string", "追踪号，咨询时请提供"),
        Part("retryable", "xs:boolean", "稍后原样重发是否可能成功"),
    )),
})  # fmt: skip


# --- XSD --------------------------------------------------------------------------------------------------------


def types_xsd() -> bytes:
    """The whole schema: every type, the wrapper elements of every operation, and `hubFault`."""
    return as_bytes(_types_schema())


def record_schema(kind: RecordKind) -> bytes:
    """The same types with one global element only: the record of `kind`. For validating record by record."""
    root = schema_root()
    add_record_types(root, (kind.record,), {})
    add_element(root, Part(kind.element, f"tns:{type_name(kind.record)}", kind.title))
    return as_bytes(root)


def _types_schema() -> etree._Element:
    root = schema_root()
    records = [kind.record for kind in (*RECORD_KINDS.values(), ATTACHMENT)]
    add_record_types(root, records, {_COUNT_TYPE: Whole(1, MAX_NUMBERS_PER_CALL)})
    for name, (title, parts) in _ANSWER_TYPES.items():
        add_sequence(add(root, "complexType", name=name), title, parts)
    for operation in OPERATIONS:
        add_wrapper(root, operation.name, operation.title, operation.request)
        add_wrapper(root, operation.name + "Response", f"{operation.title}：应答", operation.response)
    add_element(root, Part(FAULT, "tns:HubFaultDetail", "故障详情"))
    return root


# --- WSDL 1.1 ---------------------------------------------------------------------------------------------------

# Port name, WSDL extension namespace. SOAP 1.1 first: toolkits that know one port only take the first.
_PORT_TYPE = f"{SERVICE}PortType"
_PORTS = ((f"{SERVICE}Port", SOAP_11), (f"{SERVICE}Port12", SOAP_12))


def wsdl(address: str) -> bytes:
    """The service description with the schema inside, since many old toolkits fetch nothing but `?wsdl`."""
    prefixes = {"wsdl": WSDL, "soap": SOAP_11, "soap12": SOAP_12, "tns": CONTRACT_NS}
    root = etree.Element(f"{{{WSDL}}}definitions", nsmap=prefixes)
    root.attrib.update({"name": SERVICE, "targetNamespace": CONTRACT_NS})
    _describe(root, "types").append(_types_schema())
    _add_messages(root)
    _add_port_type(root)
    for port, namespace in _PORTS:
        _add_binding(root, port, namespace)
    service = _describe(root, "service", name=SERVICE)
    _describe(service, "documentation").text = "县级政务数据交换枢纽：数据交换接口"
    for port, namespace in _PORTS:
        declared = _describe(service, "port", name=port, binding=f"tns:{port}Binding")
        etree.SubElement(declared, f"{{{namespace}}}address", location=address)
    return as_bytes(root)


def _describe(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{WSDL}}}{tag}", attributes)


def _add_messages(root: etree._Element) -> None:
    for operation in OPERATIONS:
        for element in (operation.name, f"{operation.name}Response"):
            message = _describe(root, "message", name=element)
            _describe(message, "part", name="parameters", element=f"tns:{element}")
    _describe(_describe(root, "message", name=FAULT), "part", name="fault", element=f"tns:{FAULT}")


def _add_port_type(root: etree._Element) -> None:
    port_type = _describe(root, "portType", name=_PORT_TYPE)
    for operation in OPERATIONS:
        declared = _describe(port_type, "operation", name=operation.name)
        _describe(declared, "documentation").text = operation.title
        _describe(declared, "input", message=f"tns:{operation.name}")
        _describe(declared, "output", message=f"tns:{operation.name}Response")
        _describe(declared, "fault", name=FAULT, message=f"tns:{FAULT}")


def _add_binding(root: etree._Element, port: str, namespace: str) -> None:
    binding = _describe(root, "binding", name=f"{port}Binding", type=f"tns:{_PORT_TYPE}")
    etree.SubElement(binding, f"{{{namespace}}}binding", style="document", transport=HTTP_TRANSPORT)
    for operation in OPERATIONS:
        bound = _describe(binding, "operation", name=operation.name)
        etree.SubElement(bound, f"{{{namespace}}}operation", soapAction=operation.action, style="document")
        for direction in ("input", "output"):
            etree.SubElement(_describe(bound, direction), f"{{{namespace}}}body", use="literal")
        if namespace == SOAP_11:  # Axis 1.4 refuses the whole WSDL when it sees a SOAP 1.2 fault binding
            fault = _describe(bound, "fault", name=FAULT)
            etree.SubElement(fault, f"{{{namespace}}}fault", name=FAULT, use="literal")


# --- JSON Schema ------------------------------------------------------------------------------------------------


def json_schema(kind: RecordKind) -> dict[str, Any]:
    """JSON Schema 2020-12 of one record as the REST door takes it."""
    nested = [record for record in with_nested([kind.record]) if record is not kind.record]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{CONTRACT_NS}:{type_name(kind.record)}",
        "title": kind.title,
        **_json_object(kind.record),
        "$defs": {type_name(record): _json_object(record) for record in nested},
    }


def _json_object(record: type) -> dict[str, Any]:
    specs = field_specs(record)
    return {
        "type": "object",
        "properties": {spec.wire: _json_property(spec) for spec in specs},
        "required": [spec.wire for spec in specs if spec.presence is Presence.MUST],
        "additionalProperties": False,
    }


def _json_property(spec: FieldSpec) -> dict[str, Any]:
    if isinstance(spec.kind, Group):
        value: dict[str, Any] = {"$ref": f"#/$defs/{type_name(spec.kind.record)}"}
    else:
        value = _JSON_VALUES[type(spec.kind)](spec.kind)
    if isinstance(spec.kind, Text) and spec.presence is Presence.MUST:
        value["minLength"] = 1
    return {"title": spec.title, **({"type": "array", "items": value} if spec.many else value)}


def _json_code(kind: Any) -> dict[str, Any]:
    description = describe_codes(kind.codes)
    return {"type": "string", "maxLength": CODE_LENGTH, "description": description, "examples": list(kind.codes.titles)}


def _json_money(kind: Any) -> dict[str, Any]:
    return {"type": ["string", "number"], "pattern": f"^{MONEY_PATTERN}$", "minimum": 0, "description": "单位：元"}


_JSON_VALUES: Mapping[type, Callable[[Any], dict[str, Any]]] = MappingProxyType({
    Text: lambda kind: {"type": "string", "maxLength": kind.max_length},
    Code: _json_code,
    Whole: lambda kind: {"type": "integer", "minimum": kind.minimum, "maximum": kind.maximum},
    Money: _json_money,
    Instant: lambda kind: {"type": "string", "pattern": f"^{INSTANT_PATTERN}$"},
    Day: lambda kind: {"type": "string", "format": "date", "pattern": f"^{DAY_PATTERN}$"},
    Flag: lambda kind: {"type": "boolean"},
    Binary: lambda kind: {"type": "string", "contentEncoding": "base64"},
})  # fmt: skip
