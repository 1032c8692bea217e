"""When a source is asked again."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.errors import RejectedError, RetryableError
from ingest.pulling.schedule import Schedule
from tests.builders import MONDAY_MORNING

MINUTE = timedelta(minutes=1)
AWAY = RetryableError("HUB-9026", "")


def at(clock: str, day: int = 2) -> datetime:
    """A time of China in March 2026, in UTC."""
    return datetime.fromisoformat(f"2026-03-{day:02}T{clock}:00+08:00").astimezone(UTC)


def test_a_good_run_is_followed_by_the_next_at_its_rhythm() -> None:
    assert Schedule(10 * MINUTE).next_after(MONDAY_MORNING, None, 0) == MONDAY_MORNING + 10 * MINUTE


@pytest.mark.parametrize(("failures", "seconds"), [(0, 30), (1, 60), (3, 240), (5, 600), (60, 600)])
def test_passing_failures_are_tried_again_soon_and_ever_later(failures: int, seconds: int) -> None:
    after = Schedule(10 * MINUTE).next_after(MONDAY_MORNING, AWAY, failures)
    assert after == MONDAY_MORNING + timedelta(seconds=seconds)


def test_a_lasting_problem_waits_for_the_rhythm() -> None:
    problem = RejectedError("HUB-4026", "")
    assert Schedule(10 * MINUTE).next_after(MONDAY_MORNING, problem, 1) == MONDAY_MORNING + 10 * MINUTE


def test_a_wait_that_was_asked_for_is_never_shortened() -> None:
    asked = RetryableError("HUB-9028", "", retry_after_seconds=3600)
    assert Schedule(MINUTE).next_after(MONDAY_MORNING, asked, 0) == MONDAY_MORNING + 60 * MINUTE


@pytest.mark.parametrize(
    ("window", "moment", "opening"),
    [
        ("07:00-22:00", at("09:30"), at("09:30")), ("07:00-22:00", at("06:59"), at("07:00")),
        ("07:00-22:00", at("22:00"), at("07:00", 3)), ("22:00-06:00", at("23:00"), at("23:00")),
        ("22:00-06:00", at("05:59"), at("05:59")), ("22:00-06:00", at("12:00"), at("22:00")),
    ],
)  # fmt: skip
def test_outside_its_window_a_source_waits_for_the_opening(window: str, moment: datetime, opening: datetime) -> None:
    schedule = Schedule.of({"schedule": {"everyMinutes": 5, "window": window}})
    assert schedule.opening(moment) == opening
