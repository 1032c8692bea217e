"""Regular expressions out of a subset whose cost is known before they are used.

No look-around, no back-references, no repetition of what can itself be of several lengths. What is left is a bounded
number of ways to try a text; the longest text that a pattern may read is chosen so that they stay few.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from hub.domain.errors import RejectedError

LONGEST_PATTERN = 200
MOST_REPETITIONS = 1_000
LONGEST_TEXT = 10_000
_SHORTEST_TEXT = 64
_MOST_STEPS = 500_000
_MOST_DEPTH = 10
_LENGTHS = (LONGEST_TEXT, 5_000, 2_000, 1_000, 700, 500, 350, 250, 175, 125, 90, _SHORTEST_TEXT)

Ways = Callable[[int], int]
"""In how many ways a part can match a text of so many characters, at most."""

_ESCAPE = re.compile(r"\\(?:[dDwWsSbtnr]|[^A-Za-z0-9])")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\\[]|\\(?:[dDwWsStnr]|[^A-Za-z0-9]))*\]")
_SET_OPERATION = re.compile(r"--|&&|\|\||~~")
_QUANTIFIER = re.compile(r"[*+?]|\{([0-9]{1,5})(?:(,)([0-9]{0,5}))?\}")


@dataclass(frozen=True, slots=True)
class BoundedPattern:
    """A compiled pattern and the longest text that it may read."""

    compiled: re.Pattern[str]
    longest_text: int


def bounded_pattern(text: object) -> BoundedPattern:
    """Raises RejectedError HUB-3021 with what is not allowed."""
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_PATTERN:
        raise _refused(f"应为 1 至 {LONGEST_PATTERN} 个字符")
    ways = _Reader(text).whole()
    starts_anywhere = not text.startswith("^") or "|" in text
    longest = next((n for n in _LENGTHS if (ways(n) + n) * (n if starts_anywhere else 1) <= _MOST_STEPS), None)
    if longest is None:
        raise _refused("过于复杂：减少 * 和 +，或写明次数，或以 ^ 开头")
    try:
        return BoundedPattern(re.compile(text), longest)
    except (re.error, OverflowError) as exc:
        raise _refused("不是正确的正则表达式") from exc


def _refused(why: str) -> RejectedError:
    return RejectedError("HUB-3021", f"匹配模式不能用：{why}")


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a pattern.

    `is_fixed`: it matches in one way only, and never nothing. `head`: the set of characters that it must begin with,
    where that is known. `tail`: the set that its last, open repetition takes; `before_tail` are the ways without it.
    """

    ways: Ways
    is_fixed: bool = False
    head: str | None = None
    tail: str | None = None
    before_tail: Ways | None = None

    def ways_before(self, following: str | None) -> Ways:
        """Where the next character can be none of those repeated, there is only one length to try."""
        if self.before_tail is None or self.tail is None or following is None or not _disjoint(self.tail, following):
            return self.ways
        return self.before_tail


def _once(n: int) -> int:
    return 1


def _nothing() -> _Part:
    return _Part(_once)


def _one_of(characters: str) -> _Part:
    return _Part(_once, is_fixed=True, head=characters)


_SAMPLE = "".join(map(chr, (*range(256), *range(256, 0xD800, 16), *range(0xE000, 0x10000, 16))))


