"""What goes on happening in the demo county while one looks: new cases, next steps, results."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from hub.demo.casework import Casework
from hub.demo.county import County
from hub.demo.people import some_applicant
from hub.demo.scenario import Push
from hub.domain.records import PROCESS, RESULT, ProcessRecord, ResultRecord
from hub.domain.times import CHINA_TIME
from supervision.judging.calendar import Calendar

_LONGEST_OPEN = 8


@dataclass(slots=True)
class LiveCounty:
    """Thinks up what happens next. Case numbers carry the second of the start, so runs never collide."""

    county: County
    chance: random.Random
    started_at: datetime
    _open: list[Casework] = field(default_factory=list)
    _count: int = 0

    def due_within_the_minute(self, calendar: Calendar) -> Push | None:
        """A case counted in working hours whose promise ends in half a minute; None outside business hours."""
        item = next(item for item in self.county.items if item.promised_limit_unit == "WORKING_HOUR")
        accepted_at = working_hours_before(calendar, self.started_at + timedelta(seconds=30), item.promised_limit)
        if accepted_at is None:
            return None
        work = Casework(item, self._case_no(item.org_code), some_applicant(self.chance), accepted_at, self.chance)
        return self._push(work.acceptance())

    def happens(self, now: datetime) -> Push:
        """The next message: a new case, the next step of one, or its result."""
        if not self._open or (len(self._open) < _LONGEST_OPEN and self.chance.random() < 0.4):
            return self._push(self._new_case(now).acceptance())
        work = self.chance.choice(self._open)
        if work.remaining_steps:
            return self._push(work.step(now))
        self._open.remove(work)
        return self._push(work.result(now))

    def _new_case(self, now: datetime) -> Casework:
        item = self.chance.choice(self.county.items)
        work = Casework(item, self._case_no(item.org_code), some_applicant(self.chance), now, self.chance)
        self._open.append(work)
        return work

    def _case_no(self, org_code: str) -> str:
        self._count += 1
        return f"{org_code[-2:]}-{self.started_at.astimezone(CHINA_TIME):%Y%m%d%H%M%S}-{self._count:03d}"

    def _push(self, record: ProcessRecord | ResultRecord) -> Push:
        kind = RESULT if isinstance(record, ResultRecord) else PROCESS
        return Push(record.org_code, kind, f"live-{record.record_id}", [record])


def working_hours_before(calendar: Calendar, due: datetime, hours: int) -> datetime | None:
    """When a limit of that many working hours must begin to end at `due`; None when `due` is outside business hours."""
    local = calendar.local(due)
    if not calendar.is_working(local.date()) or calendar.hours.next_open(local.time()) != local.time():
        return None
    left = timedelta(hours=hours)
    for day, closing in _working_days_backwards(calendar, local):
        for start, end in reversed(calendar.hours.spans):
            if start >= closing:
                continue
            span_end = datetime.combine(day, min(end, closing), CHINA_TIME)
            length = span_end - datetime.combine(day, start, CHINA_TIME)
            if length >= left:
                return span_end - left
            left -= length
    return None


def _working_days_backwards(calendar: Calendar, due: datetime) -> Iterator[tuple[date, time]]:
    """Working days from that of `due` backwards, each with the time of day at which to begin."""
    day = due.date()
    yield day, due.time()
    while True:
        day = calendar.working_day_before(day, 1)
        yield day, calendar.hours.closing
