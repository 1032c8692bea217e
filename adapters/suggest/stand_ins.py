"""What a field without a source of its own may take: an application was handled when it was handed in."""

from collections.abc import Mapping, Sequence

from adapters.suggest.matching import Candidate, Matching, Source
from adapters.suggest.names import name_score
from adapters.suggest.roles import Role, RoutePlan
from adapters.suggest.values import ValueKind
from adapters.suggest.vocabulary import Target

_FOR_ALL: Mapping[str, Sequence[str]] = {
    "handledAt": ("application.appliedAt", "application.acceptedAt", "startedAt"),
    "application.appliedAt": ("application.acceptedAt", "handledAt", "startedAt"),
    "application.title": ("application.summary",),
}
_BY_ROLE: Mapping[Role, Mapping[str, Sequence[str]]] = {
    Role.SPECIAL: {
        "handledAt": ("special.startedAt", "special.endedAt"),
        "opinion": ("special.basis", "special.result"),
        "officerName": ("special.approver",),
    },
}
_CERTAINTY = 0.6


def completed(matching: Matching, plan: RoutePlan, sources: Sequence[Source]) -> Matching:
    """The matching with stand-ins for fields that have no source, and the time of the last change as revision."""
    assigned = dict(matching.assigned)
    ways = {**_FOR_ALL, **_BY_ROLE.get(plan.role, {})}
    for target in plan.targets():
        if target.path not in assigned:
            found = _stand_in(target, ways.get(target.path, ()), matching.assigned)
            found = found or (_last_change(target, sources) if target.path == "revision" else None)
            if found is not None:
                assigned[target.path] = found
    return Matching(assigned, matching.by_source, matching.by_target)


def _stand_in(target: Target, ways: Sequence[str], assigned: Mapping[str, Candidate]) -> Candidate | None:
    other = next((assigned[path] for path in ways if path in assigned), None)
    if other is None:
        return None
    return Candidate(
        other.source, target, _CERTAINTY, f"没有对应的字段，暂用“{other.target.title}”的来源", stands_in=True
    )


def _last_change(target: Target, sources: Sequence[Source]) -> Candidate | None:
    """Without a version number the time of the last change serves."""
    for source in sources:
        if not source.around and source.profile.kind is ValueKind.INSTANT:
            named = name_score(source.name, "", "@UPDATED")
            if named.score >= _SURELY:
                return Candidate(source, target, named.score, "最后更新的时间可作版本号", stands_in=True)
    return None


_SURELY = 0.8
