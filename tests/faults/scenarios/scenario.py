"""One scenario: a world, what happens to it, and the verdict afterwards."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

from hub.domain.errors import HubError
from tests.faults import postgres, rabbitmq
from tests.faults.checker import COUNTS, Verdict
from tests.faults.world import Plan, World, open_world


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of it: `repeats` and `records` are for a full run, multiplied by `factor`."""

    seed: int = 1
    factor: float = 1.0
    down_seconds: float = 600.0

    def of(self, full: int) -> int:
        return max(1, round(full * self.factor))


Opening: TypeAlias = Callable[[str, int, Plan], AbstractContextManager[World]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`act` lets it happen while the client pushes. With `caught_by` it is a mutant: one such invariant must break."""

    name: str
    title: str
    promise: str
    act: Callable[[World, Scale], None]
    plan: Plan = field(default_factory=Plan)
    opening: Opening = open_world
    caught_by: Collection[str] = ()
    is_measured: bool = False  # a loss is expected: it is counted and named, not blamed
    needs_root: bool = False


@dataclass(slots=True)
class Result:
    """What one scenario came to."""

    scenario: Scenario
    seconds: float
    verdict: Verdict
    kills: int
    deaths: dict[str, int]
    notes: dict[str, object]

    @property
    def is_caught(self) -> bool:
        said = " ".join(self.verdict.problems)
        return any(invariant in said for invariant in self.scenario.caught_by)

    @property
    def is_as_promised(self) -> bool:
        if self.scenario.is_measured:
            return self.verdict.counts["duplicated"] == 0
        return self.is_caught if self.scenario.caught_by else self.verdict.is_clean


def why_not(scenario: Scenario) -> str:
    """Why the scenario cannot run on this machine; empty when it can."""
    reasons = (
        (scenario.plan.postgres and postgres.binaries() is None, "没有 PostgreSQL 的程序文件"),
        (bool(scenario.plan.brokers) and not rabbitmq.is_installed(), "没有 RabbitMQ 的程序文件"),
        (scenario.needs_root and (os.getuid() != 0 or shutil.which("mount") is None), "需要 root 挂载磁盘"),
    )
    return "；".join(reason for applies, reason in reasons if applies)


def run_scenario(scenario: Scenario, scale: Scale) -> Result:
    """Opens the world, lets it happen, waits until the hub has recovered, judges."""
    began = time.monotonic()
    try:
        return _run(scenario, scale, began)
    except (OSError, RuntimeError, subprocess.SubprocessError, HubError) as exc:
        verdict = Verdict(dict.fromkeys(COUNTS, 0), [f"broken: {type(exc).__name__}: {exc}"])
        return Result(scenario, time.monotonic() - began, verdict, 0, {}, {})


def _run(scenario: Scenario, scale: Scale, began: float) -> Result:
    with scenario.opening(scenario.name, scale.seed, scenario.plan) as world:
        scenario.act(world, scale)
        world.settle()
        verdict = world.verdict()
        ends = world.fleet.end()
        if not scenario.caught_by:
            verdict.blame("end", "processes that did not end cleanly", {n: c for n, c in ends.items() if c}.items())
        servers = [*world.brokers, *([world.postgres] if world.postgres else []), *world.standbys]
        kills = world.fleet.kills + sum(server.kills for server in servers)
        verdict.problems.extend(world.complaints)
        return Result(scenario, time.monotonic() - began, verdict, kills, dict(world.fleet.deaths), world.notes)
