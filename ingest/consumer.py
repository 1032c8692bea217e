"""Takes messages from the queue, runs the pipeline, and decides what a failure means.

A batch that fails is tried again one message at a time, so a poison message never stops its neighbours. A message
that keeps failing is quarantined whole, with the reason, after `MAX_ATTEMPTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from hub.domain.errors import HubError, RejectedError, RetryableError
from hub.stores import exchange
from hub.stores.session import Database
from ingest.pipeline import Pipeline

MAX_ATTEMPTS = 5
BATCH_MESSAGES = 10
BATCH_RECORDS = 1500  # a batch holds SQLite's only write lock, and the door waits for it
_FIRST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=5)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Consumer:
    """Works off the queue that is the outbox table itself (`db://`)."""

    database: Database
    pipeline: Pipeline
    now: Callable[[], datetime]

    def work_once(self) -> int:
        """Processes a batch of waiting messages; how many it held. Raises RetryableError without a database."""
        with self.database.read() as unit:
            if not exchange.is_any_due(unit, self.now()):
                return 0
        taken, error = self._process(None)
        if error is not None:
            for outbox_id in taken:
                self._work_alone(outbox_id)
        return len(taken)

    def _process(self, only: int | None) -> tuple[list[int], Exception | None]:
        """One unit of work over the messages due, or over one of them: which were taken, and what went wrong."""
        taken = [] if only is None else [only]
        try:
            with self.database.unit() as unit:
                taken = taken or exchange.take_due(unit, self.now(), messages=BATCH_MESSAGES, records=BATCH_RECORDS)
                batch = exchange.open_taken(unit, self.pipeline.sealer, taken)
                if batch:
                    self.pipeline.process(unit, batch, self.now())
        except RetryableError:
            raise
        except Exception as exc:  # noqa: BLE001 - the one broad catch: whatever a message does, the worker lives on
            log.warning("processing failed", outbox_ids=taken, error=type(exc).__name__)
            return taken, exc.with_traceback(None)  # its frames hold cursors
        return taken, None

    def _work_alone(self, outbox_id: int) -> None:
        _, error = self._process(outbox_id)
        if error is None:
            return
        failure = error if isinstance(error, HubError) else RejectedError("HUB-9001", "处理时发生内部错误")
        with self.database.unit() as unit:
            attempts = exchange.count_attempt(unit, outbox_id, failure.code)
            if attempts >= MAX_ATTEMPTS or isinstance(error, RejectedError):
                exchange.give_up(unit, outbox_id, failure, self.now())
                log.error("message quarantined", outbox_id=outbox_id, code=failure.code, attempts=attempts)
            else:
                exchange.postpone(unit, outbox_id, self.now() + min(_FIRST_WAIT * 4 ** (attempts - 1), _LONGEST_WAIT))
