"""How good the suggestions are: a document is hidden, messages of its format are drafted anew, and the two compared."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.suggest.drafting import Draft, UnitDraft, draft_adapter
from adapters.suggest.sample_files import SampleFile


@dataclass(frozen=True, slots=True)
class Mapped:
    """One mapped field of a hidden document: target and the source fields that may fill it, by their last names."""

    unit: str
    store: str
    target: str
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`rank` 1: suggested first; None: not among the first three."""

    mapped: Mapped
    rank: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """All mapped fields of one document."""

    adapter: str
    title: str
    outcomes: Sequence[Outcome]

    @property
    def first(self) -> int:
        return sum(outcome.rank == 1 for outcome in self.outcomes)

    @property
    def among_three(self) -> int:
        return sum(outcome.rank is not None for outcome in self.outcomes)


def report_on(document: Mapping[str, Any], files: Sequence[SampleFile]) -> Report:
    """Drafts from nothing but the sample messages, and looks up every field of theirs that the document maps."""
    draft = draft_adapter(files, document["adapter"], document["title"])
    outcomes: dict[Mapped, int | None] = {}
    for route in mapped_routes(document):
        unit = _unit_of(draft, route)
        sent = {source.name.lower() for source in unit.sources} if unit else set()
        for mapped in route:
            # What was never sent cannot be suggested.
            if unit and mapped.sources & sent:
                outcomes.setdefault(mapped, _rank_in(unit, mapped))
    return Report(document["adapter"], document["title"], [Outcome(*item) for item in outcomes.items()])


# --- what the document maps -------------------------------------------------------------------------------------


def mapped_routes(document: Mapping[str, Any]) -> Iterator[list[Mapped]]:
    """Every pair of target and source, route by route; constants and what is composed are nothing to guess."""
    units = {unit["name"]: _unit_key(unit) for unit in document["intake"].get("units", ())}
    for route in document["routes"]:
        unit = units.get(route.get("unit", ""), "")
        pairs = [pair for target, value in route["fields"].items() for pair in _pairs(target, value)]
        yield [Mapped(unit, route["store"], path, sources) for path, sources in pairs if sources]


def _unit_key(unit: Mapping[str, Any]) -> str:
    return _last(unit["select"]) if unit.get("select") else str(unit["name"]).lower()


def _pairs(target: str, expression: Mapping[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    if "list" not in expression:
        yield target, frozenset(_sources(expression))
        return
    of = expression["of"]
    inner = {"": of} if _is_expression(of) else of
    for name, value in inner.items():
        sources = frozenset(_sources(value)) or frozenset(_sources(expression["list"]))
        yield f"{target}.{name}".rstrip("."), sources


def _is_expression(of: Mapping[str, Any]) -> bool:
    return bool({"from", "constant", "template", "firstOf", "department", "digest"} & of.keys())


def _sources(expression: Mapping[str, Any]) -> Iterator[str]:
    """Last names of the source fields of one value; none for `.`, which is the list's own element."""
    for alternative in expression.get("firstOf", ()):
        yield from _sources(alternative)
    selector = expression.get("xml") or expression.get("from") or expression.get("select") or ""
    if _last(selector):
        yield _last(selector)


def _last(selector: str) -> str:
    """`../SPQIYE/ORGNAME` → orgname, `$.case.unid` → unid."""
    names = re.findall(r"[\w\u4e00-\u9fff（）()\-]+", re.sub(r"\[[^\]]*\]|text\(\)", "", selector))
    return names[-1].lower() if names else ""


# --- what the draft suggests ------------------------------------------------------------------------------------


def _unit_of(draft: Draft, route: Sequence[Mapped]) -> UnitDraft | None:
    """The unit of the draft that the route reads: of its name, else the one that has most of its fields."""
    named = [unit for unit in draft.units if route and _key_of(unit) == route[0].unit]
    unit = max(named or draft.units, key=lambda unit: _shared(unit, route), default=None)
    return unit if unit and _shared(unit, route) >= _LEAST_SHARED else None


_LEAST_SHARED = 0.4


def _shared(unit: UnitDraft, route: Sequence[Mapped]) -> float:
    """Share of the route's fields that the unit has itself."""
    own = {source.name.lower() for source in unit.sources if not source.around}
    return sum(bool(mapped.sources & own) for mapped in route) / len(route) if route else 0.0


def _key_of(unit: UnitDraft) -> str:
    return (unit.shape.table or (unit.shape.path[-1] if unit.shape.path else "")).lower()


def _rank_in(unit: UnitDraft, mapped: Mapped) -> int | None:
    for route in unit.routes:
        if route.plan.kind.name != mapped.store:
            continue
        for target in (mapped.target, mapped.target.rpartition(".")[0]):
            names = [pair.source.name.lower() for pair in route.ranked(target)[:3]]
            found = next((rank for rank, name in enumerate(names, start=1) if name in mapped.sources), None)
            if found:
                return found
    return None
