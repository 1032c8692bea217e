"""Planted faults in our own code: each must be caught, or the harness proves nothing."""

import time

from tests.faults.mutants import launcher
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.world import Plan, World

_UNIQUE = (("process_record", "uq_process_record_sender_id_record_id_revision"),
           ("result_record", "uq_result_record_sender_id_record_id_revision"))  # fmt: skip


def kill_doors(world: World, scale: Scale) -> None:
    for _ in range(scale.of(2)):
        world.push(200)
        for member in world.fleet.of("serve"):
            world.fleet.kill(member)
            member.wait_until_ready()


def kill_workers(world: World, scale: Scale) -> None:
    for _ in range(scale.of(2)):
        world.push(200)
        for member in world.fleet.of("work"):
            world.fleet.kill(member)
        time.sleep(3)


def drop_unique_keys(world: World, scale: Scale) -> None:
    """The database's own guard goes too; the traffic itself repeats records under other keys."""
    for table, name in _UNIQUE:
        world.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    world.push(scale.of(500))


def purge(world: World, scale: Scale) -> None:
    for member in world.fleet.of("work"):
        member.child.end()
    world.push(scale.of(400))
    world.broker.control("purge_queue", "hub.work")
    world.fleet.revive()


def _plan(name: str, *roles: str, brokers: int = 1) -> Plan:
    planted = {role: launcher(name) for role in roles}
    return Plan(brokers, records_per_second=300, launchers=planted, drain_seconds=60)


SCENARIOS = (
    Scenario(
        "mutant-reply-first", "变异体：先回执、后提交", "必须查出丢失",
        kill_doors, _plan("reply-before-commit", "serve", brokers=0), caught_by=("I1",),
    ),
    Scenario(
        "mutant-ack-first", "变异体：先确认、后提交，且不清扫", "必须查出丢失",
        kill_workers, _plan("ack-before-commit", "work", "relay"), caught_by=("I1", "I5"),
    ),
    Scenario(
        "mutant-ticket-first", "变异体：先删出箱行、后入库", "必须查出丢失",
        kill_workers, _plan("ticket-torn-first", "work"), caught_by=("I1", "I5"),
    ),
    Scenario(
        "mutant-no-inbox-key", "变异体：不认已入库的记录，也没有唯一键", "必须查出重复",
        drop_unique_keys, _plan("no-inbox-key", "work"), caught_by=("I2",),
    ),
    Scenario(
        "mutant-no-sweep", "变异体：不清扫，队列被清空", "必须查出未处理",
        purge, _plan("no-sweep", "relay"), caught_by=("I5",),
    ),
)  # fmt: skip
