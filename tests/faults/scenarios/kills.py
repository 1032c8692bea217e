"""Processes die: at every step, at random, politely."""

import signal
import threading
import time
from collections.abc import Mapping, Sequence

from tests.faults.mutants import TOLD_TWICE, launcher
from tests.faults.processes import Reaper, die_at
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.world import Plan, World

STEPS: Mapping[str, Sequence[str]] = {
    "serve": ("s1_headers", "s2_body", "s3_screen", "s4_authz", "s5_insert", "s6_commit", "s7_reply"),
    "relay": ("s8_claim", "s9_publish", "s10_confirm", "s11_mark"),
    "work": ("s12_deliver", "s13_inbox", "s14_effect", "s15_commit", "s16_ack"),
    "watch": ("s17_card",),
}
STEPS_WITHOUT_BROKER = {role: steps for role, steps in STEPS.items() if role != "relay"}
_STEP_SECONDS = 60.0
_PASSES = (1, 2, 5)


def kill_at_every_step(world: World, scale: Scale) -> None:
    """Each role in a thread of its own; a step that is never reached is a failure of the harness."""
    steps = STEPS if world.brokers else STEPS_WITHOUT_BROKER
    rounds = [_PASSES[number % len(_PASSES)] for number in range(scale.of(3))]
    threads = [
        threading.Thread(target=_kill_role, args=(world, role, names, rounds)) for role, names in steps.items()
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        wake_every_case(world)
        time.sleep(2)
    for thread in threads:
        thread.join()


def _kill_role(world: World, role: str, steps: Sequence[str], rounds: Sequence[int]) -> None:
    for number, passes in enumerate(rounds):
        members = world.fleet.of(role)
        for step in steps:
            member = members[number % len(members)]
            died = die_at(member, world.fleet, f"{step}=kill@{passes}", _STEP_SECONDS)
            world.demand(died, f"{member.name} never passed {step} {passes} times")
            member.wait_until_ready()


def wake_every_case(world: World) -> None:
    """All timers run out: the watch judges every case again, beside the workers."""
    world.execute("UPDATE timer SET due_at = (SELECT max(received_at) FROM envelope)")


def random_kills(world: World, scale: Scale) -> None:
    """SIGKILL, freezes and polite ends for every role, until the kills and the records are reached."""
    reaper = Reaper(world.fleet, scale.seed, pause_seconds=0.6)
    world.notes["seed"] = scale.seed
    wanted_kills, wanted_records = scale.of(120), world.client.pushed_records + scale.of(20_000)
    until = time.monotonic() + 60 + 600 * scale.factor
    reaper.start()
    while time.monotonic() < until and (
        world.fleet.kills < wanted_kills or world.client.pushed_records < wanted_records
    ):
        wake_every_case(world)
        time.sleep(3)
    reaper.stop()
    told_twice = world.folder / TOLD_TWICE
    world.notes["told_twice"] = told_twice.stat().st_size if told_twice.exists() else 0
    world.demand(world.fleet.kills >= wanted_kills, f"only {world.fleet.kills} of {wanted_kills} kills in time")


def rolling_restart(world: World, scale: Scale) -> None:
    """SIGTERM to one process after the other, as at an upgrade."""
    for _ in range(scale.of(1)):
        for member in world.fleet.members:
            world.fleet.kill(member, signal.SIGTERM)
            member.wait_until_ready()
    world.push(500)


def frozen_worker(world: World, scale: Scale) -> None:
    """A worker sleeps through its heartbeats and wakes up with messages that others have done meanwhile."""
    for _ in range(scale.of(1)):
        member = world.fleet.of("work")[0]
        world.fleet.deaths["SIGSTOP work"] += 1
        member.child.kill_group(signal.SIGSTOP)
        time.sleep(50)
        member.child.kill_group(signal.SIGCONT)
        world.push(1000)


def frozen_relay(world: World, scale: Scale) -> None:
    """A relay sleeps longer than its leases last; another publishes the same messages."""
    for _ in range(scale.of(1)):
        member = world.fleet.of("relay")[0]
        world.fleet.deaths["SIGSTOP relay"] += 1
        member.child.kill_group(signal.SIGSTOP)
        time.sleep(35)
        member.child.kill_group(signal.SIGCONT)
        world.push(1000)


_SLOW = 150.0  # records per second: a county's load, so that nothing piles up while the clock runs
_TWO_RELAYS = {"serve": 2, "relay": 2, "work": 2, "watch": 2}

SCENARIOS = (
    Scenario(
        "steps", "在每一步杀死进程（S1–S17）", "不丢、不重；每一步都确实走到",
        kill_at_every_step, Plan(records_per_second=400),
    ),
    Scenario(
        "steps-embedded", "内嵌 SQLite：在每一步杀死进程", "不丢、不重",
        kill_at_every_step, Plan(brokers=0, postgres=False, records_per_second=400),
    ),
    Scenario(
        "random", "随机杀死、冻结、结束所有角色", "不丢、不重",
        random_kills,
        Plan(roles=_TWO_RELAYS, records_per_second=400, launchers={"work": launcher("told-twice")}),
    ),
    Scenario(
        "rolling", "逐个 SIGTERM 滚动重启", "干净退出，不丢、不重",
        rolling_restart, Plan(records_per_second=_SLOW),
    ),
    Scenario(
        "frozen-worker", "处理进程冻结 50 秒，超过心跳", "醒来后不重复生效",
        frozen_worker, Plan(records_per_second=_SLOW),
    ),
    Scenario(
        "frozen-relay", "转发进程冻结 35 秒，超过清扫的等待", "另一个转发，不丢、不重",
        frozen_relay, Plan(roles=_TWO_RELAYS, records_per_second=_SLOW),
    ),
)  # fmt: skip
