"""Keeps replay jobs going: rehearses them, feeds them to the workers batch by batch, notes what became of each message.

Everything that a job is stands in the database; any number of keepers may run, be killed, and run again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Any

import structlog

from hub.domain.errors import HubError, RetryableError
from hub.stores import replay_queue
from hub.stores.replay import job_row
from hub.stores.session import Database
from ingest.pipeline import Pipeline, Processed

CLAIM = timedelta(seconds=60)  # after that a batch whose keeper died is rehearsed by another
_TO_REHEARSE = ("REHEARSING",)
_CARD_CHANGES: Mapping[str, str] = MappingProxyType({
    "RAISED": "cardsRaised", "REOPENED": "cardsRaised", "RESTATED": "cardsRestated", "REPLACED": "cardsCleared",
    "CLEARED": "cardsCleared",
})  # fmt: skip

Forecasts = dict[int, dict[str, Any]]

log = structlog.get_logger()


class _UndoneError(Exception):
    """Ends a unit of work of which nothing is to stay."""


@dataclass(frozen=True, slots=True)
class ReplayKeeper:
    """The replay loop's step."""

    database: Database
    pipeline: Pipeline
    now: Callable[[], datetime]

    def step(self) -> int:
        """Looks once at every job that is due; how many messages moved. Raises RetryableError without a database."""
        with self.database.read() as unit:
            jobs = replay_queue.due_jobs(unit, self.now())
        return sum(self.rehearse(job_id) if state in _TO_REHEARSE else self._advance(job_id) for job_id, state in jobs)

    def _advance(self, job_id: int) -> int:
        with self.database.unit() as unit:
            return replay_queue.advance(unit, job_id, self.now())

    def rehearse(self, job_id: int) -> int:
        """Tries the next batch of a job and notes what would come of it; how many messages, 0 at the end.

        A keeper that finds the batch claimed by another does nothing.
        """
        envelope_ids = self._claim(job_id)
        if not envelope_ids:
            return 0
        forecasts = self._try(job_id, envelope_ids)
        with self.database.unit() as unit:
            now = self.now()
            job = replay_queue.hold(unit, job_id, _TO_REHEARSE, now + CLAIM)
            if job is not None:
                replay_queue.note_forecasts(unit, job_id, forecasts)
                replay_queue.look_again(unit, job_id, now + _pause(job.rate_per_second, len(forecasts)))
        return len(envelope_ids)

    def _claim(self, job_id: int) -> list[int]:
        with self.database.unit() as unit:
            now = self.now()
            job = replay_queue.hold(unit, job_id, _TO_REHEARSE, now)
            envelope_ids = replay_queue.unrehearsed(unit, job) if job is not None else []
            if envelope_ids:
                replay_queue.look_again(unit, job_id, now + CLAIM)
            elif job is not None:
                replay_queue.end_rehearsal(unit, job_id, summary(replay_queue.forecasts_of(unit, job_id)))
                log.info("replay rehearsed", job=job_id)
        return envelope_ids

    def _try(self, job_id: int, envelope_ids: Sequence[int]) -> Forecasts:
        """Together, as a worker would; one by one when that fails, so that a poison message spoils no other's."""
        attempt = _Attempt()
        with attempt:
            return self._process(job_id, envelope_ids)
        if len(envelope_ids) > 1:
            return {id_: forecast for one in envelope_ids for id_, forecast in self._try(job_id, [one]).items()}
        with self.database.read() as unit:
            left = replay_queue.records_left(unit, envelope_ids)
        return {id_: _forecast(0, {attempt.code: left[id_]}, left[id_]) for id_ in envelope_ids}

    def _process(self, job_id: int, envelope_ids: Sequence[int]) -> Forecasts:
        """The real pipeline in a unit of work of which nothing stays."""
        forecasts: Forecasts = {id_: {"skipped": True} for id_ in envelope_ids}
        with suppress(_UndoneError), self.database.unit() as unit:
            batch = replay_queue.open_worthwhile(unit, self.pipeline.sealer, job_row(unit, job_id), envelope_ids)
            left = replay_queue.records_left(unit, [waiting.envelope_id for waiting in batch])
            before = replay_queue.last_card_event(unit)
            if batch:
                processed = self.pipeline.process(unit, batch, self.now())
                cases = set().union(*processed.cases.values())
                changes = replay_queue.card_changes(unit, cases, before)
                forecasts |= {id_: _forecast_of(id_, processed, changes, count) for id_, count in left.items()}
            raise _UndoneError
        return forecasts


class _Attempt:
    """Ends with a code, whatever a message does; an outage goes on as what it is."""

    code = ""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, RetryableError):
            return False
        self.code = error.code if isinstance(error, HubError) else "HUB-9001"
        return True


def _pause(rate_per_second: int | None, messages: int) -> timedelta:
    return timedelta(seconds=messages / rate_per_second) if rate_per_second else timedelta()


def _forecast_of(
    envelope_id: int, processed: Processed, changes: Sequence[tuple[int, str, str]], left: int
) -> dict[str, Any]:
    failing = Counter(record.error.code for record in processed.aside.get(envelope_id, ()))
    cases = processed.cases.get(envelope_id, set())
    cards = {(_CARD_CHANGES[kind], name) for case_id, kind, name in changes if case_id in cases}
    return _forecast(processed.added.get(envelope_id, 0), failing, left) | {"cards": sorted(map(list, cards))}


def _forecast(new: int, failing: Mapping[str, int], left: int) -> dict[str, Any]:
    return {"new": new, "unchanged": left - new - sum(failing.values()), "failing": dict(failing), "cards": []}


def summary(forecasts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a whole job would do. A card that several messages change counts once."""
    tried = [forecast for forecast in forecasts if "skipped" not in forecast]
    failing: Counter[str] = Counter()
    for forecast in tried:
        failing.update(forecast["failing"])
    cards = Counter(kind for kind, _ in {tuple(change) for forecast in tried for change in forecast["cards"]})
    return {
        "messages": len(forecasts),
        "skipped": len(forecasts) - len(tried),
        "failingMessages": sum(1 for forecast in tried if forecast["failing"]),
        "newRecords": sum(forecast["new"] for forecast in tried),
        "unchangedRecords": sum(forecast["unchanged"] for forecast in tried),
        "failingRecords": dict(sorted(failing.items())),
    } | {name: cards[name] for name in ("cardsRaised", "cardsRestated", "cardsCleared")}
