"""Planted faults: the hub with one promise broken, or with a record that breaks its worker.

    python -m tests.faults.mutants NAME serve --port 8080

runs `hub serve --port 8080` after NAME was planted. A harness that does not catch a mutant proves nothing.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hub import parts
from hub.cli.main import run
from hub.domain.envelopes import Envelope
from hub.domain.receipts import Receipt
from hub.gateway.exchange import Exchange
from hub.stores import exchange, outbox, processes, results, session
from hub.stores.outbox import Ticket
from ingest.consumer import Consumer
from ingest.pipeline import Pipeline
from ingest.relay import Sweeper

MARK = "affliction"  # in the message id: the record that breaks its worker
TOLD_TWICE = "told-twice"  # a file in the data folder, one byte per needless delivery
CLOCK_FILE = "FAULTS_CLOCK_FILE"  # environment: where a shifted clock reads its offset in seconds
_LATE_SECONDS = 0.4


def _reply_before_commit() -> None:
    """The receipt leaves while the transaction is still open."""

    def receive(self: Exchange, envelope: Envelope, *_: Any) -> Receipt:
        sealed = self.sealer.seal_body(envelope.body)
        stack = ExitStack()
        unit = stack.enter_context(self.database.unit())
        receipt = exchange.accept(unit, sealed, envelope)
        if receipt is None:
            stack.close()
            return self._first_receipt(envelope)
        threading.Thread(target=_close_late, args=(stack,), daemon=True).start()
        return receipt

    Exchange.receive = receive  # type: ignore[method-assign]


def _close_late(stack: ExitStack) -> None:
    time.sleep(_LATE_SECONDS)
    stack.close()


def _ack_before_commit() -> None:
    """Told to the broker as done before anything is; and nobody looks for what the broker forgot."""
    work = Consumer._work

    def hasty(self: Consumer, tickets: Sequence[Ticket]) -> None:
        self.queue.done(tickets)
        time.sleep(_LATE_SECONDS)
        work(self, tickets)

    Consumer._work = hasty  # type: ignore[method-assign]
    _no_sweep()


def _no_sweep() -> None:
    Sweeper.sweep_once = lambda self: 0  # type: ignore[method-assign]


def _ticket_torn_first() -> None:
    """The outbox row goes in a transaction of its own, before the work."""

    def torn(self: Consumer, outbox_ids: Sequence[int]) -> None:
        with self.database.unit() as unit:
            batch = exchange.open_taken(unit, self.pipeline.sealer, outbox_ids)
            outbox.remove(unit, [waiting.outbox_id for waiting in batch])
        time.sleep(_LATE_SECONDS)
        with self.database.unit() as unit:
            if batch:
                self.pipeline.process(unit, batch, self.now())

    Consumer._process = torn  # type: ignore[method-assign]


def _no_inbox_key() -> None:
    """What is stored already is not recognised; the scenario drops the database's own unique keys."""
    processes.known_digests = lambda *_: {}
    results.known_digests = lambda *_: {}


def _unsynced_sqlite() -> None:
    """Commits return before the disk has them."""
    session._SQLITE_PRAGMAS = tuple(
        "synchronous = OFF" if pragma.startswith("synchronous") else pragma for pragma in session._SQLITE_PRAGMAS
    )


def _poison() -> None:
    _on_affliction(_raise)


def _killer() -> None:
    _on_affliction(lambda: os.kill(os.getpid(), signal.SIGKILL))


def _raise() -> None:
    raise ZeroDivisionError("a bug that only this record meets")


def _on_affliction(act: Callable[[], None]) -> None:
    process = Pipeline.process

    def afflicted(self: Pipeline, unit: Any, batch: Any, now: Any) -> None:
        if any(MARK.encode() in waiting.body for waiting in batch):
            act()
        process(self, unit, batch, now)

    Pipeline.process = afflicted  # type: ignore[method-assign]


def _count_told_twice() -> None:
    """Breaks nothing: notes every delivery of a message that is done already, or in another worker's hands."""
    note = Path(os.environ["HUB_DATA_DIR"]) / TOLD_TWICE
    open_taken, begin_attempt = exchange.open_taken, outbox.begin_attempt

    def counting_open(unit: Any, sealer: Any, outbox_ids: Sequence[int]) -> Any:
        taken = open_taken(unit, sealer, outbox_ids)
        _append(note, len(outbox_ids) - len(taken))
        return taken

    def counting_begin(unit: Any, outbox_id: int) -> int:
        attempts = begin_attempt(unit, outbox_id)
        _append(note, 0 if attempts else 1)
        return attempts

    exchange.open_taken = counting_open
    outbox.begin_attempt = counting_begin


def _shifted_clock() -> None:
    """The process's clock is off by as many seconds as a file says."""
    offset = Path(os.environ[CLOCK_FILE])

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=float(offset.read_text()))

    parts.datetime = Shifted


def _append(note: Path, count: int) -> None:
    if count:
        with note.open("ab") as file:
            file.write(b"." * count)


MUTANTS: Mapping[str, Callable[[], None]] = {
    "ack-before-commit": _ack_before_commit,
    "reply-before-commit": _reply_before_commit,
    "ticket-torn-first": _ticket_torn_first,
    "no-inbox-key": _no_inbox_key,
    "no-sweep": _no_sweep,
    "unsynced-sqlite": _unsynced_sqlite,
    "told-twice": _count_told_twice,
    "shifted-clock": _shifted_clock,
    "poison": _poison,
    "killer": _killer,
}


def launcher(name: str) -> tuple[str, ...]:
    """How a process of the hub is started with NAME planted."""
    return (sys.executable, "-m", "tests.faults.mutants", name)


if __name__ == "__main__":
    MUTANTS[sys.argv[1]]()
    sys.exit(run(sys.argv[2:]))
