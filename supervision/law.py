"""What the judge needs besides facts, read once from store 4: calendar, clock policy and rules in force."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import cast

from hub.domain.findings import RuleInForce
from hub.domain.times import china_day
from hub.stores.rules import StoredCalendar, active_calendar, active_rule_documents, versions_in_force
from hub.stores.session import Connection, Database
from supervision.judging.calendar import BusinessHours, Calendar
from supervision.judging.clock import ClockPolicy
from supervision.judging.rule_documents import rule_in_force

DUE_SOON_WORKING_DAYS = 2
RECHECK_AFTER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Law:
    """Everything in force at one moment. Versions are immutable, so one Law can be shared by all threads."""

    calendar: Calendar
    policy: ClockPolicy
    rules: tuple[RuleInForce, ...]

    def due_soon_until(self, now: datetime) -> datetime:
        """What is due before this is due soon: up to and with the closing of the second working day from today."""
        last_day = self.calendar.working_day_after(china_day(now), DUE_SOON_WORKING_DAYS)
        return self.calendar.closing(last_day) + timedelta(microseconds=1)


def law_in_force(unit: Connection) -> Law:
    """Raises RuntimeError when the database was never initialised (`hub init`)."""
    stored = active_calendar(unit)
    if stored is None:
        raise RuntimeError("数据库尚未初始化：请先运行 hub init")
    return Law(
        calendar_from(stored), ClockPolicy(), tuple(rule_in_force(document) for document in active_rule_documents(unit))
    )


def calendar_from(stored: StoredCalendar) -> Calendar:
    version, days = stored
    spans = tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in version["hours"])
    published = version["first_day"], version["published_until"]
    return Calendar.from_rows(version["version"], days, *published, BusinessHours(spans))


class LawKeeper:
    """Gives the law in force, reading it again only when a version changed. Shared by all threads of a process."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._law: Law | None = None
        self._stamp: object = None
        self._checked_at: datetime | None = None

    def __call__(self) -> Law:
        """Raises RuntimeError before `hub init`, RetryableError when the database is away."""
        with self._lock:
            now = self._now()
            if self._law is None or self._checked_at is None or now - self._checked_at > RECHECK_AFTER:
                self._refresh()
                self._checked_at = now
            return cast(Law, self._law)

    def _refresh(self) -> None:
        with self._database.read() as unit:
            stamp = versions_in_force(unit)
            if self._law is None or stamp != self._stamp:
                self._law, self._stamp = law_in_force(unit), stamp
