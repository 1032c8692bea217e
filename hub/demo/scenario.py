"""What happened in the demo county before today: about sixty cases, the same for the same seed and day."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import cycle

from lxml import etree

from adapters.contract import CONTRACT_NS, write_element
from hub.demo.casework import Casework
from hub.demo.county import County
from hub.demo.people import some_applicant
from hub.domain.records import (
    ITEM,
    PROCESS,
    RESULT,
    ProcessRecord,
    Record,
    RecordKind,
    ResultRecord,
    ServiceItem,
    Special,
)
from hub.domain.times import CHINA_TIME, china_day
from supervision.judging.calendar import Calendar

Sendable = Record | etree._Element


@dataclass(frozen=True, slots=True)
class Push:
    """One message on its way: which department's system sends which records."""

    org_code: str
    kind: RecordKind
    message_id: str
    records: Sequence[Sendable]


@dataclass(frozen=True, slots=True)
class Course:
    """How one kind of case went. `working_days_ago`: when it was accepted, by the limits of its item."""

    name: str
    count: int
    working_days_ago: Callable[[ServiceItem], int]
    tell: Callable[["Story"], Iterator[Sendable]]


@dataclass(frozen=True, slots=True)
class Story:
    """One case to be told, and the calendar on which it plays."""

    work: Casework
    calendar: Calendar
    now: datetime

    def day(self, working_days: int, hour: int = 10) -> datetime:
        """That many working days after acceptance, but not in the future."""
        start = china_day(self.work.accepted_at)
        day = self.calendar.working_day_after(start, working_days) if working_days > 0 else start
        return min(datetime.combine(day, time(hour, 20), CHINA_TIME), self.now - timedelta(minutes=1))


