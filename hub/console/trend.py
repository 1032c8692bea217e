"""The geometry of a small chart of scores by day: drawn in the page, without a library."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mark:
    """One day that was judged, as a dot."""

    x: float
    y: float
    day: str
    score: float


@dataclass(frozen=True, slots=True)
class Trend:
    """`lines`: points of polylines, one for each run of days without a gap. `floor`: the score at the bottom."""

    width: int
    height: int
    floor: int
    marks: Sequence[Mark]
    lines: Sequence[str]


def trend(days: Sequence[Mapping[str, Any]], width: int, height: int, margin: int = 3) -> Trend:
    """A chart of `day` and `score` (0 to 100, None: nothing came), oldest left."""
    judged = [(number, row) for number, row in enumerate(days) if row["score"] is not None]
    floor = min([_HIGHEST_FLOOR, *(int(row["score"] // 10) * 10 for _, row in judged)])
    step = (width - 2 * margin) / max(len(days) - 1, 1)
    scale = (height - 2 * margin) / (100 - floor)

    def mark(number: int, row: Mapping[str, Any]) -> Mark:
        x, y = margin + number * step, height - margin - (row["score"] - floor) * scale
        return Mark(round(x, 1), round(y, 1), row["day"], row["score"])

    places = [(number, mark(number, row)) for number, row in judged]
    lines = [" ".join(f"{each.x},{each.y}" for each in run) for run in _runs(places) if len(run) > 1]
    return Trend(width, height, floor, [each for _, each in places], lines)


_HIGHEST_FLOOR = 80  # below it the chart begins at the ten under the worst day


_LONGEST_REST = 4  # days without anything that a line still crosses: a weekend, and the days around it


def _runs(places: Sequence[tuple[int, Mark]]) -> Iterator[list[Mark]]:
    run: list[Mark] = []
    before = None
    for number, mark in places:
        if before is not None and number - before > _LONGEST_REST:
            yield run
            run = []
        run.append(mark)
        before = number
    yield run
