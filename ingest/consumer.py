"""Works off messages: takes them from a queue, runs the pipeline, and decides what a failure means.

A batch that fails is tried again one message at a time, so a poison message never stops its neighbours. A message
that keeps failing, or that keeps killing its worker, is quarantined whole, with the reason.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol

import structlog

from hub.domain.errors import HubError, RejectedError, RetryableError
from hub.domain.failpoints import failpoint
from hub.stores import exchange, outbox
from hub.stores.exchange import Waiting
from hub.stores.outbox import Ticket
from hub.stores.session import Database
from ingest.observing import WorkObserver
from ingest.pipeline import Pipeline, Processed

MAX_ATTEMPTS = 5  # that ended in an error
MAX_BEGINNINGS = 8  # that were begun and never ended; more, because an outage of the database also looks like this
BATCH_MESSAGES = 50
BATCH_RECORDS = 1500  # a batch holds SQLite's only write lock, and the door waits for it
_FIRST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=5)
_UNFORESEEN = "HUB-9001"

log = structlog.get_logger()


class Queue(Protocol):
    """Where tickets come from. One worker thread uses it."""

    def take(self) -> list[Ticket]:
        """A batch within the limits; may wait a moment for the first. Raises RetryableError."""

    def done(self, tickets: Sequence[Ticket]) -> None:
        """They are processed, postponed or quarantined, and committed so."""

    def give_back(self, tickets: Sequence[Ticket]) -> None:
        """They are not: something the worker needs is away. They come again, here or elsewhere."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Consumer:
    """One worker."""

    database: Database
    queue: Queue
    pipeline: Pipeline
    now: Callable[[], datetime]
    observer: WorkObserver = field(default_factory=WorkObserver)
    shadow: Callable[[Sequence[Waiting]], object] = lambda batch: None

    def work_once(self) -> int:
        """Processes a batch of waiting messages; how many it held. Raises RetryableError without a database."""
        tickets = self.queue.take()
        if not tickets:
            return 0
        failpoint("s12_deliver")
        try:
            self._work(tickets)
        except RetryableError:
            self.queue.give_back(tickets)
            raise
        self.queue.done(tickets)
        failpoint("s16_ack")
        return len(tickets)

    def _work(self, tickets: Sequence[Ticket]) -> None:
        fresh = [ticket.outbox_id for ticket in tickets if not ticket.is_suspect]
        alone = [ticket.outbox_id for ticket in tickets if ticket.is_suspect]
        if fresh and self._process(fresh) is not None:
            alone += fresh
        for outbox_id in alone:
            self._work_alone(outbox_id)

    def _process(self, outbox_ids: Sequence[int]) -> Exception | None:
        """One unit of work over messages; what went wrong. What is done already, or held elsewhere, is passed by."""
        started = time.perf_counter()
        batch: Sequence[Waiting] = ()
        processed = Processed({}, {}, {})
        try:
            with self.database.unit() as unit:
                batch = exchange.open_taken(unit, self.pipeline.sealer, outbox_ids)
                failpoint("s13_inbox")
                if batch:
                    processed = self.pipeline.process(unit, batch, self.now())
                failpoint("s14_effect")
        except RetryableError:
            raise
        except Exception as exc:  # noqa: BLE001 - the one broad catch: whatever a message does, the worker lives on
            self._note_failure(outbox_ids, batch, exc)
            return exc.with_traceback(None)  # its frames hold cursors
        failpoint("s15_commit")
        self._shadow(batch)
        self.observer.committed(batch, processed, time.perf_counter() - started, self.now())
        return None

    def _shadow(self, batch: Sequence[Waiting]) -> None:
        """What versions of adapters on trial make of the same messages. Live work is committed and never hurt by it."""
        with _Harmless():
            self.shadow(batch)

    def _note_failure(self, outbox_ids: Sequence[int], batch: Sequence[Waiting], error: Exception) -> None:
        """Kind and place of the error only: its text may quote a record."""
        code = error.code if isinstance(error, HubError) else _UNFORESEEN
        place = traceback.extract_tb(error.__traceback__)[-1]
        trace_ids = [waiting.trace_id for waiting in batch]
        log.warning(
            "processing failed", outbox_ids=outbox_ids, trace_ids=trace_ids, code=code, error=type(error).__name__,
            at=f"{place.filename}:{place.lineno}",
        )  # fmt: skip
        self.observer.failed(len(outbox_ids), code)

    def _work_alone(self, outbox_id: int) -> None:
        with self.database.unit() as unit:
            attempts = outbox.begin_attempt(unit, outbox_id)
        if not attempts:
            return  # processed already: told twice
        if attempts > MAX_BEGINNINGS:
            self._give_up(outbox_id, RejectedError("HUB-9020", "处理这个报文的进程多次异常终止"), attempts)
            return
        error = self._process([outbox_id])
        if error is None:
            return
        failure = error if isinstance(error, HubError) else RejectedError(_UNFORESEEN, "处理时发生内部错误")
        if attempts >= MAX_ATTEMPTS or isinstance(error, RejectedError):
            self._give_up(outbox_id, failure, attempts)
            return
        wait = min(_FIRST_WAIT * 4 ** (attempts - 1), _LONGEST_WAIT)
        with self.database.unit() as unit:
            outbox.postpone(unit, outbox_id, self.now() + wait, failure.code)

    def _give_up(self, outbox_id: int, failure: HubError, attempts: int) -> None:
        with self.database.unit() as unit:
            trace_id = exchange.give_up(unit, outbox_id, failure, self.now())
        log.error("message quarantined", outbox_id=outbox_id, code=failure.code, attempts=attempts, trace_id=trace_id)
        self.observer.gave_up(failure.code)


class _Harmless:
    """Ends whatever a version on trial does with a line in the log."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        log.warning("shadow failed", error=type(error).__name__)
        return True