def _disjoint(one: str, other: str) -> bool:
    """Ranges that overlap share an end of one of them, and the ends stand in the pattern."""
    ends = "".join(chr(min(max(ord(sign) + step, 0), 0x10FFFF)) for sign in one + other for step in (-1, 0, 1))
    return set(re.findall(one, _SAMPLE + ends)).isdisjoint(re.findall(other, _SAMPLE + ends))


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def whole(self) -> Ways:
        """What stands at the very end takes what it can and is never asked again."""
        sequences = self._alternatives(0)
        if self._at < len(self._text):
            raise _refused("括号没有成对")
        return _sum([sequence.before_tail or sequence.ways for sequence in sequences])

    def _alternatives(self, depth: int) -> list[_Part]:
        if depth > _MOST_DEPTH:
            raise _refused(f"括号最多 {_MOST_DEPTH} 层")
        parts = [self._sequence(depth)]
        while self._next() == "|":
            self._at += 1
            parts.append(self._sequence(depth))
        return parts

    def _sequence(self, depth: int) -> _Part:
        parts = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom(depth)))
        return _in_a_row(parts)

    def _atom(self, depth: int) -> _Part:
        sign = self._next()
        if sign == "(":
            return self._group(depth)
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escape()
        if sign in "*+?{":
            raise _refused("重复符号前面没有内容")
        self._at += 1
        return _nothing() if sign in "^$" else _one_of(sign)

    def _group(self, depth: int) -> _Part:
        if self._text.startswith("(?", self._at) and not self._text.startswith("(?:", self._at):
            raise _refused("不能用 (?…) 的写法，(?:…) 除外")
        self._at += 3 if self._text.startswith("(?:", self._at) else 1
        inside = self._alternatives(depth + 1)
        if self._next() != ")":
            raise _refused("括号没有成对")
        self._at += 1
        return inside[0] if len(inside) == 1 else _Part(_sum([part.ways for part in inside]))

    def _class(self) -> _Part:
        found = _CLASS.match(self._text, self._at)
        if found is None or _SET_OPERATION.search(found[0]):
            raise _refused("方括号的写法不对")
        self._at = found.end()
        return _one_of(found[0])

    def _escape(self) -> _Part:
        found = _ESCAPE.match(self._text, self._at)
        if found is None:
            raise _refused("反斜杠后面只能是 d D w W s S b t n r 或标点")
        self._at = found.end()
        return _nothing() if found[0] == r"\b" else _one_of(found[0])

    def _repeated(self, part: _Part) -> _Part:
        found = _QUANTIFIER.match(self._text, self._at)
        if found is None:
            if self._next() == "{":
                raise _refused("花括号里应为次数")
            return part
        self._at = found.end()
        if self._next() == "?":
            self._at += 1
        if self._next() in ("*", "+", "?", "{"):
            raise _refused("重复符号不能连写")
        return _times(part, *_bounds(found))

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    """Least and most times; None without end."""
    sign = found[0][0]
    if sign != "{":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
    least = int(found[1])
    most = least if not found[2] else int(found[3]) if found[3] else None
    if max(least, most or 0) > MOST_REPETITIONS:
        raise _refused(f"最多重复 {MOST_REPETITIONS} 次")
    return least, most


def _times(part: _Part, least: int, most: int | None) -> _Part:
    if most is not None and most <= 1:
        return part if least == most == 1 else _Part(lambda n: part.ways(n) + 1)
    if not part.is_fixed:
        raise _refused("重复的括号里不能再有 |、? 或不定次数的重复")
    if most == least:
        return part
    head = part.head if least else None
    return _Part(
        lambda n: max((n if most is None else min(most, n)) - least + 1, 1), head=head, tail=part.head,
        before_tail=_once,
    )  # fmt: skip


def _in_a_row(parts: list[_Part]) -> _Part:
    if not parts:
        return _nothing()
    last = parts[-1]
    earlier = [part.ways_before(following.head) for part, following in zip(parts, parts[1:], strict=False)]
    return _Part(
        _product([*earlier, last.ways]),
        is_fixed=all(part.is_fixed for part in parts),
        head=parts[0].head,
        tail=last.tail,
        before_tail=None if last.before_tail is None else _product([*earlier, last.before_tail]),
    )


def _product(factors: list[Ways]) -> Ways:
    return lambda n: math.prod(ways(n) for ways in factors)


def _sum(terms: list[Ways]) -> Ways:
    return lambda n: sum(ways(n) for ways in terms)
