from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.domain.codes import LIMIT_UNIT
from hub.domain.history import ApplicationFact, CaseHistory, ResultFact, SpecialFact, StepFact
from supervision.judging.calendar import Calendar, shipped_calendar
from supervision.judging.clock import (
    BEYOND_CALENDAR,
    CLOCK_STANDS,
    NEGATIVE_LIMIT,
    START_FROM_APPLICATION,
    UNKNOWN_UNIT,
    Clock,
    ClockFacts,
    ClockPolicy,
    Due,
    Stop,
    clock_facts,
    read_clock,
)
from supervision.judging.counting import LINES, Limit
from supervision.judging.segments import day_rows, segments

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
HALF_HOUR = timedelta(minutes=30)


def at(text: str) -> datetime:
    """A local time of the county as the UTC instant that the hub keeps."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def days(amount: int) -> Limit:
    return Limit(amount, "WORKING_DAY")


def a_step(
    status: str, handled: str | None, seq: int = 1, *, started: str | None = None, record_id: str = ""
) -> StepFact:
    return StepFact(
        record_id=record_id or f"R{seq}",
        step_seq=seq,
        step_name="审核",
        status=status,
        received_at=at("2025-12-31 12:00"),
        started_at=at(started) if started else None,
        handled_at=at(handled) if handled else None,
    )


def a_procedure(started: str, ended: str | None = None, requested: int | None = None, **changes) -> SpecialFact:
    fields = {"kind": "HEARING", "limit_unit": "WORKING_DAY", **changes}
    ended_at = at(ended) if ended else None
    return SpecialFact(started_at=at(started), ended_at=ended_at, requested_limit=requested, **fields)


def a_clock(accepted: str = "2025-03-03 10:00", calendar: Calendar | None = None, **facts) -> Clock:
    """By default from Monday 3 March 2025: no holiday until Friday 4 April."""
    facts.setdefault("accepted_at", at(accepted))
    clock = read_clock(ClockFacts(**facts), ClockPolicy(), calendar or shipped_calendar())
    assert clock is not None
    return clock


def stopped(*stops: tuple[datetime, datetime | None]) -> list[SpecialFact]:
    return [SpecialFact(kind="OTHER", started_at=start, ended_at=end) for start, end in stops]


def closing(day: str) -> datetime:
    return at(f"{day} 17:30")


# --- vectors of the contract


@pytest.mark.parametrize(
    ("accepted", "limit", "due"),
    [
        ("2018-10-15", 7, "2018-10-24"),
        ("2018-10-15", 10, "2018-10-29"),
        ("2025-09-26", 5, "2025-10-10"),
        ("2025-09-29", 5, "2025-10-13"),
        ("2025-01-24", 20, "2025-02-27"),
        ("2024-04-30", 3, "2024-05-08"),
        ("2025-12-30", 20, "2026-01-28"),
        ("2026-02-12", 5, "2026-02-26"),
    ],
)
def test_vectors_of_the_contract(accepted, limit, due):
    assert a_clock(f"{accepted} 10:00").due(days(limit)) == Due(closing(due), date.fromisoformat(due))


def test_every_unit_of_the_contract_can_be_counted():
    assert set(LINES) == set(LIMIT_UNIT.titles)


# --- where it starts


def test_acceptance_on_the_application_comes_first():
    clock = a_clock(applied_at=at("2025-03-01 09:00"), steps=[a_step("ACCEPTED", "2025-03-04 10:00")])
    assert (clock.start, clock.start_source, clock.flags) == (at("2025-03-03 10:00"), "acceptedAt", ())


def test_first_accepted_step_stands_in_for_the_acceptance():
    steps = [
        a_step("ACCEPTED", "2025-03-06 10:00", 2),
        a_step("ACCEPTED", "2025-03-05 10:00", 3, started="2025-03-04 09:00"),
        a_step("PASSED", "2025-03-04 10:00", 1),
    ]
    clock = a_clock(accepted_at=None, applied_at=at("2025-03-01 09:00"), steps=steps)
    assert (clock.start, clock.start_source) == (at("2025-03-05 10:00"), "ACCEPTED step")


def test_accepted_step_that_was_only_started_counts_from_there():
    clock = a_clock(accepted_at=None, steps=[a_step("ACCEPTED", None, started="2025-03-04 09:00")])
    assert clock.start == at("2025-03-04 09:00")


def test_application_time_is_the_last_resort_and_is_flagged():
    clock = a_clock(accepted_at=None, applied_at=at("2025-03-03 10:00"))
    assert clock.flags == (START_FROM_APPLICATION,)
    assert clock.due(days(1)).at == closing("2025-03-04")


@pytest.mark.parametrize("facts", [ClockFacts(), ClockFacts(accepted_at=datetime(9998, 1, 1, tzinfo=UTC))])
def test_without_a_usable_start_there_is_no_clock(facts):
    assert read_clock(facts, ClockPolicy(), shipped_calendar()) is None


def test_history_of_a_case_gives_the_facts():
    application = ApplicationFact(title="x", applied_at=at("2025-03-01 09:00"), accepted_at=at("2025-03-03 10:00"))
    finished = at("2025-03-10 10:00")
    result = ResultFact(record_id="1", result_status="GRANTED", finished_at=finished, received_at=finished)
    empty = CaseHistory(org_code="1", case_no="1", item_code="1")
    full = CaseHistory(org_code="1", case_no="1", item_code="1", application=application, result=result)
    assert clock_facts(empty) == ClockFacts()
    assert clock_facts(full) == ClockFacts(
        accepted_at=application.accepted_at, applied_at=application.applied_at, finished_at=finished
    )


@pytest.mark.parametrize(
    ("accepted", "start_day", "due"),
    [
        ("2025-03-03 08:00", "2025-03-03", "2025-03-04"),  # before opening: that day
        ("2025-03-03 17:30", "2025-03-03", "2025-03-04"),
        ("2025-03-03 17:31", "2025-03-04", "2025-03-05"),  # after closing: next working day
        ("2025-03-07 20:00", "2025-03-10", "2025-03-11"),  # Friday evening
        ("2025-03-08 10:00", "2025-03-10", "2025-03-11"),  # Saturday
        ("2025-09-27 10:00", "2025-09-28", "2025-09-29"),  # Saturday before a Sunday that is worked
    ],
)
def test_acceptance_outside_hours_counts_as_the_next_working_day(accepted, start_day, due):
    clock = a_clock(accepted)
    assert clock.start_day == date.fromisoformat(start_day)
    assert clock.due(days(1)).at == closing(due)


# --- units


@pytest.mark.parametrize(
    ("accepted", "limit", "due"),
    [
        ("2025-03-03 10:00", Limit(5, "CALENDAR_DAY"), "2025-03-08 17:30"),  # ends on a Saturday
        ("2025-03-08 10:00", Limit(1, "CALENDAR_DAY"), "2025-03-11 17:30"),  # a Saturday counts as Monday
        ("2025-03-03 10:00", Limit(1, "MONTH"), "2025-04-03 17:30"),
        ("2025-12-31 10:00", Limit(2, "MONTH"), "2026-02-28 17:30"),  # clamped to the end of the month
        ("2024-02-29 10:00", Limit(1, "YEAR"), "2025-02-28 17:30"),
        ("2025-03-03 10:00", Limit(7, "WORKING_HOUR"), "2025-03-04 10:00"),
        ("2025-03-03 10:00", Limit(2, "WORKING_HOUR"), "2025-03-03 12:00"),
        ("2025-03-03 11:00", Limit(2, "WORKING_HOUR"), "2025-03-03 14:30"),  # lunch does not count
        ("2025-03-03 10:30", Limit(6, "WORKING_HOUR"), "2025-03-04 09:30"),
        ("2025-03-03 10:00", Limit(6, "WORKING_HOUR"), "2025-03-03 17:30"),  # closing, not the next opening
        ("2025-03-07 20:00", Limit(1, "WORKING_HOUR"), "2025-03-10 10:00"),
        ("2025-03-08 11:00", Limit(1, "WORKING_HOUR"), "2025-03-10 10:00"),
        ("2025-03-03 10:00", Limit(0, "WORKING_DAY"), "2025-03-03 17:30"),
        ("2025-03-03 20:00", Limit(0, "WORKING_DAY"), "2025-03-04 17:30"),
        ("2025-03-03 10:00", Limit(0, "CALENDAR_DAY"), "2025-03-03 17:30"),
        ("2025-03-03 10:00", Limit(0, "WORKING_HOUR"), "2025-03-03 10:00"),
        ("2025-03-03 20:00", Limit(0, "WORKING_HOUR"), "2025-03-04 09:00"),
    ],
)
def test_units(accepted, limit, due):
    assert a_clock(accepted).due(limit).at == at(due)


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (Limit(5, "FORTNIGHT"), UNKNOWN_UNIT),
        (Limit(-1, "WORKING_DAY"), NEGATIVE_LIMIT),
        (Limit(10**6, "WORKING_DAY"), BEYOND_CALENDAR),
        (Limit(10**9, "CALENDAR_DAY"), BEYOND_CALENDAR),
        (Limit(10**9, "YEAR"), BEYOND_CALENDAR),
        (Limit(10**9, "WORKING_HOUR"), BEYOND_CALENDAR),
    ],
)
def test_a_limit_that_cannot_be_judged_gives_its_reason(limit, reason):
    clock = a_clock()
    assert clock.due(limit) == Due(reason=reason)
    assert clock.instant_at(limit, Fraction(4, 5)) is None
    assert day_rows(clock, limit, at("2025-03-10 10:00")) == ()


@pytest.mark.parametrize(
    ("accepted", "limit", "provisional"),
    [
        ("2026-12-30 10:00", 1, False),
        ("2026-12-30 10:00", 2, True),
        ("2026-12-31 20:00", 0, True),
        ("2008-12-31 10:00", 1, True),  # before the first day that is known
    ],
)
def test_a_due_day_beyond_the_published_calendar_is_provisional(accepted, limit, provisional):
    assert a_clock(accepted).due(days(limit)).provisional is provisional


# --- special procedures


def test_a_procedure_is_excluded_by_the_days_whose_closing_it_covers():
    procedure = a_procedure("2025-03-04 10:00", "2025-03-06 10:00")  # covers Tuesday's and Wednesday's closing
    assert a_clock(procedures=[procedure]).due(days(3)).at == closing("2025-03-10")


def test_an_open_procedure_without_requested_limit_makes_the_clock_stand():
    clock = a_clock(procedures=[a_procedure("2025-03-05 10:00")])
    assert clock.due(days(3)) == Due(reason=CLOCK_STANDS)
    assert clock.due(days(1)).at == closing("2025-03-04")  # was over before


@pytest.mark.parametrize("unit", ["WORKING_DAY", "CALENDAR_DAY"])
@pytest.mark.parametrize("started", ["2025-03-04 10:00", "2025-03-04 17:30", "2025-03-04 20:00", "2025-03-08 10:00"])
@pytest.mark.parametrize("requested", [0, 1, 2, 5])
def test_a_request_for_n_days_excludes_exactly_n_days(unit, started, requested):
    asked = a_procedure(started, requested=requested, limit_unit=unit)
    with_stop, without = a_clock(procedures=[asked]), a_clock()
    assert with_stop.due(Limit(15, unit)) == without.due(Limit(15 + requested, unit))


def test_a_request_in_hours_excludes_business_time():
    asked = a_procedure("2025-03-03 16:30", requested=2, limit_unit="WORKING_HOUR")
    assert a_clock(procedures=[asked]).due(Limit(7, "WORKING_HOUR")).at == at("2025-03-04 12:00")


def test_a_request_in_months_is_capped_by_that_month():
    asked = a_procedure("2025-03-04 10:00", requested=1, limit_unit="MONTH")
    assert a_clock(procedures=[asked]).stops == (
        Stop(at("2025-03-04 10:00"), closing("2025-04-04"), "HEARING", capped=True),
    )


def test_only_the_requested_days_are_excluded_when_the_procedure_takes_longer():
    asked = a_procedure("2025-03-04 10:00", "2025-03-20 10:00", requested=2)
    clock = a_clock(procedures=[asked])
    assert clock.stops == (Stop(at("2025-03-04 10:00"), closing("2025-03-06"), "HEARING", capped=True),)
    assert clock.due(days(3)).at == closing("2025-03-10")


def test_a_procedure_that_ends_early_excludes_only_its_real_length():
    asked = a_procedure("2025-03-04 10:00", "2025-03-05 10:00", requested=10)
    clock = a_clock(procedures=[asked])
    assert not clock.stops[0].capped
    assert clock.due(days(3)).at == closing("2025-03-07")


@pytest.mark.parametrize(("requested", "unit"), [(3, None), (3, "FORTNIGHT"), (-3, "WORKING_DAY"), (10**7, "YEAR")])
def test_a_request_that_cannot_be_counted_caps_nothing(requested, unit):
    asked = a_procedure("2025-03-04 10:00", requested=requested, limit_unit=unit)
    assert a_clock(procedures=[asked]).due(days(3)).reason == CLOCK_STANDS


def test_a_procedure_that_ends_before_it_starts_stops_nothing():
    assert a_clock(procedures=[a_procedure("2025-03-05 10:00", "2025-03-04 10:00")]).stops == ()


def test_a_procedure_of_another_century_is_no_obstacle():
    ancient = SpecialFact(
        kind="OTHER", started_at=datetime(1, 1, 1, tzinfo=UTC), ended_at=datetime(2, 1, 1, tzinfo=UTC)
    )
    far = SpecialFact(kind="OTHER", started_at=datetime(9999, 1, 1, tzinfo=UTC), requested_limit=1, limit_unit="YEAR")
    for unit in ("WORKING_DAY", "WORKING_HOUR", "CALENDAR_DAY"):
        assert a_clock(procedures=[ancient, far]).due(Limit(3, unit)) == a_clock().due(Limit(3, unit))


# --- steps that stop the clock


@pytest.mark.parametrize("status", ["PAUSED", "SUPPLEMENT"])
def test_a_stopping_step_holds_until_the_next_step(status):
    steps = [a_step(status, "2025-03-04 10:00", 2), a_step("PASSED", "2025-03-06 15:00", 3, started="2025-03-06 09:00")]
    clock = a_clock(steps=steps)
    assert clock.stops == (Stop(at("2025-03-04 10:00"), at("2025-03-06 09:00"), status),)
    assert clock.due(days(3)).at == closing("2025-03-10")


def test_a_later_step_that_was_started_before_the_pause_ends_it_when_it_is_handled():
    steps = [
        a_step("PAUSED", "2025-03-04 10:00", 2),
        a_step("PASSED", "2025-03-06 15:00", 3, started="2025-03-03 11:00"),
    ]
    assert a_clock(steps=steps).stops[0].end == at("2025-03-06 15:00")


def test_a_pause_that_nothing_follows_is_open():
    steps = [a_step("PASSED", "2025-03-03 11:00", 9), a_step("PAUSED", None, 2, started="2025-03-04 10:00")]
    clock = a_clock(steps=steps)
    assert clock.stops == (Stop(at("2025-03-04 10:00"), None, "PAUSED"),)
    assert clock.due(days(3)).reason == CLOCK_STANDS


def test_a_step_without_any_time_ends_no_pause():
    steps = [a_step("PAUSED", "2025-03-04 10:00", 2), a_step("RUNNING", None, 3)]
    assert a_clock(steps=steps).stops[0].end is None


def test_steps_of_the_same_instant_are_ordered_by_sequence_then_record_id():
    pause = a_step("PAUSED", "2025-03-04 10:00", 2, record_id="B")
    for seq, record_id, resumed in [(1, "Z", False), (2, "A", False), (2, "C", True), (3, "A", True)]:
        other = a_step("PASSED", "2025-03-04 10:00", seq, record_id=record_id)
        assert (a_clock(steps=[pause, other]).stops == ()) is resumed


def test_finishing_ends_a_pause():
    pause = [a_step("PAUSED", "2025-03-04 10:00", 2)]
    clock = a_clock(steps=pause, finished_at=at("2025-03-06 10:00"))
    assert clock.stops == (Stop(at("2025-03-04 10:00"), at("2025-03-06 10:00"), "PAUSED"),)


def test_a_pause_after_the_end_of_the_case_stops_nothing():
    pause = [a_step("PAUSED", "2025-03-04 10:00", 2)]
    assert a_clock(steps=pause, finished_at=at("2025-03-03 16:00")).stops == ()


def test_two_pauses_without_work_between_them_are_one():
    steps = [
        a_step("SUPPLEMENT", "2025-03-04 10:00", 2),
        a_step("PAUSED", "2025-03-05 10:00", 3),
        a_step("PASSED", "2025-03-06 10:00", 4),
    ]
    assert a_clock(steps=steps).due(days(3)).at == closing("2025-03-10")


def test_the_order_in_which_facts_arrive_does_not_matter():
    steps = [a_step("PAUSED", "2025-03-04 10:00", 2), a_step("PASSED", "2025-03-06 09:00", 3)]
    procedures = [
        a_procedure("2025-03-07 10:00", "2025-03-10 10:00"),
        a_procedure("2025-03-20 10:00", requested=9, kind="EXTENSION"),
        a_procedure("2025-03-12 10:00", requested=1, kind="EXTENSION"),
    ]
    assert a_clock(steps=steps, procedures=procedures) == a_clock(steps=steps[::-1], procedures=procedures[::-1])


# --- extension


def an_extension(started: str, amount: int | None, unit: str | None = "WORKING_DAY") -> SpecialFact:
    return a_procedure(started, requested=amount, limit_unit=unit, kind="EXTENSION")


def test_an_extension_adds_to_the_limit_and_stops_nothing():
    clock = a_clock(procedures=[an_extension("2025-03-05 10:00", 2)])
    assert clock.stops == ()
    assert clock.due(days(5)) == a_clock().due(days(7))


def test_only_the_first_extension_counts():
    asked = [an_extension("2025-03-07 10:00", 10), an_extension("2025-03-05 10:00", 2)]
    assert a_clock(procedures=asked).due(days(5)) == a_clock().due(days(7))


@pytest.mark.parametrize(
    ("limit", "amount", "unit", "due"),
    [
        (days(4), 2, "CALENDAR_DAY", "2025-03-09 17:30"),
        (Limit(5, "CALENDAR_DAY"), 1, "WORKING_DAY", "2025-03-10 17:30"),
        (days(2), 1, "MONTH", "2025-04-05 17:30"),
        (days(2), 2, "WORKING_HOUR", "2025-03-06 11:00"),
        (Limit(8, "WORKING_HOUR"), 1, "WORKING_DAY", "2025-03-05 17:30"),
        (Limit(8, "WORKING_HOUR"), 1, "WORKING_HOUR", "2025-03-04 12:00"),
        (days(4), 2, None, "2025-03-11 17:30"),  # no unit: that of the limit
        (days(4), None, "WORKING_DAY", "2025-03-07 17:30"),
    ],
)
def test_an_extension_goes_on_from_the_due_day_in_its_own_unit(limit, amount, unit, due):
    assert a_clock(procedures=[an_extension("2025-03-04 10:00", amount, unit)]).due(limit).at == at(due)


def test_an_extension_of_unknown_unit_cannot_be_judged():
    assert a_clock(procedures=[an_extension("2025-03-04 10:00", 2, "FORTNIGHT")]).due(days(4)).reason == UNKNOWN_UNIT


def test_a_pause_within_the_extended_time_still_stops_the_clock():
    facts = [an_extension("2025-03-04 10:00", 2), a_procedure("2025-03-06 10:00", "2025-03-07 10:00")]
    assert a_clock(procedures=facts).due(days(2)).at == closing("2025-03-10")


# --- shares and days before


@pytest.mark.parametrize(
    ("limit", "share", "instant"),
    [
        (days(5), Fraction(4, 5), "2025-03-07 17:30"),
        (days(7), Fraction(4, 5), "2025-03-11 14:42"),  # 5.6 days: 4.2 h of the sixth
        (days(2), Fraction(1, 4), "2025-03-04 14:00"),
        (days(5), Fraction(0), "2025-03-03 10:00"),
        (days(5), Fraction(1), "2025-03-10 17:30"),
        (days(0), Fraction(4, 5), "2025-03-03 10:00"),
        (days(0), Fraction(1), "2025-03-03 17:30"),
        (Limit(5, "CALENDAR_DAY"), Fraction(11, 10), "2025-03-09 14:00"),  # half a Sunday later
        (Limit(10, "WORKING_HOUR"), Fraction(4, 5), "2025-03-04 11:00"),
        (Limit(1, "MONTH"), Fraction(1, 2), "2025-03-19 14:00"),  # 15.5 of 31 days
    ],
)
def test_a_share_of_the_limit(limit, share, instant):
    assert a_clock().instant_at(limit, share) == at(instant)


def test_a_share_is_of_the_extended_limit():
    clock = a_clock(procedures=[an_extension("2025-03-04 10:00", 5)])
    assert clock.instant_at(days(5), Fraction(4, 5)) == closing("2025-03-13")


def test_a_share_of_mixed_units_walks_through_both():
    clock = a_clock(procedures=[an_extension("2025-03-04 10:00", 5, "CALENDAR_DAY")])
    assert clock.instant_at(days(5), Fraction(4, 5)) == closing("2025-03-13")
    assert clock.instant_at(days(5), Fraction(1, 2)) == closing("2025-03-10")


def test_a_share_may_be_reached_before_the_clock_stands():
    clock = a_clock(procedures=[a_procedure("2025-03-07 18:00"), an_extension("2025-03-04 10:00", 1)])
    assert clock.instant_at(days(5), Fraction(1, 2)) == closing("2025-03-06")
    assert clock.instant_at(days(5), Fraction(4, 5)) is None
    assert clock.instant_at(days(5), Fraction(99, 100)) is None


def test_two_working_days_before_due():
    clock = a_clock("2025-09-26 10:00")
    assert clock.working_days_before(clock.due(days(5)).at, 2) == closing("2025-09-30")  # due 10 October


def test_days_before_due_never_lead_before_the_start():
    clock = a_clock()
    assert clock.working_days_before(clock.due(days(1)).at, 2) == clock.start


@given(st.integers(1, 60), st.fractions(0, 1), st.fractions(0, 1))
def test_shares_grow_from_the_start_to_due(amount, first, second):
    clock = a_clock(procedures=[a_procedure("2025-03-06 10:00", "2025-03-12 10:00")])
    less, more = sorted((first, second))
    instants = [clock.instant_at(days(amount), share) for share in (Fraction(0), less, more, Fraction(1))]
    assert instants == sorted(instants)
    assert (instants[0], instants[-1]) == (clock.start, clock.due(days(amount)).at)


@given(st.integers(1, 40), st.integers(1, 20), st.sampled_from(["WORKING_DAY", "CALENDAR_DAY", "WORKING_HOUR"]))
def test_what_is_counted_at_a_share_is_that_share(amount, twentieths, unit):
    clock = a_clock(procedures=[a_procedure("2025-03-06 10:00", "2025-03-12 10:00")])
    share = Fraction(twentieths, 20)
    assert clock.counted(unit, clock.instant_at(Limit(amount, unit), share)) == pytest.approx(float(share * amount))


# --- laws

GRID = st.integers(-48 * 5, 48 * 60).map(lambda steps: at("2025-09-22 00:00") + steps * HALF_HOUR)
SPAN = st.tuples(GRID, GRID).map(lambda ends: (min(ends), max(ends)))
SPANS = st.lists(SPAN, max_size=5)
UNITS = st.sampled_from(["WORKING_DAY", "CALENDAR_DAY", "WORKING_HOUR", "MONTH"])
LIMITS = st.builds(
    lambda unit, amount: Limit(amount % 3 if unit == "MONTH" else amount, unit), UNITS, st.integers(0, 60)
)
STARTS = st.integers(0, 48 * 30).map(lambda steps: at("2025-09-22 00:00") + steps * HALF_HOUR)


def due_at(start: datetime, limit: Limit, spans, **changes) -> datetime | None:
    return a_clock(accepted_at=start, procedures=stopped(*spans), **changes).due(limit).at


@given(STARTS, LIMITS, SPANS, SPAN)
def test_adding_a_pause_never_makes_due_earlier(start, limit, spans, more):
    assert due_at(start, limit, [*spans, more]) >= due_at(start, limit, spans)


@given(STARTS, LIMITS, SPANS, GRID)
def test_an_open_pause_leaves_due_as_it_was_or_takes_it_away(start, limit, spans, since):
    assert due_at(start, limit, [*spans, (since, None)]) in (None, due_at(start, limit, spans))


@given(STARTS, LIMITS, SPANS, SPAN, GRID)
def test_splitting_a_pause_changes_nothing(start, limit, spans, span, cut):
    assume(span[0] <= cut <= span[1])
    assert due_at(start, limit, [*spans, (span[0], cut), (cut, span[1])]) == due_at(start, limit, [*spans, span])


@given(STARTS, LIMITS, SPANS.flatmap(lambda spans: st.tuples(st.just(spans), st.permutations(spans))))
def test_the_order_of_pauses_does_not_matter(start, limit, orders):
    assert due_at(start, limit, orders[0]) == due_at(start, limit, orders[1])


@given(STARTS, LIMITS, SPAN, SPAN)
def test_overlapping_pauses_count_as_their_union(start, limit, one, other):
    assume(one[0] <= other[1] and other[0] <= one[1])
    union = (min(one[0], other[0]), max(one[1], other[1]))
    assert due_at(start, limit, [one, other]) == due_at(start, limit, [union])


@given(STARTS, st.sampled_from(["WORKING_DAY", "CALENDAR_DAY", "MONTH"]), st.integers(0, 20), st.integers(0, 30))
def test_a_pause_that_starts_and_ends_on_one_day_costs_nothing(start, unit, amount, day):
    midnight = at("2025-09-22 00:00") + day * DAY
    pause = (midnight + 18 * HALF_HOUR, midnight + 35 * HALF_HOUR)  # 09:00 to 17:30
    assert due_at(start, Limit(amount, unit), [pause]) == due_at(start, Limit(amount, unit), [])


@given(STARTS, LIMITS, SPANS, st.dates(date(2025, 9, 1), date(2026, 12, 31)))
def test_a_rest_day_that_moves_outside_the_case_changes_nothing(start, limit, spans, day):
    due = due_at(start, limit, spans)
    first = start.astimezone(SHANGHAI).date()
    assume(not first <= day <= due.astimezone(SHANGHAI).date())
    shipped = shipped_calendar()
    moved = {**shipped.exceptions, day: not shipped.is_working(day)}
    calendar = Calendar("moved", moved, shipped.first_day, shipped.published_until)
    assert due_at(start, limit, spans, calendar=calendar) == due


@given(STARTS, STARTS, LIMITS, SPANS)
def test_a_corrected_start_gives_the_due_of_a_case_that_always_had_it(wrong, right, limit, spans):
    pushed = ApplicationFact(title="x", applied_at=wrong, accepted_at=wrong)
    corrected = ApplicationFact(title="x", applied_at=wrong, accepted_at=right)
    dues = []
    for application in (pushed, corrected):
        history = CaseHistory(
            org_code="1", case_no="1", item_code="1", application=application, specials=tuple(stopped(*spans))
        )
        dues.append(read_clock(clock_facts(history), ClockPolicy(), shipped_calendar()).due(limit).at)
    assert dues == [due_at(wrong, limit, spans), due_at(right, limit, spans)]


# --- the slow clocks that the fast one must equal


def is_stopped(instant: datetime, spans) -> bool:
    return any(start <= instant < end for start, end in spans)


def slow_due_day(start: datetime, amount: int, spans, *, every_day: bool) -> datetime:
    """Day by day, without any of the arithmetic of the real clock."""
    calendar = shipped_calendar()
    day = start.astimezone(SHANGHAI).date()
    while not calendar.is_working(day) or calendar.closing(day) < start:
        day += DAY
    counted = 0
    while counted < amount:
        day += DAY
        counts = every_day or calendar.is_working(day)
        counted += counts and not is_stopped(calendar.closing(day), spans)
    return calendar.closing(day)


def slow_due_hour(start: datetime, amount: int, spans) -> datetime:
    """Half hour by half hour."""
    calendar, instant, counted = shipped_calendar(), start, 0
    while counted < 2 * amount:
        local = instant.astimezone(SHANGHAI)
        half_hours = local.hour * 2 + local.minute // 30
        open_now = 18 <= half_hours < 24 or 27 <= half_hours < 35
        counted += calendar.is_working(local.date()) and open_now and not is_stopped(instant, spans)
        instant += HALF_HOUR
    return instant


@given(STARTS, st.integers(0, 60), SPANS, st.booleans())
def test_due_day_equals_the_day_by_day_loop(start, amount, spans, every_day):
    limit = Limit(amount, "CALENDAR_DAY" if every_day else "WORKING_DAY")
    assert due_at(start, limit, spans) == slow_due_day(start, amount, spans, every_day=every_day)


@given(STARTS, st.integers(1, 60), SPANS)
def test_due_hour_equals_the_half_hour_loop(start, amount, spans):
    assert due_at(start, Limit(amount, "WORKING_HOUR"), spans) == slow_due_hour(start, amount, spans)


# --- explained day by day


def runs(clock: Clock, limit: Limit, until: str) -> list[tuple[str, str, str, int, str]]:
    return [
        (f"{run.first_day:%m-%d}", f"{run.last_day:%m-%d}", run.kind, run.days, run.note)
        for run in segments(day_rows(clock, limit, at(until)))
    ]


def test_explanation_names_every_day_from_acceptance_to_the_end():
    clock = a_clock("2025-09-25 20:00", procedures=[a_procedure("2025-09-29 09:30", requested=2)])
    assert runs(clock, days(3), "2025-10-13 11:00") == [
        ("09-25", "09-25", "BEFORE", 1, ""),
        ("09-26", "09-26", "START_DAY", 1, ""),
        ("09-27", "09-27", "REST", 1, ""),
        ("09-28", "09-28", "COUNTED", 1, ""),
        ("09-29", "09-30", "STOPPED", 2, "HEARING"),
        ("10-01", "10-08", "REST", 8, "国庆节,中秋,国庆节调休"),
        ("10-09", "10-10", "COUNTED", 2, ""),
        ("10-11", "10-11", "OVER", 1, ""),
        ("10-12", "10-12", "REST", 1, ""),
        ("10-13", "10-13", "OVER", 1, ""),
    ]


def test_explanation_in_hours_counts_the_start_day_in_part():
    pause = a_procedure("2025-03-03 16:30", "2025-03-05 10:00")
    rows = day_rows(a_clock(procedures=[pause]), Limit(7, "WORKING_HOUR"), at("2025-03-05 11:00"))
    assert [(row.kind, float(row.counted), row.note) for row in rows] == [
        ("COUNTED", 5.0, ""),
        ("STOPPED", 0.0, "HEARING"),
        ("COUNTED", 1.0, ""),
    ]


def test_explanation_changes_its_way_of_counting_with_the_extension():
    clock = a_clock("2025-03-06 10:00", procedures=[an_extension("2025-03-06 11:00", 2, "CALENDAR_DAY")])
    assert runs(clock, days(1), "2025-03-10 18:00") == [
        ("03-06", "03-06", "START_DAY", 1, ""),
        ("03-07", "03-09", "COUNTED", 3, ""),
        ("03-10", "03-10", "OVER", 1, ""),
    ]


def test_the_due_day_of_the_limit_is_explained_by_the_limit_not_by_its_extension():
    clock = a_clock("2025-03-06 10:00", procedures=[an_extension("2025-03-06 11:00", 1)])
    assert runs(clock, Limit(2, "CALENDAR_DAY"), "2025-03-10 18:00") == [
        ("03-06", "03-06", "START_DAY", 1, ""),
        ("03-07", "03-08", "COUNTED", 2, ""),  # to the Saturday on which the limit ends
        ("03-09", "03-09", "REST", 1, ""),
        ("03-10", "03-10", "COUNTED", 1, ""),
    ]


def test_explanation_names_only_the_stops_that_hold_on_that_day():
    stops = [
        a_procedure("2025-03-04 10:00", "2025-03-05 09:00", kind="TESTING"),
        a_procedure("2025-03-05 09:00", "2025-03-06 09:00"),
        a_procedure("2025-03-06 17:30", "2025-03-07 09:00", kind="PAUSE"),
    ]
    rows = day_rows(a_clock(procedures=stops), days(9), at("2025-03-07 18:00"))
    assert [row.note for row in rows] == ["", "TESTING", "HEARING", "PAUSE", ""]


def test_explanation_is_empty_when_the_end_comes_before_the_start():
    assert day_rows(a_clock(), days(3), at("2025-03-01 10:00")) == ()


@given(STARTS, LIMITS, SPANS, GRID)
def test_explanation_adds_up_to_what_the_clock_counted(start, limit, spans, until):
    assume(until >= start)
    clock = a_clock(accepted_at=start, procedures=stopped(*spans))
    rows = day_rows(clock, limit, until)
    assert float(rows[-1].counted_so_far) == pytest.approx(clock.counted(limit.unit, until))
    assert sum(run.counted for run in segments(rows)) == rows[-1].counted_so_far


@given(STARTS, st.integers(1, 40), SPANS)
def test_on_the_due_day_exactly_the_limit_is_counted(start, amount, spans):
    clock = a_clock(accepted_at=start, procedures=stopped(*spans))
    due = clock.due(days(amount))
    rows = day_rows(clock, days(amount), due.at + 30 * DAY)
    assert sum(row.kind == "COUNTED" for row in rows) == amount
    assert [row.day for row in rows if row.kind == "COUNTED"][-1] == due.day


@pytest.mark.parametrize(
    ("unit", "until"), [("FORTNIGHT", at("2025-03-10 10:00")), ("WORKING_DAY", datetime.max.replace(tzinfo=UTC))]
)
def test_what_cannot_be_counted_is_none(unit, until):
    assert a_clock().counted(unit, until) is None
