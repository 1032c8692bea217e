"""Read models of replay jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from hub.domain.times import as_json
from hub.stores.base import AnyRow
from hub.stores.exchange import envelope
from hub.stores.paging import Page, page
from hub.stores.registry import sender
from hub.stores.replay import ITEM_STATES, JOB_STATES, item_counts, job_row, replay_item, replay_job

_LISTS = {"receipt_nos": "receiptCount", "quarantine_ids": "quarantinedCount"}
_NAMES = {"received_from": "from", "received_to": "to"}


@dataclass(frozen=True, slots=True)
class ReplayQuery:
    """Filters of the job list; None means all."""

    state: str | None = None
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Filters of the messages of a job; None means all."""

    state: str | None = None
    limit: int = 50
    after: str | None = None


def search_replays(unit: Connection, wanted: ReplayQuery) -> Page:
    query = select(replay_job)
    if wanted.state:
        query = query.where(replay_job.c.state == wanted.state)
    found = page(unit, query, replay_job.c.id, after=wanted.after, limit=wanted.limit, item=_job)
    counts = item_counts(unit, [job["id"] for job in found.items])
    return Page([job | _accounts(counts[job["id"]]) for job in found.items], found.next)


def replay_detail(unit: Connection, job_id: int) -> dict[str, Any]:
    """One job with its accounts. Raises NotFoundError HUB-4044."""
    return _job(job_row(unit, job_id)) | _accounts(item_counts(unit, [job_id])[job_id])


def search_items(unit: Connection, job_id: int, wanted: ItemQuery) -> Page:
    """The messages of a job and what became of each, the newest first. Raises as `replay_detail`."""
    job_row(unit, job_id)
    query = select(replay_item, envelope.c.receipt_no, sender.c.code, sender.c.name)
    query = query.join_from(replay_item, envelope).join(sender).where(replay_item.c.job_id == job_id)
    if wanted.state:
        query = query.where(replay_item.c.state == wanted.state)
    return page(unit, query, replay_item.c.envelope_id, after=wanted.after, limit=wanted.limit, item=_item)


def _job(row: AnyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "stateTitle": JOB_STATES[row.state],
        "selection": _selection(row.selection),
        "matchedCount": row.matched_count,
        "batchSize": row.batch_size,
        "ratePerSecond": row.rate_per_second,
        "forecast": row.forecast,
        "createdAt": as_json(row.created_at),
        "createdBy": row.created_by,
        "startedAt": as_json(row.started_at),
        "finishedAt": as_json(row.finished_at),
    }


def _selection(document: Mapping[str, Any]) -> dict[str, Any]:
    """As asked for; of long lists only how many they name."""
    return {_LISTS[name]: len(value) for name, value in document.items() if name in _LISTS} | {
        _NAMES.get(name, name): value for name, value in document.items() if name not in _LISTS
    }


def _accounts(counts: Mapping[str, int]) -> dict[str, Any]:
    """Every message stands in exactly one of the counts; `itemCount` is their sum."""
    return {"itemCount": sum(counts.values()), "counts": {state: counts.get(state, 0) for state in ITEM_STATES}}


def _item(row: AnyRow) -> dict[str, Any]:
    return {
        "receiptNo": row.receipt_no,
        "sender": row.code,
        "senderName": row.name,
        "state": row.state,
        "stateTitle": ITEM_STATES[row.state],
        "heldCount": row.held_count,
        "queuedAt": as_json(row.queued_at),
        "settledAt": as_json(row.settled_at),
        "forecast": _forecast(row.forecast),
    }


def _forecast(said: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if said is None or "skipped" in said:
        return None
    return {
        "newRecords": said["new"],
        "unchangedRecords": said["unchanged"],
        "failingRecords": said["failing"],
        "cardsChanged": len(said["cards"]),
    }
