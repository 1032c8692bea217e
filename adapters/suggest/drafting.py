"""From sample messages to a draft: an adapter document, why each line is as it is, and what a person must still say."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.suggest.expressions import RouteWriter
from adapters.suggest.kept_samples import kept_samples
from adapters.suggest.matching import Candidate, Matching, Source, match, ranked
from adapters.suggest.questions import Question, QuestionKind
from adapters.suggest.roles import ROLE_TITLES, RoutePlan, plan_routes
from adapters.suggest.sample_files import ReadSample, SampleFile, read_samples
from adapters.suggest.selectors_out import TABLE_FORMATS, unit_selector
from adapters.suggest.shapes import Path, Shape, shapes_of
from adapters.suggest.stand_ins import completed
from adapters.suggest.values import ValueKind
from hub.domain.errors import RejectedError
from hub.domain.item_codes import ItemScheme, item_scheme

MAX_ROUTES = 24


@dataclass(frozen=True, slots=True)
class RouteDraft:
    """One route of the draft with the reasons for its fields."""

    name: str
    unit: str
    plan: RoutePlan
    matching: Matching

    @property
    def title(self) -> str:
        return ROLE_TITLES[self.plan.role]

    def ranked(self, target: str) -> list[Candidate]:
        """The candidates for a target, the one in the draft first."""
        return list(ranked(self.matching, target))


@dataclass(frozen=True, slots=True)
class UnitDraft:
    """One kind of the sender's records as it was found."""

    name: str
    shape: Shape
    sources: Sequence[Source]
    routes: Sequence[RouteDraft]


@dataclass(frozen=True, slots=True)
class Draft:
    """`document` follows the schema; it compiles unless a question of kind MISSING stands."""

    document: Mapping[str, Any]
    samples: Sequence[ReadSample]
    units: Sequence[UnitDraft]
    questions: Sequence[Question]


def draft_adapter(
    files: Sequence[SampleFile], code: str, title: str, department: Mapping[str, str] | None = None
) -> Draft:
    """A draft out of samples. `department` (orgCode, orgName) stands in where the messages do not name theirs.

    Raises RejectedError HUB-3040 to HUB-3043 when the samples cannot be read or hold no record.
    """
    samples = read_samples(files)
    form, fitting = _main_format(samples)
    shapes = shapes_of([message for sample in fitting for message in sample.messages])
    if not shapes:
        raise RejectedError("HUB-3043", "样例里没有找到记录：应有至少两个字段的元素、对象或数据行")
    _declare(shapes, fitting)
    writer = _Writer(form, shapes, department or _department_in(shapes))
    units = [writer.unit(shape) for shape in shapes][:MAX_ROUTES]
    document: dict[str, Any] = {
        "specVersion": 1,
        "adapter": code,
        "title": title,
        "department": writer.department,
        "transport": {"kind": "push"},
        "intake": _intake(form, fitting, writer),
        "routes": writer.routes[:MAX_ROUTES],
        "codeMaps": writer.code_maps,
    }
    document = {key: value for key, value in document.items() if value}
    document["samples"] = kept_samples(document, fitting, {unit.shape.table: unit.name for unit in units})
    questions = [*_asides(samples, form), *writer.questions, *_unused(units)]
    return Draft(document, samples, units, questions)


def _main_format(samples: Sequence[ReadSample]) -> tuple[str, list[ReadSample]]:
    """The format of most files; tables of several kinds are rows."""
    families = Counter(_FAMILIES.get(sample.format, sample.format) for sample in samples)
    family = families.most_common(1)[0][0]
    fitting = [sample for sample in samples if _FAMILIES.get(sample.format, sample.format) == family]
    forms = {sample.format for sample in fitting}
    if family != "rows":
        return family, fitting
    return (forms.pop() if len(forms) == 1 else "rows"), fitting


_FAMILIES = {"csv": "rows", "xlsx": "rows", "wsdl": "xml"}


def _declare(shapes: Sequence[Shape], samples: Sequence[ReadSample]) -> None:
    """Labels and kinds from a schema go to the fields that bear its names."""
    declared = {name: said for sample in samples for name, said in sample.declared.items()}
    for shape in shapes:
        for path, seen in shape.fields.items():
            said = declared.get(path.rpartition("/")[2])
            if said is not None:
                seen.label, seen.declared = said.label, said.kind


def _department_in(shapes: Sequence[Shape]) -> dict[str, str]:
    """The department whose code all item codes begin with (33032400GS-XK-0012); none when they differ."""
    values = [
        value
        for shape in shapes
        for seen in shape.fields.values()
        if seen.kind is ValueKind.ITEM_CODE
        for value in seen.values
    ]
    codes = {value.strip()[:_SUBJECT] for value in values if item_scheme(value) is ItemScheme.YONGJIA}
    return {"orgCode": codes.pop()} if len(codes) == 1 else {}


