"""XML Schema types of the contract's records, generated from their classes.

Written for the oldest toolkits in use (Axis 1.4, wsdl.exe, gSOAP 2.8, PHP, Delphi): sequences only, no enumerations,
unions, lists, wildcards or nil. Code fields are open strings, because an unknown foreign code is taken and flagged.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lxml import etree

from adapters.contract import CODE_LENGTH, CONTRACT_NS
from hub.domain.codes import CodeList
from hub.domain.fields import (
    Binary,
    Code,
    Day,
    FieldSpec,
    Flag,
    Group,
    Instant,
    Kind,
    Money,
    Presence,
    Text,
    Whole,
    field_specs,
)
from hub.domain.records import ServiceItem

XS = "http://www.w3.org/2001/XMLSchema"
_LARGEST_INT = 2**31 - 1

# The patterns say what the reader of adapters.contract says beyond XML Schema: years, digits, no timezone on a day.
_WHOLE_PATTERN = r"[+\-]?[0-9]{1,18}"
MONEY_PATTERN = r"\+?[0-9]{1,14}(\.[0-9]{0,2}0*)?"
DAY_PATTERN = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
INSTANT_PATTERN = DAY_PATTERN + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,12})?(Z|[+\-][0-9]{2}:[0-9]{2})?"

_RECORD_TITLES: Mapping[str, str] = MappingProxyType({
    "Item": "政务服务事项", "Fee": "收费项目", "ItemStep": "流程环节", "ItemMaterial": "申报材料", "Risk": "风险点",
    "ProcessRecord": "办理过程：一个办件的一个环节", "Application": "申请信息，每个办件至少报送一次",
    "ApplicationMaterial": "申请提交材料", "Special": "特别程序", "AttachmentNote": "附件说明",
    "ResultRecord": "办理结果", "Attachment": "附件及其内容",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One element inside a type or a wrapper. `most` None: any number."""

    name: str
    type: str
    title: str
    least: int = 1
    most: int | None = 1


def type_name(record: type) -> str:
    return "Item" if record is ServiceItem else record.__name__


def schema_root() -> etree._Element:
    root = etree.Element(f"{{{XS}}}schema", nsmap={"xs": XS, "tns": CONTRACT_NS})
    root.set("targetNamespace", CONTRACT_NS)
    root.set("elementFormDefault", "qualified")
    return root


def add_record_types(root: etree._Element, records: Iterable[type], more: Mapping[str, Kind]) -> None:
    """Appends the types of `records` and of all they hold; `more` names simple types used elsewhere."""
    nested = list(with_nested(records))
    simple_types = {_simple_type_name(spec): spec.kind for record in nested for spec in _single_values(record)}
    simple_types.update(more)
    for name, kind in sorted(simple_types.items()):
        if type(kind) not in _BUILT_IN_TYPES:
            _RESTRICTIONS[type(kind)](root, name, kind)
    for record in nested:
        complex_type = add(root, "complexType", name=type_name(record))
        add_sequence(complex_type, _RECORD_TITLES[type_name(record)], map(_part, field_specs(record)))


def with_nested(records: Iterable[type]) -> Iterator[type]:
    """Each record class once, the classes that it holds before it."""
    seen: dict[type, None] = {}

    def visit(record: type) -> None:
        for spec in field_specs(record):
            if isinstance(spec.kind, Group):
                visit(spec.kind.record)
        seen.setdefault(record)

    for record in records:
        visit(record)
    yield from seen


def _single_values(record: type) -> Iterator[FieldSpec]:
    return (spec for spec in field_specs(record) if not isinstance(spec.kind, Group))


def _part(spec: FieldSpec) -> Part:
    least = int(spec.presence is Presence.MUST)
    return Part(spec.wire, _qualified_type_name(spec), spec.title, least, None if spec.many else 1)


def _qualified_type_name(spec: FieldSpec) -> str:
    if type(spec.kind) in _BUILT_IN_TYPES:
        return _BUILT_IN_TYPES[type(spec.kind)]
    return "tns:" + (type_name(spec.kind.record) if isinstance(spec.kind, Group) else _simple_type_name(spec))


_BUILT_IN_TYPES: Mapping[type, str] = MappingProxyType({Flag: "xs:boolean", Binary: "xs:base64Binary"})


