"""Limits are not judged by a clock that has just jumped."""

from datetime import timedelta

import pytest

from ingest.clock_guard import HOLD_SECONDS, TOLERANCE_SECONDS, ClockGuard
from tests.builders import MONDAY_MORNING, Clock


class Machine:
    """A wall clock that can be set and a monotonic one that cannot."""

    def __init__(self) -> None:
        self.wall = Clock(MONDAY_MORNING)
        self.elapsed = 1000.0
        self.guard = ClockGuard(self.wall, lambda: self.elapsed)
        assert self.guard.is_steady()

    def run(self, seconds: float) -> None:
        self.elapsed += seconds
        self.jump(seconds)

    def jump(self, seconds: float) -> None:
        self.wall.move_to(self.wall() + timedelta(seconds=seconds))


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_time_that_passes_is_steady(machine: Machine) -> None:
    machine.run(86_400)
    assert machine.guard.is_steady()


@pytest.mark.parametrize("seconds", [86_400, -3_600, TOLERANCE_SECONDS + 1])
def test_jump_holds_until_the_clock_is_back(machine: Machine, seconds: float) -> None:
    machine.jump(seconds)
    assert not machine.guard.is_steady()
    machine.run(60)
    assert not machine.guard.is_steady()
    machine.jump(-seconds)
    assert machine.guard.is_steady()


def test_new_time_is_believed_when_it_stays(machine: Machine) -> None:
    machine.jump(3_600)
    assert not machine.guard.is_steady()
    machine.run(HOLD_SECONDS)
    assert machine.guard.is_steady()
    machine.jump(-3_600)
    assert not machine.guard.is_steady()


def test_clock_that_is_slewed_stays_steady(machine: Machine) -> None:
    for _ in range(20):
        machine.run(60)
        machine.jump(TOLERANCE_SECONDS - 1)
        assert machine.guard.is_steady()
