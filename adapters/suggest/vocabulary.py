"""What the fields of the contract are called elsewhere: labels of the guideline, synonyms, their pinyin, English words.

The tables beside this file hold general vocabulary only; pinyin is made from the Chinese ones. `(a|b|)` in a table
stands for either word or none.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice, product
from types import MappingProxyType

from pypinyin import lazy_pinyin

from hub.domain.fields import FieldSpec, Group, field_specs
from hub.domain.records import ITEM, PROCESS, RESULT, RecordKind

MAX_VARIANTS = 400
_MAX_READINGS = 8


Meaning = frozenset[str]
"""The concepts that one English word can stand for."""


@dataclass(frozen=True, slots=True)
class Target:
    """One canonical field, addressed as in an adapter document: `application.applicantName`."""

    path: str
    spec: FieldSpec
    title: str


@dataclass(frozen=True, slots=True)
class Names:
    """All names of one target. `syllables` stand by their first letter; `phrases` are English, with their meanings."""

    chinese: frozenset[str]
    initials: frozenset[str]
    spelled: frozenset[str]
    syllables: Mapping[str, tuple[tuple[str, ...], ...]]
    phrases: tuple[tuple[str, tuple[Meaning, ...]], ...]


@cache
def targets_of(kind: RecordKind) -> Mapping[str, Target]:
    """Every field of a kind of record that a draft can fill, nested ones by dots, in contract order."""
    return MappingProxyType({target.path: target for target in _walk(kind.record, "", "")})


def _walk(record: type, prefix: str, group_title: str) -> Iterator[Target]:
    for spec in field_specs(record):
        path = prefix + spec.wire
        if isinstance(spec.kind, Group):
            yield Target(path, spec, group_title + spec.title)
            yield from _walk(spec.kind.record, f"{path}.", f"{spec.title}·")
        else:
            yield Target(path, spec, group_title + spec.title)


@cache
def names_of(path: str) -> Names:
    """The names of a target in every spelling; those of the contract are among them."""
    chinese, english = _table().get(path, ("", ""))
    titles = {target.spec.title for kind in (ITEM, PROCESS, RESULT) for target in _at(kind, path)}
    labels = frozenset(titles | set(_expanded(chinese)))
    readings = tuple(reading for label in sorted(labels) for reading in _readings(label))
    phrases = {tuple(phrase.split()) for phrase in _expanded(english)}
    phrases.add(tuple(split_camel(path.rpartition(".")[2])))
    return Names(
        chinese=labels,
        initials=frozenset("".join(syllable[0] for syllable in reading) for reading in readings),
        spelled=frozenset("".join(reading) for reading in readings),
        syllables=_by_first_letter(readings),
        phrases=tuple((" ".join(phrase), tuple(map(_meaning, phrase))) for phrase in sorted(phrases) if phrase),
    )


def _by_first_letter(readings: Sequence[tuple[str, ...]]) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for reading in readings:
        found.setdefault(reading[0][0], []).append(reading)
    return {letter: tuple(together) for letter, together in found.items()}


def _meaning(word: str) -> Meaning:
    return frozenset({word}) | concepts().get(word, frozenset())


def _at(kind: RecordKind, path: str) -> list[Target]:
    target = targets_of(kind).get(path)
    return [target] if target else []


_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def split_camel(name: str) -> list[str]:
    """`applicantIdNo` → applicant, id, no."""
    return [word.lower() for word in _CAMEL.findall(name)]


# --- tables -----------------------------------------------------------------------------------------------------


def rows_of(name: str) -> Iterator[dict[str, str]]:
    """The rows of one of the tables beside this file."""
    text = files("adapters.suggest").joinpath(name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


@cache
def _table() -> Mapping[str, tuple[str, str]]:
    return {row["target"]: (row["chinese"] or "", row["english"] or "") for row in rows_of("words.csv")}


@cache
def concepts() -> Mapping[str, frozenset[str]]:
    """English word as written → what it can mean."""
    found: dict[str, set[str]] = {}
    for row in rows_of("english.csv"):
        for form in row["forms"].split():
            found.setdefault(form, set()).add(row["concept"])
    return {form: frozenset(meanings) for form, meanings in found.items()}


_PART = re.compile(r"\(([^()]*)\)|([^()]+)")


def _expanded(patterns: str) -> Iterator[str]:
    """`(申请|申办)人;代表` → 申请人, 申办人, 代表."""
    for pattern in patterns.split(";"):
        parts = [(group.split("|") if group or not plain else [plain]) for group, plain in _PART.findall(pattern)]
        for words in islice(product(*parts), MAX_VARIANTS):
            text = "".join(words).strip()
            if text:
                yield text


# --- pinyin -----------------------------------------------------------------------------------------------------

# Signs of the labels with a second reading in everyday use; the rare ones of dictionaries would only mislead.
_OTHER_READINGS: Mapping[str, tuple[str, ...]] = {
    "行": ("hang", "xing"), "长": ("zhang", "chang"), "重": ("zhong", "chong"), "校": ("jiao", "xiao"),
    "种": ("chong",), "称": ("chen",), "会": ("kuai",), "调": ("tiao", "diao"), "率": ("lv",), "单": ("shan",),
    "识": ("zhi",),
}  # fmt: skip
_HAN = re.compile(r"[\u4e00-\u9fff]+")


def _readings(label: str) -> Iterator[tuple[str, ...]]:
    """The label's syllables as its words are read, and as people read them who name columns sign by sign."""
    text = "".join(_HAN.findall(label))
    if not text:
        return
    read = lazy_pinyin(text)
    options = [
        tuple(dict.fromkeys((syllable, *_OTHER_READINGS.get(sign, ()))))
        for sign, syllable in zip(text, read, strict=True)
    ]
    yield from islice(product(*options), _MAX_READINGS)
