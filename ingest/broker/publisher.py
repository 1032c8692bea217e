"""Publishes with confirms, a window of messages in flight."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pika
import structlog
from pika.channel import Channel

from hub.domain.errors import RetryableError
from hub.domain.failpoints import failpoint
from ingest.broker.link import BrokerAddress, Link
from ingest.topology import ROUTING_KEY, WORK_EXCHANGE, WORK_QUEUE

WINDOW = 1000  # messages published and not yet confirmed

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published; `key` is the caller's name for it."""

    key: int
    body: bytes


@dataclass(slots=True)
class Sending:
    """One call of `publish`: what became of each key. Keys in neither list have an unknown outcome."""

    confirmed: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)  # returned, nacked or never sent: not in the queue
    _open: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def settle(self, key: int, problem: str | None) -> None:
        if problem is None:
            self.confirmed.append(key)
        else:
            self.refused[key] = problem
        self._open -= 1
        if self._open == 0:
            self._over.set()

    def end(self) -> None:
        """What is not settled by now stays unknown."""
        self._over.set()

    def wait(self, deadline_seconds: float) -> bool:
        return self._over.wait(deadline_seconds)


class Publisher:
    """Publishes with `mandatory` and confirms, a window of messages in flight. Thread-safe."""

    def __init__(self, brokers: Sequence[BrokerAddress], name: str = "relay") -> None:
        self.link = Link(brokers, name, self._ready, self._lost)
        self._channel: Channel | None = None
        self._waiting: deque[tuple[Sending, Outgoing]] = deque()
        self._in_flight: dict[int, tuple[Sending, int]] = {}  # delivery tag → sending and key, in tag order
        self._returned: dict[str, str] = {}
        self._next_tag = 1

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def can_publish(self) -> bool:
        return self.link.up.is_set() and not self.link.is_blocked

    def require(self, wait_seconds: float) -> None:
        """Waits for the broker. Raises RetryableError HUB-9008 when it does not come."""
        self.link.start()
        if not self.link.up.wait(wait_seconds):
            raise RetryableError("HUB-9008", "消息队列暂时不可用")

    def publish(self, messages: Sequence[Outgoing], deadline_seconds: float) -> Sending:
        """Hands the messages over and waits until each is confirmed or refused, the link is lost or time is up."""
        sending = Sending(_open=len(messages))
        if not self.link.call(lambda: self._enqueue(sending, messages)):
            sending.refused.update((message.key, "not connected") for message in messages)
        elif messages and not sending.wait(deadline_seconds):
            self.link.reset()  # a broker that stays silent this long is not there
        return sending

    def depth(self, deadline_seconds: float = 5.0) -> int | None:
        """Messages ready in the work queue; None when the broker does not say."""
        answer: list[int] = []
        answered = threading.Event()

        def ask() -> None:
            if self._channel is not None and self._channel.is_open:
                self._channel.queue_declare(WORK_QUEUE, passive=True, callback=tell)

        def tell(frame: Any) -> None:
            answer.append(frame.method.message_count)
            answered.set()

        if self.link.call(ask):
            answered.wait(deadline_seconds)
        return answer[0] if answer else None

    # everything below runs in the I/O thread

    def _ready(self, channel: Channel) -> None:
        self._next_tag = 1
        channel.confirm_delivery(self._on_confirm)
        channel.add_on_return_callback(self._on_return)
        self._channel = channel
        self._pump()

    def _lost(self) -> None:
        """In flight: unknown, the queue may hold it. Waiting: surely not sent."""
        self._channel = None
        for sending, _ in self._in_flight.values():
            sending.end()
        waiting = list(self._waiting)
        self._waiting.clear()
        self._in_flight.clear()
        self._returned.clear()
        for sending, message in waiting:
            sending.settle(message.key, "not sent")
            sending.end()

    def _enqueue(self, sending: Sending, messages: Sequence[Outgoing]) -> None:
        self._waiting.extend((sending, message) for message in messages)
        self._pump()

    def _pump(self) -> None:
        channel = self._channel
        if channel is None or not channel.is_open:
            return
        while self._waiting and len(self._in_flight) < WINDOW and not self.link.is_blocked:
            sending, message = self._waiting.popleft()
            properties = pika.BasicProperties(
                delivery_mode=2, content_type="application/json", message_id=str(message.key)
            )
            self._in_flight[self._next_tag] = (sending, message.key)
            self._next_tag += 1
            channel.basic_publish(WORK_EXCHANGE, ROUTING_KEY, message.body, properties, mandatory=True)
        failpoint("s9_publish")

    def _on_return(self, _: Channel, method: Any, properties: Any, __: bytes) -> None:
        # the confirm of an unroutable message follows and says "ack": remember that it lies
        self._returned[properties.message_id] = method.reply_text

    def _on_confirm(self, frame: Any) -> None:
        failpoint("s10_confirm")
        method = frame.method
        nacked = method.NAME == "Basic.Nack"
        for tag in self._settled_tags(method.delivery_tag, method.multiple):
            sending, key = self._in_flight.pop(tag)
            returned = self._returned.pop(str(key), None)
            sending.settle(key, "nacked" if nacked else returned)
            if returned is not None:
                log.error("broker returned a message: its queue is gone", reason=returned)
                self.link.reset()  # the next connection declares what is missing
        self._pump()

    def _settled_tags(self, tag: int, multiple: bool) -> list[int]:
        if not multiple:
            return [tag] if tag in self._in_flight else []
        tags = []
        for sent in self._in_flight:
            if sent > tag:
                break
            tags.append(sent)
        return tags
