from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.judging.calendar import (
    BeyondCalendarError,
    BusinessHours,
    Calendar,
    read_calendar,
    shipped_calendar,
)
from tools import seed_calendar

DAY = timedelta(days=1)


def a_calendar(exceptions: dict[date, bool] | None = None, **changes) -> Calendar:
    return Calendar("test", exceptions or {}, date(2009, 1, 1), date(2026, 12, 31), **changes)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def naive_working_days_after(calendar: Calendar, day: date, count: int) -> list[date]:
    found: list[date] = []
    while len(found) < count:
        day += DAY
        if calendar.is_working(day):
            found.append(day)
    return found


def test_shipped_file_is_what_the_two_libraries_agree_on():
    assert seed_calendar.body(seed_calendar.TARGET.read_text("utf-8")) == seed_calendar.body(
        seed_calendar.calendar_text()
    )


def test_shipped_file_lists_only_days_that_differ_from_their_weekday():
    calendar = shipped_calendar()
    assert len(calendar.exceptions) > 400
    assert all(working != (day.weekday() < 5) for day, working in calendar.exceptions.items())
    assert set(calendar.names) == set(calendar.exceptions)


def test_generator_refuses_when_the_libraries_disagree(monkeypatch):
    lonely = date(2020, 6, 1)
    honest = seed_calendar.chinese_calendar.is_workday
    monkeypatch.setattr(seed_calendar.chinese_calendar, "is_workday", lambda day: honest(day) != (day == lonely))
    with pytest.raises(seed_calendar.CalendarsDisagreeError, match="2020-06-01"):
        seed_calendar.calendar_text()


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 2, 14), True),  # Saturday, made up for Spring Festival
        (date(2026, 2, 17), False),  # Spring Festival, Tuesday
        (date(2026, 2, 21), False),
        (date(2020, 1, 31), False),  # lengthened in the year of the epidemic
        (date(2026, 3, 4), True),
        (date(2031, 10, 1), True),  # not published: plain Monday to Friday
        (date(2031, 10, 4), False),
    ],
)
def test_working_days_follow_the_state_council(day, working):
    assert shipped_calendar().is_working(day) is working


def test_days_outside_the_published_ones_are_not_published():
    calendar = shipped_calendar()
    edges = [date(2008, 12, 31), date(2009, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [calendar.is_published(day) for day in edges] == [False, True, True, False]


def test_bisect_equals_day_by_day_loop_for_every_start_of_three_years():
    calendar = shipped_calendar()
    day, last = date(2024, 1, 1), date(2026, 12, 31)
    while day <= last:
        naive = naive_working_days_after(calendar, day, 60)
        assert [calendar.working_day_after(day, n) for n in range(1, 61)] == naive
        day += DAY


@given(st.dates(date(2010, 1, 1), date(2026, 1, 1)), st.integers(1, 60))
def test_before_undoes_after(day, n):
    calendar = shipped_calendar()
    later = calendar.working_day_after(day, n)
    earlier = calendar.working_day_before(later, n)
    assert earlier == (day if calendar.is_working(day) else calendar.working_day_before(day, 1))


@given(st.dictionaries(st.dates(date(2025, 1, 1), date(2025, 3, 1)), st.booleans()), st.integers(1, 40))
def test_any_exceptions_are_counted_like_the_loop(exceptions, n):
    calendar = a_calendar(exceptions)
    start = date(2025, 1, 10)
    assert calendar.working_day_after(start, n) == naive_working_days_after(calendar, start, n)[-1]


@pytest.mark.parametrize("count", [0, -1])
def test_working_days_are_counted_from_one(count):
    with pytest.raises(ValueError, match="from 1"):
        shipped_calendar().working_day_after(date(2025, 1, 1), count)
    with pytest.raises(ValueError, match="from 1"):
        shipped_calendar().working_day_before(date(2025, 1, 1), count)


def test_a_limit_beyond_the_calendar_is_an_error_not_a_wrong_day():
    calendar = shipped_calendar()
    with pytest.raises(BeyondCalendarError):
        calendar.working_day_after(date(2025, 1, 1), 1_000_000)
    with pytest.raises(BeyondCalendarError):
        calendar.working_day_before(date(2025, 1, 1), 1_000_000)
    with pytest.raises(BeyondCalendarError):
        calendar.closing(date(2400, 1, 1))


def test_opening_and_closing_are_utc_instants_of_local_hours():
    calendar = shipped_calendar()
    assert calendar.opening(date(2025, 9, 26)) == utc("2025-09-26 01:00")
    assert calendar.closing(date(2025, 9, 26)) == utc("2025-09-26 09:30")
    assert calendar.closing(date(2025, 9, 26)).tzinfo is UTC


def test_county_may_have_other_hours():
    calendar = a_calendar(hours=BusinessHours(((time(8, 30), time(17)),)))
    assert calendar.opening(date(2025, 9, 26)) == utc("2025-09-26 00:30")
    assert calendar.closing(date(2025, 9, 26)) == utc("2025-09-26 09:00")


@pytest.mark.parametrize("spans", [(), ((time(9), time(9)),), ((time(9), time(12)), (time(11), time(17)))])
def test_business_hours_that_make_no_sense_are_refused(spans):
    with pytest.raises(ValueError, match="ascending"):
        BusinessHours(spans)


@given(st.integers(0, 7 * 3_600_000_000))
def test_elapsed_business_time_and_time_of_day_belong_together(elapsed):
    hours = BusinessHours()
    seconds, microseconds = divmod(hours.time_of_day(elapsed), 1_000_000)
    at = time(seconds // 3600, seconds // 60 % 60, seconds % 60, microseconds)
    assert hours.elapsed(at) == elapsed


@pytest.mark.parametrize(
    ("reported", "opened"),
    [
        ("2025-09-26 02:00", "2025-09-26 02:00"),
        ("2025-09-26 04:30", "2025-09-26 05:30"),  # lunch
        ("2025-09-25 23:00", "2025-09-26 01:00"),  # 07:00 local
        ("2025-09-26 09:30", "2025-09-26 09:30"),  # closing itself is still business time
        ("2025-09-26 09:31", "2025-09-28 01:00"),  # Friday evening; the Sunday is made up
    ],
)
def test_instants_move_into_business_time(reported, opened):
    assert shipped_calendar().into_business_time(utc(reported)) == utc(opened)


def test_a_calendar_names_a_day_once_and_only_within_its_published_days():
    first, last = date(2025, 1, 1), date(2025, 12, 31)
    row = (date(2025, 5, 1), False, "劳动节")
    assert Calendar.from_rows("v", [row], first, last).names[row[0]] == "劳动节"
    with pytest.raises(ValueError, match="once"):
        Calendar.from_rows("v", [row, (row[0], True, "")], first, last)
    with pytest.raises(ValueError, match="only days"):
        Calendar.from_rows("v", [(date(2026, 5, 1), False, "")], first, last)


def test_a_calendar_cannot_be_changed_through_what_it_was_made_from():
    exceptions = {date(2025, 5, 1): False}
    calendar = a_calendar(exceptions)
    exceptions.clear()
    assert not calendar.is_working(date(2025, 5, 1))


def test_a_file_without_header_is_refused():
    with pytest.raises(ValueError, match="header"):
        read_calendar("day,working,name\n2025-05-01,0,劳动节\n2025-05-02,0,劳动节\n")
