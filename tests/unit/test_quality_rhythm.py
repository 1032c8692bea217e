"""When a sender counts as silent: by what it is used to, in working time."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervision.judging.calendar import Calendar, shipped_calendar
from supervision.quality.rhythm import Declared, Outage, Rhythm, Voice, judge, learn, silent_days
from supervision.quality.timelines import AllTime, WorkingTime

CALENDAR = shipped_calendar()
TIMELINE = WorkingTime(CALENDAR)
FIRST = date(2026, 3, 2)  # a Monday; the five weeks from here hold the three days of Qingming
GRAVITY = (Voice.NORMAL, Voice.QUIET, Voice.SILENT)


def at(day: date, hour: float) -> datetime:
    """That hour of the day in China."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour - 8)


def working_days(count: int, calendar: Calendar = CALENDAR) -> list[date]:
    days = (FIRST + timedelta(days=n) for n in range(count * 3))
    return [day for day in days if calendar.is_working(day)][:count]


def spoken(hours: Sequence[float], days: int = 20) -> list[datetime]:
    return [at(day, hour) for day in working_days(days) for hour in hours]


def rhythm_of(heard: Sequence[datetime]) -> Rhythm:
    learned = learn(heard, TIMELINE)
    assert learned is not None
    return learned


HOURLY = [9.5, 10.5, 11.5, 13.75, 14.5, 15.5, 16.75]
NOON = [14.0]


def test_a_sender_that_speaks_every_hour_is_quiet_after_one_and_silent_after_three() -> None:
    heard = spoken(HOURLY)
    rhythm, day = rhythm_of(heard), date(2026, 3, 31)
    last = at(day, 9.5)
    voices = [judge(rhythm, last, at(day, hour), TIMELINE).voice for hour in (10.9, 11.1, 14.4, 14.6)]
    assert voices == [Voice.NORMAL, Voice.QUIET, Voice.QUIET, Voice.SILENT]


def test_a_sender_that_speaks_once_a_day_is_normal_until_the_next_day_passes_without_it() -> None:
    heard = spoken(NOON)
    last = heard[-1]
    day = CALENDAR.working_day_after(last.date(), 1)
    voices = [judge(rhythm_of(heard), last, at(day, hour), TIMELINE).voice for hour in (9.5, 14.4, 17)]
    assert voices == [Voice.NORMAL, Voice.NORMAL, Voice.QUIET]
    later = CALENDAR.working_day_after(last.date(), 3)
    assert judge(rhythm_of(heard), last, at(later, 16), TIMELINE).voice is Voice.SILENT


def test_a_sender_that_speaks_at_night_counts_as_heard_at_the_next_opening() -> None:
    heard = spoken([22.0])
    last = heard[-1]
    day = CALENDAR.working_day_after(last.astimezone(CALENDAR.zone).date(), 1)
    assert judge(rhythm_of(heard), last, at(day, 17), TIMELINE).voice is Voice.NORMAL


def test_silence_is_told_since_when_it_lasts_longer_than_usual() -> None:
    rhythm, day = rhythm_of(spoken(HOURLY)), date(2026, 3, 31)
    silence = judge(rhythm, at(day, 9.5), at(day, 17), TIMELINE)
    assert (silence.voice, silence.since) == (Voice.SILENT, at(day, 14.5))
    assert silence.expected_until == at(day, 11)


@pytest.mark.parametrize(
    "heard",
    [[], spoken(HOURLY, days=9), [at(day, 10) for day in (FIRST, FIRST + timedelta(days=28))]],
    ids=["never", "new", "seldom"],
)
def test_a_sender_heard_too_little_has_no_rhythm(heard: list[datetime]) -> None:
    assert learn(heard, TIMELINE) is None
    assert judge(None, at(FIRST, 9), at(FIRST, 17), TIMELINE).voice is Voice.UNKNOWN


def test_one_long_pause_does_not_make_a_sender_patient() -> None:
    days = working_days(40)
    heard = [at(day, hour) for day in days[:20] + days[22:] for hour in HOURLY]
    assert rhythm_of(heard).waits == (0,) * 7


def test_an_outage_of_the_hub_raises_no_alarm_afterwards() -> None:
    rhythm, day = rhythm_of(spoken(HOURLY)), date(2026, 3, 31)
    outage = Outage(at(day, 10), at(day, 15.6))
    assert judge(rhythm, at(day, 9.5), at(day, 16), TIMELINE).voice is Voice.SILENT
    assert judge(rhythm, at(day, 9.5), at(day, 16), TIMELINE, [outage]).voice is Voice.NORMAL


