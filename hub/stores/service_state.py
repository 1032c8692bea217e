"""The state of the service, set by staff for all processes at once; every change is audited with its reason."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Integer, String, Table, select, update

from hub.domain.errors import RejectedError
from hub.domain.service_states import SERVICE_STATES, Activity, Service, ServiceState
from hub.domain.times import as_json
from hub.stores import audit
from hub.stores.base import UtcTime, insert_or_ignore, metadata
from hub.stores.session import Database

RECHECK_AFTER_SECONDS = 1.0
MAX_REASON_CHARACTERS = 500
_ONLY_ROW = 1

service_state = Table(
    "service_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("state", String(20), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("changed_by", String(100), nullable=False),
    Column("reason", String(MAX_REASON_CHARACTERS), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A state that somebody wants; `address` is where the request came from."""

    state: str
    reason: str
    by: str
    address: str = ""


def current(unit: Connection) -> Service:
    row = unit.execute(select(service_state)).first()
    if row is None:
        return Service()
    return Service(ServiceState(row.state), row.since, row.changed_by, row.reason)


def change(unit: Connection, wanted: Change, now: datetime) -> Service:
    """Puts a state into force. Raises RejectedError HUB-4006 on an unknown state, or without a reason in one line."""
    reason = wanted.reason.strip()
    if wanted.state not in SERVICE_STATES:
        raise RejectedError("HUB-4006", f"没有这个状态；可用：{'、'.join(SERVICE_STATES)}", "state")
    if not 0 < len(reason) <= MAX_REASON_CHARACTERS or not reason.isprintable():
        raise RejectedError("HUB-4006", f"须写明理由，一行，不超过 {MAX_REASON_CHARACTERS} 字", "reason")
    detail = {"from": current(unit).state.value, "to": wanted.state, "reason": reason}
    values = {"state": wanted.state, "since": now, "changed_by": wanted.by, "reason": reason}
    unit.execute(insert_or_ignore(unit, service_state, ("id",)).values(id=_ONLY_ROW, **values))
    unit.execute(update(service_state).values(values))
    act = audit.Act(wanted.by, "service-state.set", "service", "hub", address=wanted.address, detail=detail)
    audit.record(unit, act, now)
    return Service(ServiceState(wanted.state), now, wanted.by, reason)


def as_row(service: Service) -> dict[str, Any]:
    """The state for pages, programs and the command line."""
    return {
        "state": service.state.value,
        "title": service.title,
        "since": as_json(service.since),
        "by": service.by,
        "reason": service.reason,
    }


class ServiceKeeper:
    """Gives the state in force, at most about a second old. Shared by all threads of a process."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._checked_at: float | None = None
        self.latest = Service()
        """As last read; asks nobody, so that an event loop may look at it."""

    def __call__(self) -> Service:
        """Raises RetryableError when the database is away and the state may have changed."""
        with self._lock:
            if self._checked_at is None or self._monotonic() - self._checked_at > RECHECK_AFTER_SECONDS:
                self._read()
            return self.latest

    def change(self, wanted: Change, now: datetime) -> Service:
        """Raises as `change` does, and RetryableError HUB-9002."""
        with self._database.unit() as unit:
            changed = change(unit, wanted, now)
        with self._lock:
            self._read()
        return changed

    def may_work(self) -> bool:
        """Whether workers and timers may do anything. Raises as `__call__`."""
        return self().allows(Activity.WORK)

    def _read(self) -> None:
        with self._database.read() as unit:
            self.latest = current(unit)
        self._checked_at = self._monotonic()
