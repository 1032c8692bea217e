"""An open loop: requests leave when they are due, whether or not the ones before them were answered."""

import threading
import time
from dataclasses import dataclass, field

from bench.clients import Connection, RefusedError, is_accepted
from bench.messages import Load

_CONNECTIONS = 8


@dataclass(slots=True)
class OpenLoop:
    """Sends `per_second` messages for `seconds`; times count from when a message was due, not from its sending."""

    port: int
    load: Load
    per_second: float
    seconds: float
    due: dict[int, float] = field(default_factory=dict)
    answer_seconds: list[float] = field(default_factory=list)
    _failures: list[Exception] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Wall-clock times of `due` are `time.time()`, which is what the hub's own times are made of."""
        first = time.time() + 0.1
        self.due = {number: first + number / self.per_second for number in range(int(self.per_second * self.seconds))}
        for place in range(_CONNECTIONS):
            numbers = range(place, len(self.due), _CONNECTIONS)
            thread = threading.Thread(target=self._run, args=[numbers], daemon=True)
            self._threads.append(thread)
            thread.start()

    def is_running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def finish(self) -> None:
        """Waits for the last answer. Raises what went wrong first."""
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _run(self, numbers: range) -> None:
        try:
            self._send(Connection(self.port), numbers)
        except (OSError, RefusedError) as exc:
            self._failures.append(exc)

    def _send(self, connection: Connection, numbers: range) -> None:
        for number in numbers:
            time.sleep(max(0.0, self.due[number] - time.time()))
            status, content = connection.ask(self.load.request(number))
            self.answer_seconds.append(time.time() - self.due[number])
            if not is_accepted(status, content):
                raise RefusedError(f"the door answered {status}: {content[:500].decode(errors='replace')}")
        connection.close()
