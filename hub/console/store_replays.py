"""The console's replay jobs over the stores."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.console.services import ConsoleUser, Page, ReplayAsked
from hub.stores import replay
from hub.stores.replay import Order, Selection, no_such_job
from hub.stores.replay_views import ItemQuery, ReplayQuery, replay_detail, search_items, search_replays
from hub.stores.session import Database


@dataclass(frozen=True, slots=True)
class StoreReplays:
    """Implements `ReplayServices`."""

    database: Database
    clock: Callable[[], datetime]

    def create(self, user: ConsoleUser, asked: ReplayAsked) -> int:
        listed = Selection(quarantine_ids=asked.quarantine_ids)
        order = Order(listed if asked.quarantine_ids else Selection(state="QUARANTINED", code=asked.code or None))
        key = hashlib.sha256(f"{asked.page_key} {order.digest()}".encode()).hexdigest()
        with self.database.unit() as unit:
            return replay.create(unit, replace(order, request_key=f"page {key}"), user.name, self.clock())

    def jobs(self, state: str, limit: int, after: str | None) -> Page:
        with self.database.read() as unit:
            return search_replays(unit, ReplayQuery(state, limit, after))

    def job(self, job_id: str) -> Mapping[str, Any]:
        with self.database.read() as unit:
            return replay_detail(unit, _row_id(job_id))

    def items(self, job_id: str, state: str, limit: int, after: str | None) -> Page:
        with self.database.read() as unit:
            return search_items(unit, _row_id(job_id), ItemQuery(state, limit, after))

    def turn(self, user: ConsoleUser, job_id: str, act: str) -> None:
        with self.database.unit() as unit:
            replay.turn(unit, _row_id(job_id), act, user.name, self.clock())


def _row_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise no_such_job()
    return int(text)
