"""Checks the records of one message at any door: each on its own, a bad one never in the way of its neighbours.

XML Schema only speeds this up. A record that it passes is taken after the checks that it cannot say; any other is read
by the contract's reader, whose word decides and who says in Chinese what is wrong where.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from lxml import etree

from adapters.contract import CONTRACT_NS, Reading, normalise, read_element, read_json
from adapters.contract_schema import record_schema, types_xsd
from hub.domain.envelopes import Arrival, Sender
from hub.domain.errors import FieldIssue
from hub.domain.fields import FieldSpec, Group, field_specs
from hub.domain.item_codes import ItemCodeProblem, check_item_code
from hub.domain.records import ITEM, PROCESS, RecordKind
from hub.gateway.soap_envelope import SoapVersion

_XS = "{http://www.w3.org/2001/XMLSchema}"
_HANDLED_AT = f"{{{CONTRACT_NS}}}handledAt"
_PREFIX_LENGTH = len(CONTRACT_NS) + 2
_MAX_KEY_CHARACTERS = 100
_ORG_CODE_PLACE = 3  # in ProcessRecord and ResultRecord alike, after three fields that must be there

# xsi:type, xsi:nil and above all xsi:schemaLocation would steer the validation; encodingStyle is only in the way.
_MEANINGLESS = ("{http://www.w3.org/2001/XMLSchema-instance}*", *(version.tag("*") for version in SoapVersion))
_NOT_ALLOWED = FieldIssue("HUB-2004", "orgCode", "本报送方不得代表该部门报送，或办理部门编码有误")
_OUT_OF_ORDER = "字段次序与合同不符"


def check_elements(kind: RecordKind, elements: Sequence[etree._Element], sender: Sender) -> list[Arrival]:
    """What is wrong with each record of an XML message, given below its operation. Changes the elements."""
    check = _ElementCheck(kind, sender)
    operation = elements[0].getparent() if elements else None
    numbered = enumerate(elements, start=1)
    if operation is not None and _is_valid_message(operation):
        return [check.valid(seq, element) or check.arrival(seq, element) for seq, element in numbered]
    return [check.arrival(seq, element) for seq, element in numbered]


def _is_valid_message(operation: etree._Element) -> bool:
    """Most messages are in order throughout; asking once is cheaper than asking for every record."""
    etree.strip_attributes(operation, *_MEANINGLESS)
    return _compiled_schema("message", types_xsd).validate(operation)


def check_json(kind: RecordKind, values: Iterable[object], sender: Sender) -> list[Arrival]:
    """What is wrong with each record of a JSON message."""
    return [
        _judged(kind, sender, seq, _json_keys(kind, value), read_json(kind, value))
        for seq, value in enumerate(values, start=1)
    ]


def _judged(
    kind: RecordKind, sender: Sender, seq: int, keys: tuple[str | None, str | None], reading: Reading, *more: FieldIssue
) -> Arrival:
    key, org_code = keys
    issues = [*reading.issues, *more]
    if org_code is not None and org_code not in sender.org_codes:
        issues.append(_NOT_ALLOWED)
    if kind is ITEM and key is not None and not _is_right_item_code(key):
        issues.append(FieldIssue("HUB-4002", "itemCode", "事项编码不符合它所属编码规则的校验"))
    return Arrival(seq, key, org_code, tuple(issues))


def _is_right_item_code(code: str) -> bool:
    return check_item_code(code).problem in (None, ItemCodeProblem.UNKNOWN_SCHEME)


def _json_keys(kind: RecordKind, value: object) -> tuple[str | None, str | None]:
    values = value if isinstance(value, Mapping) else {}
    return _key(values.get(kind.key_field)), _key(values.get("orgCode"))


def _key(text: object) -> str | None:
    return text.strip()[:_MAX_KEY_CHARACTERS] or None if isinstance(text, str) else None


class _ElementCheck:
    """The check of one message's records of one kind."""

    def __init__(self, kind: RecordKind, sender: Sender) -> None:
        self._kind = kind
        self._sender = sender
        self._schema = _compiled_schema(kind.name, partial(record_schema, kind))

    def arrival(self, seq: int, element: etree._Element) -> Arrival:
        etree.strip_attributes(element, *_MEANINGLESS)
        arrival = self._schema_valid(seq, element)
        if arrival is None:
            normalise(element)
            arrival = self._schema_valid(seq, element)
        return arrival or self._read(seq, element)

    def _schema_valid(self, seq: int, element: etree._Element) -> Arrival | None:
        """The arrival of a record that is in order, as far as can be told without reading it; else None."""
        return self.valid(seq, element) if self._schema.validate(element) else None

    def valid(self, seq: int, element: etree._Element) -> Arrival | None:
        """The arrival of a record that is valid by the schema, unless only the reader can say more."""
        if self._kind is ITEM:
            return None
        key, org_code = _key(element[0].text), _key(element[_ORG_CODE_PLACE].text)
        if org_code not in self._sender.org_codes:
            return None
        if self._kind is PROCESS and next(element.iterchildren(_HANDLED_AT), None) is None:
            return None
        return Arrival(seq, key, org_code)

    def _read(self, seq: int, element: etree._Element) -> Arrival:
        children = {child.tag[_PREFIX_LENGTH:]: child.text for child in reversed(element)}
        keys = _key(children.get(self._kind.key_field)), _key(children.get("orgCode"))
        reading = read_element(self._kind, element)
        misplaced = None if reading.issues else _first_misplaced(self._kind.record, element, "")
        more = () if misplaced is None else (FieldIssue("HUB-3003", misplaced, _OUT_OF_ORDER),)
        return _judged(self._kind, self._sender, seq, keys, reading, *more)


