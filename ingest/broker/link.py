"""A channel to a broker that keeps itself up.

pika's connections belong to one thread. Each link therefore owns an I/O thread; other threads only hand over work and
wait with a deadline, because a hand-over to a loop that has just ended is silently lost.
"""

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pika
import structlog
from pika.channel import Channel
from pika.exceptions import AMQPError

from hub.domain.errors import RejectedError
from ingest.topology import EXCHANGES, QUEUE_ARGUMENTS

WINDOW = 1000  # messages published and not yet confirmed
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 10.0
_CLOSE_SECONDS = 5.0

BrokerAddress: TypeAlias = pika.URLParameters

log = structlog.get_logger()


def addresses(url: str) -> list[BrokerAddress]:
    """The brokers of a comma-separated list of amqp(s) addresses. Raises RejectedError HUB-4006 on a bad one."""
    try:
        return [_parameters(part.strip()) for part in url.split(",")]
    except (ValueError, TypeError) as exc:
        raise RejectedError("HUB-4006", "HUB_BROKER_URL 不是有效的 amqp:// 地址") from exc


def _parameters(url: str) -> BrokerAddress:
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 15
    parameters.blocked_connection_timeout = 60
    parameters.socket_timeout = 5
    parameters.stack_timeout = 15
    parameters.connection_attempts = 1  # the link itself tries again, at the next address
    parameters.tcp_options = {"TCP_USER_TIMEOUT": 10_000}
    return parameters


class Link:
    """A channel that is opened again after every loss, at the next address, with jittered pauses.

    `ready` is called with each new channel once the topology stands, `lost` when it is gone; both in the I/O thread.
    """

    def __init__(
        self,
        brokers: Sequence[BrokerAddress],
        name: str,
        ready: Callable[[Channel], None],
        lost: Callable[[], None],
    ) -> None:
        self._brokers = list(brokers)
        self._name = name
        self._ready = ready
        self._lost = lost
        self._stop = threading.Event()
        self._connection: Any = None
        self._thread: threading.Thread | None = None
        self._failures = 0
        self.up = threading.Event()
        self.is_blocked = False

    def start(self) -> None:
        """Begins to connect; does nothing when it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"broker-{self._name}", daemon=True)
            self._thread.start()

    def close(self, timeout_seconds: float = _CLOSE_SECONDS) -> None:
        self._stop.set()
        self.reset()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def call(self, work: Callable[[], None]) -> bool:
        """Has `work` done in the I/O thread; False when there is none.

        True is no promise: the loop may end before. What must happen needs a deadline of the caller's.
        """
        connection = self._connection
        if connection is None:
            return False
        connection.ioloop.add_callback_threadsafe(work)
        return True

    def reset(self) -> None:
        """Gives the connection up and opens another; unacknowledged deliveries return to their queue."""
        self.call(self._close_connection)

    def _close_connection(self) -> None:
        connection = self._connection
        if connection is not None and not (connection.is_closing or connection.is_closed):
            connection.close()

    def _run(self) -> None:
        turn = random.randrange(len(self._brokers))  # noqa: S311 - spreads processes over the brokers
        while not self._stop.is_set():
            self._connect_and_serve(self._brokers[turn % len(self._brokers)])
            turn += 1
            if not self._stop.is_set():
                self._stop.wait(self._pause_seconds())

    def _pause_seconds(self) -> float:
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10))
        self._failures += 1
        return random.uniform(0.05, longest)  # noqa: S311 - jitter, not a secret

    def _connect_and_serve(self, broker: BrokerAddress) -> None:
        """One connection from its opening to its end."""
        broker.client_properties = {"connection_name": f"county-hub {self._name}"}
        connection = pika.SelectConnection(
            broker, on_open_callback=self._opened, on_open_error_callback=self._failed, on_close_callback=self._closed
        )
        connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))
        self._connection = connection
        try:
            connection.ioloop.start()
        except (AMQPError, OSError) as exc:
            log.warning("broker connection broke", link=self._name, error=type(exc).__name__)
        finally:
            self._connection = None
            self._went_down()
            connection.ioloop.close()

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._channel_closed)
        for exchange in EXCHANGES:
            channel.exchange_declare(exchange.name, exchange.kind, durable=True)
            channel.queue_declare(exchange.queue, durable=True, arguments=dict(QUEUE_ARGUMENTS))
            channel.queue_bind(exchange.queue, exchange.name, exchange.routing_key)
        # pika keeps requests of one channel in order: this one answers after the declarations have
        channel.basic_qos(prefetch_count=0, callback=lambda _: self._went_up(channel))

    def _went_up(self, channel: Channel) -> None:
        log.info("broker connected", link=self._name)
        self._failures = 0
        self.up.set()
        self._ready(channel)

    def _went_down(self) -> None:
        self.up.clear()
        self.is_blocked = False
        self._lost()

    def _set_blocked(self, blocked: bool) -> None:
        log.warning("broker blocked" if blocked else "broker unblocked", link=self._name)
        self.is_blocked = blocked

    def _channel_closed(self, channel: Channel, reason: Exception) -> None:
        if not (channel.connection.is_closing or channel.connection.is_closed):
            log.warning("broker closed the channel", link=self._name, reason=_reason(reason))
            channel.connection.close()

    def _failed(self, connection: Any, reason: Exception) -> None:
        log.warning("broker away", link=self._name, reason=_reason(reason), failures=self._failures)
        connection.ioloop.stop()

    def _closed(self, connection: Any, reason: Exception) -> None:
        if not self._stop.is_set():
            log.warning("broker connection closed", link=self._name, reason=_reason(reason))
        connection.ioloop.stop()


def _reason(error: Exception) -> str:
    """What happened, without the address: it may hold a password."""
    code = getattr(error, "reply_code", None)
    return type(error).__name__ + (f" {code}" if code else "")
