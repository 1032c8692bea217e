"""What a kind of record is about: an application, a step, a special procedure, a result, a service item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from adapters.suggest.matching import Candidate, Source, candidate
from adapters.suggest.names import name_score, words_of
from adapters.suggest.shapes import Shape
from adapters.suggest.vocabulary import Target, targets_of
from hub.domain.records import ITEM, PROCESS, RESULT, RecordKind


class Role(StrEnum):
    APPLICATION = "APPLICATION"
    STEP = "STEP"
    SPECIAL = "SPECIAL"
    RESULT = "RESULT"
    ITEM = "ITEM"


ROLE_TITLES = {
    Role.APPLICATION: "申请", Role.STEP: "办理过程", Role.SPECIAL: "特别程序", Role.RESULT: "办理结果",
    Role.ITEM: "政务服务事项",
}  # fmt: skip

_SECTIONS: Mapping[Role, tuple[RecordKind, tuple[str, ...]]] = {
    Role.APPLICATION: (PROCESS, ("", "application.", "application.material.")),
    Role.STEP: (PROCESS, ("", "risk.", "attachment.")),
    Role.SPECIAL: (PROCESS, ("", "special.")),
    Role.RESULT: (RESULT, ("", "attachment.")),
    Role.ITEM: (ITEM, ("",)),
}

_SAID_BY_ROLE: Mapping[Role, frozenset[str]] = {
    Role.APPLICATION: frozenset({"stepSeq", "stepCode", "stepName", "stepStatus", "startedAt", "handledAt", "post"}),
    Role.SPECIAL: frozenset({"stepName", "stepStatus", "startedAt", "handledAt"}),
}

_MARKERS: Mapping[Role, tuple[RecordKind, tuple[str, ...]]] = {
    Role.APPLICATION: (PROCESS, (
        "application.applicantName", "application.appliedAt", "application.applicantIdNo", "application.title",
        "application.promisedLimit", "application.applyMethod", "application.agentName", "application.material",
    )),
    Role.STEP: (PROCESS, (
        "stepName", "stepStatus", "stepSeq", "handledAt", "startedAt", "opinion", "officerName", "officerId", "office",
    )),
    Role.SPECIAL: (PROCESS, (
        "special.kind", "special.startedAt", "special.endedAt", "special.basis", "special.requestedLimit",
        "special.limitUnit", "special.approver", "special.result",
    )),
    Role.RESULT: (RESULT, (
        "resultStatus", "finishedAt", "certificateName", "certificateNo", "certificateValidUntil", "paid",
        "receivable", "reliefReason", "deliveredAt", "deliveryMethod", "satisfaction",
    )),
    Role.ITEM: (ITEM, (
        "itemName", "legalBasis", "acceptConditions", "supervisionPhone", "isCharged", "address", "feeStandard",
        "entrustedBy",
    )),
}  # fmt: skip
_TELLS = 0.6
_HINT = 2.5


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One canonical record that a kind of record gives: its store and the sections of fields it can fill."""

    role: Role
    kind: RecordKind
    sections: tuple[str, ...]
    said_by_role: frozenset[str] = frozenset()
    is_extra: bool = False
    """Beside the main record: only when the unit has what it is about."""
    """Fields that the role itself answers: an application has no step of its own."""

    def targets(self) -> list[Target]:
        """What the route can fill, in contract order."""
        return [target for path, target in targets_of(self.kind).items() if section_of(path) in self.sections]

    def matched_targets(self) -> list[Target]:
        """What is looked for among the sources."""
        return [target for target in self.targets() if target.path not in self.said_by_role]


def section_of(path: str) -> str:
    """`application.` of `application.title`; empty for a field of the record itself."""
    head, dot, _ = path.rpartition(".")
    return head + dot


