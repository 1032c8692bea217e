"""From the outbox to the broker: leases due messages, publishes them, notes what was confirmed.

A relay may die at any step: a lease runs out, a message is published twice, and the worker finds it done.
"""

from collections.abc import Callable
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
CONFIRM_SECONDS = 20.0
LEASE = timedelta(seconds=30)  # longer than a confirm is waited for
REFUSED_WAIT = timedelta(seconds=2)
STRANDED_AFTER = timedelta(seconds=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Relay:
    """Several threads or processes may relay at once: a lease belongs to one of them."""

    database: Database
    publisher: Publisher
    now: Callable[[], datetime]
    observer: RelayObserver = field(default_factory=RelayObserver)

    def relay_once(self) -> int:
        """Publishes a batch; how many were confirmed. 0 also while there is no broker. Raises RetryableError."""
        self.publisher.link.start()
        if not self.publisher.can_publish:
            return 0
        with self.database.read() as unit:
            if not outbox.is_any_unpublished(unit, self.now()):
                return 0
        with self.database.unit() as unit:
            now = self.now()
            tickets = outbox.lease_unpublished(unit, now, now + LEASE, BATCH_MESSAGES)
        failpoint("s8_claim")
        sending = self.publisher.publish([ticket_message(ticket) for ticket in tickets], CONFIRM_SECONDS)
        confirmed, refused = list(sending.confirmed), list(sending.refused)
        failpoint("s11_mark")
        with self.database.unit() as unit:
            outbox.mark_published(unit, confirmed, self.now())
            outbox.make_due(unit, refused, self.now() + REFUSED_WAIT)
        unknown = len(tickets) - len(confirmed) - len(refused)
        self.observer.settled(len(confirmed), len(refused), unknown)
        if refused or unknown:
            log.warning("not confirmed", refused=len(refused), unknown=unknown)
        return len(confirmed)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Tells the broker again what it has forgotten: published long ago, never processed, and the queue is empty.

    While the queue is not empty they may just be waiting there: a backlog must not be multiplied.
    """

    database: Database
    publisher: Publisher
    now: Callable[[], datetime]
    observer: RelayObserver = field(default_factory=RelayObserver)

    def sweep_once(self) -> int:
        """How many messages are to be published again. Raises RetryableError without a database."""
        with self.database.read() as unit:
            published_before = self.now() - STRANDED_AFTER
            if not outbox.is_any_stranded(unit, published_before):
                return 0
        if not self.publisher.can_publish or self.publisher.depth() != 0:
            return 0
        with self.database.unit() as unit:
            stranded = outbox.make_stranded_due(unit, published_before, self.now(), BATCH_MESSAGES)
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