_SUBJECT = 10


# --- units and routes -------------------------------------------------------------------------------------------


@dataclass
class _Writer:
    """Collects units, routes and code maps; names stay unique."""

    form: str
    shapes: Sequence[Shape]
    department: Mapping[str, str]
    units: dict[tuple[str | None, Path], dict[str, Any]] = field(default_factory=dict)
    routes: list[dict[str, Any]] = field(default_factory=list)
    code_maps: dict[str, dict[str, Any]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    def unit(self, shape: Shape) -> UnitDraft:
        key = (shape.table, shape.path)
        if key not in self.units:
            self.units[key] = self._unit_entry(shape)
        name = self.units[key]["name"]
        sources = list(_sources(shape))
        drafts = [self._route(shape, plan, sources, name) for plan in plan_routes(shape, sources)]
        return UnitDraft(name, shape, sources, drafts)

    def _unit_entry(self, shape: Shape) -> dict[str, Any]:
        alone = sum(other.path[-1:] == shape.path[-1:] for other in self.shapes) == 1
        select = unit_selector(shape, self.form, alone=alone)
        taken = {unit["name"] for unit in self.units.values()}
        name = unique(plain_name(shape.name, "record"), taken)
        return {"name": name, "select": select} if select else {"name": name}

    def _route(self, shape: Shape, plan: RoutePlan, sources: Sequence[Source], unit: str) -> RouteDraft:
        matching = completed(match(sources, plan.matched_targets()), plan, sources)
        name = unique(f"{unit}-{plan.role.value.lower()}", {route["name"] for route in self.routes})
        writer = RouteWriter(self.form, shape, plan, matching, sources, self.code_maps, frozenset(self.department))
        route: dict[str, Any] = {"name": name, "unit": unit}
        telling = writer.telling_field()
        if telling:
            route["when"] = {"exists": telling}
        self.routes.append(route | writer.write())
        self.questions += [Question(asked.kind, name, asked.target, asked.text) for asked in writer.questions]
        return RouteDraft(name, unit, plan, matching)


def _sources(shape: Shape) -> Iterator[Source]:
    for key, seen in shape.fields.items():
        if len(key) > _LONGEST_PLACE:
            continue
        parts = tuple(key.split("/"))
        yield Source(key, parts, parts[-2] if len(parts) > 1 else shape.name, seen)
    for path, (place, seen) in shape.around.items():
        if sum(map(len, path)) <= _LONGEST_PLACE:
            yield Source("/" + "/".join(path), path, path[-2] if len(path) > 1 else "", seen, place)


_LONGEST_PLACE = 200  # selectors are limited, and nobody means such a field
_NAME_SIGNS = re.compile(r"[^A-Za-z0-9_\-]+")


def plain_name(text: str, otherwise: str) -> str:
    """Letters, digits, dashes only, as names in a document are."""
    plain = _NAME_SIGNS.sub("-", text).strip("-")[:40]
    return plain if plain[:1].isalpha() else otherwise


def unique(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken."""
    return next(found for found in (name, *(f"{name}-{n}" for n in range(2, 1000))) if found not in taken)


# --- intake, what is left over -------------------------------------------------------------------------


def _intake(form: str, samples: Sequence[ReadSample], writer: _Writer) -> dict[str, Any]:
    units = list(writer.units.values())
    charsets = Counter(sample.charset for sample in samples if sample.format != "xlsx")
    encodings = [charset for charset, _ in charsets.most_common()] or ["utf-8"]
    encodings += [charset for charset in ("utf-8", "gb18030") if charset not in encodings]
    return {"format": form, "encodings": [name for name in encodings if name in ("utf-8", "gb18030")], "units": units}


def _asides(samples: Sequence[ReadSample], form: str) -> Iterator[Question]:
    left_out = [sample.file.name for sample in samples if not _fits(sample.format, form)]
    if left_out:
        text = f"这些样例的格式与多数不同，没有用上，请另建适配器：{'、'.join(left_out[:5])}"
        yield Question(QuestionKind.LEFT_OUT, "", "", text)


def _fits(sample_format: str, form: str) -> bool:
    return _FAMILIES.get(sample_format, sample_format) == ("rows" if form in TABLE_FORMATS else form)


def _unused(units: Sequence[UnitDraft]) -> Iterator[Question]:
    """Fields with values that no route uses: the contract has no place for them, or they were not recognised."""
    for unit in units:
        used = {pair.source.key for route in unit.routes for pair in route.matching.assigned.values()}
        left = [source.name for source in unit.sources if not source.around and _has_values(source, used)]
        if left:
            yield Question(QuestionKind.UNUSED, unit.name, "", f"没有用上的字段：{'、'.join(left[:20])}")


def _has_values(source: Source, used: set[str]) -> bool:
    kind: ValueKind | None = source.profile.kind
    return source.key not in used and kind is not None
