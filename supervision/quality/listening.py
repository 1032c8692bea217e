"""Listens to all senders: learns how often each speaks, and tells which are quiet or silent."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from hub.domain.times import as_json
from hub.stores import rhythm as store
from hub.stores.rhythm import AWAY_AFTER, Heard
from hub.stores.session import Connection, Database
from supervision.law import Law
from supervision.quality import rhythm as judging
from supervision.quality.rhythm import LEARNED_FROM, Declared, Outage, Rhythm, Silence
from supervision.quality.timelines import AllTime, Timeline, WorkingTime

LEARN_EVERY = timedelta(hours=1)
VOICES: Mapping[str, str] = MappingProxyType({
    "NORMAL": "正常", "QUIET": "偏静", "SILENT": "静默", "UNKNOWN": "节奏未知",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a sender's adapter documents declare: minutes between messages, by day and night or in working time."""

    minutes: int
    every_day: bool = False


Declarations = Callable[[Connection], Mapping[str, Expectation]]


def declared_by_adapters(unit: Connection) -> Mapping[str, Expectation]:
    """`rhythm.expectEvery` of the documents in force; of a sender with several adapters the strictest."""
    found: dict[str, Expectation] = {}
    for code, rhythm in store.declared_rhythms(unit):
        minutes = rhythm.get("expectEvery", "auto")
        if isinstance(minutes, int | float) and (code not in found or minutes < found[code].minutes):
            found[code] = Expectation(max(round(minutes), 1), rhythm.get("days") == "all")
    return found


@dataclass(frozen=True, slots=True)
class Listener:
    """`declared` gives expectations by code of sender, read within the unit given."""

    database: Database
    law: Callable[[], Law]
    now: Callable[[], datetime]
    declared: Declarations = declared_by_adapters

    def listen_once(self) -> int:
        """Leaves a sign of life, learns what is due to be learned, and keeps what is made of every sender.

        Always 0: there is no more to be had by doing it again at once.
        """
        now = self.now()
        with self.database.unit() as unit:
            store.be_seen(unit, now)
            self._learn(unit, now)
            kept = store.kept(unit)
            for heard, silence in self._judged(unit, now):
                known = kept[heard.sender_id]
                if (known.voice, known.since) != (silence.voice.value, silence.since):
                    values = {"voice": silence.voice.value, "since": silence.since, "judged_at": now}
                    store.keep(unit, heard.sender_id, values, now)
        return 0

    def _learn(self, unit: Connection, now: datetime) -> None:
        kept = store.kept(unit)
        stale = [heard for heard in store.heard_senders(unit) if _is_stale(kept.get(heard.sender_id), now)]
        if not stale:
            return
        hours = store.heard_hours(unit, now - LEARNED_FROM)
        timeline = WorkingTime(self.law().calendar)
        for heard in stale:
            learned = judging.learn(hours.get(heard.sender_id, ()), timeline)
            values: dict[str, Any] = {"waits": None, "days": 0, "learned_at": now}
            if learned is not None:
                values |= {"waits": list(learned.waits), "days": learned.days}
            store.keep(unit, heard.sender_id, values, now)

    def silences(self) -> Sequence[Mapping[str, Any]]:
        """Every sender in use with its state, the silent ones first."""
        with self.database.read() as unit:
            kept = store.kept(unit)
            declared = self.declared(unit)
            rows = [
                _row(heard, silence, kept.get(heard.sender_id), declared.get(heard.code))
                for heard, silence in self._judged(unit, self.now())
            ]
        return sorted(rows, key=lambda row: (_ORDER[row["voice"]], row["sender"]))

    def _judged(self, unit: Connection, now: datetime) -> Iterator[tuple[Heard, Silence]]:
        calendar, kept, declared = self.law().calendar, store.kept(unit), self.declared(unit)
        outages = _outages(store.spans_up(unit, now - LEARNED_FROM), now)
        for heard in store.heard_senders(unit):
            expectation = declared.get(heard.code)
            timeline: Timeline = AllTime() if expectation and expectation.every_day else WorkingTime(calendar)
            known = kept.get(heard.sender_id)
            learned = Rhythm(tuple(known.waits), known.days) if known and _fits(known.waits, timeline) else None
            used = Declared(expectation.minutes) if expectation else learned
            yield heard, judging.judge(used, heard.last_received_at, now, timeline, outages)


_ORDER = {voice: place for place, voice in enumerate(("SILENT", "QUIET", "UNKNOWN", "NORMAL"))}


def _is_stale(known: Any, now: datetime) -> bool:
    return known is None or now - known.learned_at >= LEARN_EVERY


def _fits(waits: Sequence[int] | None, timeline: Timeline) -> bool:
    """Whether a rhythm was learned in the working hours that are in force now."""
    return waits is not None and len(waits) == timeline.slots


def _outages(up: Sequence[tuple[datetime, datetime]], now: datetime) -> list[Outage]:
    """Between the spans in which the hub was up, and since the last one if it is over."""
    if not up:
        return []
    ends = [*(began for began, _ in up[1:]), now]
    gaps = [Outage(seen, began) for (_, seen), began in zip(up, ends, strict=True)]
    return [gap for gap in gaps if gap.ended_at - gap.began_at > AWAY_AFTER]


def _row(heard: Heard, silence: Silence, known: Any, expectation: Expectation | None) -> dict[str, Any]:
    return {
        "sender": heard.code,
        "senderName": heard.name,
        "voice": silence.voice.value,
        "voiceTitle": VOICES[silence.voice.value],
        "since": as_json(silence.since),
        "lastReceivedAt": as_json(heard.last_received_at),
        "expectedUntil": as_json(silence.expected_until),
        "learnedDays": known.days if known else 0,
        "declaredMinutes": expectation.minutes if expectation else None,
    }
