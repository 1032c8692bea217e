"""Code maps drafted from the values that came: by their Chinese words, or by a published set that knows them all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from adapters.suggest.vocabulary import rows_of
from hub.domain.codes import CodeList


@dataclass(frozen=True, slots=True)
class CodeDraft:
    """`readings` names the published sets that know all the values: with more than one, a person must say which."""

    values: Mapping[str, str]
    unknown: tuple[str, ...]
    readings: tuple[str, ...] = ()


def draft_codes(codes: CodeList, values: Iterable[str]) -> CodeDraft:
    """A token for every value that is a word or belongs to a published set; the others are left to a person."""
    wanted = [value.strip() for value in values]
    by_word = {value: token for value in wanted if (token := _by_word(codes, value))}
    if by_word:
        # Who writes one value as a word writes the others so too.
        by_word = {title: token for token, title in codes.titles.items()} | by_word
    others = [value for value in wanted if value not in by_word]
    published = _published().get(codes.name, {})
    readings = [name for name, known in published.items() if others and known.keys() >= set(others)]
    if readings:
        first = published[readings[0]]
        # The whole set and not only what came: the next message may bring the rest.
        return CodeDraft(by_word | dict(first), (), tuple(readings))
    return CodeDraft(by_word, tuple(others))


def knows_all(codes: CodeList, values: Iterable[str]) -> bool:
    """Whether every value is a word of the list or a published set knows them all."""
    return not draft_codes(codes, values).unknown


def _by_word(codes: CodeList, value: str) -> str | None:
    if value in codes.titles:
        return value
    return _words()[codes.name].get(value)


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in rows_of("code_words.csv"):
        for word in row["words"].split(";"):
            found[row["list"]].setdefault(word, row["token"])
    return found


@cache
def _published() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows_of("published_codes.csv"):
        found.setdefault(row["list"], {}).setdefault(row["set"], {})[row["code"]] = row["token"]
    return found
