"""Token buckets: so many per second, and a store of them for bursts."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class TokenBuckets:
    """A bucket per key, made full at first sight; those used longest ago are forgotten. Thread-safe, in memory."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, most: int = 10_000) -> None:
        self._monotonic = monotonic
        self._most = most
        self._lock = threading.Lock()
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, key: Hashable, per_second: float, burst: int) -> float:
        """Takes a token; 0 when there was one, else the seconds until there is."""
        with self._lock:
            bucket = self._filled(key, per_second, burst)
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return (1 - bucket.tokens) / per_second

    def wait_seconds(self, key: Hashable, per_second: float, burst: int) -> float:
        """As `take`, but takes nothing."""
        with self._lock:
            return max(0.0, 1 - self._filled(key, per_second, burst).tokens) / per_second

    def _filled(self, key: Hashable, per_second: float, burst: int) -> _Bucket:
        now = self._monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        bucket.tokens = min(float(burst), bucket.tokens + (now - bucket.filled_at) * per_second)
        bucket.filled_at = now
        return bucket
