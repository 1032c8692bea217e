"""The relay and the worker on a real RabbitMQ, with PostgreSQL behind them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pika
import pytest

from hub.domain.errors import RetryableError
from hub.domain.records import PROCESS
from hub.stores import outbox
from hub.stores.session import Database
from ingest.broker.deliveries import Deliveries
from ingest.broker.link import addresses
from ingest.broker.publisher import Publisher
from ingest.broker_queue import PREFETCH, BrokerQueue
from ingest.consumer import MAX_BEGINNINGS, Consumer
from ingest.relay import LOST_AFTER, STRANDED_AFTER, DeadLetters, Relay, Sweeper
from ingest.topology import DEAD_EXCHANGE, DEAD_QUEUE, ROUTING_KEY, WORK_EXCHANGE, WORK_QUEUE
from tests.broker import a_channel, a_virtual_host
from tests.builders import DAY, SmallHub, a_small_hub, an_acceptance

PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def broker_url() -> Iterator[str]:
    with a_virtual_host() as url:
        yield url


@pytest.fixture
def hub(postgres_url: str) -> Iterator[SmallHub]:
    database = Database(postgres_url)
    with database.unit() as unit:
        unit.exec_driver_sql("DROP SCHEMA public CASCADE")
        unit.exec_driver_sql("CREATE SCHEMA public")
    yield a_small_hub(database, datetime.now(UTC))
    database.dispose()


@pytest.fixture
def publisher(broker_url: str) -> Iterator[Publisher]:
    with a_channel(broker_url) as channel:
        for queue in (WORK_QUEUE, DEAD_QUEUE):
            channel.queue_delete(queue)
    opened = Publisher(addresses(broker_url))
    opened.link.start()
    until(lambda: opened.can_publish)
    yield opened
    opened.link.close()


@pytest.fixture
def relay(hub: SmallHub, publisher: Publisher) -> Relay:
    return Relay(hub.database, publisher, hub.clock)


@pytest.fixture
def worker(hub: SmallHub, publisher: Publisher, broker_url: str) -> Iterator[Consumer]:
    """A worker on the broker; the publisher has declared the queues."""
    with a_worker(hub, broker_url) as consumer:
        yield consumer


class a_worker:  # noqa: N801 - reads as a phrase at its use
    def __init__(self, hub: SmallHub, url: str) -> None:
        self._queue = BrokerQueue(Deliveries(addresses(url), WORK_QUEUE, PREFETCH, "work"))
        self.consumer = replace(hub.consumer, queue=self._queue)

    def __enter__(self) -> Consumer:
        return self.consumer

    def __exit__(self, *_: object) -> None:
        self._queue.close()


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def push_cases(hub: SmallHub, count: int) -> None:
    for number in range(count):
        hub.push(PROCESS, [an_acceptance(case_no=f"C-{number}", record_id=f"r-{number}")], f"m-{number}")


def stored(hub: SmallHub) -> int:
    return int(hub.rows("SELECT count(*) FROM process_record")[0][0])


def waiting(hub: SmallHub) -> list[Any]:
    return hub.rows("SELECT published_at, attempts FROM outbox ORDER BY id")


def work_until(worker: Consumer, holds: Callable[[], Any]) -> None:
    def step() -> Any:
        worker.work_once()
        return holds()

    until(step)


def test_what_is_relayed_is_stored_once(hub: SmallHub, relay: Relay, worker: Consumer) -> None:
    push_cases(hub, 30)
    assert relay.relay_once() == 30
    assert relay.relay_once() == 0
    work_until(worker, lambda: stored(hub) == 30)
    assert waiting(hub) == []


def test_a_message_published_twice_has_one_effect(hub: SmallHub, relay: Relay, worker: Consumer) -> None:
    push_cases(hub, 5)
    relay.relay_once()
    with hub.database.unit() as unit:
        outbox.make_due(unit, [row.id for row in hub.rows("SELECT id FROM outbox")], hub.clock())
    assert relay.relay_once() == 5
    work_until(worker, lambda: stored(hub) == 5 and waiting(hub) == [])
    assert relay.publisher.depth() == 0
    assert stored(hub) == 5


def test_a_message_whose_queue_is_gone_is_returned_and_published_again(
    hub: SmallHub, relay: Relay, broker_url: str, worker: Consumer
) -> None:
    with a_channel(broker_url) as channel:
        channel.queue_delete(WORK_QUEUE)
    push_cases(hub, 3)
    assert relay.relay_once() == 0
    assert [row.published_at for row in waiting(hub)] == [None] * 3
    until(lambda: relay.publisher.can_publish)  # the new connection has declared the queue
    hub.clock.move_to(hub.clock() + DAY)
    assert relay.relay_once() == 3
    work_until(worker, lambda: stored(hub) == 3)


def test_what_the_broker_lost_is_published_again_when_the_queue_is_empty(
    hub: SmallHub, relay: Relay, broker_url: str
) -> None:
    push_cases(hub, 4)
    relay.relay_once()
    sweeper = Sweeper(hub.database, relay.publisher, hub.clock)
    hub.clock.move_to(hub.clock() + STRANDED_AFTER + STRANDED_AFTER)
    assert sweeper.sweep_once() == 0  # they wait in the queue: a backlog is not multiplied
    with a_channel(broker_url) as channel:
        channel.queue_purge(WORK_QUEUE)
    assert sweeper.sweep_once() == 4
    assert relay.relay_once() == 4


def test_unacknowledged_messages_come_again_and_are_suspects(
    hub: SmallHub, relay: Relay, broker_url: str, worker: Consumer
) -> None:
    push_cases(hub, 3)
    relay.relay_once()
    with a_worker(hub, broker_url) as dying:
        until(dying.queue.take)
    taken: list[outbox.Ticket] = []
    until(lambda: taken.extend(worker.queue.take()) or len(taken) == 3)
    assert {ticket.is_suspect for ticket in taken} == {True}
    worker.queue.give_back(taken)
    work_until(worker, lambda: stored(hub) == 3)


def test_a_database_outage_gives_the_messages_back(hub: SmallHub, relay: Relay, worker: Consumer) -> None:
    push_cases(hub, 2)
    relay.relay_once()
    outage = Outage(hub)
    stumbling = replace(worker, pipeline=outage)  # type: ignore[arg-type]
    with pytest.raises(RetryableError):
        until(stumbling.work_once)
    assert stored(hub) == 0
    work_until(worker, lambda: stored(hub) == 2)


class Outage:
    def __init__(self, hub: SmallHub) -> None:
        self.sealer = hub.sealer

    def process(self, *_: object) -> None:
        raise RetryableError("HUB-9002", "away")


def test_a_message_that_killed_its_worker_too_often_is_quarantined(
    hub: SmallHub, relay: Relay, worker: Consumer
) -> None:
    push_cases(hub, 2)
    with hub.database.unit() as unit:
        unit.exec_driver_sql(f"UPDATE outbox SET attempts = {MAX_BEGINNINGS} WHERE id = (SELECT min(id) FROM outbox)")
    relay.relay_once()
    with a_redelivery(worker):
        work_until(worker, lambda: waiting(hub) == [])
    assert stored(hub) == 1
    assert hub.rows("SELECT code FROM quarantine") == [("HUB-9020",)]


class a_redelivery:  # noqa: N801
    """Takes what has arrived and gives it back, as a worker that died would."""

    def __init__(self, worker: Consumer) -> None:
        self._worker = worker

    def __enter__(self) -> None:
        taken: list[outbox.Ticket] = []
        until(lambda: taken.extend(self._worker.queue.take()) or len(taken) == 2)
        self._worker.queue.give_back(taken)

    def __exit__(self, *_: object) -> None:
        pass


def test_dead_letters_are_put_back(hub: SmallHub, relay: Relay, broker_url: str, worker: Consumer) -> None:
    push_cases(hub, 2)
    relay.relay_once()
    with a_channel(broker_url) as channel:
        for _ in range(2):
            _, _, body = channel.basic_get(WORK_QUEUE, auto_ack=True)
            channel.basic_publish(DEAD_EXCHANGE, "", body)
    dead = DeadLetters(hub.database, Deliveries(addresses(broker_url), DEAD_QUEUE, PREFETCH, "dead"), hub.clock)
    rescued = 0

    def all_rescued() -> bool:
        nonlocal rescued
        rescued += dead.rescue_once()
        return rescued == 2

    until(all_rescued)
    dead.deliveries.link.close()
    assert relay.relay_once() == 2
    work_until(worker, lambda: stored(hub) == 2)


def test_foreign_and_forged_messages_do_no_harm(hub: SmallHub, relay: Relay, broker_url: str, worker: Consumer) -> None:
    with a_channel(broker_url) as channel:
        for body in (b"", b"\xff", b"[]", b'{"version": 9}', b'{"version": 1, "outbox": 99999, "records": 1}'):
            channel.basic_publish(WORK_EXCHANGE, ROUTING_KEY, body, pika.BasicProperties(delivery_mode=2))
    push_cases(hub, 1)
    relay.relay_once()
    work_until(worker, lambda: stored(hub) == 1)
    assert hub.rows("SELECT count(*) FROM quarantine") == [(0,)]


def test_two_workers_share_what_arrives(hub: SmallHub, relay: Relay, broker_url: str, worker: Consumer) -> None:
    push_cases(hub, 100)
    assert relay.relay_once() == 100
    with a_worker(hub, broker_url) as other:
        work_until(worker, lambda: other.work_once() or True)
        work_until(worker, lambda: other.work_once() >= 0 and stored(hub) == 100)
    assert hub.rows("SELECT count(*), count(DISTINCT record_id) FROM process_record") == [(100, 100)]
    until(lambda: waiting(hub) == [])


def test_worker_may_be_faster_than_the_confirm(hub: SmallHub, relay: Relay, worker: Consumer) -> None:
    push_cases(hub, 200)
    with ThreadPoolExecutor(1) as pool:
        relaying = pool.submit(relay.relay_once)
        work_until(worker, lambda: stored(hub) == 200)
        assert relaying.result() == 200
    assert waiting(hub) == []


def test_lost_messages_are_published_again_although_the_queue_never_runs_empty(
    hub: SmallHub, relay: Relay, broker_url: str
) -> None:
    push_cases(hub, 1)
    relay.relay_once()
    with a_channel(broker_url) as channel:
        channel.queue_purge(WORK_QUEUE)
        channel.basic_publish(WORK_EXCHANGE, ROUTING_KEY, b"{}", pika.BasicProperties(delivery_mode=2))
    sweeper = Sweeper(hub.database, relay.publisher, hub.clock)
    hub.clock.move_to(hub.clock() + LOST_AFTER)
    assert sweeper.sweep_once() == 0
    hub.clock.move_to(hub.clock() + LOST_AFTER)
    assert sweeper.sweep_once() == 1