def _simple_type_name(spec: FieldSpec) -> str:
    kind = spec.kind
    if isinstance(kind, Text):
        return f"{'Required' if spec.presence is Presence.MUST else ''}Text{kind.max_length}"
    if isinstance(kind, Code):
        return kind.codes.name[0].upper() + kind.codes.name[1:] + "Code"
    if isinstance(kind, Whole):
        return f"Whole{kind.minimum}To{kind.maximum}"
    return type(kind).__name__


def _text_type(root: etree._Element, name: str, kind: Any) -> None:
    facets = {"maxLength": str(kind.max_length)}
    if name.startswith("Required"):
        facets = {"minLength": "1"} | facets
    _restrict(root, name, f"文本，最多 {kind.max_length} 个字符", "xs:string", facets)


def _code_type(root: etree._Element, name: str, kind: Any) -> None:
    _restrict(root, name, describe_codes(kind.codes), "xs:string", {"maxLength": str(CODE_LENGTH)})


def _whole_type(root: etree._Element, name: str, kind: Any) -> None:
    base = "xs:int" if kind.maximum <= _LARGEST_INT else "xs:long"
    facets = {"pattern": _WHOLE_PATTERN, "minInclusive": str(kind.minimum), "maxInclusive": str(kind.maximum)}
    _restrict(root, name, f"整数，{kind.minimum} 至 {kind.maximum}", base, facets)


def _money_type(root: etree._Element, name: str, kind: Any) -> None:
    facets = {"pattern": MONEY_PATTERN, "totalDigits": "16", "fractionDigits": "2", "minInclusive": "0"}
    _restrict(root, name, "金额，单位元，不为负，最多两位小数", "xs:decimal", facets)


def _instant_type(root: etree._Element, name: str, kind: Any) -> None:
    _restrict(root, name, "时间；不带时区偏移的按北京时间（+08:00）理解", "xs:dateTime", {"pattern": INSTANT_PATTERN})


def _day_type(root: etree._Element, name: str, kind: Any) -> None:
    _restrict(root, name, "日期，不带时区", "xs:date", {"pattern": DAY_PATTERN})


_RESTRICTIONS: Mapping[type, Callable[[etree._Element, str, Any], None]] = MappingProxyType({
    Text: _text_type, Code: _code_type, Whole: _whole_type, Money: _money_type, Instant: _instant_type, Day: _day_type,
})  # fmt: skip


def describe_tokens(titles: Mapping[str, str]) -> str:
    return "；".join(f"{token} {title}" for token, title in titles.items())


def describe_codes(codes: CodeList) -> str:
    return f"代码。取值：{describe_tokens(codes.titles)}。不在表中的代码照样接收，按 {codes.fallback} 处理并作标记"


def _restrict(root: etree._Element, name: str, title: str, base: str, facets: Mapping[str, str]) -> None:
    simple_type = add(root, "simpleType", name=name)
    document(simple_type, title)
    restriction = add(simple_type, "restriction", base=base)
    for facet, value in facets.items():
        add(restriction, facet, value=value)


def add_wrapper(root: etree._Element, name: str, title: str, parts: Iterable[Part]) -> None:
    """Wrappers keep an anonymous type: old importers recognise the wrapped style by it."""
    element = add(root, "element", name=name)
    document(element, title)
    _add_parts(add(element, "complexType"), parts)


def add_sequence(complex_type: etree._Element, title: str, parts: Iterable[Part]) -> None:
    document(complex_type, title)
    _add_parts(complex_type, parts)


def _add_parts(complex_type: etree._Element, parts: Iterable[Part]) -> None:
    sequence = add(complex_type, "sequence")
    for part in parts:
        add_element(sequence, part)


def add_element(parent: etree._Element, part: Part) -> None:
    element = add(parent, "element", name=part.name, type=part.type)
    if part.least != 1:
        element.set("minOccurs", str(part.least))
    if part.most != 1:
        element.set("maxOccurs", "unbounded" if part.most is None else str(part.most))
    document(element, part.title)


def document(parent: etree._Element, text: str) -> None:
    add(add(parent, "annotation"), "documentation").text = text


def add(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{XS}}}{tag}", attributes)


def as_bytes(root: etree._Element) -> bytes:
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"
