"""A sender's own record as a list of places that can be chosen as the source of a field."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lxml import etree

from adapters.converters import as_text

_MOST_FIELDS = 400
_MOST_DEPTH = 16
_LONGEST_SHOWN = 80
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class RawField:
    """`selector` as the document writes it; `text` what stands there, shortened; `count` how often the place occurs."""

    selector: str
    label: str
    depth: int
    text: str
    count: int = 1


def own_fields(node: object, form: str) -> list[RawField]:
    """What stands in the record itself: an XML element, a JSON object, a row. `form` is the format of the message."""
    if isinstance(node, etree._Element):
        found = _xml_fields(node, "")
    elif isinstance(node, Mapping) and form == "json":
        found = _json_fields(node, "", 0)
    elif isinstance(node, Mapping):
        found = (RawField(str(name), str(name), 0, _cell(value)) for name, value in node.items())
    else:
        found = iter(())
    return _counted(found)


def other_fields(node: object) -> list[RawField]:
    """What stands elsewhere in the message, outside the record and its likes (XML): the head, mostly."""
    if not isinstance(node, etree._Element):
        return []
    root = node.getroottree().getroot()
    if root is node:
        return []
    return _counted(_xml_around(root, f"/{_local(root)}", node))


def _counted(found: Iterator[RawField]) -> list[RawField]:
    """The first of each place."""
    places: dict[str, RawField] = {}
    counts: dict[str, int] = {}
    for field in islice(found, _MOST_FIELDS):
        places.setdefault(field.selector, field)
        counts[field.selector] = counts.get(field.selector, 0) + 1
    return [
        RawField(field.selector, field.label, field.depth, field.text, counts[selector])
        for selector, field in places.items()
    ]


def _shortened(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"


def _cell(value: object) -> str:
    return "" if value is None else _shortened(as_text(value))


# --- XML ----------------------------------------------------------------------------------------------------------


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _children(element: etree._Element) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str)]


def _xml_fields(element: etree._Element, path: str, depth: int = 0) -> Iterator[RawField]:
    for name, value in element.attrib.items():
        local = f"@{etree.QName(name).localname}"
        yield RawField(f"{path}/{local}" if path else local, local, depth, _shortened(as_text(value)))
    if depth > _MOST_DEPTH:
        return
    for child in _children(element):
        place = f"{path}/{_local(child)}" if path else _local(child)
        if _children(child):
            yield RawField(place, _local(child), depth, "")
            yield from _xml_fields(child, place, depth + 1)
        else:
            yield RawField(place, _local(child), depth, _shortened(child.text))
            yield from _xml_fields(child, place, depth + 1)


def _xml_around(element: etree._Element, path: str, unit: etree._Element, depth: int = 0) -> Iterator[RawField]:
    if depth > _MOST_DEPTH:
        return
    for child in _children(element):
        place = f"{path}/{_local(child)}"
        if child.tag == unit.tag:
            continue
        if _children(child):
            yield from _xml_around(child, place, unit, depth + 1)
        else:
            yield RawField(place, place.lstrip("/"), 0, _shortened(child.text))


# --- JSON ---------------------------------------------------------------------------------------------------------


def _json_fields(node: Mapping[Any, Any], path: str, depth: int) -> Iterator[RawField]:
    if depth > _MOST_DEPTH:
        return
    for name, value in node.items():
        step = str(name) if _PLAIN_NAME.fullmatch(str(name)) else f'"{name}"'
        place = f"{path}.{step}" if path else step
        yield from _json_field(str(name), place, value, depth)


def _json_field(name: str, place: str, value: object, depth: int) -> Iterator[RawField]:
    if isinstance(value, Mapping):
        yield RawField(place, name, depth, "")
        yield from _json_fields(value, place, depth + 1)
    elif isinstance(value, list):
        yield RawField(f"{place}[]", name, depth, f"{len(value)} 项")
        if value and isinstance(value[0], Mapping):
            yield from _json_fields(value[0], f"{place}[0]", depth + 1)
    else:
        yield RawField(place, name, depth, _cell(value))
