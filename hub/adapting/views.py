"""What the windows show of adapters: rows of plain values, the same for REST, command line and console."""

from collections.abc import Mapping
from typing import Any

from adapters.document import dump_document
from adapters.document_diff import Change, diff_documents
from hub.adapting.keeper import current_form
from hub.adapting.office import ACTS, takes
from hub.stores import adapter_trials, adapters, unmapped_codes
from hub.stores.adapters import ACTIVE, DISABLED, SHADOW
from hub.stores.base import AnyRow
from hub.stores.session import Connection

CHANGE_TITLES: Mapping[str, str] = {"ADDED": "新增", "REMOVED": "删除", "CHANGED": "改变"}


def adapter_detail(unit: Connection, code: str) -> dict[str, Any]:
    """An adapter with its versions, newest first, what may be done now, the last acts, and the trial under way.

    Raises NotFoundError HUB-4045.
    """
    held = adapters.find(unit, code)
    versions = adapters.versions(unit, held.id)
    return adapters.adapter_row(held) | {
        "version": next((row.number for row in versions if row.state == ACTIVE), None),
        "fingerprint": next((row.fingerprint for row in versions if row.id == held.active_version_id), None),
        "acts": possible_acts(held, versions),
        "versions": [adapters.version_row(row) for row in versions],
        "events": adapters.events(unit, held.id),
        "openUnmapped": unmapped_codes.open_counts(unit, [held.id]).get(held.id, 0),
        "trial": _trial(unit, held, versions),
    }


def possible_acts(held: AnyRow, versions: list[AnyRow]) -> list[dict[str, Any]]:
    """`act, title, version, needsReason` of everything that may be done now."""
    found = [
        {"act": act.name, "title": act.title, "version": row.number, "needsReason": act.needs_reason}
        for row in versions
        for act in ACTS.values()
        if takes(act, row)
    ]
    last = ACTS["enable" if held.state == DISABLED else "disable"]
    return [*found, {"act": last.name, "title": last.title, "version": None, "needsReason": last.needs_reason}]


def _trial(unit: Connection, held: AnyRow, versions: list[AnyRow]) -> dict[str, Any] | None:
    row = next((row for row in versions if row.id == held.trial_version_id), None)
    if row is None:
        return None
    return {"version": row.number, "isShadow": row.state == SHADOW} | dict(adapter_trials.summary(unit, row.id))


def version_detail(unit: Connection, code: str, number: int | None = None) -> dict[str, Any]:
    """A version with its document, as data and as text; the draft or else the newest when no number is given."""
    held = adapters.find(unit, code)
    row = adapters.at_hand(unit, held.id) if number is None else adapters.version_of(unit, held.id, number)
    document = current_form(row.document)
    return adapters.version_row(row) | {"adapter": code, "document": document, "text": dump_document(document)}


def differences(unit: Connection, code: str, old: int, new: int) -> list[dict[str, Any]]:
    """What differs between two versions, in words."""
    documents = [version_detail(unit, code, number)["document"] for number in (old, new)]
    return [change_row(change) for change in diff_documents(*documents)]


def change_row(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind, "kindTitle": CHANGE_TITLES[change.kind], "area": change.area, "subject": change.subject,
        "before": change.before, "after": change.after,
    }  # fmt: skip
