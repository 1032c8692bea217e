"""When a source is asked again: by its document's rhythm and window, later after failures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from hub.domain.errors import HubError, RetryableError
from hub.domain.times import CHINA_TIME

_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=15)
_DEFAULT_MINUTES = 5
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rhythm, and the hours of the day (in China) in which the department lets itself be asked."""

    every: timedelta
    opens: time | None = None
    closes: time | None = None

    @classmethod
    def of(cls, transport: Mapping[str, Any]) -> "Schedule":
        entry = transport.get("schedule", {})
        opens, _, closes = entry.get("window", "").partition("-")
        every = timedelta(minutes=entry.get("everyMinutes", _DEFAULT_MINUTES))
        return cls(every, *((time.fromisoformat(opens), time.fromisoformat(closes)) if closes else ()))

    def next_after(self, now: datetime, problem: HubError | None, failures: int) -> datetime:
        """When to ask again after a run that ended now; a passing problem is tried again sooner, and ever later."""
        pause = self.every
        if isinstance(problem, RetryableError):
            backoff = min(_LONGEST_RETRY, _FIRST_RETRY * 2 ** min(failures, 8))
            asked = timedelta(seconds=problem.retry_after_seconds or 0)
            pause = max(min(backoff, max(self.every, _FIRST_RETRY)), asked)
        return self.opening(now + pause)

    def opening(self, moment: datetime) -> datetime:
        """The moment itself within the window, else the window's next beginning."""
        if self.opens is None or self.closes is None or self.opens == self.closes:
            return moment
        local = moment.astimezone(CHINA_TIME)
        clock = local.time()
        over_midnight = self.opens > self.closes
        inside = (
            (clock >= self.opens) is (clock < self.closes)
            if not over_midnight
            else (clock >= self.opens or clock < self.closes)
        )
        if inside:
            return moment
        begins = datetime.combine(local.date(), self.opens, CHINA_TIME)
        return (begins if begins > local else begins + _DAY).astimezone(moment.tzinfo)