def test_who_was_silent_before_an_outage_stays_silent() -> None:
    rhythm, day = rhythm_of(spoken(HOURLY)), date(2026, 3, 31)
    outage = Outage(at(day, 16), at(day, 16.5))
    silence = judge(rhythm, at(day, 9.5), at(day, 16.6), TIMELINE, [outage])
    assert (silence.voice, silence.since) == (Voice.SILENT, at(day, 14.5))


def test_what_the_document_declares_counts_by_the_minute() -> None:
    declared, day = Declared(30), date(2026, 3, 31)
    voices = [judge(declared, at(day, 9.5), at(day, hour), TIMELINE).voice for hour in (9.9, 10, 10.4, 10.5)]
    assert voices == [Voice.NORMAL, Voice.QUIET, Voice.QUIET, Voice.SILENT]


def test_a_sender_of_every_day_is_silent_on_sunday_too() -> None:
    saturday, sunday = date(2026, 3, 28), date(2026, 3, 29)
    assert judge(Declared(120), at(saturday, 8), at(sunday, 8), AllTime()).voice is Voice.SILENT
    assert judge(Declared(120), at(saturday, 8), at(sunday, 8), TIMELINE).voice is Voice.NORMAL


moments = st.integers(0, 40 * 24 * 60).map(lambda minutes: at(FIRST, 0) + timedelta(minutes=minutes))
schedules = st.sets(st.integers(9 * 4, 17 * 4), min_size=1, max_size=8).map(
    lambda quarters: sorted(quarter / 4 for quarter in quarters)
)


@given(schedules, moments, moments)
@settings(max_examples=60, deadline=None)
def test_waiting_longer_never_makes_it_better(hours: list[float], one: datetime, other: datetime) -> None:
    heard = spoken(hours)
    earlier, later = sorted((max(one, heard[-1]), max(other, heard[-1])))
    voices = [judge(rhythm_of(heard), heard[-1], now, TIMELINE).voice for now in (earlier, later)]
    assert GRAVITY.index(voices[0]) <= GRAVITY.index(voices[1])


@given(schedules, moments)
@settings(max_examples=60, deadline=None)
def test_who_keeps_its_schedule_is_never_silent(hours: list[float], now: datetime) -> None:
    heard = spoken(hours, days=25)
    rhythm = rhythm_of(heard[: 20 * len(hours)])
    before = [moment for moment in heard if moment <= now]
    if before and now <= heard[-1]:
        assert judge(rhythm, before[-1], now, TIMELINE).voice is Voice.NORMAL


@given(schedules, moments, st.integers(0, 24 * 60))
@settings(max_examples=60, deadline=None)
def test_nothing_becomes_worse_on_a_day_of_rest(hours: list[float], now: datetime, minutes: int) -> None:
    heard = spoken(hours)
    day = now.astimezone(CALENDAR.zone).date()
    if CALENDAR.is_working(day) or now <= heard[-1]:
        return
    rhythm = rhythm_of(heard)
    begin, within = at(day, 0), at(day, 0) + timedelta(minutes=min(minutes, 1439))
    first, second = (judge(rhythm, heard[-1], max(moment, heard[-1]), TIMELINE).voice for moment in (begin, within))
    assert first is second


@given(schedules, moments, moments)
@settings(max_examples=60, deadline=None)
def test_silence_begins_before_it_is_told_and_is_still_silence_then(
    hours: list[float], one: datetime, other: datetime
) -> None:
    heard = spoken(hours)
    now = max(one, other, heard[-1])
    silence = judge(rhythm_of(heard), heard[-1], now, TIMELINE)
    if silence.since is not None:
        assert heard[-1] < silence.since <= now
        assert judge(rhythm_of(heard), heard[-1], silence.since, TIMELINE).voice is silence.voice


@given(st.integers(0, 4000), st.integers(0, 10**7))
def test_positions_in_working_time_lead_back_to_themselves(days: int, more: int) -> None:
    position = days * TIMELINE.day_length + more * (TIMELINE.day_length // 10**7)
    assert TIMELINE.position(TIMELINE.instant(position)) == position


def test_days_without_a_word_are_those_longer_ago_than_the_usual_pause() -> None:
    assert silent_days([1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14], 16) == [6, 7, 15, 16]
    assert silent_days([1, 6, 11, 16, 21, 26], 30) == []
    assert silent_days([1, 6, 11, 16, 21, 26], 32) == [31, 32]
    assert silent_days([1, 2, 3, 4], 90) == []
