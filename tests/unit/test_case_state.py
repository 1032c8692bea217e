import pytest

from hub.domain.codes import CASE_STATES, RESULT_STATUS, SPECIAL_KIND
from supervision.judging.calendar import shipped_calendar
from supervision.judging.case_reading import read_case
from supervision.judging.case_state import case_state, state_changes_at
from supervision.judging.clock import ClockPolicy
from tests.case_builders import a_case, a_result, a_special, a_step, china

NOON = "2026-03-05 12:00"


def read(history, as_of=NOON):
    return read_case(history, calendar=shipped_calendar(), policy=ClockPolicy(), as_of=china(as_of))


def state_of(history, as_of=NOON):
    return case_state(read(history, as_of))


def test_case_without_application_is_incomplete_even_when_finished():
    assert state_of(a_case(application=None, result=a_result("2026-03-04 10:00"))) == "INCOMPLETE"


def test_case_with_nothing_but_an_application_is_being_handled():
    assert state_of(a_case()) == "ACCEPTED"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("GRANTED", "FINISHED"),
        ("DENIED", "FINISHED"),
        ("NOT_ACCEPTED", "NOT_ACCEPTED"),
        ("VOIDED", "VOIDED"),
        ("WITHDRAWN", "WITHDRAWN"),
        ("SUPPLEMENT_EXPIRED", "FINISHED"),
        ("UNKNOWN", "FINISHED"),
    ],
)
def test_result_status_decides_the_state_of_a_case_with_a_result(status, state):
    assert state_of(a_case(result=a_result("2026-03-04 10:00", status))) == state


def test_every_state_that_a_result_can_give_is_a_state_of_the_contract():
    states = {state_of(a_case(result=a_result("2026-03-04 10:00", status))) for status in RESULT_STATUS.titles}
    assert states <= set(CASE_STATES)


@pytest.mark.parametrize(("status", "state"), [("SUPPLEMENT", "SUPPLEMENT"), ("PAUSED", "PAUSED")])
def test_last_step_that_stops_the_clock_gives_the_state(status, state):
    assert state_of(a_case(steps=(a_step("2026-03-03 10:00", status),))) == state


def test_step_after_a_pause_ends_it():
    steps = (a_step("2026-03-03 10:00", "PAUSED"), a_step("2026-03-04 10:00", "RUNNING", "R2"))
    assert state_of(a_case(steps=steps)) == "ACCEPTED"


def test_later_step_counts_as_last_though_it_arrived_first():
    steps = (a_step("2026-03-04 10:00", "PAUSED", "R2"), a_step("2026-03-03 10:00", "PASSED"))
    assert state_of(a_case(steps=steps)) == "PAUSED"


def test_running_step_without_a_time_does_not_end_a_pause():
    steps = (a_step("2026-03-03 10:00", "PAUSED"), a_step(None, "RUNNING", "R2"))
    assert state_of(a_case(steps=steps)) == "PAUSED"


@pytest.mark.parametrize("kind", sorted(set(SPECIAL_KIND.titles) - {"EXTENSION"}))
def test_open_special_procedure_gives_the_state(kind):
    state = {"SUPPLEMENT": "SUPPLEMENT", "PAUSE": "PAUSED"}.get(kind, "SPECIAL")
    assert state_of(a_case(specials=(a_special(kind, "2026-03-04 09:00"),))) == state


def test_extension_is_no_special_state():
    assert state_of(a_case(specials=(a_special("EXTENSION", "2026-03-04 09:00", requested_limit=5),))) == "ACCEPTED"


def test_ended_special_procedure_leaves_the_case_being_handled():
    assert state_of(a_case(specials=(a_special("HEARING", "2026-03-03 09:00", "2026-03-04 17:00"),))) == "ACCEPTED"


def test_special_procedure_past_its_requested_limit_no_longer_gives_the_state():
    capped = a_special("HEARING", "2026-03-03 09:00", requested_limit=2, limit_unit="WORKING_DAY")
    history = a_case(specials=(capped,))
    assert state_of(history, "2026-03-05 17:29") == "SPECIAL"
    assert state_of(history, "2026-03-05 17:30") == "ACCEPTED"
    assert state_changes_at(read(history, NOON)) == china("2026-03-05 17:30")


def test_state_of_a_finished_case_never_changes_by_itself():
    capped = a_special("HEARING", "2026-03-03 09:00", requested_limit=2, limit_unit="WORKING_DAY")
    assert state_changes_at(read(a_case(specials=(capped,), result=a_result("2026-03-04 10:00")))) is None


def test_of_two_open_procedures_the_later_one_gives_the_state():
    specials = (a_special("PAUSE", "2026-03-04 09:00"), a_special("HEARING", "2026-03-03 09:00"))
    assert state_of(a_case(specials=specials)) == "PAUSED"
