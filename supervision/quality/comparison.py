"""Compares a sender's own list with what the hub holds of a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.record_list import Listed
from hub.domain.receipts import RecordState
from hub.stores.reconciliation import HeldRecord

MOST_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every entry of the list stands in exactly one of `equal` (counted), `differing`, `refused` and `missing_here`."""

    listed: int
    held: int
    equal: int
    missing_here: Sequence[str]
    missing_there: Sequence[HeldRecord]
    differing: Sequence[HeldRecord]
    refused: Sequence[HeldRecord]


def compare(entries: Sequence[Listed], held: Iterable[HeldRecord]) -> Comparison:
    """A record that came several times counts once, as it came last among those that were taken."""
    by_id = _taken_first(held)
    equal, missing, differing, refused = 0, [], [], []
    unique = {(entry.kind, entry.record_id): entry for entry in entries}
    for entry in unique.values():
        found = by_id.get(entry.record_id)
        if found is None or (entry.kind is not None and entry.kind != found.kind):
            missing.append(entry.record_id)
        elif found.state is RecordState.REJECTED:
            refused.append(found)
        elif entry.digest is not None and entry.digest != found.digest:
            differing.append(found)
        else:
            equal += 1
    named = {record_id for _, record_id in unique}
    taken = [each for each in by_id.values() if each.state is not RecordState.REJECTED]
    extra = [each for each in taken if each.record_id not in named]
    return Comparison(len(unique), len(taken), equal, missing, extra, differing, refused)


def _taken_first(held: Iterable[HeldRecord]) -> Mapping[str, HeldRecord]:
    found: dict[str, HeldRecord] = {}
    for each in held:
        known = found.get(each.record_id or "")
        is_better = known is None or each.state is not RecordState.REJECTED or known.state is RecordState.REJECTED
        if each.record_id is not None and is_better:
            found[each.record_id] = each
    return found


def elsewhere(comparison: Comparison, stored: Mapping[str, datetime]) -> list[tuple[str, datetime]]:
    """Those missing of the day that are stored from another one."""
    return [(record_id, stored[record_id]) for record_id in comparison.missing_here if record_id in stored]