def build_scenario(county: County, calendar: Calendar, now: datetime, seed: int) -> list[Push]:
    """The pushes in the order in which they go out: items first, then case by case."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable play, not a secret
    pushes = [_items(county, org_code, now) for org_code in county.departments]
    items = cycle(item for item in county.items if item.promised_limit_unit == "WORKING_DAY")
    serial = 0
    for course in COURSES:
        for _ in range(course.count):
            serial += 1
            story = _story(next(items), serial, course, calendar, now, chance)
            pushes.extend(_pushes(story, course.tell(story)))
    return pushes


def _items(county: County, org_code: str, now: datetime) -> Push:
    mine = [item for item in county.items if item.org_code == org_code]
    return Push(org_code, ITEM, f"items-{org_code}-{now:%Y%m%d}", mine)


def _story(
    item: ServiceItem, serial: int, course: Course, calendar: Calendar, now: datetime, chance: random.Random
) -> Story:
    accepted_on = calendar.working_day_before(china_day(now), max(course.working_days_ago(item), 1))
    accepted_at = _at(accepted_on, chance)
    case_no = f"{item.org_code[-2:]}-{accepted_on:%Y%m}-{serial:04d}"
    return Story(Casework(item, case_no, some_applicant(chance), accepted_at, chance), calendar, now)


def _at(day: date, chance: random.Random) -> datetime:
    return datetime.combine(day, time(9, chance.randint(0, 59)), CHINA_TIME)


def _pushes(story: Story, told: Iterator[Sendable]) -> Iterator[Push]:
    """One message per record, as small departments send them."""
    for place, record in enumerate(told, start=1):
        kind = RESULT if isinstance(record, ResultRecord) or _is_result(record) else PROCESS
        yield Push(story.work.item.org_code, kind, f"demo-{story.work.case_no}-{place}", [record])


def _is_result(record: Sendable) -> bool:
    return isinstance(record, etree._Element) and record.find(f"{{{CONTRACT_NS}}}resultStatus") is not None


def _finished(story: Story) -> Iterator[Sendable]:
    end = story.day(max(story.work.item.promised_limit - 2, 1), 16)
    yield story.work.acceptance()
    yield from story.work.steps_until(end - timedelta(minutes=30))
    yield story.work.result(end)


def _denied(story: Story) -> Iterator[Sendable]:
    end = story.day(max(story.work.item.promised_limit - 2, 1), 15)
    yield story.work.acceptance()
    yield story.work.step(end - timedelta(hours=1), "OVERRULED", opinion="不符合法定条件")
    yield story.work.result(end, "DENIED")


def _running(story: Story) -> Iterator[Sendable]:
    yield story.work.acceptance()
    yield story.work.step(story.day(1, 11))


def _waiting(story: Story) -> Iterator[Sendable]:
    """Accepted, and nothing since."""
    yield story.work.acceptance()


def _finished_late(story: Story) -> Iterator[Sendable]:
    end = story.day(story.work.item.promised_limit + 2, 16)
    yield story.work.acceptance()
    yield from story.work.steps_until(end - timedelta(minutes=30))
    yield story.work.result(end)


def _supplement(story: Story) -> Iterator[Sendable]:
    yield story.work.acceptance()
    yield story.work.step(story.day(1, 14), "SUPPLEMENT", opinion="请补正：材料第二项缺少签章")


def _special_open(story: Story) -> Iterator[Sendable]:
    yield story.work.acceptance()
    yield story.work.step(story.day(1, 11), special=_special(story, story.day(2, 9), None))


def _special_closed(story: Story) -> Iterator[Sendable]:
    yield story.work.acceptance()
    yield story.work.step(story.day(1, 11), special=_special(story, story.day(2, 9), None))
    yield story.work.step(story.day(4, 11), special=_special(story, story.day(2, 9), story.day(4, 10)))


def _special(story: Story, started_at: datetime, ended_at: datetime | None) -> Special:
    kinds = [kind for kind in story.work.item.special_procedure if kind != "EXTENSION"] or ["INSPECTION"]
    return Special(
        kind=kinds[0],
        started_at=started_at,
        ended_at=ended_at,
        basis="《中华人民共和国行政许可法》第四十五条",
        approver="分管负责人己",
        requested_limit=10,
        limit_unit="WORKING_DAY",
        notified_in_writing=True,
    )


def _extended(story: Story) -> Iterator[Sendable]:
    approved = story.day(story.work.item.promised_limit - 1, 11)
    extension = replace(
        _special(story, approved, None),
        kind="EXTENSION",
        basis="《中华人民共和国行政许可法》第四十二条",
        requested_limit=5,
    )
    yield story.work.acceptance()
    yield story.work.step(approved, special=extension, opinion="经负责人批准延长期限")


def _corrected(story: Story) -> Iterator[Sendable]:
    yield story.work.acceptance()
    first = story.work.step(story.day(2, 15), opinion="同意")
    yield first
    yield replace(first, handled_at=story.day(1, 15), opinion="同意（更正处理时间）", revision=2)


def _out_of_order(story: Story) -> Iterator[Sendable]:
    """The result first, then the steps backwards, the application last."""
    end = story.day(max(story.work.item.promised_limit - 2, 1), 16)
    told: list[Sendable] = [story.work.acceptance(), *story.work.steps_until(end - timedelta(minutes=30))]
    yield story.work.result(end)
    yield from reversed(told)


def _foreign_code(story: Story) -> Iterator[Sendable]:
    """The result carries a code that no code map knows."""
    end = story.day(2, 16)
    yield story.work.acceptance()
    yield from story.work.steps_until(end - timedelta(minutes=30))
    element = write_element(story.work.result(end), RESULT.element)
    status = element.find(f"{{{CONTRACT_NS}}}resultStatus")
    if status is not None:
        status.text = "办结-批转"
    yield element


def _fee_on_free_item(story: Story) -> Iterator[Sendable]:
    end = story.day(2, 16)
    yield story.work.acceptance()
    yield from story.work.steps_until(end - timedelta(minutes=30))
    yield story.work.result(end, receivable=Decimal("200.00"), paid=Decimal("200.00"))


def _step_before_application(story: Story) -> Iterator[Sendable]:
    yield story.work.acceptance()
    yield story.work.step(story.work.accepted_at - timedelta(days=1))


def _contradiction(story: Story) -> Iterator[Sendable]:
    """The same record and revision again with other content: set aside, not guessed at."""
    yield story.work.acceptance()
    step = story.work.step(story.day(1, 11))
    yield step
    yield replace(step, opinion="不同意", step_status="OVERRULED")


def _incomplete(story: Story) -> Iterator[Sendable]:
    """The application never came."""
    accepted: ProcessRecord = story.work.acceptance()
    yield replace(accepted, application=None)


def _days(count: int) -> Callable[[ServiceItem], int]:
    return lambda _: count


def _promise(plus: int) -> Callable[[ServiceItem], int]:
    return lambda item: item.promised_limit + plus


def _statute(plus: int) -> Callable[[ServiceItem], int]:
    return lambda item: (item.statutory_limit or item.promised_limit) + plus


COURSES: tuple[Course, ...] = (
    Course("late by the statute", 3, _statute(3), _running),
    Course("late by the promise", 5, _promise(2), _running),
    Course("due tomorrow", 5, _promise(-1), _running),
    Course("finished in time", 15, _promise(6), _finished),
    Course("refused in time", 2, _promise(4), _denied),
    Course("finished late", 4, _promise(5), _finished_late),
    Course("running", 5, _days(2), _running),
    Course("just accepted", 4, _days(1), _waiting),
    Course("waiting for the applicant", 3, _days(4), _supplement),
    Course("special procedure under way", 3, _days(6), _special_open),
    Course("special procedure ended", 3, _days(6), _special_closed),
    Course("extended", 2, _promise(2), _extended),
    Course("corrected", 2, _days(3), _corrected),
    Course("out of order", 3, _promise(4), _out_of_order),
    Course("unknown foreign code", 1, _days(4), _foreign_code),
    Course("fee on a free item", 1, _days(4), _fee_on_free_item),
    Course("step before application", 1, _days(3), _step_before_application),
    Course("contradiction", 1, _days(3), _contradiction),
    Course("application missing", 2, _days(2), _incomplete),
)
