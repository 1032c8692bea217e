"""What the samples of a draft suggest as the source of a field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adapters.engine import sample_content
from adapters.suggest.drafting import Draft, UnitDraft, draft_adapter
from adapters.suggest.matching import Candidate
from adapters.suggest.sample_files import SampleFile
from adapters.suggest.selectors_out import field_selector
from hub.domain.errors import RejectedError

_MOST = 3
_DRAFTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A source for a field: how it is selected, how sure, and why."""

    selector: str
    inner: str
    percent: int
    reason: str
    examples: Sequence[str]


def suggest(document: Mapping[str, Any], place: int, target: str) -> list[Suggestion]:
    """The best first; nothing when the samples say nothing."""
    drafted = _drafted(json.dumps(document.get("samples", ()), ensure_ascii=False, sort_keys=True))
    if drafted is None:
        return []
    route = document["routes"][place]
    found = [
        _suggestion(drafted, unit, pair)
        for unit in _units(drafted, document, route)
        for pair in _pairs(unit, route["store"], target)
    ]
    best: dict[str, Suggestion] = {}
    for each in sorted(found, key=lambda one: -one.percent):
        best.setdefault(each.selector, each)
    return list(best.values())[:_MOST]


@lru_cache(maxsize=_DRAFTS_KEPT)
def _drafted(samples: str) -> Draft | None:
    """By the samples' text: a page of the editor asks for the same draft again and again."""
    try:
        files = list(_files(json.loads(samples)))
        return draft_adapter(files, "draft", "draft") if files else None
    except RejectedError:
        return None


def _files(samples: Sequence[Mapping[str, Any]]) -> Iterator[SampleFile]:
    for sample in samples:
        content = sample_content(sample)
        yield SampleFile(sample["name"], content.body, sample.get("unit"))


def _units(drafted: Draft, document: Mapping[str, Any], route: Mapping[str, Any]) -> Sequence[UnitDraft]:
    units = document["intake"].get("units", [])
    name = route.get("unit") or (units[0]["name"] if units else "")
    named = [unit for unit in drafted.units if unit.name.lower() == name.lower()]
    return named or drafted.units


def _pairs(unit: UnitDraft, store: str, target: str) -> Iterator[Candidate]:
    for route in unit.routes:
        if route.plan.kind.name == store:
            yield from route.ranked(target)[:_MOST]


def _suggestion(drafted: Draft, unit: UnitDraft, pair: Candidate) -> Suggestion:
    form, source = drafted.document["intake"]["format"], pair.source
    selector = field_selector(unit.shape, source.path, form, around=source.around)
    percent = round(100 * min(pair.score, 1))
    return Suggestion(
        selector["from"], selector.get("xml", ""), percent, pair.reason, tuple(source.profile.examples[:_MOST])
    )
