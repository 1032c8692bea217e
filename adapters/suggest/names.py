"""How likely a foreign field name means a canonical field: in Chinese, in pinyin, in its initials, in English."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from adapters.suggest.vocabulary import Meaning, concepts, names_of, split_camel

LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class NameScore:
    """0 to 1, and why, in Chinese."""

    score: float
    reason: str


NONE = NameScore(0.0, "")


@lru_cache(maxsize=20_000)
def name_score(name: str, context: str, path: str) -> NameScore:
    """How well the name fits the target. `context` is the name of what holds the field: a table, an element."""
    name = name[:LONGEST_NAME]
    if _HAN.search(name):
        return _chinese(name, path)
    spelled = max(_spellings(name, path), key=lambda found: found.score, default=NONE)
    english = _english(name, context[:LONGEST_NAME], path)
    return max(spelled, english, key=lambda found: found.score)


# --- Chinese ----------------------------------------------------------------------------------------------------

_HAN = re.compile(r"[\u4e00-\u9fff]")
_NOISE = re.compile(r"[\s_\-—:：*（）()【】\[\]]")


def _chinese(name: str, path: str) -> NameScore:
    tidied = _NOISE.sub("", name)
    names = names_of(path)
    if tidied in names.chinese:
        return NameScore(1.0, f"名称就是“{tidied}”")
    best = max(names.chinese, key=lambda label: (_alike(tidied, label), label))
    alike = _alike(tidied, best)
    return NameScore(alike * 0.9, f"名称与“{best}”相近") if alike >= 0.5 else NONE


def _alike(one: str, other: str) -> float:
    """Dice coefficient of the pairs of neighbouring signs, 0 to 1."""
    pairs, others = _pairs(one), _pairs(other)
    return 2 * len(pairs & others) / (len(pairs) + len(others))


def _pairs(text: str) -> set[str]:
    padded = f"^{text}$"
    return {padded[at : at + 2] for at in range(len(padded) - 1)}


# --- pinyin -----------------------------------------------------------------------------------------------------

# Two letters stand for many words, eight for one.
_SURE_OF_INITIALS = {1: 0.0, 2: 0.5, 3: 0.75, 4: 0.88}
_SURE = 0.95
_LONGEST_PREFIX = 3
_SHORTEST_PART = 4
_COVERED = 0.5


def _spellings(name: str, path: str) -> Iterator[NameScore]:
    for letters, faith in _letter_forms(name):
        yield _initials(letters, faith, path)
        yield _spelled(letters, faith, path)


@lru_cache(maxsize=5_000)
def _letter_forms(name: str) -> tuple[tuple[str, float], ...]:
    """The name as bare letters; without a short prefix such as a table's; without a word for 代码 at its end."""
    return tuple(_forms_of(name))


def _forms_of(name: str) -> Iterator[tuple[str, float]]:
    parts = [part for part in re.split(r"[^A-Za-z]+", name.lower()) if part]
    if not parts:
        return
    whole = "".join(parts)
    yield whole, 1.0
    if len(parts) > 1 and len(parts[0]) <= _LONGEST_PREFIX:
        yield "".join(parts[1:]), 0.95
    if len(parts) > 1:
        yield parts[0], 0.8
    if len(whole) >= _SHORTEST_PART and whole.endswith(("dm", "bm")):
        yield whole[:-2], 0.9


def _initials(letters: str, faith: float, path: str) -> NameScore:
    known = names_of(path).initials
    if letters in known:
        return NameScore(_SURE_OF_INITIALS.get(len(letters), _SURE) * faith, f"{letters.upper()} 是拼音首字母")
    part = _longest_part(letters, known, _SHORTEST_PART)
    if len(part) < _COVERED * len(letters):
        return NONE
    return NameScore(_SURE * faith * len(part) / len(letters), f"含拼音首字母 {part.upper()}")


def _spelled(letters: str, faith: float, path: str) -> NameScore:
    names = names_of(path)
    if letters in names.spelled:
        return NameScore(faith, "是全拼")
    if len(letters) >= _SHORTEST_SPELLED and any(
        _spells(letters, syllables) for syllables in names.syllables.get(letters[0], ())
    ):
        return NameScore(0.9 * faith, "是全拼与首字母的混写")
    part = _longest_part(letters, names.spelled, 2 * _SHORTEST_PART)
    if len(part) < _COVERED * len(letters):
        return NONE
    return NameScore(0.9 * faith * len(part) / len(letters), f"含全拼 {part}")


_SHORTEST_SPELLED = 5


def _longest_part(letters: str, known: frozenset[str], shortest: int) -> str:
    """The longest known spelling with which the letters begin or end."""
    found = _ends(letters, shortest) & known
    return max(found, key=lambda part: (len(part), part), default="")


@lru_cache(maxsize=10_000)
def _ends(letters: str, shortest: int) -> frozenset[str]:
    lengths = range(shortest, len(letters))
    return frozenset(part for length in lengths for part in (letters[:length], letters[-length:]))


def _spells(letters: str, syllables: Sequence[str]) -> bool:
    """Whether each syllable is there in turn, in full or by its first letters, and at least one in full."""
    reached: set[tuple[int, bool]] = {(0, False)}
    for syllable in syllables:
        reached = {
            (at + len(form), full or len(form) > 2)
            for at, full in reached
            for form in _forms(syllable)
            if letters.startswith(form, at)
        }
    return (len(letters), True) in reached


