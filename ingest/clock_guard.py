"""Notices that the machine's clock has jumped, before limits are judged by a wrong time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

TOLERANCE_SECONDS = 30.0
HOLD_SECONDS = 600.0  # time to set the clock right; a machine that only slept goes on after it

log = structlog.get_logger()


@dataclass(slots=True)
class ClockGuard:
    """Compares the wall clock with one that cannot be set. `monotonic` gives seconds from any beginning."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    _trusted_offset: float | None = None
    _held_until: float | None = None

    def is_steady(self) -> bool:
        """False from a jump until the clock is back where it was, or has stayed at its new place for `HOLD_SECONDS`."""
        elapsed = self.monotonic()
        offset = self.now().timestamp() - elapsed
        if self._trusted_offset is None or abs(offset - self._trusted_offset) <= TOLERANCE_SECONDS:
            self._trust(offset)
            return True
        if self._held_until is None:
            self._held_until = elapsed + HOLD_SECONDS
            log.error("clock jumped: nothing is judged", seconds=round(offset - self._trusted_offset))
        elif elapsed >= self._held_until:
            log.warning("clock stays where it jumped: judging goes on", seconds=round(offset - self._trusted_offset))
            self._trust(offset)
            return True
        return False

    def _trust(self, offset: float) -> None:
        self._trusted_offset = offset
        self._held_until = None
