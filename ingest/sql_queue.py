"""The queue without a broker (`db://`): the outbox table itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.stores import outbox
from hub.stores.outbox import Ticket
from hub.stores.session import Database
from ingest.consumer import BATCH_MESSAGES, BATCH_RECORDS

LEASE = timedelta(seconds=15)  # after that the messages of a dead worker are taken by another


@dataclass(frozen=True, slots=True)
class SqlQueue:
    """Thread-safe, for any number of workers."""

    database: Database
    now: Callable[[], datetime]

    def take(self) -> list[Ticket]:
        with self.database.read() as unit:
            if not outbox.is_any_due(unit, self.now()):
                return []
        with self.database.unit() as unit:
            now = self.now()
            return outbox.take_due(unit, now, now + LEASE, messages=BATCH_MESSAGES, records=BATCH_RECORDS)

    def done(self, tickets: Sequence[Ticket]) -> None:
        """Nothing: the unit that processed them took them out of the table."""

    def give_back(self, tickets: Sequence[Ticket]) -> None:
        """Nothing: the lease runs out. The database is what is away."""

    def close(self) -> None:
        """Nothing is held."""
