"""Wakes cases whose next due instant has come, so that cards appear without any record arriving."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub.stores import case_library
from hub.stores.session import Database
from hub.stores.supervision import any_due, due_cases
from supervision.case_judging import judge_cases
from supervision.law import Law

BATCH_CASES = 200


@dataclass(frozen=True, slots=True)
class Watch:
    """The timer loop's one step. Two watches may run at once: a case is taken by one of them."""

    database: Database
    law: Callable[[], Law]
    now: Callable[[], datetime]

    def fire_once(self, limit: int = BATCH_CASES) -> int:
        """Judges up to `limit` cases that are due; how many were. Their timers move in the same transaction."""
        with self.database.read() as unit:
            if not any_due(unit, self.now()):
                return 0
        with self.database.unit() as unit:
            now = self.now()
            case_ids = due_cases(unit, now, limit)
            case_library.lock_cases(unit, case_ids)
            judge_cases(unit, case_ids, self.law(), now)
        return len(case_ids)
