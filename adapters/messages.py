"""Opens a stored message body again and gives back its records, by the form it came in."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

from lxml import etree

from adapters.contract import CONTRACT_NS, Reading, normalise, read_element, read_json, to_json
from hub.domain.records import RecordKind

SOAP = "soap"
JSON = "json"

_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")


def hardened_parser() -> etree.XMLParser:
    """For UTF-8 without declaration: no entities, no DTD, no network, no huge trees. One parser per call."""
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, dtd_validation=False, attribute_defaults=False,
        no_network=True, huge_tree=False, recover=False, remove_pis=True, remove_comments=True, collect_ids=False,
    )  # fmt: skip


def without_declaration(text: str) -> str:
    """XML text without byte order mark and XML declaration: its encoding no longer speaks for the text."""
    return _DECLARATION.sub("", text.removeprefix("\ufeff"), count=1)


def records_of(body_format: str, kind: RecordKind, body: bytes, charset: str) -> Iterator[tuple[int, Reading, object]]:
    """Sequence number, reading and raw node of every record of a message that once passed the door."""
    nodes, read = _FORMS[body_format]
    for seq, node in enumerate(nodes(kind, body, charset), start=1):
        yield seq, read(kind, node), node


def same_content(body_format: str, kind: RecordKind, one: tuple[bytes, str], other: tuple[bytes, str]) -> bool:
    """True when both bodies (bytes and charset) hold the same records in the same order, whatever their bytes."""
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
    root = etree.fromstring(text.encode(), hardened_parser())
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
