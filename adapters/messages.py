"""Opens a stored message body again and gives back its records, by the form it came in."""

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

from lxml import etree

from adapters.contract import CONTRACT_NS, Reading, normalise, read_element, read_json
from adapters.xml_text import hardened_parser, with_joined_surrogates, without_declaration
from hub.domain.record_json import to_json
from hub.domain.records import RecordKind

SOAP = "soap"
JSON = "json"
ADAPTED = "adapted"
"""A department's own form; only its adapter can read it."""


def records_of(body_format: str, kind: RecordKind, body: bytes, charset: str) -> Iterator[tuple[int, Reading, object]]:
    """Sequence number, reading and raw node of every record of a message that once passed the door."""
    nodes, read = _FORMS[body_format]
    for seq, node in enumerate(nodes(kind, body, charset), start=1):
        yield seq, read(kind, node), node


def same_content(body_format: str, kind: RecordKind, one: tuple[bytes, str], other: tuple[bytes, str]) -> bool:
    """True when both bodies (bytes and charset) hold the same records in the same order, whatever their bytes.

    Of a department's own form nothing is the same but the same bytes.
    """
    if body_format == ADAPTED:
        return one[0] == other[0]
    nodes, read = _FORMS[body_format]
    contents = []
    for body, charset in (one, other):
        readings = (read(kind, node) for node in nodes(kind, body, charset))
        contents.append(
            [(reading.record and to_json(reading.record), reading.issues, reading.notes) for reading in readings]
        )
    return contents[0] == contents[1]


def _soap_nodes(kind: RecordKind, body: bytes, charset: str) -> list[Any]:
    text = without_declaration(body.decode(charset))
    root = etree.fromstring(with_joined_surrogates(text.encode()), hardened_parser())
    operation = next(root.iter(f"{{{CONTRACT_NS}}}{kind.operation}"))
    return record_elements(kind, operation)


def record_elements(kind: RecordKind, operation: etree._Element) -> list[etree._Element]:
    """The record elements below an operation, qualified or, as old toolkits write them, not."""
    return list(operation.iterchildren(f"{{{CONTRACT_NS}}}{kind.element}", kind.element))


def _read_soap(kind: RecordKind, node: Any) -> Reading:
    normalise(node)
    return read_element(kind, node)


def _json_nodes(kind: RecordKind, body: bytes, charset: str) -> list[Any]:
    return json_records(json.loads(body.decode(charset)))


def json_records(document: object) -> list[Any]:
    """The records of a JSON message: a bare list, or `{"records": […]}`."""
    if isinstance(document, Mapping):
        document = document.get("records")
    return document if isinstance(document, list) else []


_Nodes = Callable[[RecordKind, bytes, str], list[Any]]
_Read = Callable[[RecordKind, Any], Reading]
_FORMS: Mapping[str, tuple[_Nodes, _Read]] = MappingProxyType(
    {SOAP: (_soap_nodes, _read_soap), JSON: (_json_nodes, cast(_Read, read_json))}
)
