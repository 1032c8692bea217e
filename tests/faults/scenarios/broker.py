"""The broker goes away, loses its disk, its queue, its memory, or its tongue."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.faults.journal import Outcome
from tests.faults.postgres import postgres_running
from tests.faults.proxy import Proxy, proxy_running
from tests.faults.rabbitmq import brokers_running
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.servers import open_folder
from tests.faults.world import Plan, World, build_world

QUEUE = "hub.work"
_STEADY = 200.0  # records per second


def restart_loop(world: World, scale: Scale) -> None:
    """SIGKILL with the disk kept, again and again while messages are in flight."""
    for _ in range(scale.of(4)):
        world.broker.kill()
        world.broker.start()
        world.push(300)


def lost_disk(world: World, scale: Scale) -> None:
    """Everything the broker was told is gone; the sweep tells it again."""
    for _ in range(scale.of(1)):
        world.push(500)
        world.broker.kill()
        world.broker.wipe()
        world.broker.start()
    world.push(200)


def down(world: World, scale: Scale) -> None:
    """The door must not notice: every push is accepted at the first attempt."""
    world.push(200)
    world.broker.kill()
    before = world.client.journal.count(Outcome.OK)
    others = sum(1 for _ in world.client.journal) - before
    began = time.monotonic()
    while time.monotonic() - began < scale.down_seconds:
        time.sleep(0.5)
    accepted = world.client.journal.count(Outcome.OK)
    refused = sum(1 for _ in world.client.journal) - accepted - others
    world.notes |= {"down_s": scale.down_seconds, "accepted_meanwhile": accepted - before, "not_accepted": refused}
    world.demand(refused == 0, f"{refused} pushes not accepted while the broker was down")
    world.demand(accepted > before, "nothing was pushed while the broker was down")
    world.broker.start()


def queue_deleted(world: World, scale: Scale) -> None:
    for _ in range(scale.of(1)):
        world.push(300)
        world.broker.control("delete_queue", QUEUE)
        world.push(300)


def queue_purged(world: World, scale: Scale) -> None:
    """Purged while the workers stand still, so that there is something to lose."""
    for _ in range(scale.of(1)):
        for member in world.fleet.of("work"):
            member.child.end()
        world.push(400)
        world.broker.control("purge_queue", QUEUE)
        world.fleet.revive()


def memory_alarm(world: World, scale: Scale) -> None:
    """Publishers are blocked; the door and the consumers go on."""
    for _ in range(scale.of(1)):
        before = world.client.journal.count(Outcome.OK)
        world.broker.control("set_vm_memory_high_watermark", "absolute", "1MB")
        time.sleep(8)
        world.demand(world.client.journal.count(Outcome.OK) > before, "the door stood still during a memory alarm")
        world.broker.control("set_vm_memory_high_watermark", "0.4")
        world.push(200)


def disk_alarm(world: World, scale: Scale) -> None:
    for _ in range(scale.of(1)):
        before = world.client.journal.count(Outcome.OK)
        world.broker.control("set_disk_free_limit", "10000GB")
        time.sleep(12)
        world.demand(world.client.journal.count(Outcome.OK) > before, "the door stood still during a disk alarm")
        world.broker.control("set_disk_free_limit", "200MB")
        world.push(200)


def full_queue(world: World, scale: Scale) -> None:
    """The broker refuses with nacks for a while: the rows come due again."""
    world.broker.control(
        "set_policy", "tiny", f"^{QUEUE}$", '{"max-length":20,"overflow":"reject-publish"}', "--priority", "99"
    )
    world.push(scale.of(1000))
    world.broker.control("clear_policy", "tiny")
    world.push(200)


def bad_line(world: World, scale: Scale) -> None:
    """A broker that hangs, resets, answers slowly or in slivers."""
    proxy: Proxy = world.proxies[0]
    for _ in range(scale.of(1)):
        proxy.toxics.is_silent = True
        world.push(300)
        proxy.toxics.is_silent = False
        proxy.reset_all()
        world.push(200)
        proxy.toxics.slice_bytes = 7
        proxy.toxics.latency_seconds = 0.002
        world.push(200)
        proxy.toxics.slice_bytes, proxy.toxics.latency_seconds = 0, 0.0
        proxy.toxics.is_down = True
        proxy.reset_all()
        world.push(200)
        proxy.toxics.is_down = False
        proxy.toxics.limit_bytes = 2000
        world.push(200)
        proxy.toxics.limit_bytes = 0


@contextmanager
def open_behind_proxy(name: str, seed: int, plan: Plan) -> Iterator[World]:
    """The hub reaches its broker through a proxy."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(name))
        postgres = stack.enter_context(postgres_running(folder, **plan.server_settings))
        brokers = stack.enter_context(brokers_running(folder, 1))
        proxy = stack.enter_context(proxy_running(brokers[0].port))
        address = f"amqp://guest:guest@127.0.0.1:{proxy.port}/%2F"
        world = stack.enter_context(build_world(folder, seed, plan, postgres, brokers, broker_url=address))
        world.proxies.append(proxy)
        yield world


_PLAN = Plan(records_per_second=_STEADY)

SCENARIOS = (
    Scenario("broker-restart", "RabbitMQ 反复 kill -9 后重启", "不丢、不重", restart_loop, _PLAN),
    Scenario("broker-lost-disk", "RabbitMQ 磁盘全失", "清扫重新转发，不丢、不重", lost_disk, _PLAN),
    Scenario("broker-down", "RabbitMQ 长时间停机", "照常接收，一次即收下；恢复后处理完", down, _PLAN),
    Scenario("queue-deleted", "队列被删除", "重新声明，不丢、不重", queue_deleted, _PLAN),
    Scenario("queue-purged", "队列被清空", "清扫重新转发，不丢、不重", queue_purged, _PLAN),
    Scenario("memory-alarm", "RabbitMQ 内存告警", "照常接收，不丢、不重", memory_alarm, _PLAN),
    Scenario("disk-alarm", "RabbitMQ 磁盘告警", "照常接收，不丢、不重", disk_alarm, _PLAN),
    Scenario("queue-full", "队列长度受限，拒收", "稍后重发，不丢、不重", full_queue, _PLAN),
    Scenario(
        "broker-line", "到 RabbitMQ 的线路：不响、重置、切片、截断", "不丢、不重", bad_line, _PLAN, open_behind_proxy
    ),
)
