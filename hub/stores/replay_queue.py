"""What the keeper of replay jobs does to the tables: picks messages, queues them, notes the outcome."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, exists, func, select, update

from hub.stores.base import AnyRow
from hub.stores.exchange import Waiting, envelope, opened, quarantine
from hub.stores.outbox import outbox
from hub.stores.quarantine_acts import discarded_seqs, enqueue_absent
from hub.stores.replay import close_if_settled, replay_item, replay_job
from hub.stores.sealing import Sealer
from hub.stores.supervision import card, card_event

_UNDER_WAY = ("RUNNING", "PAUSED", "CANCELLING")


def due_jobs(unit: Connection, now: datetime) -> list[tuple[int, str]]:
    """Id and state of the jobs to look at now, the longest waiting first."""
    query = select(replay_job.c.id, replay_job.c.state).where(replay_job.c.due_at <= now).order_by(replay_job.c.due_at)
    return [(row.id, row.state) for row in unit.execute(query).all()]


def hold(unit: Connection, job_id: int, states: Collection[str], now: datetime) -> AnyRow | None:
    """The job, locked until the unit ends; None when it is held elsewhere, not due, or in another state by now."""
    query = select(replay_job).where(replay_job.c.id == job_id, replay_job.c.state.in_(states))
    return unit.execute(query.where(replay_job.c.due_at <= now).with_for_update(skip_locked=True)).first()


def look_again(unit: Connection, job_id: int, at: datetime | None) -> None:
    unit.execute(update(replay_job).where(replay_job.c.id == job_id).values(due_at=at))


# --- running ----------------------------------------------------------------------------------------------------


def advance(unit: Connection, job_id: int, now: datetime) -> int:
    """Settles what the workers are done with and queues what comes next; how many messages moved."""
    job = hold(unit, job_id, _UNDER_WAY, now)
    if job is None:
        return 0
    moved = _settle(unit, job_id, now)
    queued = _feed(unit, job, now) if job.state == "RUNNING" else 0
    if job.rate_per_second and queued:
        look_again(unit, job_id, now + timedelta(seconds=queued / job.rate_per_second))
    elif job.state == "PAUSED" and not _queued_count(unit, job_id):
        look_again(unit, job_id, None)
    if moved or queued:
        close_if_settled(unit, job_id, now)
    return moved + queued


def _settle(unit: Connection, job_id: int, now: datetime) -> int:
    """A queued message whose outbox row is gone was processed: the worker removes the row with its effects."""
    in_queue = exists().where(outbox.c.envelope_id == replay_item.c.envelope_id)
    is_open = (quarantine.c.envelope_id == replay_item.c.envelope_id) & (quarantine.c.state == "OPEN")
    held = select(func.count()).where(is_open).correlate(replay_item).scalar_subquery()
    mine = (replay_item.c.job_id == job_id) & (replay_item.c.state == "QUEUED")
    outcome = {"state": case((held > 0, "QUARANTINED"), else_="STORED"), "held_count": held, "settled_at": now}
    return unit.execute(update(replay_item).where(mine, ~in_queue).values(outcome)).rowcount


def _feed(unit: Connection, job: AnyRow, now: datetime) -> int:
    """No more of a job than its batch is ever in the queue, so that what the departments send now is not starved."""
    room = job.batch_size - _queued_count(unit, job.id)
    room = min(room, job.rate_per_second or room)
    if room <= 0:
        return 0
    candidates = _next_items(unit, job.id, room)
    worth = _worthwhile(unit, job, candidates)
    _mark(unit, job.id, [id_ for id_ in candidates if id_ not in worth], {"state": "SKIPPED", "settled_at": now})
    queued = enqueue_absent(unit, sorted(worth), now)
    _mark(unit, job.id, queued, {"state": "QUEUED", "queued_at": now})
    open_rows = quarantine.c.envelope_id.in_(queued) & (quarantine.c.state == "OPEN")
    unit.execute(update(quarantine).where(open_rows).values(resolved_by=job.created_by))
    return len(queued) + len(candidates) - len(worth)


def _queued_count(unit: Connection, job_id: int) -> int:
    query = select(func.count()).where(replay_item.c.job_id == job_id, replay_item.c.state == "QUEUED")
    return unit.execute(query).scalar_one()


def _next_items(unit: Connection, job_id: int, limit: int) -> list[int]:
    """Oldest message first; one that is in the queue already waits until it has left it."""
    in_queue = exists().where(outbox.c.envelope_id == replay_item.c.envelope_id)
    query = select(replay_item.c.envelope_id).where(replay_item.c.job_id == job_id, replay_item.c.state == "WAITING")
    query = query.where(~in_queue).order_by(replay_item.c.envelope_id).limit(limit)
    return list(unit.execute(query.with_for_update(skip_locked=True)).scalars().all())


def _worthwhile(unit: Connection, job: AnyRow, envelope_ids: Sequence[int]) -> set[int]:
    """Messages of which something is left to do: not all was discarded, or mended, since the job was made."""
    discarded = select(func.count()).where(quarantine.c.envelope_id == envelope.c.id, quarantine.c.state == "DISCARDED")
    query = select(envelope.c.id).where(
        envelope.c.id.in_(envelope_ids), envelope.c.accepted_count > discarded.correlate(envelope).scalar_subquery()
    )
    if job.only_quarantined:
        query = query.where(exists().where(quarantine.c.envelope_id == envelope.c.id, quarantine.c.state == "OPEN"))
    return set(unit.execute(query).scalars().all())


def _mark(unit: Connection, job_id: int, envelope_ids: Sequence[int], values: Mapping[str, Any]) -> None:
    if envelope_ids:
        mine = (replay_item.c.job_id == job_id) & replay_item.c.envelope_id.in_(envelope_ids)
        unit.execute(update(replay_item).where(mine).values(values))


# --- rehearsing -------------------------------------------------------------------------------------------------


def unrehearsed(unit: Connection, job: AnyRow) -> list[int]:
    """The next messages to be rehearsed, a batch of them."""
    query = select(replay_item.c.envelope_id).where(replay_item.c.job_id == job.id, replay_item.c.forecast.is_(None))
    return list(unit.execute(query.order_by(replay_item.c.envelope_id).limit(job.batch_size)).scalars().all())


def open_worthwhile(unit: Connection, sealer: Sealer, job: AnyRow, envelope_ids: Sequence[int]) -> list[Waiting]:
    """Stored messages, opened as for a worker though they are in no queue; those with nothing left to do are left out.

    Raises RejectedError HUB-9004 when a body cannot be opened.
    """
    query = select(envelope).where(envelope.c.id.in_(_worthwhile(unit, job, envelope_ids))).order_by(envelope.c.id)
    return [opened(row, sealer) for row in unit.execute(query).all()]


def records_left(unit: Connection, envelope_ids: Sequence[int]) -> dict[int, int]:
    """How many records of each message the door took and nobody discarded."""
    discarded = discarded_seqs(unit, envelope_ids)
    query = select(envelope.c.id, envelope.c.accepted_count).where(envelope.c.id.in_(envelope_ids))
    return {row.id: row.accepted_count - len(discarded.get(row.id, ())) for row in unit.execute(query).all()}


def last_card_event(unit: Connection) -> int:
    return unit.execute(select(func.max(card_event.c.id))).scalar() or 0


def card_changes(unit: Connection, case_ids: Collection[int], after: int) -> list[tuple[int, str, str]]:
    """Case, kind of event and name of the card, for every event of these cases after the given one."""
    query = select(card.c.case_id, card.c.rule_code, card.c.subject, card_event.c.kind).join(card_event)
    query = query.where(card.c.case_id.in_(case_ids), card_event.c.id > after)
    return [(row.case_id, row.kind, f"{row.case_id}/{row.rule_code}/{row.subject}") for row in unit.execute(query)]


def note_forecasts(unit: Connection, job_id: int, forecasts: Mapping[int, Mapping[str, Any]]) -> None:
    mine = (replay_item.c.job_id == job_id) & (replay_item.c.envelope_id == bindparam("item"))
    rows = [{"item": id_, "said": dict(forecast)} for id_, forecast in forecasts.items()]
    if rows:
        said = bindparam("said", type_=replay_item.c.forecast.type)
        unit.execute(update(replay_item).where(mine).values(forecast=said), rows)


def forecasts_of(unit: Connection, job_id: int) -> list[Mapping[str, Any]]:
    return list(unit.execute(select(replay_item.c.forecast).where(replay_item.c.job_id == job_id)).scalars().all())


def end_rehearsal(unit: Connection, job_id: int, forecast: Mapping[str, Any]) -> None:
    values = {"state": "DRAFT", "due_at": None, "forecast": dict(forecast)}
    unit.execute(update(replay_job).where(replay_job.c.id == job_id).values(values))
