"""From the outbox to the broker: marks due messages as handed over, publishes them, takes back what was not confirmed.

A relay may die at any step: what it handed over in vain is found by the sweep, and what was published twice is found
done by the worker. Handing over is committed first, so that no worker ever meets a row that the relay still holds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from hub.domain.errors import RetryableError
from hub.domain.failpoints import failpoint
from hub.stores import outbox
from hub.stores.session import Database
from ingest.broker.deliveries import Deliveries
from ingest.broker.publisher import Publisher
from ingest.broker_queue import ticket_message, ticket_of
from ingest.observing import RelayObserver

BATCH_MESSAGES = 500
# A batch costs two transactions whatever its size: after a small one the next messages are let gather.
FEW_MESSAGES, GATHER_SECONDS = 20, 0.02
CONFIRM_SECONDS = 20.0
REFUSED_WAIT = timedelta(seconds=2)
STRANDED_AFTER = timedelta(seconds=30)  # longer than a confirm is waited for
LOST_AFTER = timedelta(minutes=10)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Relay:
    """Several threads or processes may relay at once: each hands over rows of its own."""

    database: Database
    publisher: Publisher
    now: Callable[[], datetime]
    observer: RelayObserver = field(default_factory=RelayObserver)

    def relay_once(self) -> int:
        """Publishes a batch; how many were confirmed. 0 also while there is no broker. Raises RetryableError."""
        self.publisher.link.start()
        if not self.publisher.can_publish:
            return 0
        with self.database.unit() as unit:
            tickets = outbox.hand_over(unit, self.now(), BATCH_MESSAGES)
        if not tickets:
            return 0
        failpoint("s8_claim")
        sending = self.publisher.publish([ticket_message(ticket) for ticket in tickets], CONFIRM_SECONDS)
        failpoint("s11_mark")
        confirmed = set(sending.confirmed)
        self.observer.settled(
            len(confirmed), len(sending.refused), len(tickets) - len(confirmed) - len(sending.refused)
        )
        if len(confirmed) < len(tickets):
            self._take_back([ticket.outbox_id for ticket in tickets if ticket.outbox_id not in confirmed])
        if len(tickets) < FEW_MESSAGES:
            time.sleep(GATHER_SECONDS)
        return len(confirmed)

    def _take_back(self, outbox_ids: Sequence[int]) -> None:
        log.warning("not confirmed", messages=len(outbox_ids))
        with self.database.unit() as unit:
            outbox.make_due(unit, outbox_ids, self.now() + REFUSED_WAIT)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Has published again what was handed over, never processed, and is not in the queue, for the queue is empty.

    While it is not empty a message may just be waiting there, and a backlog must not be multiplied: what is told again
    regardless, because a queue may never run empty, has waited long and is told no faster than a batch each sweep.
    """

    database: Database
    publisher: Publisher
    now: Callable[[], datetime]
    observer: RelayObserver = field(default_factory=RelayObserver)

    def sweep_once(self) -> int:
        """How many messages are to be published again. Raises RetryableError without a database."""
        now = self.now()
        with self.database.read() as unit:
            if not outbox.is_any_stranded(unit, now - STRANDED_AFTER):
                return 0
        if not self.publisher.can_publish:
            return 0
        patience = STRANDED_AFTER if self.publisher.depth() == 0 else LOST_AFTER
        with self.database.unit() as unit:
            stranded = outbox.make_stranded_due(unit, now - patience, now, BATCH_MESSAGES)
        if stranded:
            self.observer.swept(stranded)
            log.warning("published again", messages=stranded)
        return stranded


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The last net: what the broker gave up on. Our own count of attempts decides, so the message is tried again."""

    database: Database
    deliveries: Deliveries
    now: Callable[[], datetime]

    def rescue_once(self) -> int:
        """How many dead letters were put back. Raises RetryableError without a database."""
        self.deliveries.link.start()
        held = self.deliveries.take(BATCH_MESSAGES, 0.0)
        if not held:
            return 0
        tickets = [ticket for ticket in map(ticket_of, held) if ticket is not None]
        try:
            with self.database.unit() as unit:
                outbox.make_due(unit, [ticket.outbox_id for ticket in tickets], self.now())
        except RetryableError:
            self.deliveries.put_back(held)
            raise
        self.deliveries.done(held)
        log.error("dead letters put back", messages=len(held))
        return len(held)
