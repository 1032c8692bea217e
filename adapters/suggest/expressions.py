"""Writes one route of the draft: a value expression for every target that was matched, and stand-ins for the rest."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from adapters.suggest.code_drafts import draft_codes
from adapters.suggest.matching import Candidate, Matching, Source
from adapters.suggest.questions import Question, QuestionKind
from adapters.suggest.roles import Role, RoutePlan, section_of
from adapters.suggest.sample_files import XML_INSIDE
from adapters.suggest.selectors_out import field_selector
from adapters.suggest.shapes import Shape
from adapters.suggest.structure import FieldProfile
from adapters.suggest.values import shown
from adapters.suggest.vocabulary import Target
from hub.domain.fields import Code, Day, Flag, Group, Instant, Kind, Money, Presence, Whole

_CONVERSIONS: Mapping[type[Kind], list[Any]] = {
    Instant: ["datetime"], Day: ["day"], Whole: ["whole"], Money: [{"amount": {"unit": "yuan"}}], Flag: ["boolean"],
}  # fmt: skip

# What stands in for a field of the record itself that no source gives, by role.
_STEP_NAMES: Mapping[Role, str] = {Role.APPLICATION: "申请", Role.STEP: "办理", Role.SPECIAL: "特别程序"}
_STEP_STATUS: Mapping[Role, str] = {Role.APPLICATION: "PASSED", Role.STEP: "RUNNING", Role.SPECIAL: "PAUSED"}
_ID_ENDINGS: Mapping[Role, str] = {Role.APPLICATION: "SQ", Role.STEP: "GC", Role.SPECIAL: "TB", Role.RESULT: "BJ"}


@dataclass
class RouteWriter:
    """Fields in contract order; `questions` carry the target and the text, the route's name is the caller's."""

    form: str
    shape: Shape
    plan: RoutePlan
    matching: Matching
    sources: Sequence[Source]
    code_maps: dict[str, dict[str, Any]]
    department: frozenset[str]
    """Which of orgCode and orgName the document knows of its department."""
    questions: list[Question] = field(default_factory=list)

    def write(self) -> dict[str, Any]:
        """`store`, `corrections` and `fields` of the route."""
        fields = {path: expression for path, expression in self._fields() if expression is not None}
        revised = "revision" in fields
        return {
            "store": self.plan.kind.name,
            **({} if revised else {"corrections": "byArrival"}),
            "fields": fields,
        }

    def telling_field(self) -> str | None:
        """The field without which the route does not apply; None when it always does."""
        if self.plan.is_extra:
            pair = self.matching.assigned.get("finishedAt")
            return str(self._selector(pair.source)["from"]) if pair else None
        telling = self.shape.telling
        return self._leaf_name(telling) if telling else None

    def _leaf_name(self, name: str) -> str:
        return str(field_selector(self.shape, (name,), self.form, around=False)["from"])

    def _fields(self) -> Iterator[tuple[str, Any]]:
        groups = self._groups()
        for target in self.plan.targets():
            section = section_of(target.path)
            if section in _LISTS or (section and section.rstrip(".") not in groups):
                continue
            if isinstance(target.spec.kind, Group) or target.spec.many:
                yield target.path, self._many(target)
            else:
                yield target.path, self._single(target)

    def _groups(self) -> set[str]:
        """Nested records that have at least one source; an empty one is left out with its required fields."""
        return {section_of(path).rstrip(".") for path in self.matching.assigned}

    def _single(self, target: Target) -> Any:
        pair = self.matching.assigned.get(target.path)
        if target.path == "recordId" and (pair is None or not self._tells_apart(pair.source)):
            return self._record_id()
        if pair is None:
            return self._without_source(target)
        if pair.stands_in:
            self._ask(QuestionKind.ASSUMED, target, pair.reason)
        return self._from(pair)

    def _from(self, pair: Candidate) -> dict[str, Any]:
        selector = self._selector(pair.source)
        kind = pair.target.spec.kind
        if isinstance(kind, Code):
            return selector | {"codes": self._code_map(pair, kind)}
        conversion = _CONVERSIONS.get(type(kind))
        if pair.target.path == "revision" and pair.stands_in:
            conversion = ["revisionTime"]
        return selector | ({"convert": deepcopy(conversion)} if conversion else {})

    # --- without a source ---

    def _without_source(self, target: Target) -> Any:
        constant = self._constant(target)
        if constant is not None:
            return constant
        if target.spec.presence is Presence.MUST:
            self._ask(QuestionKind.MISSING, target, "必填，没有找到来源")
        return None

    def _constant(self, target: Target) -> Any:
        if target.path in self.department:
            self._ask(QuestionKind.ASSUMED, target, "没有对应的字段，取适配器的部门")
            return {"department": target.path}
        constants = {
            "stepSeq": 1,
            "stepName": _STEP_NAMES.get(self.plan.role),
            "stepStatus": _STEP_STATUS.get(self.plan.role),
            "special.kind": "OTHER",
        }
        value = constants.get(target.path)
        if value is None:
            return None
        self._ask(QuestionKind.ASSUMED, target, f"没有对应的字段，暂定为 {value}")
        return {"constant": value}

    def _record_id(self) -> Any:
        """The case number and what tells its records apart, so that a repeat has the same number."""
        case = self.matching.assigned.get("caseNo")
        if case is None:
            own = [source for source in self.sources if not source.around and XML_INSIDE not in source.path]
            return {"digest": [self._selector(source)["from"] for source in own[:_DIGESTED]]}
        parts = {"case": self._plain(case)}
        template = "{case}-" + _ID_ENDINGS.get(self.plan.role, "JL")
        for name, path in (("seq", "stepSeq"), ("step", "stepName"), ("at", "special.startedAt")):
            other = self.matching.assigned.get(path)
            if other is not None and self.plan.role in (Role.STEP, Role.SPECIAL):
                parts[name] = self._plain(other)
                template += f"-{{{name}}}"
                break
        return {"template": template, "with": parts}

    def _plain(self, pair: Candidate) -> dict[str, Any]:
        return self._selector(pair.source)

    def _selector(self, source: Source) -> dict[str, Any]:
        return field_selector(self.shape, source.path, self.form, around=source.around)

    def _tells_apart(self, source: Source) -> bool:
        """Whether the field has another value in every record, as far as the samples show."""
        seen = source.profile
        return not source.around and all(count == 1 for count in seen.values.values())

    # --- codes ---

    def _code_map(self, pair: Candidate, kind: Code) -> str:
        """The name of the code map; maps of the same list and the same values are one."""
        drafted = draft_codes(kind.codes, pair.source.profile.values)
        if drafted.unknown:
            told = "、".join(_told(value, pair.source.profile) for value in drafted.unknown[:10])
            text = f"{len(drafted.unknown)} 个值没有对应的标准代码：{told}"
            self._ask(QuestionKind.CODES, pair.target, text)
        if len(drafted.readings) > 1:
            text = f"这些代码有几种公开的读法（{'、'.join(drafted.readings)}），暂按第一种，请向部门核实"
            self._ask(QuestionKind.CODES, pair.target, text)
        entry = {"target": kind.codes.name, "values": dict(drafted.values), "otherwise": "keep"}
        name = kind.codes.name
        number = 2
        while name in self.code_maps and self.code_maps[name] != entry:
            name, number = f"{kind.codes.name}{number}", number + 1
        self.code_maps[name] = entry
        return name

    # --- lists ---

    def _many(self, target: Target) -> Any:
        """A nested list: elements that repeat below the record, or one text with separators."""
        if not isinstance(target.spec.kind, Group):
            pair = self.matching.assigned.get(target.path)
            return {"list": self._split(pair.source), "of": {"from": "."}} if pair else None
        inner = {path: pair for path, pair in self.matching.assigned.items() if section_of(path) == f"{target.path}."}
        if inner:
            return self._repeated(target, inner)
        pair = self.matching.assigned.get(target.path)
        if pair is None or target.path not in _NAMED_LISTS:
            return None
        return {"list": self._split(pair.source), "of": {_NAMED_LISTS[target.path]: {"from": "."}}}

    def _split(self, source: Source) -> dict[str, Any]:
        full_width = any("；" in value for value in source.profile.values)
        return self._selector(source) | {"split": "；" if full_width else ";"}

    def _repeated(self, target: Target, inner: Mapping[str, Candidate]) -> Any:
        """The elements of the list are the parents of its fields; fields of another parent do not belong."""
        required = f"{target.path}.{_NAMED_LISTS.get(target.path, 'name')}"
        key = inner.get(required)
        if key is None or len(key.source.path) < 2:
            return None
        parent = key.source.path[:-1]
        of = {}
        for path, pair in inner.items():
            if pair.source.path[:-1] == parent:
                expression = self._from(pair)
                expression.pop("xml", None)
                of[path.rpartition(".")[2]] = expression | {"from": self._leaf_name(pair.source.name)}
        return {"list": self._elements(key.source, parent), "of": of}

    def _elements(self, source: Source, parent: Sequence[str]) -> dict[str, Any]:
        if parent[-1:] == (XML_INSIDE,) or parent[-2:-1] == (XML_INSIDE,):
            return field_selector(self.shape, parent[: tuple(parent).index(XML_INSIDE)], self.form, around=False) | {
                "xml": "."
            }
        selector = field_selector(self.shape, parent, self.form, around=source.around)
        if "xml" in selector:
            return selector
        return {"select": selector["from"] + ("[]" if self.form == "json" else "")}

    def _ask(self, kind: QuestionKind, target: Target, text: str) -> None:
        self.questions.append(Question(kind, "", target.path, f"{target.title}：{text}"))


def _told(value: str, seen: FieldProfile) -> str:
    """A code comes again and again; a word that came once could be a name and is masked."""
    return value if seen.values[value] > 1 else shown(value)


_DIGESTED = 12
_LISTS = frozenset({"application.material.", "attachment."})
_NAMED_LISTS = {"application.material": "name", "attachment": "attachmentId"}
