"""Time as a sender lives it: working time that stands still at night and on holidays, or all of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from supervision.judging.calendar import Calendar

_HOUR = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Timeline(Protocol):
    """Positions are microseconds that only grow; a day has `slots` parts of about an hour."""

    @property
    def day_length(self) -> int: ...

    @property
    def slots(self) -> int: ...

    def position(self, instant: datetime) -> int: ...

    def instant(self, position: int) -> datetime: ...


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """Business hours of working days. What comes outside of them counts as coming at the next opening."""

    calendar: Calendar

    @property
    def day_length(self) -> int:
        return self.calendar.hours.length

    @property
    def slots(self) -> int:
        return -(-self.day_length // _HOUR)

    def position(self, instant: datetime) -> int:
        """Raises BeyondCalendarError."""
        local = self.calendar.local(instant)
        whole_days = self.calendar.working_days_before(local.toordinal()) * self.day_length
        if not self.calendar.is_working(local.date()):
            return whole_days
        return whole_days + self.calendar.hours.elapsed(local.time())

    def instant(self, position: int) -> datetime:
        """The first instant at which so much has passed: the end of a day rather than the opening of the next.

        Raises BeyondCalendarError.
        """
        day, elapsed = divmod(max(position - 1, 0), self.day_length)
        return self.calendar.moment(self.calendar.working_ordinal(day), elapsed + 1 if position else 0)


@dataclass(frozen=True, slots=True)
class AllTime:
    """Every hour of every day."""

    day_length: int = 24 * _HOUR
    slots: int = 24

    def position(self, instant: datetime) -> int:
        return (instant - _EPOCH) // _MICROSECOND

    def instant(self, position: int) -> datetime:
        return _EPOCH + position * _MICROSECOND
