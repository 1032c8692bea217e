"""Runs a step over and over in a thread: at once while there is work, after a pause when there is none."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from hub.domain.errors import RetryableError

_LONGEST_PAUSE_SECONDS = 10.0

log = structlog.get_logger()


@dataclass(slots=True)
class Loop:
    """`step` does one piece of work and tells how much it did; 0 means idle."""

    name: str
    step: Callable[[], int]
    idle_seconds: float
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float = 20) -> None:
        """Lets the step under way finish."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def run(self) -> None:
        """Until `stop`. A dependency that is away is waited for with growing, jittered pauses."""
        failures = 0
        while not self._stop.is_set():
            try:
                did = self.step()
                failures = 0
            except RetryableError as exc:
                did, failures = 0, failures + 1
                log.warning("dependency away", loop=self.name, code=exc.code, failures=failures)
            if not did:
                self._stop.wait(self._pause(failures))

    def _pause(self, failures: int) -> float:
        if not failures:
            return self.idle_seconds
        longest = min(_LONGEST_PAUSE_SECONDS, 0.2 * 2**failures)
        return random.uniform(0.1, longest)  # noqa: S311 - jitter, not a secret
