"""The fields of a canonical record as the editor lists them: paths with dots, titles, what absence means."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from hub.domain.fields import (
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
from hub.domain.records import RECORD_KINDS

_NAMES_OF_PEOPLE = frozenset({"applicantName", "agentName", "legalRepresentative", "officerName"})
_KIND_WORDS: Mapping[type[Kind], str] = MappingProxyType({
    Text: "文字", Code: "代码", Whole: "整数", Money: "金额（元）", Instant: "时间", Day: "日期", Flag: "是/否",
    Group: "分组",
})  # fmt: skip
PRESENCE_WORDS = MappingProxyType({Presence.MUST: "必填", Presence.WANTED: "应填", Presence.OPTIONAL: "可选"})


@dataclass(frozen=True, slots=True)
class TargetField:
    """`path` as in an adapter document (`application.title`); `group` is the path before the last dot."""

    path: str
    spec: FieldSpec
    group: str
    group_title: str

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def full_title(self) -> str:
        return f"{self.group_title} · {self.title}" if self.group else self.title

    @property
    def presence(self) -> Presence:
        return self.spec.presence

    @property
    def presence_word(self) -> str:
        return PRESENCE_WORDS[self.spec.presence]

    @property
    def code_list(self) -> str:
        """Name of the list in `hub.domain.codes`, empty for a field that is no code."""
        return self.spec.kind.codes.name if isinstance(self.spec.kind, Code) else ""

    @property
    def kind_words(self) -> str:
        """`文字，不超过 200 字`."""
        words = _KIND_WORDS[type(self.spec.kind)]
        if isinstance(self.spec.kind, Text):
            words += f"，不超过 {self.spec.kind.max_length} 字"
        return f"{words}，可有多个" if self.spec.many else words

    @property
    def is_personal(self) -> bool:
        return self.spec.personal or self.spec.wire in _NAMES_OF_PEOPLE

    @property
    def example(self) -> str:
        """What an advanced expression for a repeated group may look like."""
        if not isinstance(self.spec.kind, Group):
            return ""
        names = [spec.wire for spec in field_specs(self.spec.kind.record) if spec.presence is Presence.MUST]
        inner = "\n".join(f"  {name}: {{from: .}}" for name in names)
        return f"list: {{select: 重复元素的路径}}\nof:\n{inner}"


@cache
def target_fields(store: str) -> tuple[TargetField, ...]:
    """All fields of a kind of record (`ITEM`, `PROCESS`, `RESULT`) in contract order; none of an unknown kind."""
    kind = RECORD_KINDS.get(store)
    return tuple(_fields(kind.record, "", "")) if kind else ()


def target_field(store: str, path: str) -> TargetField | None:
    return next((field for field in target_fields(store) if field.path == path), None)


def title_of_path(path: str) -> str:
    """What a field of any kind of record is called, the path itself when there is none."""
    return next((field.full_title for field in _anywhere(path)), path)


def code_list_of_path(path: str) -> str:
    """The code list of a field of any kind of record; empty when it is no code."""
    return next((field.code_list for field in _anywhere(path) if field.code_list), "")


def _anywhere(path: str) -> Iterator[TargetField]:
    return (field for store in RECORD_KINDS if (field := target_field(store, path)))


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the required fields have a source, and which have none."""

    given: int
    required: int
    missing: tuple[TargetField, ...]


def coverage(store: str, mapped: Set[str]) -> Coverage:
    """A group's required fields count once any field of the group is mapped."""
    groups = {path.rpartition(".")[0] for path in mapped}
    asked = [
        field for field in target_fields(store) if field.presence is Presence.MUST and field.group in groups | {""}
    ]
    missing = tuple(field for field in asked if field.path not in mapped)
    return Coverage(len(asked) - len(missing), len(asked), missing)


def _fields(record: type, group: str, group_title: str) -> Iterator[TargetField]:
    for spec in field_specs(record):
        path = f"{group}.{spec.wire}" if group else spec.wire
        if isinstance(spec.kind, Group) and not spec.many:
            yield from _fields(spec.kind.record, path, spec.title)
        else:
            yield TargetField(path, spec, group, group_title)
