import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.contract import read_element, write_element
from hub.demo.county import demo_county
from hub.demo.live import LiveCounty, working_hours_before
from hub.demo.people import some_applicant
from hub.demo.scenario import COURSES, Push, build_scenario
from hub.domain.history import ApplicationFact, CaseHistory
from hub.domain.identifiers import is_credit_code, is_resident_id
from hub.domain.item_codes import check_item_code
from hub.domain.records import ITEM
from supervision.judging.calendar import shipped_calendar
from supervision.judging.clock import ClockPolicy
from supervision.judging.judge import judge

CALENDAR = shipped_calendar()
TUESDAY_NOON_IN_BUSINESS = datetime(2026, 3, 3, 2, 30, tzinfo=UTC)  # 10:30 in China
SUNDAY_NIGHT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def scenario(now: datetime = TUESDAY_NOON_IN_BUSINESS, seed: int = 1) -> list[Push]:
    return build_scenario(demo_county(), CALENDAR, now, seed)


def told(pushes: list[Push]) -> list[str]:
    return [
        etree.tostring(record).decode() if isinstance(record, etree._Element) else repr(record)
        for push in pushes
        for record in push.records
    ]


def test_county_has_twelve_described_items_of_five_departments():
    county = demo_county()
    assert len(county.departments) == 5
    assert len(county.items) >= 12
    for item in county.items:
        assert item.step
        assert item.material
        assert item.legal_basis.startswith("《")


@pytest.mark.parametrize("item", demo_county().items, ids=lambda item: item.item_code)
def test_item_passes_the_contract(item):
    reading = read_element(ITEM, write_element(item, "item"))
    assert (reading.issues, reading.notes, reading.record) == ((), (), item)
    assert check_item_code(item.item_code).problem is None


def test_same_seed_and_moment_tell_the_same_story():
    assert told(scenario()) == told(scenario())


def test_other_seed_tells_other_people():
    assert told(scenario(seed=1)) != told(scenario(seed=2))


@pytest.mark.parametrize("now", [TUESDAY_NOON_IN_BUSINESS, SUNDAY_NIGHT])
def test_nothing_happens_in_the_future(now):
    for push in scenario(now):
        for record in push.records:
            for moment in (getattr(record, "handled_at", None), getattr(record, "finished_at", None)):
                assert moment is None or moment <= now


def test_about_sixty_cases_are_told_and_no_message_twice():
    pushes = scenario()
    assert 55 <= sum(course.count for course in COURSES) <= 70
    assert max(Counter(push.message_id for push in pushes).values()) == 1


@given(st.integers())
def test_applicants_are_invented_with_right_check_digits(seed):
    applicant = some_applicant(random.Random(seed))
    if applicant.id_type == "111":
        assert is_resident_id(applicant.id_no)
        assert applicant.id_no[14:17] == "000"
    else:
        assert is_credit_code(applicant.id_no)


# Minutes from 9:00 in China without the lunch break; the very opening is left out: it is the closing before, too.
BUSINESS_MINUTES = st.one_of(st.integers(1, 180), st.integers(271, 510))


@given(st.dates(date(2026, 1, 5), date(2026, 12, 30)), BUSINESS_MINUTES, st.integers(1, 20))
def test_working_hours_are_counted_back_as_the_clock_counts_them(day, minutes, hours):
    due = datetime.combine(day, time(), UTC) + timedelta(hours=1, minutes=minutes)
    accepted_at = working_hours_before(CALENDAR, due, hours)
    if not CALENDAR.is_working(day):
        assert accepted_at is None
        return
    application = ApplicationFact(
        title="",
        applied_at=accepted_at,
        accepted_at=accepted_at,
        applicant_name="",
        promised_limit=hours,
        limit_unit="WORKING_HOUR",
    )
    history = CaseHistory(org_code="33032400GS", case_no="1", item_code="33032400GS-QR-0002", application=application)
    judged = judge(history, calendar=CALENDAR, policy=ClockPolicy(), rules=(), as_of=due)
    assert judged.promised_due_at == due


def test_a_case_falls_due_within_the_minute_in_business_hours_only():
    assert LiveCounty(demo_county(), random.Random(1), TUESDAY_NOON_IN_BUSINESS).due_within_the_minute(CALENDAR)
    assert LiveCounty(demo_county(), random.Random(1), SUNDAY_NIGHT).due_within_the_minute(CALENDAR) is None


def test_live_county_goes_on_and_finishes_cases():
    live = LiveCounty(demo_county(), random.Random(1), TUESDAY_NOON_IN_BUSINESS)
    moments = (TUESDAY_NOON_IN_BUSINESS + timedelta(seconds=5 * step) for step in range(200))
    pushes = [live.happens(moment) for moment in moments]
    kinds = Counter(push.kind.name for push in pushes)
    assert kinds["RESULT"] >= 20
    assert len({push.message_id for push in pushes}) == 200
