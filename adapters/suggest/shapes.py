"""Which records a set of messages holds: every element that stands for one of the sender's own records is a shape.

A shape is told from a mere part of a record by a key of its own (a case number, an item code) or by coming again and
again; parts, such as the applicant of a case, are read with the record beside or below which they stand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath

from adapters.suggest.names import name_score
from adapters.suggest.structure import MAX_DEPTH, FieldProfile, Node, profile
from adapters.suggest.values import ValueKind, kind_of

MAX_RECORDS_PER_SHAPE = 2_000
MAX_GROUPS = 200
MAX_SHAPES = 24
MAX_AROUND = 100
MAX_ELEMENTS = 200_000
FEWEST_FIELDS = 2

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One sample as a tree. `table` is the name of the table, sheet or file that rows came from."""

    name: str
    tree: Node
    table: str | None = None


class Place(StrEnum):
    """Where a field stands: in the record, beside it as a part or in a list of parts, in or above another record."""

    OWN = "OWN"
    PART = "PART"
    LIST = "LIST"
    ELSEWHERE = "ELSEWHERE"


@dataclass(slots=True)
class Shape:
    """One kind of record: where it stands, how often, its own fields and those that stand once around it."""

    path: Path
    table: str | None
    count: int
    repeats: bool
    fields: dict[str, FieldProfile]
    around: dict[Path, tuple[Place, FieldProfile]] = field(default_factory=dict)
    telling: str | None = None
    """A field that only this shape has, where several shapes stand in the same place."""
    file: str | None = None
    """What the files with this shape are called, where they are all called alike."""

    @property
    def name(self) -> str:
        """What the sender calls such a record; where its element tells nothing, the name of the file."""
        own = self.table or (self.path[-1] if self.path else None)
        return (self.file or own or "record") if self.telling or own is None else own


@dataclass(slots=True)
class _Group:
    """All elements of one path; of rows, all rows of one table."""

    path: Path
    table: str | None
    nodes: list[Node] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    repeats: bool = False
    count: int = 0

    @property
    def own_names(self) -> set[str]:
        return {name for node in self.nodes for name, value in node.items() if _is_leaf(value)}


def shapes_of(messages: Sequence[Message]) -> list[Shape]:
    """The kinds of records in the messages, most fields first in the order in which they stand."""
    groups = _groups(messages)
    chosen = [group for group in groups if _is_record(group)] or _largest(groups)
    split = [part for group in chosen[:MAX_SHAPES] for part in _split_by_fields(group)][:MAX_SHAPES]
    paths = {group.path for group, _ in split}
    shapes = [_shape(group, telling, paths, groups) for group, telling in split]
    return [shape for shape in shapes if len(shape.fields) >= FEWEST_FIELDS]


# --- groups -----------------------------------------------------------------------------------------------------


def _groups(messages: Sequence[Message]) -> list[_Group]:
    """Every path that has fields of its own, in order of first sight."""
    groups: dict[tuple[str | None, Path], _Group] = {}
    budget = MAX_ELEMENTS
    for message in messages:
        for path, node, repeats in _elements(message.tree, ()):
            budget -= 1
            if budget < 0:
                break
            group = groups.get((message.table, path))
            if group is None:
                if len(groups) >= MAX_GROUPS:
                    continue
                group = groups[message.table, path] = _Group(path, message.table)
            group.count += 1
            group.repeats = group.repeats or repeats
            if len(group.nodes) < MAX_RECORDS_PER_SHAPE:
                group.nodes.append(node)
                group.origins.append(message.name)
    return list(groups.values())


def _elements(node: Node, path: Path, *, repeats: bool = False) -> Iterator[tuple[Path, Node, bool]]:
    if len(path) > MAX_DEPTH:
        return
    yield path, node, repeats
    for name, value in node.items():
        values = value if isinstance(value, list) else [value]
        for single in values:
            if isinstance(single, Mapping):
                yield from _elements(single, (*path, name), repeats=len(values) > 1)


def _is_leaf(value: object) -> bool:
    return not isinstance(value, Mapping | list)


# --- which groups are records -----------------------------------------------------------------------------------

_CLEARLY = 0.7


def _is_record(group: _Group) -> bool:
    fewest = max(len(node) for node in group.nodes)
    if fewest < FEWEST_FIELDS or _is_part_list(group):
        return False
    return any(_is_key(group, name) for name in group.own_names)


