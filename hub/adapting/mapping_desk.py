"""Map once, replay all."""

from datetime import timedelta
from typing import Any

from hub.adapting.keeper import FRESH_SECONDS
from hub.adapting.office import AdapterOffice
from hub.domain.errors import NotFoundError
from hub.stores import replay, replay_queue, unmapped_codes
from hub.stores.base import AnyRow
from hub.stores.replay import Order, Selection

_MOMENT = timedelta(microseconds=1)


def map_and_replay(office: AdapterOffice, entry_id: int, token: str, actor: str, *, replays: bool) -> dict[str, Any]:
    """Enters a code into its map and, where that is in force at once, has the messages that had it read again.

    `adapter, version, activated, replayJob`; no job where no such message is processed yet. Raises as
    `AdapterOffice.map_code`.
    """
    with office.database.read() as unit:
        entry = unmapped_codes.find(unit, entry_id)
    mapped = office.map_code(entry_id, token, actor)
    job = _replay(office, entry, actor) if mapped["activated"] and replays else None
    return mapped | {"replayJob": job}


def _replay(office: AdapterOffice, entry: AnyRow, actor: str) -> int | None:
    """The adapter's messages received while the code was met."""
    now = office.now()
    last = entry.last_seen_at + _MOMENT
    wanted = Selection(
        state="PROCESSED", adapter=entry.code, received_from=entry.first_seen_at, received_to=last
    )  # fmt: skip
    try:
        with office.database.unit() as unit:
            job_id = replay.create(unit, Order(wanted, rehearse=False), actor, now)
            replay.turn(unit, job_id, "start", actor, now)
            # not before every process has noticed the new version, or it would be the old reading again
            replay_queue.look_again(unit, job_id, now + timedelta(seconds=2 * FRESH_SECONDS))
    except NotFoundError:
        return None
    return job_id
