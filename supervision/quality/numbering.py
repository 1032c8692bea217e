"""Running numbers: how a sender counts its cases and records, and which numbers of a day are missing.

A number is taken apart into what stays (prefix, separator, suffix), the period in which it counts (a day, a month or a
year, written in the number) and the serial. Nothing here looks further than the numbers given.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from statistics import median

MOST_NUMBERS = 20_000
MOST_MISSING = 500
FEWEST_NUMBERS = 20
LEAST_CONFIDENCE = 0.5
_LONGEST_NUMBER = 100
_TAIL = re.compile(r"([^0-9]{0,4})([0-9]{1,9})([^0-9]{0,10})")


@dataclass(frozen=True, slots=True)
class _Period:
    """How a period is written; without a separator after it only a whole date is told from a serial."""

    letters: str
    pattern: re.Pattern[str]
    needs_separator: bool


_PERIODS = (
    _Period("yyyyMMdd", re.compile(r"(?=((?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])))"), False),
    _Period("yyyyMM", re.compile(r"(?=((?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])))"), True),
    _Period("yyyy", re.compile(r"(?=((?:19|20)[0-9]{2}))"), True),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the numbers of one series share."""

    prefix: str
    period: str  # yyyyMMdd, yyyyMM, yyyy
    separator: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Numbering:
    """A series as learned. `width`: digits that a serial is padded to; `confidence` from 0 to 1."""

    shape: Shape
    width: int
    starts_at_one: bool
    confidence: float
    serials: Mapping[str, frozenset[int]] = field(repr=False)
    """Serials seen, by period."""

    @property
    def pattern(self) -> str:
        """As people write it: `GS{yyyyMMdd}-{0001}`."""
        serial = "1".rjust(self.width, "0")
        return f"{self.shape.prefix}{{{self.shape.period}}}{self.shape.separator}{{{serial}}}{self.shape.suffix}"

    def written(self, period: str, serial: int) -> str:
        return f"{self.shape.prefix}{period}{self.shape.separator}{serial:0{self.width}d}{self.shape.suffix}"

    def gaps(self, day: date, of_the_day: Iterable[str]) -> "Gaps | None":
        """What is missing among the numbers of a day; None when none of the series came.

        Where the number names its day, all up to the highest of that day; otherwise those between the numbers that
        came in that day.
        """
        period = f"{day:%Y%m%d}"[: len(self.shape.period)]
        seen = self.serials.get(period, frozenset())
        names_day = self.shape.period == _PERIODS[0].letters
        came = seen if names_day else self._came(period, of_the_day)
        if not came:
            return None
        first, last = 1 if self.starts_at_one and names_day else min(came), max(came)
        absent = (self.written(period, serial) for serial in range(first, last) if serial not in seen)
        there = sum(1 for serial in seen if first <= serial <= last)
        wide = last - first + 1
        names = list(islice(absent, MOST_MISSING))
        return Gaps(self, wide - there, names, min(self.confidence, round(there / wide, 2)))

    def _came(self, period: str, numbers: Iterable[str]) -> set[int]:
        parts = (split(number) for number in numbers)
        return {part[2] for part in parts if part and part[:2] == (self.shape, period)}


@dataclass(frozen=True, slots=True)
class Gaps:
    """Missing numbers of one day: how many, and the first `MOST_MISSING` by name."""

    numbering: Numbering
    count: int
    names: list[str]
    confidence: float


def split(number: str) -> tuple[Shape, str, int, int] | None:
    """Shape, period, serial and its digits; None for a number that does not count."""
    if len(number) > _LONGEST_NUMBER:
        return None
    for period in _PERIODS:
        for found in period.pattern.finditer(number):
            tail = _TAIL.fullmatch(number, found.end(1))
            if tail is None or not (tail[1] or not period.needs_separator):
                continue
            shape = Shape(number[: found.start(1)], period.letters, tail[1], tail[3])
            return shape, found[1], int(tail[2]), len(tail[2])
    return None


def learn(numbers: Iterable[str]) -> list[Numbering]:
    """The series that a sender counts in, the surest first; empty where its numbers do not run."""
    parts = [part for number in numbers if (part := split(number))]
    series: dict[Shape, list[tuple[str, int, int]]] = defaultdict(list)
    for shape, period, serial, digits in parts[:MOST_NUMBERS]:
        series[shape].append((period, serial, digits))
    found = [_numbering(shape, members) for shape, members in series.items() if len(members) >= FEWEST_NUMBERS]
    sure = [numbering for numbering in found if numbering.confidence >= LEAST_CONFIDENCE]
    return sorted(sure, key=lambda each: (-each.confidence, each.pattern))


def _numbering(shape: Shape, members: list[tuple[str, int, int]]) -> Numbering:
    serials: dict[str, set[int]] = defaultdict(set)
    for period, serial, _ in members:
        serials[period].add(serial)
    digits = Counter(digits for _, serial, digits in members if len(str(serial)) < digits)
    lowest = [min(each) for each in serials.values()]
    starts_at_one = sum(1 for each in lowest if each == 1) * 2 >= len(lowest)
    return Numbering(
        shape=shape,
        width=digits.most_common(1)[0][0] if digits else 1,
        starts_at_one=starts_at_one,
        confidence=round(_density(serials), 2),
        serials={period: frozenset(each) for period, each in serials.items()},
    )


def _density(serials: Mapping[str, set[int]]) -> float:
    """Which share of the numbers between the lowest and the highest of a period is there, in the middle period."""
    return median(len(each) / (max(each) - min(each) + 1) for each in serials.values())