def plan_routes(shape: Shape, sources: Sequence[Source]) -> list[RoutePlan]:
    """The records that this kind of record gives, the main one first: a flat record gives several."""
    own = [source for source in sources if not source.around]
    tally = _tally(own)
    hinted = _hint(shape.name)
    if hinted is not None:
        tally[hinted] += _HINT
    if not _has_applicant(sources):
        tally[Role.APPLICATION] = 0.0
    main = max(Role, key=lambda role: tally[role])
    plans = [_plan(main)]
    both = min(tally[Role.STEP], tally[Role.APPLICATION]) >= _BOTH
    if main in (Role.STEP, Role.APPLICATION) and both:
        sections = dict.fromkeys(_SECTIONS[Role.APPLICATION][1] + _SECTIONS[Role.STEP][1])
        plans = [RoutePlan(Role.STEP, PROCESS, tuple(sections))]
    if main is not Role.RESULT and _has_result(own):
        plans.append(replace(_plan(Role.RESULT), is_extra=True))
    return plans


_BOTH = 3.0


def _plan(role: Role) -> RoutePlan:
    return RoutePlan(role, *_SECTIONS[role], _SAID_BY_ROLE.get(role, frozenset()))


def _tally(sources: Sequence[Source]) -> dict[Role, float]:
    """How many fields tell of each role; a field that tells of several is shared between them."""
    tally = dict.fromkeys(Role, 0.0)
    for source in sources:
        scores = {role: _best(source, role) for role in Role}
        highest = max(scores.values())
        telling = [role for role, score in scores.items() if score >= _TELLS and score >= highest - 0.01]
        for role in telling:
            tally[role] += 1 / len(telling)
    return tally


def _best(source: Source, role: Role) -> float:
    kind, markers = _MARKERS[role]
    found = (candidate(source, targets_of(kind)[path]) for path in markers)
    return max((pair.score for pair in found if pair), default=0.0)


def _has_applicant(sources: Sequence[Source]) -> bool:
    """Without an applicant it is no application, whatever the name says."""
    target = targets_of(PROCESS)["application.applicantName"]
    return any((pair := candidate(source, target)) and pair.score >= _TELLS for source in sources)


def _has_result(sources: Sequence[Source]) -> bool:
    """A flat record carries its result when it says both how and when the case ended."""
    status, moment = (_best_pair(sources, path) for path in ("resultStatus", "finishedAt"))
    if status is None or moment is None:
        return False
    own = targets_of(PROCESS)
    step_status, handled = candidate(status.source, own["stepStatus"]), candidate(moment.source, own["handledAt"])
    is_status = step_status is None or step_status.score < status.score
    return is_status and (handled is None or handled.score <= moment.score)


def _best_pair(sources: Sequence[Source], path: str) -> Candidate | None:
    """The surest source of a field of the result."""
    found = [pair for source in sources if (pair := candidate(source, targets_of(RESULT)[path]))]
    best = max(found, key=lambda pair: pair.score, default=None)
    return best if best and best.score >= _SURELY else None


_SURELY = 0.8

# English words that name a role, the last one in a name being what it is about: INF_APPLY_RESULT.
_ROLE_WORDS: Mapping[str, Role] = {
    "result": Role.RESULT, "finish": Role.RESULT, "step": Role.STEP, "special": Role.SPECIAL, "pause": Role.SPECIAL,
    "resume": Role.SPECIAL, "item": Role.ITEM, "apply": Role.APPLICATION, "accept": Role.STEP,
}  # fmt: skip


_SPECIAL_WORDS = frozenset({"special", "pause", "resume"})


def _hint(name: str) -> Role | None:
    """What the name of a table or element says the record is."""
    scored = {role: name_score(name, "", f"@{role.value}").score for role in Role}
    best = max(scored, key=lambda role: scored[role])
    if scored[best] >= _SURELY:
        return best
    words = words_of(name)
    if any(word & _SPECIAL_WORDS for word in words):
        return Role.SPECIAL
    for meanings in reversed(words):
        for word, role in _ROLE_WORDS.items():
            if word in meanings:
                return role
    return None
