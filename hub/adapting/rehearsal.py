"""A version tried on messages that are kept: what it would read otherwise than the version in force. Nothing is
written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.engine import CompiledAdapter, compile_adapter
from adapters.reading import Content, Disposition, MessageReading
from adapters.sample_runs import SampleOutcome, run_samples
from hub.adapting.intake import content_of
from hub.adapting.keeper import current_form
from hub.adapting.trials import DIFFERENCE_TITLES, VALUE_DIFFERS, WHOLE_MESSAGE, differences_of, trial_contents
from hub.domain.errors import RejectedError
from hub.stores import adapters, exchange
from hub.stores.sealing import Sealer
from hub.stores.session import Connection, Database

MOST_MESSAGES = 200
_MOST_BYTES = 64 * 2**20  # somebody waits for it


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it, field by field."""

    messages: int
    units: int
    accepted: int
    refused_messages: int
    changed_messages: int
    by_target: Sequence[tuple[str, str, int]]
    by_issue: Sequence[tuple[str, str, int]]
    samples: Sequence[SampleOutcome] = ()

    def row(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "units": self.units,
            "accepted": self.accepted,
            "refusedMessages": self.refused_messages,
            "changedMessages": self.changed_messages,
            "byTarget": [
                {"target": target, "kind": kind, "kindTitle": DIFFERENCE_TITLES[kind], "count": count}
                for target, kind, count in self.by_target
            ],
            "byIssue": [{"code": code, "path": path, "count": count} for code, path, count in self.by_issue],
            "samples": [
                {"name": one.name, "passed": one.passed, "differences": list(one.differences)} for one in self.samples
            ],
        }


def kept_messages(unit: Connection, sealer: Sealer, code: str, limit: int = MOST_MESSAGES) -> list[Content]:
    """The last messages that came for an adapter, newest first: stored ones, else those that were tried."""
    held = adapters.find(unit, code)
    stored = [content_of(waiting) for waiting in exchange.last_adapted(unit, sealer, code, limit, _MOST_BYTES)]
    if stored or held.trial_version_id is None:
        return stored
    return trial_contents(unit, sealer, held.trial_version_id, limit, _MOST_BYTES)


def rehearse(database: Database, sealer: Sealer, code: str, number: int | None, limit: int) -> Rehearsal:
    """A version, the draft or else the newest when no number is given: its samples, and the last messages against the
    version in force.

    Raises NotFoundError HUB-4045.
    """
    with database.read() as unit:
        held = adapters.find(unit, code)
        wanted = adapters.at_hand(unit, held.id) if number is None else adapters.version_of(unit, held.id, number)
        active = None if held.active_version_id is None else adapters.version_by_id(unit, held.active_version_id)
        contents = kept_messages(unit, sealer, code, min(limit, MOST_MESSAGES))
    tried = compile_adapter(current_form(wanted.document))
    live = None if active is None else compile_adapter(current_form(active.document))
    return replace(compare(tried, live, contents), samples=run_samples(tried))


def compare(tried: CompiledAdapter, active: CompiledAdapter | None, contents: Sequence[Content]) -> Rehearsal:
    by_target: Counter[tuple[str, str]] = Counter()
    by_issue: Counter[tuple[str, str]] = Counter()
    units = accepted = refused = changed = 0
    for content in contents:
        reading = _read(tried, content)
        before = None if active is None else _read(active, content)
        if isinstance(reading, RejectedError):
            refused += 1
            by_issue[reading.code, ""] += 1
            if isinstance(before, MessageReading):
                changed += 1
                by_target[WHOLE_MESSAGE, VALUE_DIFFERS] += 1
            continue
        units += len(reading.units)
        accepted += sum(unit.disposition is Disposition.ACCEPTED for unit in reading.units)
        by_issue.update((issue.code, issue.path) for unit in reading.units for issue in unit.issues)
        found = list(differences_of(before, reading)) if isinstance(before, MessageReading) else []
        by_target.update(found)
        changed += bool(found)
    return Rehearsal(
        len(contents), units, accepted, refused, changed,
        [(*key, count) for key, count in by_target.most_common()],
        [(*key, count) for key, count in by_issue.most_common()],
    )  # fmt: skip


def _read(compiled: CompiledAdapter, content: Content) -> MessageReading | RejectedError:
    try:
        return compiled.read(content)
    except RejectedError as refusal:
        return refusal
