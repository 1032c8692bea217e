"""Reads contract v1 messages, XML or JSON, as canonical records, and writes records as contract v1 XML or JSON.

One compiled reader per record class serves both forms, so SOAP and REST agree on every check, code and path.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from lxml import etree

from hub.domain.codes import CodeList
from hub.domain.errors import FieldIssue
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
from hub.domain.record_checks import cross_field_issues, identifier_notes
from hub.domain.record_json import plain_text
from hub.domain.records import Record, RecordKind

CONTRACT_NS = "urn:county-hub:exchange:v1"
_QUALIFIED = f"{{{CONTRACT_NS}}}"
_PREFIX_LENGTH = len(_QUALIFIED)


class _BadValueError(ValueError):
    """A value that its field cannot take; carries the catalogue code and the Chinese text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading one record: the record, or why there is none; `notes` are flags on an accepted record."""

    record: Record | None
    issues: tuple[FieldIssue, ...] = ()
    notes: tuple[FieldIssue, ...] = ()


def normalise(element: etree._Element) -> None:
    """Brings a record element into the one form that the XSD describes; the sender's bytes are kept elsewhere.

    Attributes (`xsi:type`, `xsi:nil`, `encodingStyle`) mean nothing here and are dropped, empty elements are absent,
    blanks around a value are padding (fixed-width columns send them), and names without a namespace, as old toolkits
    write them below a qualified operation, are taken as ours.
    """
    for node in reversed(list(element.iter())):
        if node.attrib:
            node.attrib.clear()
        if node.tag[0] != "{":
            node.tag = _QUALIFIED + node.tag
        if len(node) or node is element:
            continue
        text = node.text
        if not text or text.isspace():
            cast(etree._Element, node.getparent()).remove(node)
        elif text[0].isspace() or text[-1].isspace():
            node.text = text.strip()


def read_element(kind: RecordKind, element: etree._Element) -> Reading:
    """Reads a normalised record element."""
    return _read(kind, element)


def read_json(kind: RecordKind, value: object) -> Reading:
    """Reads one record of a JSON message."""
    return _read(kind, value)


def _read(kind: RecordKind, node: object) -> Reading:
    issues: list[FieldIssue] = []
    notes: list[FieldIssue] = []
    record = cast(Record | None, _reader(kind.record).read(node, "", issues, notes))
    if record is not None:
        issues += cross_field_issues(record)
        notes += identifier_notes(record)
    return Reading(None if issues else record, tuple(issues), tuple(notes))


# --- values -----------------------------------------------------------------------------------------------------

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def _text(kind: Text) -> Callable[[object], str]:
    limit = kind.max_length

    def convert(value: object) -> str:
        if not isinstance(value, str):
            raise _BadValueError("HUB-3004", "应为文本")
        value = value.strip()
        if len(value) > limit:
            raise _BadValueError("HUB-3005", f"文本过长，最多 {limit} 个字符")
        if not value.isprintable() and _CONTROL.search(value):
            raise _BadValueError("HUB-1006", "含有不允许的控制字符")
        return value

    return convert


def _whole(kind: Whole) -> Callable[[object], int]:
    def convert(value: object) -> int:
        if isinstance(value, str):
            value = int(value) if re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value) else None
        if not isinstance(value, int) or isinstance(value, bool):
            raise _BadValueError("HUB-3004", "应为整数")
        if not kind.minimum <= value <= kind.maximum:
            raise _BadValueError("HUB-3006", f"数值应在 {kind.minimum} 至 {kind.maximum} 之间")
        return value

    return convert


_MONEY = re.compile(r"\s*\+?[0-9]{1,14}(\.[0-9]{0,2}0*)?\s*")


def _money(kind: Money) -> Callable[[object], Decimal]:
    def convert(value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise _BadValueError("HUB-3004", "应为金额")
        text = str(value)
        if not _MONEY.fullmatch(text):
            raise _BadValueError("HUB-3004", "应为金额：不为负，最多 14 位整数、2 位小数")
        try:
            return Decimal(text.strip()).quantize(Decimal("0.01"))
        except InvalidOperation as exc:
            raise _BadValueError("HUB-3004", "应为金额") from exc

    return convert


_INSTANT = re.compile(
    r"\s*([12][0-9]{3}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?)(Z|[+-][0-9]{2}:[0-9]{2})?\s*"
)


def parse_instant(text: str) -> datetime | None:
    """An xs:dateTime of the years 1000–2999 as UTC, or None. `24:00:00` is the next midnight, as XML Schema has it."""
    matched = _INSTANT.fullmatch(text)
    if matched is None:
        return None
    day, clock_time, offset = matched.groups()
    next_day = clock_time.startswith("24:00:00")
    if next_day:
        clock_time = "00:00:00"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock_time}{offset or '+08:00'}")
        return (moment + timedelta(days=next_day)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _instant(kind: Instant) -> Callable[[object], datetime]:
    def convert(value: object) -> datetime:
        moment = parse_instant(value) if isinstance(value, str) else None
        if moment is None:
            raise _BadValueError("HUB-3007", "应为真实存在的时间，格式如 2026-03-02T10:00:00+08:00")
        return moment

    return convert


def _day(kind: Day) -> Callable[[object], date]:
    def convert(value: object) -> date:
        if isinstance(value, str) and re.fullmatch(r"\s*[12][0-9]{3}-[0-9]{2}-[0-9]{2}\s*", value):
            try:
                return date.fromisoformat(value.strip())
            except ValueError:
                pass
        raise _BadValueError("HUB-3007", "应为真实存在的日期，格式如 2026-03-02")

    return convert


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def _flag(kind: Flag) -> Callable[[object], bool]:
    def convert(value: object) -> bool:
        if isinstance(value, bool):
            return value
        flag = _FLAGS.get(value.strip()) if isinstance(value, str) else None
        if flag is None:
            raise _BadValueError("HUB-3004", "应为 true 或 false")
        return flag

    return convert


def _binary(kind: Binary) -> Callable[[object], bytes]:
    def convert(value: object) -> bytes:
        if not isinstance(value, str):
            raise _BadValueError("HUB-3004", "应为 Base64 文本")
        try:
            return b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError) as exc:
            raise _BadValueError("HUB-3004", "应为 Base64 文本") from exc

    return convert


CODE_LENGTH = 32


def _code(kind: Code) -> Callable[[object], str]:
    return _text(Text(CODE_LENGTH))


_CONVERTERS: Mapping[type, Callable[[Any], Callable[[object], Any]]] = {
    Text: _text, Whole: _whole, Money: _money, Instant: _instant, Day: _day, Flag: _flag, Code: _code, Binary: _binary,
}  # fmt: skip


# --- records ----------------------------------------------------------------------------------------------------


def _pairs(node: object) -> Iterator[tuple[str, object]] | None:
    """Name and value of every field of a node; None when the node is not a record at all."""
    if isinstance(node, etree._Element):
        return _xml_pairs(node)
    return _json_pairs(node) if isinstance(node, dict) else None


def _xml_pairs(node: etree._Element) -> Iterator[tuple[str, object]]:
    for child in node:
        yield child.tag[_PREFIX_LENGTH:], (child if len(child) else child.text)


def _json_pairs(node: dict[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in node.items():
        values: Iterable[object] = value if isinstance(value, list) else (value,)
        for single in values:
            if not _is_absent(single):
                yield name, single


def _is_absent(value: object) -> bool:
    """What JSON writers put where XML writers leave a field out."""
    return value is None or value == {} or (isinstance(value, str) and not value.strip())


@dataclass(slots=True)
class _Field:
    name: str
    many: bool
    convert: Callable[[object], Any] | None = None  # None: a nested record
    nested: "_Reader | None" = None
    codes: CodeList | None = None


class _Reader:
    """Reads one record class from either form."""

    def __init__(self, record: type) -> None:
        self._record = record
        self._fields = {spec.wire: _compile(spec) for spec in field_specs(record)}
        self._must = [(spec.name, spec.wire) for spec in field_specs(record) if spec.presence is Presence.MUST]
        self._many = [spec.name for spec in field_specs(record) if spec.many]

    def read(self, node: object, path: str, issues: list[FieldIssue], notes: list[FieldIssue]) -> object | None:
        pairs = _pairs(node)
        if pairs is None:
            issues.append(FieldIssue("HUB-3004", path.rstrip("/"), "应为一组字段"))
            return None
        before = len(issues)
        values: dict[str, Any] = {}
        for wire, value in pairs:
            self._take(wire, value, path, values, (issues, notes))
        for name, wire in self._must:
            if name not in values and not any(issue.path == path + wire for issue in issues[before:]):
                issues.append(FieldIssue("HUB-3001", path + wire, "缺少必填项"))
        if len(issues) > before:
            return None
        for name in self._many:
            if name in values:
                values[name] = tuple(values[name])
        return cast(object, self._record(**values))

    def _take(
        self,
        wire: str,
        value: object,
        path: str,
        values: dict[str, Any],
        found: tuple[list[FieldIssue], list[FieldIssue]],
    ) -> None:
        field = self._fields.get(wire)
        if field is None:
            found[0].append(FieldIssue("HUB-3002", path + wire[:64], "合同中没有这个字段"))
        elif field.many:
            taken = values.setdefault(field.name, [])
            taken.append(_convert(field, value, f"{path}{wire}[{len(taken) + 1}]", found))
        elif field.name in values:
            found[0].append(FieldIssue("HUB-3003", path + wire, "字段重复出现"))
        else:
            values[field.name] = _convert(field, value, path + wire, found)


def _convert(field: _Field, value: object, path: str, found: tuple[list[FieldIssue], list[FieldIssue]]) -> object:
    issues, notes = found
    if field.convert is None:
        return cast(_Reader, field.nested).read(value, path + "/", issues, notes)
    if type(value) is not str and isinstance(value, _COMPOUND):
        issues.append(FieldIssue("HUB-3004", path, "应为单个值，不应再有下级字段"))
        return None
    try:
        taken = field.convert(value)
    except _BadValueError as exc:
        issues.append(FieldIssue(exc.code, path, exc.message))
        return None
    if field.codes is not None and taken not in field.codes.titles:
        notes.append(FieldIssue("HUB-3101", path, "代码不在代码表中，已保留原值", raw=cast(str, taken)))
        return field.codes.fallback
    return cast(object, taken)


_COMPOUND = (etree._Element, dict)


def _compile(spec: FieldSpec) -> _Field:
    kind: Kind = spec.kind
    if isinstance(kind, Group):
        return _Field(spec.name, spec.many, nested=_reader(kind.record))
    codes = kind.codes if isinstance(kind, Code) else None
    return _Field(spec.name, spec.many, convert=_CONVERTERS[type(kind)](kind), codes=codes)


_READERS: dict[type, _Reader] = {}


def _reader(record: type) -> _Reader:
    """Compiled on first use; two threads that compile the same one do no harm."""
    if record not in _READERS:
        _READERS[record] = _Reader(record)
    return _READERS[record]


# --- writing ----------------------------------------------------------------------------------------------------


def write_element(record: object, tag: str) -> etree._Element:
    """A record as a contract v1 element, fields in contract order, absent ones left out."""
    element = etree.Element(_QUALIFIED + tag, nsmap={None: CONTRACT_NS})  # type: ignore[dict-item]  # the stubs do not know the default namespace
    _append_fields(element, record)
    return element


def _append_fields(element: etree._Element, record: object) -> None:
    for spec in field_specs(type(record)):
        value = getattr(record, spec.name)
        for single in value if spec.many else (value,):
            if single is None:
                continue
            child = etree.SubElement(element, _QUALIFIED + spec.wire)
            if isinstance(spec.kind, Group):
                _append_fields(child, single)
            else:
                child.text = plain_text(single)
