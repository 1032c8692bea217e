"""One case as a list of happenings in business order, each with the time at which the hub learnt of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.console.services import Row

_LATE_HOURS = 24
_FAR_FUTURE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Happening:
    """`row` is the step, procedure or result itself; `out_of_order`: what happened after it was received before it."""

    kind: str
    title: str
    happened_at: str | None
    received_at: str | None
    row: Row
    late_hours: float = 0
    out_of_order: bool = False
    corrected: bool = False

    @property
    def is_late(self) -> bool:
        return self.late_hours > _LATE_HOURS


def timeline(case: Row) -> Sequence[Happening]:
    """Oldest first; what has no business time yet comes last."""
    found = sorted(_happenings(case), key=lambda happening: _moment(happening.happened_at))
    return tuple(_marked(happening, found[position + 1 :]) for position, happening in enumerate(found))


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else _FAR_FUTURE


def _marked(happening: Happening, later: Sequence[Happening]) -> Happening:
    known_first = [other for other in later if other.received_at]
    overtaken = happening.received_at is not None and any(
        _moment(other.received_at) < _moment(happening.received_at) for other in known_first
    )
    return Happening(
        happening.kind, happening.title, happening.happened_at, happening.received_at, happening.row,
        happening.late_hours, overtaken, (happening.row.get("revision") or 1) > 1,
    )  # fmt: skip


def _happenings(case: Row) -> Iterator[Happening]:
    application = case.get("application") or {}
    if application:
        yield Happening("application", "申请", application.get("appliedAt"), None, application)
    for step in case.get("steps", ()):
        yield _step(step)
    for special in case.get("specials", ()):
        yield from _special(special)
    result = case.get("result")
    if result:
        title = f"办结：{result.get('resultStatusTitle', '')}"
        yield Happening("result", title, result.get("finishedAt"), result.get("receivedAt"), result)


def _step(step: Row) -> Happening:
    happened_at = step.get("handledAt") or step.get("startedAt")
    return Happening(
        "step", step.get("stepName", ""), happened_at, step.get("receivedAt"), step, float(step.get("lateHours") or 0)
    )


def _special(special: Row) -> Iterator[Happening]:
    title = special.get("kindTitle", "")
    yield Happening("special", f"特别程序开始：{title}", special.get("startedAt"), special.get("receivedAt"), special)
    if special.get("endedAt"):
        yield Happening("special-end", f"特别程序结束：{title}", special.get("endedAt"), None, special)
