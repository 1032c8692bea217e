"""Wakes cases whose next due instant has come, so that cards appear without any record arriving."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from hub.domain.failpoints import failpoint
from hub.stores.session import Database
from hub.stores.supervision import any_due, due_cases
from supervision.case_judging import judge_cases
from supervision.law import Law

BATCH_CASES = 500


@dataclass(frozen=True, slots=True)
class Watch:
    """The timer loop's one step. Two watches may run at once: a case is taken by one of them."""

    database: Database
    law: Callable[[], Law]
    now: Callable[[], datetime]
    fired: Callable[[Collection[datetime], datetime, float], None] = lambda due, now, seconds: None
    """Told afterwards: the moments that had come, when they were dealt with, and how long that took."""

    def fire_once(self, limit: int = BATCH_CASES) -> int:
        """Judges up to `limit` cases that are due; how many were. Their timers move in the same transaction."""
        with self.database.read() as unit:
            if not any_due(unit, self.now()):
                return 0
        started = perf_counter()
        with self.database.unit() as unit:
            now = self.now()
            due = due_cases(unit, now, limit)
            judge_cases(unit, list(due), self.law(), now)
            failpoint("s17_card")
        self.fired(due.values(), self.now(), perf_counter() - started)
        return len(due)