def _first_misplaced(record: type, element: etree._Element, path: str) -> str | None:
    """Path of the first field that stands before where the contract has it, in a record that the reader could read."""
    order = {spec.wire: (place, spec) for place, spec in enumerate(field_specs(record))}
    reached = 0
    counts: dict[str, int] = {}
    for child in element:
        wire = child.tag[_PREFIX_LENGTH:]
        place, spec = order[wire]
        counts[wire] = counts.get(wire, 0) + 1
        here = f"{path}{wire}[{counts[wire]}]" if spec.many else path + wire
        if place < reached:
            return here
        reached = place
        below = _misplaced_below(spec, child, here)
        if below is not None:
            return below
    return None


def _misplaced_below(spec: FieldSpec, element: etree._Element, path: str) -> str | None:
    return _first_misplaced(spec.kind.record, element, path + "/") if isinstance(spec.kind, Group) else None


# --- compiled schemas: libxml2 keeps the errors of a validation in the schema object, so threads must not share one ---

_compiled = threading.local()


def _compiled_schema(name: str, xsd: Callable[[], bytes]) -> etree.XMLSchema:
    schema: etree.XMLSchema | None = getattr(_compiled, name, None)
    if schema is None:
        schema = etree.XMLSchema(_strict(xsd()))
        setattr(_compiled, name, schema)
    return schema


# Python's idea of white space, which decides what counts as empty; beyond \s it has the separators and U+0085.
_SPACE = r"\s\p{Z}" + "\u0085"
_NOT_BLANK = rf"[{_SPACE}]*[^{_SPACE}][\s\S]*"


def _strict(xsd: bytes) -> etree._Element:
    """The schema with blank never valid where a text must be; codes stand for texts that must be, wherever they are."""
    root = etree.fromstring(xsd)
    for simple_type in root.iterfind(f"{_XS}simpleType"):
        restriction = simple_type[-1]
        is_code = simple_type.get("name", "").endswith("Code")
        is_required = restriction.find(f"{_XS}minLength") is not None
        if restriction.get("base") == "xs:string" and (is_code or is_required):
            etree.SubElement(restriction, f"{_XS}pattern", value=_NOT_BLANK)
    return root
