"""The console's adapters over the office and the stores: reading is one unit of work, every change is the office's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.suggest.sample_files import SampleFile
from hub.adapting.keeper import current_form
from hub.adapting.mapping_desk import map_and_replay
from hub.adapting.office import ACTS, Act, AdapterOffice, Asked, takes
from hub.adapting.rehearsal import rehearse
from hub.adapting.trials import DIFFERENCE_TITLES
from hub.console.adapter_words import ACT_HINTS, ACT_TITLES
from hub.console.services import ActAsked, AdapterSearch, ConsoleUser, Row, UnmappedSearch
from hub.console.structure_drift import drift_between, files_of_samples
from hub.console.target_fields import code_list_of_path, title_of_path
from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.times import as_json, china_day
from hub.stores import adapter_trials, adapter_views, adapters, pull, unmapped_codes
from hub.stores.base import AnyRow
from hub.stores.paging import Page
from hub.stores.sealing import Sealer
from hub.stores.session import Connection, Database

_DAYS = 7
_LOOKED_AT = 60
_NEWEST = 20
_MOST_ISSUES = 20
Silences = Callable[[], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class StoreAdapters:
    """Implements `AdapterServices`. `silences`: every sender in use with its voice."""

    database: Database
    sealer: Sealer
    office: AdapterOffice
    clock: Callable[[], datetime]
    silences: Silences

    # --- reading -----------------------------------------------------------------------------------------------------

    def adapters(self, user: ConsoleUser, search: AdapterSearch) -> Page:
        wanted = adapters.AdapterQuery(search.q, search.state, search.sender, search.limit, search.after)
        with self.database.read() as unit:
            page = adapters.search(unit, wanted)
            rows = self._described(unit, page.items)
        return Page(rows, page.next)

    def adapter(self, user: ConsoleUser, code: str) -> Row:
        with self.database.read() as unit:
            held = adapters.find(unit, code)
            versions = adapters.versions(unit, held.id)
            described = self._described(unit, [adapters.adapter_row(held)])[0]
            return described | {
                "acts": list(_possible_acts(held, versions)),
                "versions": [adapters.version_row(row) for row in versions],
                "events": [_event(row) for row in adapters.events(unit, held.id)],
                "days": adapter_views.last_days(unit, held.id, china_day(self.clock()), _DAYS),
                "topErrors": adapter_views.top_errors(unit, held.id),
                "pull": pull.pull_states(unit).get(code),
                "shadow": _trial(unit, held, versions),
                "draft": next((row.number for row in versions if row.state == adapters.DRAFT), None),
            }

    def _described(self, unit: Connection, rows: Sequence[Row]) -> list[dict[str, Any]]:
        now = self.clock()
        voices = {row["sender"]: row for row in self.silences()}
        pulls = pull.pull_states(unit)
        return [
            row
            | {
                "isSilent": voices.get(row["sender"], {}).get("voice") == "SILENT",
                "problem": pulls.get(row["adapter"], {}).get("problem"),
            }
            for row in adapter_views.described(unit, rows, now, china_day(now))
        ]

    def version(self, user: ConsoleUser, code: str, number: int) -> Row:
        with self.database.read() as unit:
            row = adapters.version_of(unit, adapters.find(unit, code).id, number)
        acts = [_act(act, row) for act in ACTS.values() if takes(act, row)]
        return adapters.version_row(row) | {"document": current_form(row.document), "acts": acts}

    def shadow_differences(self, user: ConsoleUser, code: str) -> Sequence[Row]:
        with self.database.read() as unit:
            version_id = adapters.find(unit, code).trial_version_id
            counted = adapter_trials.summary(unit, version_id)["byTarget"] if version_id else []
        return [_difference(row["target"], row["kind"], row["count"]) for row in counted]

    def drift(self, user: ConsoleUser, code: str) -> Sequence[Row]:
        with self.database.read() as unit:
            document = adapters.at_hand(unit, adapters.find(unit, code).id).document
            messages = adapter_views.last_messages(unit, self.sealer, code, _LOOKED_AT)
        files = [SampleFile(message.receipt_no, message.body, message.source) for message in messages]
        return drift_between([*files[_NEWEST:], *files_of_samples(document)], files[:_NEWEST])

    def draft(self, user: ConsoleUser, code: str) -> Row:
        with self.database.read() as unit:
            held = adapters.find(unit, code)
            row = adapters.at_hand(unit, held.id)
            if row.state != adapters.DRAFT and held.active_version_id is not None:
                row = adapters.version_by_id(unit, held.active_version_id)
        return {
            "number": row.number,
            "document": current_form(row.document),
            "digest": row.content_digest if row.state == adapters.DRAFT else "",
            "author": row.author,
            "changedAt": as_json(row.changed_at),
        }

    def dry_run(self, user: ConsoleUser, code: str, limit: int) -> Row:
        outcome = rehearse(self.database, self.sealer, code, None, limit).row()
        by_target = [{**row, "title": title_of_path(row["target"])} for row in outcome["byTarget"]]
        return {**outcome, "byTarget": by_target}

    # --- changing ----------------------------------------------------------------------------------------------------

    def act(self, user: ConsoleUser, code: str, asked: ActAsked) -> None:
        self.office.act(
            code,
            Asked(
                act=asked.act, actor=user.name, version=asked.version, reason=asked.reason,
                fingerprint=asked.fingerprint, until=asked.planned_end,
            ),
        )  # fmt: skip

    def create(self, user: ConsoleUser, document: Mapping[str, Any]) -> None:
        with self.database.read() as unit:
            if document["adapter"] in adapters.codes(unit):
                raise RejectedError("HUB-6003", "这个适配器代码已经登记", "adapter")
        self.office.save(document, user.name, "")

    def save_draft(self, user: ConsoleUser, code: str, document: Mapping[str, Any], digest: str) -> None:
        if document["adapter"] != code:
            raise RejectedError("HUB-3006", "适配器代码不能改；要换代码请另建一个", "adapter")
        self.office.save(document, user.name, digest)

    def unmapped(self, user: ConsoleUser, search: UnmappedSearch) -> Page:
        wanted = unmapped_codes.UnmappedQuery(search.adapter, search.state, search.limit, search.after)
        with self.database.read() as unit:
            page = unmapped_codes.search(unit, wanted)
        return Page([_unmapped(row) for row in page.items], page.next)

    def map_code(self, user: ConsoleUser, entry_id: str, token: str) -> Row:
        return map_and_replay(self.office, _row_id(entry_id), token, user.name, replays=True)

    def ignore_code(self, user: ConsoleUser, entry_id: str, reason: str) -> None:
        self.office.ignore_code(_row_id(entry_id), reason, user.name)


# --- rows ---------------------------------------------------------------------------------------------------------


def _possible_acts(held: AnyRow, versions: Sequence[AnyRow]) -> Iterator[Row]:
    """Each act once, about the newest version that it may take; going back only to what was in force."""
    for act in ACTS.values():
        if act.takes:
            version = next((row for row in versions if takes(act, row)), None)
            if version is not None:
                yield _act(act, version)
        elif act.name == ("enable" if held.state == adapters.DISABLED else "disable") and _is_known_outside(held):
            yield _act(act, None)


def _is_known_outside(held: AnyRow) -> bool:
    """Whether anybody could have sent to it: there is nothing to stop of a draft."""
    return bool(held.state != adapters.DRAFT)


def _act(act: Act, version: AnyRow | None) -> dict[str, Any]:
    return {
        "act": act.name,
        "title": act.title,
        "hint": ACT_HINTS.get(act.name, ""),
        "needsReason": act.needs_reason,
        "version": version.number if version else None,
        "fingerprint": version.fingerprint if version else "",
    }


def _event(row: Row) -> dict[str, Any]:
    return {**row, "title": ACT_TITLES.get(row["act"], row["act"])}


def _trial(unit: Connection, held: AnyRow, versions: Sequence[AnyRow]) -> dict[str, Any] | None:
    """What the version on trial made of messages: in the sandbox, or beside the one in force."""
    version = next((row for row in versions if row.id == held.trial_version_id), None)
    if version is None:
        return None
    summary = adapter_trials.summary(unit, version.id)
    return {
        "version": version.number,
        "state": version.state,
        "since": summary["since"],
        "compared": summary["messages"],
        "different": summary["differing"],
        "units": summary["units"],
        "refused": summary["refused"],
        "issues": _trial_issues(unit, version.id),
    }


def _trial_issues(unit: Connection, version_id: int) -> list[dict[str, Any]]:
    """The newest complaints of the version on trial: `code, path, message`."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in adapter_trials.last(unit, version_id):
        for _, code, path, message in row.issues:
            place = adapter_views.place_in_unit(path)
            found.setdefault((code, place), {"code": code, "path": place, "message": message})
    return list(found.values())[:_MOST_ISSUES]


def _difference(target: str, kind: str, count: int) -> dict[str, Any]:
    return {
        "target": target, "title": title_of_path(target), "kind": DIFFERENCE_TITLES.get(kind, kind), "count": count,
    }  # fmt: skip


def _unmapped(row: Row) -> dict[str, Any]:
    path = row["target"].replace("/", ".")
    return {**row, "targetTitle": title_of_path(path), "codeList": code_list_of_path(path)}


def _row_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFoundError("HUB-4045", "没有这个未对照代码")
    return int(text)