def _forms(syllable: str) -> tuple[str, ...]:
    first = syllable[:2] if syllable.startswith(("zh", "ch", "sh")) else syllable[:1]
    return tuple({syllable, first, syllable[:1]})


# --- English ----------------------------------------------------------------------------------------------------

_GENERIC = frozenset({"name", "code", "number", "type", "status", "date", "is", "list", "unit"})
_GENERIC_WEIGHT = 0.6
_FROM_CONTEXT = 0.75
_NEIGHBOURS = {frozenset({"code", "number"}): 0.8, frozenset({"org", "department"}): 0.7}
_LEAST_ENGLISH = 0.45
_OUT_OF_PLACE = 0.8
_SURE_OF_WORDS = 0.93
# Words in the name of a table or an endpoint that say how data travels, not what it is.
_TRANSPORT = frozenset({"receive", "received", "get", "submit", "list", "record", "deliver", "take"})


def _english(name: str, context: str, path: str) -> NameScore:
    own, around = words_of(name), _words_around(context)
    if not own:
        return NONE
    best, phrase = max(
        ((_fit(own, around, meanings), phrase) for phrase, meanings in names_of(path).phrases),
        default=(0.0, ""),
    )
    if best < _LEAST_ENGLISH:
        return NONE
    # Of two phrases that fit alike, the one that says more decides.
    return NameScore(best * _SURE_OF_WORDS + 0.01 * phrase.count(" "), f"英文含义与 {phrase} 相合")


@lru_cache(maxsize=5_000)
def _words_around(context: str) -> tuple[Meaning, ...]:
    return tuple(word for word in words_of(context) if not word & _TRANSPORT)


def _fit(own: Sequence[Meaning], around: Sequence[Meaning], phrase: Sequence[Meaning]) -> float:
    """Harmonic mean of how much of the name the phrase explains and how much of the phrase name and context say."""
    if not any(word & other for word in own for other in phrase):
        return 0.0
    explained = sum(_weight(word) * max(_same(word, other) for other in phrase) for word in own)
    said = sum(_weight(word) * _heard(word, own, around) for word in phrase)
    precision, recall = explained / sum(map(_weight, own)), said / sum(map(_weight, phrase))
    fit = 2 * precision * recall / (precision + recall)
    return fit * _OUT_OF_PLACE if _is_out_of_place(own, around, phrase) else fit


def _is_out_of_place(own: Sequence[Meaning], around: Sequence[Meaning], phrase: Sequence[Meaning]) -> bool:
    """Whether a name such as `name` or `date` stands in something that the phrase knows nothing of."""
    if not around or not all(word & _GENERIC for word in own):
        return False
    return not any(word & other for word in around for other in phrase)


def _heard(word: Meaning, own: Sequence[Meaning], around: Sequence[Meaning]) -> float:
    by_name = max(_same(word, other) for other in own)
    by_context = max((_same(word, other) for other in around), default=0.0) * _FROM_CONTEXT
    return max(by_name, by_context)


def _same(one: Meaning, other: Meaning) -> float:
    if one & other:
        return 1.0
    return max((share for pair, share in _NEIGHBOURS.items() if pair & one and pair & other), default=0.0)


def _weight(word: Meaning) -> float:
    return _GENERIC_WEIGHT if word & _GENERIC else 1.0


# --- words in a name --------------------------------------------------------------------------------------------

_UNKNOWN_LETTER = 1.5
_SHORTEST_STEM = 4


def says_whether(name: str) -> bool:
    """Whether the name is that of a yes or no: `isfee`, `SFSF` does not show, `是否收费` does."""
    if name.startswith("是否"):
        return True
    return any("is" in word for word in words_of(name[:LONGEST_NAME])[:: max(1, len(words_of(name)) - 1)])


@lru_cache(maxsize=5_000)
def words_of(name: str) -> tuple[Meaning, ...]:
    """The English words of a name as what they can mean, also where they run together: `applydate`."""
    return tuple(meaning for part in split_camel(name) for meaning in _words_in(part) if not part.isdigit())


def _words_in(part: str) -> list[Meaning]:
    known = _meaning(part)
    if known:
        return [known]
    words = _segmented(part)
    return [_meaning(word) or frozenset({word}) for word in words]


@lru_cache(maxsize=20_000)
def _meaning(word: str) -> Meaning:
    table = concepts()
    stems = (word, word.removesuffix("s"), word.removesuffix("ed"), word.removesuffix("r"))
    found = next((table[stem] for stem in stems if stem in table), None)
    if found is None and len(word) >= _SHORTEST_STEM:
        found = next((table[form] for form in sorted(table) if form.startswith(word)), None)
    return found or frozenset()


def _segmented(part: str) -> list[str]:
    """The cheapest way to cut the letters into known words; what is left over stays together as unknown words."""
    table = concepts()
    best: list[tuple[float, list[str]]] = [(0.0, [])]
    for end in range(1, len(part) + 1):
        options = [(best[end - 1][0] + _UNKNOWN_LETTER, [*best[end - 1][1], part[end - 1]])]
        for start in range(max(0, end - 16), end - 1):
            if part[start:end] in table:
                options.append((best[start][0] + 1, [*best[start][1], part[start:end]]))
        best.append(min(options, key=lambda option: option[0]))
    return _joined(best[-1][1])


def _joined(pieces: Sequence[str]) -> list[str]:
    words: list[str] = []
    loose = False
    for piece in pieces:
        if len(piece) == 1 and loose:
            words[-1] += piece
        else:
            words.append(piece)
        loose = len(piece) == 1
    return words
