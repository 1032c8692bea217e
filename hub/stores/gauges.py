"""Figures read from the database when a monitor asks: what waits, what is overdue, who has gone silent."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, QueuePool, Table, func, select

from hub.domain.errors import RetryableError
from hub.domain.findings import Level
from hub.stores.dashboard import LAST_RECEIVED_AT
from hub.stores.exchange import quarantine
from hub.stores.outbox import outbox
from hub.stores.registry import sender
from hub.stores.rhythm import kept_voices
from hub.stores.session import Database
from hub.stores.supervision import card, timer

MOST_COUNTED = 100_000  # a figure that stands here means: at least as many
MOST_SENDERS = 200


@dataclass(frozen=True, slots=True)
class Gauges:
    """Messages by state, records and cards as counts up to `MOST_COUNTED`; ages in seconds, 0 when nothing waits."""

    outbox: Mapping[str, int]  # waiting, handed_over, postponed
    outbox_oldest_seconds: float
    quarantined: int
    open_cards: Mapping[str, int]  # by level
    timers_overdue: int
    timers_overdue_seconds: float
    last_received_at: Mapping[str, datetime]  # by sender code; who never sent anything is not there
    voices: Mapping[str, str]  # by sender code, as last judged


def read_gauges(unit: Connection, now: datetime) -> Gauges:
    """A few bounded queries; cheap whatever the tables hold."""
    overdue = timer.c.due_at <= now
    first_outbox = select(outbox.c.created_at).order_by(outbox.c.id).limit(1)
    first_timer = select(func.min(timer.c.due_at)).where(overdue)
    return Gauges(
        outbox={state: _count(unit, outbox, condition) for state, condition in _OUTBOX_STATES.items()},
        outbox_oldest_seconds=_age_seconds(unit.execute(first_outbox).scalar(), now),
        quarantined=_count(unit, quarantine, quarantine.c.state == "OPEN"),
        open_cards={
            level.value: _count(unit, card, (card.c.state == "OPEN") & (card.c.level == level.value)) for level in Level
        },
        timers_overdue=_count(unit, timer, overdue),
        timers_overdue_seconds=_age_seconds(unit.execute(first_timer).scalar(), now),
        last_received_at=_last_received(unit),
        voices=kept_voices(unit, MOST_SENDERS),
    )


_OUTBOX_STATES: Mapping[str, ColumnElement[bool]] = {
    "waiting": outbox.c.published_at.is_(None) & (outbox.c.attempts == 0),
    "handed_over": outbox.c.published_at.is_not(None),
    "postponed": outbox.c.published_at.is_(None) & (outbox.c.attempts > 0),
}


def _count(unit: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    some = select(table.primary_key.columns[0]).where(condition).limit(MOST_COUNTED).subquery()
    return unit.execute(select(func.count()).select_from(some)).scalar_one()


def _age_seconds(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since is not None else 0.0


def _last_received(unit: Connection) -> dict[str, datetime]:
    query = select(sender.c.code, LAST_RECEIVED_AT.label("newest")).order_by(sender.c.code).limit(MOST_SENDERS)
    return {row.code: row.newest for row in unit.execute(query).all() if row.newest is not None}


class UnitObserver(Protocol):
    """Told of every unit of work: `kind` is read or write; waiting for a connection or a lock is included."""

    def unit_ended(self, kind: str, seconds: float, code: str | None) -> None: ...


class ObservedDatabase(Database):
    """A database that tells how long its units of work took."""

    def __init__(self, url: str, observer: UnitObserver, **options: Any) -> None:
        super().__init__(url, **options)
        self._observer = observer

    def connections_in_use(self) -> int:
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    @contextmanager
    def unit(self) -> Iterator[Connection]:
        with self._observed("write"), super().unit() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._observed("read"), super().read() as connection:
            yield connection

    @contextmanager
    def _observed(self, kind: str) -> Iterator[None]:
        """Only outages count as failures: a refused value is no trouble of the database's."""
        started = perf_counter()
        code = None
        try:
            yield
        except RetryableError as exc:
            code = exc.code
            raise
        finally:
            self._observer.unit_ended(kind, perf_counter() - started, code)
