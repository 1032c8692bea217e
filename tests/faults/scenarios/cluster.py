"""Three RabbitMQ nodes: the queue's leader dies, a node freezes, the network parts, the majority is gone."""

import time

from tests.faults.journal import Outcome
from tests.faults.rabbitmq import Broker
from tests.faults.scenarios.broker import QUEUE
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.servers import wait_until
from tests.faults.world import Plan, World

_PARTED_SECONDS = 12.0


def leader_killed(world: World, scale: Scale) -> None:
    for _ in range(scale.of(2)):
        leader = _leader(world)
        leader.kill()
        world.push(400)
        leader.start()
        world.push(200)


def node_frozen(world: World, scale: Scale) -> None:
    """The leader stops answering without closing anything."""
    for _ in range(scale.of(1)):
        leader = _leader(world)
        leader.pause()
        time.sleep(_PARTED_SECONDS)
        leader.resume()
        _wait_until_whole(world)
        world.push(300)


def parted(world: World, scale: Scale) -> None:
    """The leader is cut off from the other two; it pauses itself, they go on; then the line is mended."""
    for _ in range(scale.of(1)):
        leader = _leader(world)
        others = [node for node in world.brokers if node is not leader]
        leader.cut_off(others)
        time.sleep(_PARTED_SECONDS)
        leader.rejoin(others)
        _wait_until_whole(world)
        world.push(300)


def majority_lost(world: World, scale: Scale) -> None:
    """Two of three nodes are gone: nothing can be published, everything is accepted."""
    for _ in range(scale.of(1)):
        first, second = world.brokers[1:]
        first.kill()
        second.kill()
        before = world.client.journal.count(Outcome.OK)
        time.sleep(_PARTED_SECONDS)
        world.demand(world.client.journal.count(Outcome.OK) > before, "the door stood still without a broker majority")
        first.begin_start()
        second.start()
        first.start()
        _wait_until_whole(world)
        world.push(300)


def _leader(world: World) -> Broker:
    """The node that leads the work queue, as any living node knows it."""
    for node in world.brokers:
        try:
            name = node.leader_of(QUEUE)
        except (RuntimeError, KeyError):
            continue
        return next((broker for broker in world.brokers if broker.node == name), world.brokers[0])
    return world.brokers[0]


def _wait_until_whole(world: World) -> None:
    for node in world.brokers:
        wait_until(lambda node=node: node.is_taking_connections(), f"{node.name} back in the cluster")


_PLAN = Plan(brokers=3, records_per_second=200)

SCENARIOS = (
    Scenario("cluster-leader", "三节点集群：主节点反复 kill -9", "另选主节点，不丢、不重", leader_killed, _PLAN),
    Scenario("cluster-frozen", "三节点集群：主节点冻结", "不丢、不重", node_frozen, _PLAN),
    Scenario("cluster-parted", "三节点集群：网络分区", "多数一侧继续，不丢、不重", parted, _PLAN),
    Scenario("cluster-minority", "三节点集群：只剩一个节点", "照常接收，恢复后处理完", majority_lost, _PLAN),
)
