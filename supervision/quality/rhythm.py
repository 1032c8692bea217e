"""How often a sender speaks, and whether it has fallen silent. Pure: what was heard, the calendar and now come in."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from supervision.quality.timelines import Timeline

LEARNED_FROM = timedelta(days=42)
FEWEST_DAYS = 10  # of the timeline, between the first and the last message
FEWEST_DAYS_HEARD = 5
TOLERATED_SHARE = 0.9  # of the waits ever seen: holidays of the office itself and old outages are the rest
_MINUTE = 60_000_000


class Voice(StrEnum):
    """What is heard of a sender."""

    NORMAL = "NORMAL"
    QUIET = "QUIET"
    SILENT = "SILENT"
    UNKNOWN = "UNKNOWN"  # too new, or heard too seldom, to have a rhythm


@dataclass(frozen=True, slots=True)
class Rhythm:
    """For every slot of a day, how many slots pass from its beginning until the sender is heard, as a rule."""

    waits: tuple[int, ...]
    days: int


@dataclass(frozen=True, slots=True)
class Declared:
    """What the adapter's document says instead: to be heard at least once in so many minutes."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Outage:
    """While nobody could be heard: the hub was down, or took nothing."""

    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Silence:
    """`since`: when the sender was first longer silent than it is used to; None while all is normal."""

    voice: Voice
    since: datetime | None = None
    expected_until: datetime | None = None


def learn(heard: Iterable[datetime], timeline: Timeline) -> Rhythm | None:
    """The rhythm of a sender from the moments (or hours) at which it was heard; None where that is too little."""
    slots = sorted({_slot(timeline, moment) for moment in heard})
    if not slots:
        return None
    days = slots[-1] // timeline.slots - slots[0] // timeline.slots + 1
    if days < FEWEST_DAYS or len({slot // timeline.slots for slot in slots}) < FEWEST_DAYS_HEARD:
        return None
    waits: list[list[int]] = [[] for _ in range(timeline.slots)]
    for slot in range(slots[0], slots[-1] + 1):
        waits[slot % timeline.slots].append(slots[bisect_left(slots, slot)] - slot)
    return Rhythm(tuple(_tolerated(sorted(each)) for each in waits), days)


def _tolerated(ranked: Sequence[int]) -> int:
    return ranked[min(int(len(ranked) * TOLERATED_SHARE), len(ranked) - 1)]


def judge(
    rhythm: Rhythm | Declared | None,
    last_heard: datetime | None,
    now: datetime,
    timeline: Timeline,
    outages: Iterable[Outage] = (),
) -> Silence:
    """Quiet after the usual wait, silent after twice that and an hour; both in the time of the timeline.

    A wait that an outage of the hub interrupted begins anew when that ends.
    """
    if rhythm is None or last_heard is None:
        return Silence(Voice.UNKNOWN)
    since = last_heard
    for outage in sorted(outages, key=lambda each: each.began_at):
        was_silent = _bounds(rhythm, since, timeline)[1] <= timeline.position(outage.began_at)
        if outage.ended_at > since and not was_silent:
            since = outage.ended_at
    quiet_at, silent_at = _bounds(rhythm, since, timeline)
    here = timeline.position(now)
    expected = timeline.instant(quiet_at)
    if here >= silent_at:
        return Silence(Voice.SILENT, timeline.instant(silent_at), expected)
    if here >= quiet_at:
        return Silence(Voice.QUIET, expected, expected)
    return Silence(Voice.NORMAL, None, expected)


def _bounds(rhythm: Rhythm | Declared, since: datetime, timeline: Timeline) -> tuple[int, int]:
    """Positions from which the sender is quiet, and silent."""
    if isinstance(rhythm, Declared):
        start, patience = timeline.position(since), rhythm.minutes * _MINUTE
        return start + patience, start + 2 * patience
    next_slot = _slot(timeline, since) + 1
    patience = rhythm.waits[next_slot % timeline.slots] + 1
    return _start(timeline, next_slot + patience), _start(timeline, next_slot + 2 * patience + 1)


def _slot(timeline: Timeline, moment: datetime) -> int:
    return timeline.position(moment) * timeline.slots // timeline.day_length


def _start(timeline: Timeline, slot: int) -> int:
    return -(-slot * timeline.day_length // timeline.slots)


def silent_days(spoken: Iterable[int], until: int) -> list[int]:
    """Days on which a sender should have been heard and was not.

    Days are numbered without those on which nobody works. `until` is the last day that is over. A day counts when the
    one before it is longer ago than the sender usually pauses.
    """
    days = sorted(set(spoken))
    if len(days) < FEWEST_DAYS_HEARD:
        return []
    pauses = sorted(later - earlier for earlier, later in zip(days, days[1:], strict=False))
    usual = _tolerated(pauses)
    ends = [*days[1:], until + 1]
    return [day for begin, end in zip(days, ends, strict=True) for day in range(begin + usual, min(end, until + 1))]
