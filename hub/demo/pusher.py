"""The department systems of the demo county: they push over SOAP, as real ones do, from a thread of their own."""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from adapters.transports.exchange_client import ExchangeClient
from hub.demo.county import County
from hub.demo.live import LiveCounty
from hub.demo.scenario import Push, build_scenario
from hub.domain.errors import HubError
from supervision.judging.calendar import Calendar

log = structlog.get_logger()

SEED = 330324
_SHORTEST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 6.0


@dataclass(slots=True)
class Pusher:
    """`clients`: organisation code → the client of its department's system."""

    county: County
    clients: Mapping[str, ExchangeClient]
    calendar: Calendar
    now: Callable[[], datetime]
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, *, with_history: bool) -> None:
        """Returns at once. `with_history`: pushes what happened before today first."""
        self._thread = threading.Thread(target=self._run, args=(with_history,), name="demo", daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float = 10) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def _run(self, with_history: bool) -> None:
        chance = random.Random()  # noqa: S311 - a play, not a secret
        live = LiveCounty(self.county, chance, self.now())
        first = live.due_within_the_minute(self.calendar)
        for push in self._history() if with_history else ():
            self._send(push)
        if first is not None:
            self._send(first)
        while not self._stop.wait(chance.uniform(_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)):
            self._send(live.happens(self.now()))

    def _history(self) -> list[Push]:
        return build_scenario(self.county, self.calendar, self.now(), SEED)

    def _send(self, push: Push) -> None:
        """A push that fails is logged: the play goes on."""
        if self._stop.is_set():
            return
        try:
            self.clients[push.org_code].push(push.kind, push.message_id, push.records)
        except HubError as exc:
            log.warning("demo push failed", code=exc.code, message_id=push.message_id)
