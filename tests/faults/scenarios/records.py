"""Records that break their worker: an error at every attempt, or the death of the process."""

import time
from collections.abc import Iterator
from dataclasses import replace

from tests.faults.mutants import MARK, launcher
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.traffic import Message
from tests.faults.world import Plan, World

_EVERY = 40  # messages


def afflicted(messages: Iterator[Message], at_most: int, chosen: set[int]) -> Iterator[Message]:
    """Some messages carry the mark; only such whose records no other message has. Their numbers go into `chosen`."""
    for message in messages:
        yield message
        if message.number % _EVERY == 0 and len(chosen) < at_most:
            number = -1 - message.number
            records = [
                replace(record, record_id=f"x{number}-{seq}", case_no=f"X{number}", revision=1)
                for seq, record in enumerate(message.records)
            ]
            chosen.add(number)
            yield replace(message, number=number, key=f"{MARK}{number}", records=records, is_soap=True)


def poison(world: World, scale: Scale) -> None:
    """An error that only this record meets: quarantined after five attempts, its neighbours are stored at once."""
    world.client.messages = afflicted(world.client.messages, scale.of(2), world.poisoned)
    world.push(scale.of(1000))


def killer(world: World, scale: Scale) -> None:
    """The record kills whoever processes it; somebody starts the worker again, and again."""
    world.client.messages = afflicted(world.client.messages, scale.of(2), world.poisoned)
    world.push(scale.of(600))
    until = time.monotonic() + 200
    while time.monotonic() < until and not _all_aside(world):
        for member in world.fleet.of("work"):
            if not member.child.is_running:
                world.fleet.deaths["SIGKILL work"] += 1
                member.start()
        time.sleep(0.5)


def _all_aside(world: World) -> bool:
    named = f"SELECT count(*) FROM outbox JOIN envelope ON envelope.id = envelope_id WHERE message_id LIKE '{MARK}%%'"
    return len(world.poisoned) > 0 and world.number(named) == 0


SCENARIOS = (
    Scenario(
        "poison", "毒记录：每次处理都出错", "五次后隔离，邻居照常入库",
        poison, Plan(records_per_second=200, launchers={"work": launcher("poison")}),
    ),
    Scenario(
        "killer", "杀手记录：谁处理谁死", "多次后隔离，邻居照常入库",
        killer, Plan(records_per_second=200, launchers={"work": launcher("killer")}),
    ),
)  # fmt: skip
