"""Messages of a queue, acknowledged by hand."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pika.channel import Channel

from ingest.broker.link import BrokerAddress, Link


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message of a queue, held until it is acknowledged or its channel ends."""

    tag: int
    channel_number: int  # of the link's channels so far: a tag means nothing on another one
    body: bytes
    redelivered: bool


class Deliveries:
    """Messages of one queue, acknowledged by hand. `take` and `done` are one thread's business."""

    def __init__(self, brokers: Sequence[BrokerAddress], queue: str, prefetch: int, name: str) -> None:
        self.link = Link(brokers, name, self._ready, self._lost)
        self._queue = queue
        self._prefetch = prefetch
        self._channel: Channel | None = None
        self._channel_number = 0
        self._arrived: deque[Delivery] = deque()
        self._arrival = threading.Condition()

    def take(self, limit: int, wait_seconds: float) -> list[Delivery]:
        """What has arrived, at most `limit`; waits for the first."""
        deadline = time.monotonic() + wait_seconds
        with self._arrival:
            while not self._arrived:
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrival.wait(left):
                    return []
            return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    def put_back(self, deliveries: Sequence[Delivery]) -> None:
        """Returns what was taken and not begun to the front of what has arrived."""
        with self._arrival:
            current = [held for held in deliveries if held.channel_number == self._channel_number]
            self._arrived.extendleft(reversed(current))

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledges; what belongs to a channel that is gone will be delivered again and found done."""
        self.link.call(lambda: self._ack(deliveries))

    def give_back(self) -> None:
        """Has the broker deliver everything unacknowledged again, here or elsewhere, after a reconnection."""
        self.link.reset()

    # everything below runs in the I/O thread

    def _ready(self, channel: Channel) -> None:
        self._channel_number += 1
        self._channel = channel
        channel.basic_qos(prefetch_count=self._prefetch)
        channel.add_on_cancel_callback(lambda _: channel.close())  # the queue went away; a new link declares it
        channel.basic_consume(self._queue, self._on_delivery)

    def _lost(self) -> None:
        self._channel = None
        with self._arrival:
            self._arrived.clear()

    def _on_delivery(self, _: Channel, method: Any, __: Any, body: bytes) -> None:
        held = Delivery(method.delivery_tag, self._channel_number, body, method.redelivered)
        with self._arrival:
            self._arrived.append(held)
            self._arrival.notify()

    def _ack(self, deliveries: Sequence[Delivery]) -> None:
        channel = self._channel
        if channel is None or not channel.is_open:
            return
        for held in deliveries:
            if held.channel_number == self._channel_number:
                channel.basic_ack(held.tag)
