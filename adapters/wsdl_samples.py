"""A message as its schema describes it: WSDL or XSD becomes a tree of empty fields with their declared kinds.

Only the document itself is read: nothing that it includes or imports is fetched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from adapters.suggest.values import ValueKind
from hub.domain.errors import RejectedError

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
MAX_NODES = 2_000
MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Declared:
    """What a schema says of a field: its kind, and the label in its documentation."""

    kind: ValueKind | None = None
    label: str | None = None


_KINDS: Mapping[str, ValueKind] = {
    "dateTime": ValueKind.INSTANT, "date": ValueKind.DAY, "boolean": ValueKind.FLAG, "decimal": ValueKind.DECIMAL,
    "double": ValueKind.DECIMAL, "float": ValueKind.DECIMAL, "int": ValueKind.WHOLE, "integer": ValueKind.WHOLE,
    "long": ValueKind.WHOLE, "short": ValueKind.WHOLE, "byte": ValueKind.WHOLE, "unsignedInt": ValueKind.WHOLE,
    "nonNegativeInteger": ValueKind.WHOLE, "positiveInteger": ValueKind.WHOLE,
}  # fmt: skip


def schema_tree(root: etree._Element) -> tuple[dict[str, Any], dict[str, Declared]]:
    """The messages that come in, as one tree, and what is declared of each field by its name.

    Raises RejectedError HUB-3042 when the schema describes no element with fields.
    """
    reader = _Schema(root)
    tree = {name: node for name, node in reader.messages() if isinstance(node, dict | list)}
    if not tree:
        raise RejectedError("HUB-3042", "WSDL 或 XSD 里没有带字段的元素；若只有一个字符串参数，请另给样例报文")
    return tree, reader.declared


@dataclass
class _Schema:
    root: etree._Element
    declared: dict[str, Declared] = field(default_factory=dict)
    budget: int = MAX_NODES

    def __post_init__(self) -> None:
        schemas = [self.root] if self.root.tag == f"{XS}schema" else list(self.root.iter(f"{XS}schema"))
        self.elements = {one.get("name", ""): one for schema in schemas for one in schema.findall(f"{XS}element")}
        self.types = {
            one.get("name", ""): one
            for schema in schemas
            for kind in ("complexType", "simpleType")
            for one in schema.findall(f"{XS}{kind}")
        }

    def messages(self) -> Iterator[tuple[str, Any]]:
        for name in self._inputs() or self._roots():
            yield name, self._node(self.elements[name], ())

    def _inputs(self) -> list[str]:
        """Elements that operations of the WSDL take."""
        parts = {
            message.get("name"): [_local(part.get("element")) for part in message.findall(f"{WSDL}part")]
            for message in self.root.findall(f"{WSDL}message")
        }
        taken = [_local(one.get("message")) for one in self.root.findall(f"{WSDL}portType/{WSDL}operation/{WSDL}input")]
        names = [name for message in taken for name in parts.get(message, ())]
        return [name for name in dict.fromkeys(names) if name in self.elements]

    def _roots(self) -> list[str]:
        """Global elements that no other refers to."""
        referred = {_local(one.get("ref")) for one in self.root.iter(f"{XS}element") if one.get("ref")}
        return [name for name in self.elements if name and name not in referred] or list(self.elements)

    def _node(self, element: etree._Element, above: tuple[str, ...]) -> Any:
        name = _local(element.get("ref") or element.get("name"))
        element = self.elements.get(name, element) if element.get("ref") else element
        self.budget -= 1
        type_name = _local(element.get("type"))
        if self.budget < 0 or len(above) >= MAX_DEPTH or (type_name and type_name in above):
            return ""
        held = self.types.get(type_name) if type_name else element
        children = [] if held is None else list(self._children(held))
        if not children:
            self.declared.setdefault(name, Declared(self._kind(element, held, type_name), _label(element)))
            return ""
        node: dict[str, Any] = {}
        for child in children:
            value = self._node(child, (*above, type_name or name))
            many = child.get("maxOccurs", "1") not in ("0", "1")
            node[_local(child.get("ref") or child.get("name"))] = [value, value] if many and value else value
        return node

    def _children(self, held: etree._Element) -> Iterator[etree._Element]:
        """The elements of a type in order, those of the type it extends first."""
        for extension in held.iter(f"{XS}extension"):
            base = self.types.get(_local(extension.get("base")))
            if base is not None and base is not held:
                yield from base.iter(f"{XS}element")
        nested = {inner for child in held.iter(f"{XS}element") if child is not held for inner in _below(child)}
        yield from (child for child in held.iter(f"{XS}element") if child is not held and child not in nested)

    def _kind(self, element: etree._Element, held: etree._Element | None, type_name: str) -> ValueKind | None:
        base = next(iter(held.iter(f"{XS}restriction")), None) if held is not None else None
        return _KINDS.get(_local(base.get("base")) if base is not None else type_name)


def _below(element: etree._Element) -> Iterator[etree._Element]:
    yield from (inner for inner in element.iter(f"{XS}element") if inner is not element)


def _local(name: str | None) -> str:
    return (name or "").rpartition(":")[2]


_LONGEST_LABEL = 40


def _label(element: etree._Element) -> str | None:
    said = element.find(f"{XS}annotation/{XS}documentation")
    text = (said.text or "").strip() if said is not None else ""
    return text[:_LONGEST_LABEL] or None
