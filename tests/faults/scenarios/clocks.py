"""Clocks jump, and the clocks of two machines differ."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from tests.faults.mutants import CLOCK_FILE, launcher
from tests.faults.postgres import postgres_running
from tests.faults.processes import ROLES
from tests.faults.rabbitmq import brokers_running
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.servers import open_folder
from tests.faults.world import Plan, World, build_world

_OFFSET = "clock-offset"


def _set(offset_file: Path, seconds: float) -> None:
    """In one step: a clock may be read at any moment."""
    fresh = offset_file.with_suffix(".new")
    fresh.write_text(str(seconds))
    fresh.replace(offset_file)


@contextmanager
def open_with_clocks(name: str, seed: int, plan: Plan) -> Iterator[World]:
    """All processes of the hub read their clock's offset from one file."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(name))
        postgres = stack.enter_context(postgres_running(folder, **plan.server_settings))
        brokers = stack.enter_context(brokers_running(folder, plan.brokers)) if plan.brokers else []
        _set(folder / _OFFSET, 0)
        clocked = replace(plan, settings={**plan.settings, CLOCK_FILE: str(folder / _OFFSET)})
        yield stack.enter_context(build_world(folder, seed, clocked, postgres, brokers))


def jumps(world: World, scale: Scale) -> None:
    """Every clock of the hub jumps an hour forward, two back, and to where it was, while messages flow."""
    for seconds in (3600, -3600, 0):
        _set(world.folder / _OFFSET, seconds)
        world.push(scale.of(1000))
    world.push(300)


def skew(world: World, scale: Scale) -> None:
    """One door is five minutes ahead, the other five behind; what they accept is processed at once."""
    for door, seconds in zip(world.fleet.of("serve"), (300, -300), strict=True):
        own = world.folder / f"{door.name}-offset"
        _set(own, seconds)
        door.env = {**door.env, CLOCK_FILE: str(own)}
        world.fleet.kill(door)
        door.wait_until_ready()
    world.push(scale.of(1000))
    world.client.finish()
    until = time.monotonic() + 60
    while world.number("SELECT count(*) FROM outbox") and time.monotonic() < until:
        time.sleep(0.5)
    waiting = world.number("SELECT count(*) FROM outbox")
    world.demand(waiting == 0, f"{waiting} messages wait for a clock to catch up")


_CLOCKED = {role: launcher("shifted-clock") for role in ROLES}
_PLAN = Plan(records_per_second=300, launchers=_CLOCKED, drain_seconds=60)

SCENARIOS = (
    Scenario("clock-jumps", "时钟前跳、后跳一小时", "不丢、不重、不重复发牌", jumps, _PLAN, open_with_clocks),
    Scenario("clock-skew", "两台机器时钟相差十分钟", "照常处理，不等时钟", skew, _PLAN, open_with_clocks),
)
