"""A minute's worth of everything, for the ordinary test run."""

import time

from tests.faults.processes import die_at
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.world import Plan, World

_MOMENTS = (
    ("serve", "s6_commit"), ("relay", "s10_confirm"), ("work", "s15_commit"),
)  # fmt: skip
_STEP_SECONDS = 30.0


def a_little_of_everything(world: World, scale: Scale) -> None:
    """One death at each of the moments that matter most, then the broker's and the database's."""
    for role, step in _MOMENTS:
        member = world.fleet.of(role)[0]
        died = die_at(member, world.fleet, f"{step}=kill@2", _STEP_SECONDS)
        world.demand(died, f"{member.name} never passed {step}")
        member.wait_until_ready()
    world.broker.kill()
    world.pg.kill()
    world.pg.start()
    time.sleep(1)
    world.broker.start()
    world.push(scale.of(500), 30)


SCENARIOS = (
    Scenario(
        "slice", "一分钟切片：每类各一次", "不丢、不重",
        a_little_of_everything,
        Plan(roles={"serve": 2, "relay": 1, "work": 1}, records_per_second=100, lanes=3),
    ),
)  # fmt: skip
