"""Messages of a queue, acknowledged by hand."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pika.channel import Channel

from ingest.broker.link import BrokerAddress, Link

_DOUBT_SECONDS = 30.0
_GATHER_SECONDS = 0.02  # a batch of one costs nearly as much as a batch of ten

log = structlog.get_logger()


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
        self._quiet_since = time.monotonic()

    def take(self, limit: int, wait_seconds: float) -> list[Delivery]:
        """What has arrived, at most `limit`; waits for the first, and a moment for those behind it."""
        deadline = time.monotonic() + wait_seconds
        with self._arrival:
            while not self._arrived:
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrival.wait(left):
                    self._doubt()
                    return []
            few = len(self._arrived) < limit
        if few:
            time.sleep(_GATHER_SECONDS)
        with self._arrival:
            self._quiet_since = deadline
            return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    def _doubt(self) -> None:
        """Nothing for long: a consumer that the broker has lost sight of would wait for ever."""
        if time.monotonic() - self._quiet_since > _DOUBT_SECONDS:
            self._quiet_since = time.monotonic()
            self.link.call(self._compare)

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

    def _compare(self) -> None:
        if self._channel is not None and self._channel.is_open:
            self._channel.queue_declare(self._queue, passive=True, callback=self._told_depth)

    def _told_depth(self, frame: Any) -> None:
        if frame.method.message_count and not self._arrived:
            log.warning("messages wait and none is delivered", queue=self._queue)
            self.link.reset()

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
