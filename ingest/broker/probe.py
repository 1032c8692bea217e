"""One look at each broker, for the check-up: is it there, and what stands in its queues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from ingest.broker.link import BrokerAddress
from ingest.topology import EXCHANGES


@dataclass(frozen=True, slots=True)
class BrokerState:
    """`problem` is empty when the broker let us in; `messages` counts by queue, None for a queue that is not there."""

    address: str
    problem: str = ""
    messages: Mapping[str, int | None] = field(default_factory=dict)


def probe(brokers: Sequence[BrokerAddress]) -> list[BrokerState]:
    """Asks every address; declares nothing."""
    return [_probe(broker) for broker in brokers]


def _probe(broker: BrokerAddress) -> BrokerState:
    address = f"{broker.host}:{broker.port}"  # without the password
    try:
        connection = pika.BlockingConnection(broker)
    except (AMQPError, OSError) as exc:
        return BrokerState(address, type(exc).__name__)
    try:
        return BrokerState(address, messages={each.queue: _depth(connection, each.queue) for each in EXCHANGES})
    except (AMQPError, OSError) as exc:
        return BrokerState(address, type(exc).__name__)
    finally:
        if connection.is_open:
            connection.close()


def _depth(connection: pika.BlockingConnection, queue: str) -> int | None:
    channel = connection.channel()  # a new one for each: asking for a missing queue closes it
    try:
        return int(channel.queue_declare(queue, passive=True).method.message_count)
    except ChannelClosedByBroker:
        return None
