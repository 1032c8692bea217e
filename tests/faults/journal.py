"""What the client saw: one line per attempt, written before the next attempt begins."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """How an attempt ended, as the client can know it."""

    OK = "ok"
    BUSY = "busy"  # refused for now: nobody listens, 409, 429, 503
    FAIL = "fail"  # refused for good
    UNKNOWN = "unknown"  # no answer, half an answer, or a server error


@dataclass(frozen=True, slots=True)
class Attempt:
    """One push of one message. `status` 0: no answer came."""

    number: int
    key: str
    sender: str
    at: float
    seconds: float
    outcome: Outcome
    status: int
    receipt: Mapping[str, Any] | None = None
    note: str = ""


class Journal:
    """Thread-safe; keeps every attempt on disk and in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self._attempts: list[Attempt] = []

    def add(self, attempt: Attempt) -> None:
        with self._lock:
            self._file.write(json.dumps(asdict(attempt)) + "\n")
            self._file.flush()
            self._attempts.append(attempt)

    def close(self) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Attempt]:
        with self._lock:
            return iter(list(self._attempts))

    def count(self, outcome: Outcome) -> int:
        return sum(attempt.outcome is outcome for attempt in self)

    def acknowledged(self) -> dict[int, Attempt]:
        """The first receipt of every message that got one."""
        first: dict[int, Attempt] = {}
        for attempt in self:
            if attempt.outcome is Outcome.OK:
                first.setdefault(attempt.number, attempt)
        return first
