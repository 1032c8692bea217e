"""The queue on RabbitMQ: deliveries that name outbox rows, acknowledged after the commit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from hub.stores.outbox import Ticket
from ingest.broker.deliveries import Deliveries, Delivery
from ingest.broker.publisher import Outgoing
from ingest.consumer import BATCH_MESSAGES, BATCH_RECORDS
from ingest.observing import WorkObserver

PREFETCH = 2 * BATCH_MESSAGES  # the next batch is there when one is done
WAIT_SECONDS = 0.5
VERSION = 1

log = structlog.get_logger()


def ticket_message(ticket: Ticket) -> Outgoing:
    """What goes to the broker: a number, no content. A forged one can do no more than have a message processed."""
    body = {"version": VERSION, "outbox": ticket.outbox_id, "records": ticket.records, "suspect": ticket.is_suspect}
    return Outgoing(ticket.outbox_id, json.dumps(body).encode())


def ticket_of(held: Delivery) -> Ticket | None:
    """None for what is no message of ours, or of a version this program does not know."""
    try:
        body: Any = json.loads(held.body)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("version") != VERSION:
        return None
    outbox_id, records = body.get("outbox"), body.get("records")
    if type(outbox_id) is not int or type(records) is not int:
        return None
    return Ticket(outbox_id, records, is_suspect=held.redelivered or body.get("suspect") is True)


@dataclass(slots=True)
class BrokerQueue:
    """For one worker thread. Nothing connects before the first `take`."""

    deliveries: Deliveries
    observer: WorkObserver = field(default_factory=WorkObserver)
    _held: list[Delivery] = field(default_factory=list)

    def take(self) -> list[Ticket]:
        self.deliveries.link.start()
        arrived = self.deliveries.take(BATCH_MESSAGES, WAIT_SECONDS)
        tickets: list[Ticket] = []
        for place, held in enumerate(arrived):
            if sum(ticket.records for ticket in tickets) >= BATCH_RECORDS:
                self.deliveries.put_back(arrived[place:])
                break
            ticket = ticket_of(held)
            if ticket is None:
                # Acknowledged all the same: if an outbox row stands behind it, the sweep tells of it again.
                log.error("not a message of this hub", size=len(held.body))
            else:
                tickets.append(ticket)
            self._held.append(held)
            self.observer.delivered(held.redelivered)
        if not tickets:
            self.done([])
        return tickets

    def done(self, tickets: Sequence[Ticket]) -> None:
        self.deliveries.done(self._held)
        self._held = []

    def give_back(self, tickets: Sequence[Ticket]) -> None:
        self._held = []
        self.deliveries.give_back()

    def close(self) -> None:
        self.deliveries.link.close()
