"""Who may come in now: by the state of the service, the load of the hub, and what each sender may send.

One object for all doors of a process. It refuses early and cheaply, so that overload costs neither memory nor threads.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.domain.envelopes import Quota, Sender
from hub.domain.errors import HubError, RejectedError, RetryableError
from hub.domain.service_states import Activity, Service
from hub.gateway.token_buckets import TokenBuckets
from hub.gateway.tracing import note

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """What holds for everyone. One sender may hold at most half of the places and of the bytes."""

    messages_per_second: float = 1000.0
    burst_messages: int = 2000
    places: int = 200  # calls that wait for a thread or have one
    held_bytes: int = 128 * _MIB  # bodies in memory together
    message_bytes: int = 10 * _MIB


class Admission:
    """Thread-safe. `pressure` gives the reason to take nothing at present, `service` the state; neither may wait."""

    def __init__(
        self,
        limits: AdmissionLimits,
        service: Callable[[], Service] = Service,
        pressure: Callable[[], HubError | None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._service = service
        self._pressure = pressure
        self._buckets = TokenBuckets(monotonic)
        self._lock = threading.Lock()
        self._places: Counter[int | None] = Counter()
        self._bytes: Counter[int | None] = Counter()
        # A message as large as may be must pass alone, however small the share.
        self._most_bytes = max(limits.held_bytes, limits.message_bytes)
        self._share_bytes = max(limits.held_bytes // 2, limits.message_bytes)
        self._share_places = max(limits.places // 2, 1)

    @contextmanager
    def visit(self, announced_bytes: int | None) -> Iterator["Visit"]:
        """One request from its headers to its answer.

        Raises RetryableError HUB-9003, HUB-9021, and what `pressure` says.
        """
        self._service().require(Activity.QUERY)
        pressure = self._pressure()
        if pressure is not None:
            raise pressure
        with self._lock:
            if self._places.total() >= self._limits.places:
                raise _busy()
            if self._bytes.total() + min(announced_bytes or 0, self._limits.message_bytes) > self._most_bytes:
                raise _busy()
        visit = Visit(self, announced_bytes or 0)
        try:
            yield visit
        finally:
            visit.charge(-visit.held_bytes)

    def require_intake(self) -> None:
        """Raises RetryableError HUB-9021 when the state of the service lets nothing new in."""
        self._service().require(Activity.INTAKE)

    def count(self, sender: Sender) -> None:
        """Counts one message of a sender. Raises RetryableError HUB-9022 when there are too many too fast."""
        quota = sender.quota
        rate = quota.messages_per_second or self._limits.messages_per_second
        wait_seconds = self._buckets.take(sender.sender_id, rate, quota.burst_messages or self._limits.burst_messages)
        if wait_seconds:
            text = f"报送过快：每秒不超过 {rate:g} 个报文"
            raise RetryableError("HUB-9022", text, retry_after_seconds=math.ceil(wait_seconds))

    def hold(self, key: int | None, count: int) -> None:
        """Raises RetryableError HUB-9003 when memory for bodies is used up, HUB-9022 when by this sender alone."""
        with self._lock:
            if count > 0 and self._bytes.total() + count > self._most_bytes:
                raise _busy()
            if count > 0 and self._bytes[key] + count > self._share_bytes:
                raise _too_many_at_once()
            _add(self._bytes, key, count)

    @contextmanager
    def place(self, key: int | None) -> Iterator[None]:
        """A place before the threads. Raises as `hold`."""
        with self._lock:
            if self._places.total() >= self._limits.places:
                raise _busy()
            if self._places[key] >= self._share_places:
                raise _too_many_at_once()
            _add(self._places, key, 1)
        try:
            yield
        finally:
            with self._lock:
                _add(self._places, key, -1)


class Visit:
    """What one request holds. Until its sender is known it shares the part of all unknown senders."""

    def __init__(self, admission: Admission, announced_bytes: int) -> None:
        self._admission = admission
        self._announced_bytes = announced_bytes
        self._quota = Quota()
        self.key: int | None = None
        self.held_bytes = 0

    def identify(self, sender: Sender) -> None:
        """Raises RetryableError HUB-9022, RejectedError HUB-1023 on a body larger than the sender's quota."""
        note().sender = sender.code
        self._admission.count(sender)
        held = self.held_bytes
        self.charge(-held)
        self.key, self._quota = sender.sender_id, sender.quota
        self._refuse_larger_than_quota(self._announced_bytes)
        self.charge(held)

    def charge(self, count: int) -> None:
        """Accounts for bytes that came in (or left memory). Raises as `Admission.hold`, and RejectedError HUB-1023."""
        self._refuse_larger_than_quota(self.held_bytes + count)
        self._admission.hold(self.key, count)
        self.held_bytes += count

    @contextmanager
    def place(self) -> Iterator[None]:
        """Raises as `Admission.hold`."""
        with self._admission.place(self.key):
            yield

    def _refuse_larger_than_quota(self, count: int) -> None:
        most = self._quota.message_bytes
        if most is not None and count > most:
            raise RejectedError("HUB-1023", f"正文超过本报送方的配额 {most} 字节")


def refuse_more_records(sender: Sender, count: int) -> None:
    """Raises RejectedError HUB-1023 on more records than the sender's quota."""
    most = sender.quota.message_records
    if most is not None and count > most:
        raise RejectedError("HUB-1023", f"报文中的记录超过本报送方的配额 {most} 条，请拆成多个报文")


def _add(counter: Counter[int | None], key: int | None, count: int) -> None:
    counter[key] += count
    if not counter[key]:
        del counter[key]


def _busy() -> RetryableError:
    return RetryableError("HUB-9003", "等待处理的请求过多")


def _too_many_at_once() -> RetryableError:
    return RetryableError("HUB-9022", "本报送方同时等待处理的报文过多，请减少并发", retry_after_seconds=1)
