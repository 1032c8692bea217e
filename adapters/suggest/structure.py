"""The shape of a department's messages: which records they hold, and what each of their fields looks like.

Works on trees of plain Python (mappings, lists, texts), however the message was written. Everything is counted up to
a bound: columns, distinct values, records of a kind; what lies beyond is not looked at.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from adapters.suggest.values import KIND_TITLES, ValueKind, is_empty, kind_of, shown

MAX_FIELDS = 300
MAX_DISTINCT = 40
MAX_EXAMPLES = 3
MAX_DEPTH = 16
LONGEST_DISTINCT = 40

Node = Mapping[str, object]
"""One record of a message: name → text, nested record, or list of either."""


@dataclass(slots=True)
class FieldProfile:
    """What the values of one field have in common. `values` are raw and may be personal: never show, log or keep."""

    path: str
    count: int = 0
    empty: int = 0
    longest: int = 0
    kinds: Counter[ValueKind] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter, repr=False)
    kinds_seen: dict[str, ValueKind] = field(default_factory=dict, repr=False)
    examples: list[str] = field(default_factory=list)
    repeats: bool = False
    label: str | None = None
    declared: ValueKind | None = None

    @property
    def kind(self) -> ValueKind | None:
        """What nine values of ten are; None when there was no value. Days among moments are moments."""
        if not self.kinds:
            return self.declared
        kind, hits = self.kinds.most_common(1)[0]
        filled = sum(self.kinds.values())
        if hits * 10 >= filled * 9:
            return kind
        return next((wide for wide, parts in _WIDER if set(self.kinds) <= parts), ValueKind.TEXT)

    @property
    def emptiness(self) -> float:
        """Share of records, 0 to 1, that have the field and nothing in it."""
        return self.empty / self.count if self.count else 0.0

    @property
    def is_code_like(self) -> bool:
        """Few short values that come again: a code, unless a name says otherwise."""
        if self.kind not in _CODE_KINDS or not self.values:
            return False
        return len(self.values) <= _MOST_CODES and max(map(len, self.values)) <= _LONGEST_CODE

    def take(self, text: str) -> None:
        self.count += 1
        if is_empty(text):
            self.empty += 1
            return
        self.kinds[self._kind_of(text)] += 1
        self.longest = max(self.longest, len(text))
        if len(text) <= LONGEST_DISTINCT and (text in self.values or len(self.values) < MAX_DISTINCT):
            self.values[text] += 1
        if len(self.examples) < MAX_EXAMPLES:
            example = shown(text)
            if example not in self.examples:
                self.examples.append(example)

    def _kind_of(self, text: str) -> ValueKind:
        """Values of a field come again and again: the first of them are judged once."""
        kind = self.kinds_seen.get(text)
        if kind is None:
            kind = kind_of(text)
            if len(self.kinds_seen) < MAX_DISTINCT:
                self.kinds_seen[text] = kind
        return kind


_MOST_CODES = 20
_LONGEST_CODE = 12
_CODE_KINDS = frozenset({ValueKind.WHOLE, ValueKind.TOKEN, ValueKind.TEXT, ValueKind.FLAG})
_WIDER: Sequence[tuple[ValueKind, frozenset[ValueKind]]] = (
    (ValueKind.INSTANT, frozenset({ValueKind.INSTANT, ValueKind.DAY})),
    (ValueKind.DECIMAL, frozenset({ValueKind.DECIMAL, ValueKind.WHOLE})),
    (ValueKind.RESIDENT_ID, frozenset({ValueKind.RESIDENT_ID, ValueKind.CREDIT_CODE})),
    (
        ValueKind.TOKEN,
        frozenset({
            ValueKind.TOKEN, ValueKind.WHOLE, ValueKind.ITEM_CODE, ValueKind.ORG_CODE, ValueKind.CREDIT_CODE,
            ValueKind.PHONE, ValueKind.DECIMAL, ValueKind.DAY,
        }),
    ),
)  # fmt: skip

Profile = Mapping[str, FieldProfile]


def profile(units: Iterable[Node]) -> dict[str, FieldProfile]:
    """Every field of the records by its path below the record (`proposer/name`), in order of first sight."""
    fields: dict[str, FieldProfile] = {}
    for unit in units:
        for path, text, repeats in leaves(unit):
            seen = fields.get(path)
            if seen is None:
                if len(fields) >= MAX_FIELDS:
                    continue
                seen = fields[path] = FieldProfile(path)
            seen.take(text)
            seen.repeats = seen.repeats or repeats
    return fields


def leaves(node: Node, path: str = "", depth: int = 0, *, repeats: bool = False) -> Iterator[tuple[str, str, bool]]:
    """Path, text and whether the path stands more than once in the record."""
    if depth > MAX_DEPTH:
        return
    for name, value in node.items():
        here = f"{path}/{name}" if path else name
        values = value if isinstance(value, list) else [value]
        for single in values:
            many = repeats or len(values) > 1
            if isinstance(single, Mapping):
                yield from leaves(single, here, depth + 1, repeats=many)
            elif not isinstance(single, list):
                yield here, "" if single is None else _text(single), many


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# --- drift ------------------------------------------------------------------------------------------------------


class DriftKind(StrEnum):
    NEW = "NEW"
    MISSING = "MISSING"
    RETYPED = "RETYPED"
    EMPTIER = "EMPTIER"


DRIFT_TITLES = {
    DriftKind.NEW: "新出现的字段", DriftKind.MISSING: "不再出现的字段", DriftKind.RETYPED: "类型变了的字段",
    DriftKind.EMPTIER: "突然大量为空的字段",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which later messages differ from earlier ones."""

    kind: DriftKind
    path: str
    message: str


EMPTINESS_JUMP = 0.4
FEWEST_RECORDS = 5


def drift(old: Profile, new: Profile) -> list[Drift]:
    """What changed in the structure, in the order of the fields; nothing while either side holds too few records."""
    if min(_records(old), _records(new)) < FEWEST_RECORDS:
        return []
    found: list[Drift] = []
    for path, before in old.items():
        after = new.get(path)
        if after is None:
            found.append(Drift(DriftKind.MISSING, path, f"此前 {before.count} 条记录有它，现在一条也没有"))
        else:
            found += _retyped(before, after)
            found += _emptier(path, _unfilled(before, old), _unfilled(after, new))
    return found + [Drift(DriftKind.NEW, path, "此前的报文没有这个字段") for path in new if path not in old]


def _records(fields: Profile) -> int:
    return max((field.count for field in fields.values()), default=0)


def _unfilled(field: FieldProfile, fields: Profile) -> float:
    """Share of all records in which the field is empty or not there at all."""
    return 1 - (field.count - field.empty) / _records(fields)


def _retyped(before: FieldProfile, after: FieldProfile) -> Iterator[Drift]:
    if before.kind and after.kind and _family(before.kind) != _family(after.kind):
        yield Drift(DriftKind.RETYPED, before.path, f"由{KIND_TITLES[before.kind]}变为{KIND_TITLES[after.kind]}")


def _emptier(path: str, before: float, after: float) -> Iterator[Drift]:
    if after - before >= EMPTINESS_JUMP:
        yield Drift(DriftKind.EMPTIER, path, f"没有内容的记录由 {before:.0%} 升到 {after:.0%}")


def _family(kind: ValueKind) -> str:
    return _FAMILIES.get(kind, kind.value)


_FAMILIES = dict.fromkeys((ValueKind.INSTANT, ValueKind.DAY), "time") | dict.fromkeys(
    (ValueKind.WHOLE, ValueKind.DECIMAL, ValueKind.TOKEN, ValueKind.FLAG), "code"
)
