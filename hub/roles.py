"""The roles of a hub's processes: `work`, `watch`, `relay` and `pull`, each the loops that one command runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from hub.domain.errors import RejectedError
from hub.domain.service_states import Activity
from hub.gateway.monitor import Monitor
from hub.gateway.probes import Probes, connected
from hub.parts import Hub, pull_bounds
from hub.stores.load import is_backlog_over
from ingest.broker.deliveries import Deliveries
from ingest.broker.link import BrokerAddress, Link, addresses
from ingest.broker.publisher import Publisher
from ingest.broker_queue import PREFETCH, BrokerQueue
from ingest.clock_guard import ClockGuard
from ingest.consumer import Consumer, Queue
from ingest.loops import Links, Loop, Role
from ingest.pulling.puller import Puller
from ingest.relay import DeadLetters, Relay, Sweeper
from ingest.replay import ReplayKeeper
from ingest.sql_queue import SqlQueue
from ingest.topology import DEAD_QUEUE, WORK_QUEUE

RELAY_POLL_SECONDS = 0.1
SECOND_RELAY_POLL_SECONDS = 0.5
SWEEP_SECONDS = 10.0
CONNECT_SECONDS = 20.0
RESTING_SECONDS = 0.5
QUALITY_SECONDS = 10.0
LISTEN_SECONDS = 30.0
PULL_THREADS = 4  # a source that is slow keeps no other waiting
PULL_POLL_SECONDS = 1.0


def probes(hub: Hub, loops: list[Loop], links: Links) -> Probes:
    """What a process answers to a monitor; without `links` it is no less ready."""
    for loop in loops:
        hub.metrics.watch_loop(loop)
    needs = [connected(name, is_up) for name, is_up in links.items()]
    return Probes(hub.database, hub.law, hub.now, hub.service, [*loops], needs, hub.metrics.exposition)


def monitor(hub: Hub, role: Role) -> Monitor | None:
    """The probes of a process without doors, serving; None when no port is set. Raises RejectedError HUB-4006."""
    settings = hub.settings
    if not settings.metrics_port:
        return None
    return Monitor(probes(hub, role.loops, role.links), settings.metrics_host, settings.metrics_port)


@dataclass(frozen=True, slots=True)
class Roles:
    """Builds the roles of one process; starts nothing."""

    hub: Hub

    def named(self, name: str) -> Role:
        """What a process of its own runs: `work`, `watch`, `pull` or, where there is a broker, `relay`."""
        return {"work": self._work, "watch": self._watch, "relay": self._relay, "pull": self._pull}[name]()

    @contextmanager
    def once(self, name: str) -> Iterator[Callable[[], int]]:
        """The step of a role, to be repeated until it finds nothing; a worker takes straight from the table.

        Raises RetryableError HUB-9008 when the broker is away.
        """
        steps = {"work": self._work_once, "watch": self.hub.watch.fire_once}
        if name in steps:
            yield self._unless_resting(steps[name])
            return
        if name == "pull":
            yield self._if_taking(self.puller().step)
            return
        publisher = Publisher(self._brokers())
        try:
            publisher.require(CONNECT_SECONDS)
            yield Relay(self.hub.database, publisher, self.hub.now).relay_once
        finally:
            publisher.link.close()

    def all(self) -> list[Role]:
        """What `hub serve` runs inside when no other process does it."""
        return [self._work(), self._watch(), self._pull()] + (
            [] if self.hub.settings.queue_is_table else [self._relay()]
        )

    def consumer(self) -> Consumer:
        """A worker that takes straight from the table, whether or not there is a broker."""
        return self._consumer(SqlQueue(self.hub.database, self.hub.now))

    def _consumer(self, queue: Queue) -> Consumer:
        return Consumer(
            self.hub.database, queue, self.hub.pipeline, self.hub.now, self.hub.metrics.work, self.hub.trials.shadow
        )

    def _work_once(self) -> int:
        """A batch of waiting messages; when none waits, of those that replay jobs bring."""
        consumer, keeper = self.consumer(), self.replay_keeper()
        while not (did := consumer.work_once()) and keeper.step():
            pass
        return did

    def replay_keeper(self) -> ReplayKeeper:
        return ReplayKeeper(self.hub.database, self.hub.pipeline, self.hub.now)

    def _work(self) -> Role:
        # a broker's deliveries are waited for where they arrive
        idle_seconds = self.hub.settings.poll_seconds if self.hub.settings.queue_is_table else 0.0
        consumer, links = (self.consumer(), {}) if self.hub.settings.queue_is_table else self._broker_consumer()
        work = Loop("work", self._unless_resting(consumer.work_once), idle_seconds)
        replay = Loop("replay", self._unless_resting(self.replay_keeper().step), self.hub.settings.poll_seconds)
        return Role([work, replay], consumer.queue.close, links)

    def _broker_consumer(self) -> tuple[Consumer, Links]:
        deliveries = Deliveries(self._brokers(), WORK_QUEUE, PREFETCH, "work")
        consumer = self._consumer(BrokerQueue(deliveries, self.hub.metrics.work))
        return consumer, self._shown(work=deliveries.link)

    def _watch(self) -> Role:
        return Role([
            Loop("watch", self._unless_resting(self.hub.watch.fire_once), self.hub.settings.poll_seconds),
            Loop("quality", self._unless_resting(self.hub.quality.refresh_once), QUALITY_SECONDS),
            Loop("listen", self._unless_resting(self.hub.quality.listener.listen_once), LISTEN_SECONDS),
        ])  # fmt: skip

    def puller(self) -> Puller:
        """Raises RejectedError HUB-4020 when the county's allow-list is wrong."""
        hub, bounds = self.hub, pull_bounds(self.hub.settings)
        return Puller(hub.database, hub.exchange, hub.adapters, bounds, hub.now)

    def _pull(self) -> Role:
        puller = self.puller()
        return Role([self._pull_loop(puller, f"pull-{number}") for number in range(1, PULL_THREADS + 1)])

    def _pull_loop(self, puller: Puller, name: str) -> Loop:
        def step() -> int:
            return puller.step(loop.beat)

        loop = Loop(name, self._if_taking(step), PULL_POLL_SECONDS)
        return loop

    def _if_taking(self, step: Callable[[], int]) -> Callable[[], int]:
        """The step, idle while the doors would not take anything either."""

        def step_if_taking() -> int:
            if not self.hub.service().allows(Activity.INTAKE):
                return 0
            with self.hub.database.read() as unit:
                if is_backlog_over(unit, self.hub.settings.max_backlog):
                    return 0
            return step()

        return step_if_taking

    def _unless_resting(self, step: Callable[[], int]) -> Callable[[], int]:
        """The step, idle while the state of the service lets nobody work, or the clock cannot be believed."""
        guard = ClockGuard(self.hub.now, time.monotonic)

        def step_if_allowed() -> int:
            if self.hub.service.may_work() and guard.is_steady():
                return step()
            time.sleep(RESTING_SECONDS)  # a loop without a pause of its own must not spin
            return 0

        return step_if_allowed

    def _relay(self) -> Role:
        publisher = Publisher(self._brokers())
        relay = Relay(self.hub.database, publisher, self.hub.now, self.hub.metrics.relay)
        sweeper = Sweeper(self.hub.database, publisher, self.hub.now, self.hub.metrics.relay)
        dead = DeadLetters(self.hub.database, Deliveries(self._brokers(), DEAD_QUEUE, PREFETCH, "dead"), self.hub.now)
        loops = [
            Loop("relay-1", relay.relay_once, RELAY_POLL_SECONDS),
            # under load: while the confirms of one batch are on their way the next is leased
            Loop("relay-2", relay.relay_once, SECOND_RELAY_POLL_SECONDS),
            Loop("sweep", sweeper.sweep_once, SWEEP_SECONDS),
            Loop("dead", dead.rescue_once, SWEEP_SECONDS),
        ]

        def close() -> None:
            publisher.link.close()
            dead.deliveries.link.close()

        self.hub.metrics.relay.watch_in_flight(lambda: publisher.in_flight)
        return Role(loops, close, self._shown(relay=publisher.link, dead=dead.deliveries.link))

    def _shown(self, **links: Link) -> Links:
        """Links to the broker among the figures of this process; whether each stands."""
        for name, link in links.items():
            self.hub.metrics.relay.watch_link(name, link.up.is_set, partial(getattr, link, "is_blocked"))
        return {name: link.up.is_set for name, link in links.items()}

    def _brokers(self) -> list[BrokerAddress]:
        """Raises RejectedError HUB-4006 when there is no broker."""
        if self.hub.settings.queue_is_table:
            raise RejectedError("HUB-4006", "没有设置 HUB_BROKER_URL=amqp://…，队列就是数据库，不需要转发")
        return addresses(self.hub.settings.broker())
