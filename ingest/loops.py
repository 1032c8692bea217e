"""Runs a step over and over in a thread: at once while there is work, after a pause when there is none."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from hub.domain.errors import RetryableError

_LONGEST_PAUSE_SECONDS = 10.0

Links = dict[str, Callable[[], bool]]  # connections to the broker by name, and whether they stand

log = structlog.get_logger()


@dataclass(slots=True)
class Loop:
    """`step` does one piece of work and tells how much it did; 0 means idle."""

    name: str
    step: Callable[[], int]
    idle_seconds: float
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _last_step: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        thread = threading.Thread(target=self.run, name=self.name, daemon=True)
        thread.start()
        self._thread = thread  # not before it runs: a probe just then would take it for dead

    def stop(self, timeout_seconds: float = 20) -> None:
        """Lets the step under way finish."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def tell_to_stop(self) -> None:
        """As `stop`, without waiting."""
        self._stop.set()

    def beat(self) -> bool:
        """A sign of life within a long step; False when the step should come to an end."""
        self._last_step = time.monotonic()
        return not self._stop.is_set()

    @property
    def has_died(self) -> bool:
        """True when a step failed in a way that nobody foresaw: nothing will run here any more."""
        return self._thread is not None and not self._thread.is_alive() and not self._stop.is_set()

    def silent_seconds(self) -> float:
        """Since the last step began or ended, whatever it did."""
        return time.monotonic() - self._last_step

    def run(self) -> None:
        """Until `stop`. A dependency that is away is waited for with growing, jittered pauses."""
        failures = 0
        while not self._stop.is_set():
            self._last_step = time.monotonic()
            try:
                did = self.step()
                failures = 0
            except RetryableError as exc:
                did, failures = 0, failures + 1
                log.warning("dependency away", loop=self.name, code=exc.code, failures=failures)
            self._last_step = time.monotonic()
            if not did:
                self._stop.wait(self._pause(failures))

    def _pause(self, failures: int) -> float:
        if not failures:
            return self.idle_seconds
        longest = min(_LONGEST_PAUSE_SECONDS, 0.2 * 2 ** min(failures, 10))  # an outage of hours must not overflow
        return random.uniform(0.1, longest)  # noqa: S311 - jitter, not a secret


@dataclass(slots=True)
class Role:
    """Loops that belong together, and what to close when they have ended."""

    loops: list[Loop]
    close: Callable[[], None] = lambda: None
    links: Links = field(default_factory=dict)

    def start(self) -> None:
        for loop in self.loops:
            loop.start()

    def stop(self, timeout_seconds: float = 20) -> None:
        """Lets the steps under way finish."""
        for loop in self.loops:
            loop.tell_to_stop()
        for loop in self.loops:
            loop.stop(timeout_seconds)
        self.close()
