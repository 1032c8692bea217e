"""Which source field fills which canonical field: every pair is scored by name, values and place, then dealt out.

A source serves one target, unless it is a moment or a key that a required target lacks. Reasons are for people.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from adapters.suggest.code_drafts import knows_all
from adapters.suggest.names import NameScore, name_score, says_whether
from adapters.suggest.shapes import Place
from adapters.suggest.structure import FieldProfile
from adapters.suggest.values import KIND_TITLES, ValueKind
from adapters.suggest.vocabulary import Target
from hub.domain.fields import Code, Day, Flag, Group, Instant, Kind, Money, Presence, Text, Whole

WORTH_SUGGESTING = 0.35
WORTH_ASSIGNING = 0.55
TOP = 3
_AROUND_COSTS = 0.25
_AROUND_WORTH = 0.6
_SECOND_USE = 0.65
_REVISION_WORTH = 0.8


@dataclass(frozen=True, slots=True)
class Source:
    """One field of a department's record. `key` is unique in its shape; `path` is absolute outside the record."""

    key: str
    path: tuple[str, ...]
    context: str
    profile: FieldProfile
    place: Place = Place.OWN

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def around(self) -> bool:
        return self.place is not Place.OWN


@dataclass(frozen=True, slots=True)
class Candidate:
    """That a source may fill a target: how sure, and why in Chinese. `stands_in`: for want of a source of its own."""

    source: Source
    target: Target
    score: float
    reason: str
    stands_in: bool = False


@dataclass(frozen=True, slots=True)
class Matching:
    """What was dealt out, and the three best of every source and of every target."""

    assigned: Mapping[str, Candidate]  # by target path
    by_source: Mapping[str, Sequence[Candidate]]
    by_target: Mapping[str, Sequence[Candidate]]


def match(sources: Sequence[Source], targets: Iterable[Target]) -> Matching:
    """Deals the sources out to the targets, the surest pair first."""
    fillable = [target for target in targets if _is_fillable(target)]
    found = sorted(
        (pair for source in sources for target in fillable if (pair := candidate(source, target))),
        key=lambda pair: (-pair.score, pair.source.key, pair.target.path),
    )
    assigned = _dealt(found)
    _serve_twice(found, assigned)
    return Matching(
        assigned,
        {source.key: _best(found, lambda pair: pair.source.key, source.key) for source in sources},
        {target.path: _best(found, lambda pair: pair.target.path, target.path) for target in fillable},
    )


def _is_fillable(target: Target) -> bool:
    """A group is filled by its fields; only a list of materials is also given as one text."""
    return not isinstance(target.spec.kind, Group) or target.path == "application.material"


def _best(found: Sequence[Candidate], key: Callable[[Candidate], str], wanted: str) -> list[Candidate]:
    return [pair for pair in found if key(pair) == wanted][:TOP]


def _dealt(found: Sequence[Candidate]) -> dict[str, Candidate]:
    assigned: dict[str, Candidate] = {}
    used: set[str] = set()
    for pair in found:
        if _is_worth_it(pair) and pair.target.path not in assigned and pair.source.key not in used:
            assigned[pair.target.path] = pair
            used.add(pair.source.key)
    return assigned


def _is_worth_it(pair: Candidate) -> bool:
    if pair.target.path == "revision":
        return pair.score >= _REVISION_WORTH
    return pair.score >= (_AROUND_WORTH if pair.source.around else WORTH_ASSIGNING)


def _serve_twice(found: Sequence[Candidate], assigned: dict[str, Candidate]) -> None:
    """A required target without a source may take one that serves another already."""
    for pair in found:
        is_needed = pair.target.spec.presence is Presence.MUST and pair.target.path not in assigned
        if is_needed and pair.score >= _SECOND_USE and _is_worth_it(pair):
            assigned[pair.target.path] = pair


# --- one pair ---------------------------------------------------------------------------------------------------


def candidate(source: Source, target: Target) -> Candidate | None:
    """The pair, when it is worth a thought. The score may pass 1: what says more about the target goes first."""
    if not _may_reach(source, target):
        return None
    named = _named(source, target)
    fit, why = _value_fit(source.profile, target)
    score = named.score + fit - (_AROUND_COSTS if source.around else 0.0)
    if score < WORTH_SUGGESTING:
        return None
    reason = "；".join(part for part in (named.reason, why) if part)
    return Candidate(source, target, round(max(score, 0.0), 3), reason)


