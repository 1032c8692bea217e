"""The power goes: only what was flushed is still there."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.faults.mutants import launcher
from tests.faults.postgres import postgres_running
from tests.faults.power import disk_mounted
from tests.faults.rabbitmq import brokers_running
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.servers import open_folder
from tests.faults.world import Plan, World, build_world


@contextmanager
def open_on_disk(name: str, seed: int, plan: Plan) -> Iterator[World]:
    """The database lives on a disk image that can be cut off."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(name))
        disk = stack.enter_context(disk_mounted(folder, 1024 if plan.postgres else 256))
        if plan.postgres:
            postgres = stack.enter_context(postgres_running(disk.folder, max_wal_size="256MB", **plan.server_settings))
            brokers = stack.enter_context(brokers_running(folder, plan.brokers)) if plan.brokers else []
            world = stack.enter_context(build_world(folder, seed, plan, postgres, brokers))
        else:
            address = f"sqlite:///{disk.folder / 'hub.db'}"
            world = stack.enter_context(build_world(folder, seed, plan, None, [], database_url=address))
        world.disks.append(disk)
        disk.flush()
        yield world


def cut_postgres(world: World, scale: Scale) -> None:
    disk = world.disks[0]
    for _ in range(scale.of(3)):
        world.push(600)
        world.pg.pause()
        survivor = disk.take()
        world.pg.kill()
        disk.replace_by(survivor)
        world.pg.start()
    world.notes["power_cuts"] = disk.cuts
    world.push(200)


def cut_sqlite(world: World, scale: Scale) -> None:
    """The whole machine goes: the hub with its file."""
    disk = world.disks[0]
    for _ in range(scale.of(3)):
        world.push(400)
        for member in world.fleet.members:
            member.child.kill_group(signal.SIGSTOP)
        survivor = disk.take()
        for member in world.fleet.members:
            world.fleet.deaths[f"SIGKILL {member.role}"] += 1
            member.child.kill_group()
            member.child.wait()
        time.sleep(0.2)
        disk.replace_by(survivor)
        world.fleet.revive()
        for member in world.fleet.members:
            member.wait_until_ready()
    world.notes["power_cuts"] = disk.cuts
    world.push(200)


_SQLITE = {"serve": 1, "work": 1, "watch": 1}
_MUTANT = {role: launcher("unsynced-sqlite") for role in _SQLITE}
_RATE = 400.0

SCENARIOS = (
    Scenario(
        "power-postgres", "断电：PostgreSQL 只剩已落盘的数据", "已发回执的一条不丢",
        cut_postgres, Plan(records_per_second=_RATE), open_on_disk, needs_root=True,
    ),
    Scenario(
        "power-sqlite", "断电：SQLite 只剩已落盘的数据", "已发回执的一条不丢",
        cut_sqlite, Plan(brokers=0, postgres=False, roles=_SQLITE, records_per_second=_RATE), open_on_disk,
        needs_root=True,
    ),
    Scenario(
        "mutant-fsync-off", "变异体：PostgreSQL fsync=off 后断电", "必须查出丢失",
        cut_postgres,
        Plan(brokers=0, records_per_second=_RATE, server_settings={"fsync": "off", "full_page_writes": "off"}),
        open_on_disk, caught_by=("I1", "broken"), needs_root=True,
    ),
    Scenario(
        "mutant-unsynced-sqlite", "变异体：SQLite synchronous=OFF 后断电", "必须查出丢失",
        cut_sqlite,
        Plan(brokers=0, postgres=False, roles=_SQLITE, records_per_second=_RATE, launchers=_MUTANT),
        open_on_disk, caught_by=("I1", "broken"), needs_root=True,
    ),
)  # fmt: skip
