"""The data-quality score of a sender: its parts, what each is worth, and how they make one figure from 0 to 100."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Part:
    """One part: the share of `of` that is not among `faults`, which are measures of `hub.stores.quality`."""

    title: str
    weight: int
    faults: tuple[str, ...]
    of: tuple[str, ...]


PARTS: Mapping[str, Part] = MappingProxyType({
    "timeliness": Part("及时", 25, ("LATE",), ("STORED",)),
    "completeness": Part("完整", 25, ("MISSING",), ("WANTED",)),
    "validity": Part("合规", 30, ("REJECTED", "QUARANTINED", "DISCARDED"), ("RECEIVED",)),
    "uniqueness": Part("不重复", 10, ("DUPLICATE",), ("MESSAGES", "DUPLICATE")),
    "silence": Part("不中断", 10, ("SILENT_DAYS",), ("WORKING_DAYS",)),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PartScore:
    """`score` from 0 to 100, None where there was nothing to judge."""

    name: str
    title: str
    weight: int
    faults: int
    of: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """`total` is None where no part could be judged."""

    total: float | None
    parts: tuple[PartScore, ...]


def score(counts: Mapping[str, int]) -> Score:
    """From totals by measure; a part without anything to judge leaves its weight to the others."""
    parts = tuple(_part(name, part, counts) for name, part in PARTS.items())
    weight = sum(part.weight for part in parts if part.score is not None)
    if not weight:
        return Score(None, parts)
    total = sum(part.score * part.weight for part in parts if part.score is not None) / weight
    return Score(round(total, 1), parts)


def _part(name: str, part: Part, counts: Mapping[str, int]) -> PartScore:
    faults = sum(counts.get(measure, 0) for measure in part.faults)
    of = sum(counts.get(measure, 0) for measure in part.of)
    share = None if not of else round(100 * (1 - min(faults / of, 1)), 1)
    return PartScore(name, part.title, part.weight, faults, of, share)