def _is_key(group: _Group, name: str) -> bool:
    context = group.path[-1] if group.path else ""
    if any(name_score(name, context, key).score >= _CLEARLY for key in ("caseNo", "itemCode")):
        return True
    value = next((node[name] for node in group.nodes if isinstance(node.get(name), str) and node[name]), "")
    return kind_of(str(value)) is ValueKind.ITEM_CODE


_PART_TARGETS = ("application.material.name", "attachment.name")


def _is_part_list(group: _Group) -> bool:
    """Materials and attachments belong to the record around them, even where they repeat its number."""
    if group.table is not None:
        return False
    last = group.path[-1] if group.path else ""
    names = group.own_names
    files = any(name_score(name, last, target).score >= _CLEARLY for name in names for target in _PART_TARGETS)
    return files and not any(name_score(name, last, _APPLICANT).score >= _CLEARLY for name in names)


_APPLICANT = "application.applicantName"


def _largest(groups: Sequence[_Group]) -> list[_Group]:
    """Without a key anywhere: what repeats, else the whole message."""
    filled = [group for group in groups if len(group.own_names) >= FEWEST_FIELDS]
    again = [group for group in filled if group.repeats]
    if again:
        return [max(again, key=lambda group: group.count * len(group.own_names))]
    roots = [group for group in groups if not group.path]
    return roots[:1]


# --- one place, several kinds of records ------------------------------------------------------------------------

_SAME_KIND = 0.75


def _split_by_fields(group: _Group) -> Iterator[tuple[_Group, str | None]]:
    """Messages of different kinds often share one root: told apart by their fields."""
    clusters: list[tuple[set[str], _Group]] = []
    for node, origin in zip(group.nodes, group.origins, strict=True):
        names = set(node)
        fitting = next((cluster for cluster in clusters if _overlap(cluster[0], names) >= _SAME_KIND), None)
        if fitting is None:
            fitting = (names, _Group(group.path, group.table, repeats=group.repeats))
            clusters.append(fitting)
        fitting[0].update(names)
        fitting[1].nodes.append(node)
        fitting[1].origins.append(origin)
        fitting[1].count += 1
    for names, cluster in clusters[:_MOST_KINDS]:
        others = [other for other, _ in clusters if other is not names]
        yield cluster, (_telling(cluster, names, others) if others else None)


_MOST_KINDS = 12


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


_LONGEST_TELLING = 64


def _telling(cluster: _Group, names: set[str], others: Sequence[set[str]]) -> str | None:
    own = names.difference(*others)
    first = [name for name in cluster.nodes[0] if name in own and len(name) <= _LONGEST_TELLING]
    always = [name for name in first if all(node.get(name) for node in cluster.nodes)]
    return next(iter(always), None)


# --- what stands around a record --------------------------------------------------------------------------------


def _shape(group: _Group, telling: str | None, paths: set[Path], groups: Sequence[_Group]) -> Shape:
    inner = [path for path in paths if path[: len(group.path)] == group.path and path != group.path]
    fields = _own_fields(group, inner)
    shape = Shape(group.path, group.table, group.count, group.repeats, fields, telling=telling, file=_called(group))
    for other in groups:
        if other.table == group.table and not other.repeats and not _inside(other.path, group.path):
            for name, seen in profile(_flat(node) for node in other.nodes).items():
                if len(shape.around) < MAX_AROUND:
                    shape.around[(*other.path, name)] = (_place(other, group, paths), seen)
    return shape


def _called(group: _Group) -> str | None:
    """`03-shouli.xml` and `04-shouli.xml` are both called shouli."""
    called = {PurePath(name).stem.strip(_NUMBERING) for name in set(group.origins)}
    return (called.pop() or None) if len(called) == 1 else None


_HEADS = frozenset({"head", "header", "msghead", "messagehead"})
_NUMBERING = "0123456789-_. ()（）"


def _place(other: _Group, group: _Group, paths: set[Path]) -> Place:
    head = bool(other.path) and other.path[-1].lower() in _HEADS
    if head or other.path in paths or _inside(group.path, other.path):
        return Place.ELSEWHERE
    return Place.LIST if _is_part_list(other) else Place.PART


def _own_fields(group: _Group, inner: Sequence[Path]) -> dict[str, FieldProfile]:
    """Fields below the record, except those of records that stand inside it."""
    fields = profile(group.nodes)
    skipped = tuple("/".join(path[len(group.path) :]) + "/" for path in inner)
    return {path: seen for path, seen in fields.items() if not (skipped and path.startswith(skipped))}


def _inside(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _flat(node: Node) -> Node:
    return {name: value for name, value in node.items() if _is_leaf(value)}