# What a record may take from another one that stands with it in a message: what all records of a case share.
_SHARED = frozenset({"caseNo", "itemCode", "orgCode", "orgName", "office"})
_LISTS = ("application.material.", "attachment.")


def _may_reach(source: Source, target: Target) -> bool:
    listed = target.path.startswith(_LISTS)
    if source.place is Place.OWN:
        return not listed or len(source.path) > 1
    if source.place is Place.ELSEWHERE:
        return target.path in _SHARED
    materials = target.path.startswith(_LISTS[0])
    return (materials if source.place is Place.LIST else not listed) and not target.spec.many


def _named(source: Source, target: Target) -> NameScore:
    names = [source.name] + ([source.profile.label] if source.profile.label else [])
    found = [name_score(name, source.context, target.path) for name in names]
    if target.path == "application.title":
        found += [_weaker(name_score(name, source.context, "itemName")) for name in names]
    return max(found, key=lambda named: named.score)


def _weaker(named: NameScore) -> NameScore:
    """An item's name stands in for the title of a case that has none of its own."""
    return NameScore(named.score * 0.7, f"{named.reason}；可代办件名称" if named.reason else "")


Fit = tuple[float, str]
_NEUTRAL: Fit = (0.0, "")
_WRONG: Fit = (-0.6, "")


def _value_fit(profile: FieldProfile, target: Target) -> Fit:
    """How well the values suit the target, -0.6 to 0.6; a field that was always empty says nothing."""
    kind = profile.kind
    if not isinstance(target.spec.kind, Flag) and says_whether(profile.path.rpartition("/")[2]):
        return _WRONG
    if kind is None or target.spec.many:
        return _many_fit(profile) if target.spec.many else _NEUTRAL
    telling = _TELLING.get(kind)
    if telling is not None:
        fitting = telling.get(target.path.rpartition(".")[2])
        if fitting is not None:
            return fitting, f"值是{KIND_TITLES[kind]}"
        return _WRONG if kind in _NOTHING_ELSE else (-0.2, "")
    return _KIND_FITS[type(target.spec.kind)](profile, kind, target.spec.kind, target)


def _many_fit(profile: FieldProfile) -> Fit:
    listed = any(";" in value or "；" in value for value in profile.values)
    return (0.1, "值是分号隔开的清单") if listed else _NEUTRAL


# What values of an unmistakable kind are good for, by the last name of the target.
_TELLING: Mapping[ValueKind, Mapping[str, float]] = {
    ValueKind.RESIDENT_ID: {"applicantIdNo": 0.35, "agentIdNo": 0.3},
    ValueKind.CREDIT_CODE: {"applicantIdNo": 0.3, "orgCode": 0.2, "agentIdNo": 0.0, "recordId": -0.2, "caseNo": -0.2},
    ValueKind.ITEM_CODE: {"itemCode": 0.6, "recordId": -0.3, "caseNo": -0.3},
    ValueKind.ORG_CODE: {"orgCode": 0.4, "officerId": -0.2, "recordId": -0.1, "caseNo": -0.1, "area": -0.2},
    ValueKind.PHONE: {
        "applicantPhone": 0.3, "agentPhone": 0.3, "phone": 0.3, "supervisionPhone": 0.3, "recordId": -0.1,
        "caseNo": -0.1, "officerId": -0.1, "applicantIdNo": -0.1,
    },
}  # fmt: skip
_NOTHING_ELSE = frozenset({ValueKind.RESIDENT_ID, ValueKind.ITEM_CODE})
_TIMES = frozenset({ValueKind.INSTANT, ValueKind.DAY})
_ID_ENDINGS = ("IdNo", "Phone", "phone", "Code", "Id", "caseNo")
_NAME_TARGETS = ("Name", "name", "approver", "legalRepresentative", "office", "title", "stepName", "post")


def _text_fit(profile: FieldProfile, kind: ValueKind, wanted: Text, target: Target) -> Fit:
    last = target.path.rpartition(".")[2]
    if last == "stepName" and _STEPS.issuperset(profile.values):
        return 0.35, "值是常见的环节名称"
    if last in ("recordId", "caseNo") and (profile.longest < _SHORTEST_NUMBER or kind in _TIMES):
        return (-0.4, "")
    if kind in _TIMES:
        return (0.1, "值是日期") if "Until" in last else (-0.5, "")
    if profile.longest > wanted.max_length:
        return (-0.3, "")
    if last.endswith(_ID_ENDINGS) and kind is ValueKind.TEXT:
        return (-0.35, "")
    if last.endswith(_NAME_TARGETS) and kind in (ValueKind.WHOLE, ValueKind.DECIMAL, ValueKind.FLAG):
        return (-0.4, "")
    return _office_or_person(profile, last) if kind is ValueKind.TEXT else _NEUTRAL


_SHORTEST_NUMBER = 3
_STEPS = frozenset({
    "申请", "收件", "登记", "受理", "初审", "审查", "审核", "复审", "复核", "审批", "核准", "批准", "决定", "勘验",
    "现场勘验", "公示", "制证", "办结", "送达", "发证", "补正", "告知",
})  # fmt: skip
_OFFICES = ("科", "处", "股", "窗口", "室")
_ORGANISATIONS = ("局", "委", "厅", "中心", "政府", "办公室")


def _office_or_person(profile: FieldProfile, last: str) -> Fit:
    """Names of departments end in a handful of signs, which those of people do not."""
    values = list(profile.values)
    if last == "office" and values and all(value.endswith(_OFFICES) for value in values):
        return 0.3, "值是科室名称"
    if last == "orgName" and values and all(value.endswith(_ORGANISATIONS) for value in values):
        return 0.3, "值是单位名称"
    return _NEUTRAL


def _code_fit(profile: FieldProfile, kind: ValueKind, wanted: Code, target: Target) -> Fit:
    if kind in _TIMES or kind is ValueKind.DECIMAL:
        return _WRONG
    if not profile.is_code_like:
        return (-0.4, "")
    if set(profile.values) <= wanted.codes.titles.keys():
        return (0.3, "值就是标准代码")
    if knows_all(wanted.codes, profile.values):
        return (0.15, "值都在已公布的代码里")
    return (-0.05, "") if kind is not ValueKind.TEXT else (-0.15, "")


def _instant_fit(profile: FieldProfile, kind: ValueKind, wanted: Instant | Day, target: Target) -> Fit:
    return (0.12, f"值是{KIND_TITLES[kind]}") if kind in _TIMES else _WRONG


def _number_fit(profile: FieldProfile, kind: ValueKind, wanted: Whole | Money, target: Target) -> Fit:
    if isinstance(wanted, Whole) and kind is ValueKind.WHOLE and not _within(profile, wanted):
        return _WRONG
    if kind is ValueKind.WHOLE or (kind is ValueKind.DECIMAL and isinstance(wanted, Money)):
        return (0.08, f"值是{KIND_TITLES[kind]}")
    return _WRONG


def _within(profile: FieldProfile, wanted: Whole) -> bool:
    return all(wanted.minimum <= int(value) <= wanted.maximum for value in profile.values if value.strip().isdigit())


def _flag_fit(profile: FieldProfile, kind: ValueKind, wanted: Flag, target: Target) -> Fit:
    fits = kind is ValueKind.FLAG or set(profile.values) <= {"0", "1"}
    return (0.08, "值是真假值") if fits else _WRONG


def _group_fit(profile: FieldProfile, kind: ValueKind, wanted: Group, target: Target) -> Fit:
    return _NEUTRAL


_KIND_FITS: Mapping[type[Kind], Callable[..., Fit]] = {
    Text: _text_fit, Code: _code_fit, Instant: _instant_fit, Day: _instant_fit, Whole: _number_fit, Money: _number_fit,
    Flag: _flag_fit, Group: _group_fit,
}  # fmt: skip


def ranked(matching: Matching, target: str) -> Iterator[Candidate]:
    """The candidates of a target as a person should see them: the one chosen, then the others by score."""
    chosen = matching.assigned.get(target)
    if chosen is not None:
        yield chosen
    yield from (pair for pair in matching.by_target.get(target, ()) if pair is not chosen)
