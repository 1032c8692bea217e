"""What the three fact stores share: facts are keyed, revised, never overwritten, and equal for any order of arrival."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Index, Table

from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.records import Record, RecordKind, ServiceItem

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Incoming(Generic[R]):
    """One accepted record on its way into a store."""

    kind: RecordKind
    record: R
    sender_id: int
    envelope_id: int
    seq: int
    received_at: datetime
    notes: tuple[FieldIssue, ...] = ()
    is_adapted: bool = False
    """Read out of a department's own form: the same message may be read otherwise by a later adapter."""
    by_arrival: bool = False
    """Its sender counts no revisions: other content under the same key is the next one, in order of arrival."""
    content_digest: str = field(init=False)

    def __post_init__(self) -> None:
        # Where the sender counts no revisions the number is ours, and no part of what was said.
        record = replace(self.record, revision=1) if self.by_arrival else self.record
        # repr of a frozen dataclass of plain values is canonical: same values, same text
        content = repr((record, [note.raw for note in self.notes]))
        object.__setattr__(self, "content_digest", hashlib.sha256(content.encode()).hexdigest())

    @property
    def key(self) -> tuple[Any, ...]:
        """An item is known by its code, every other record by its sender and record id."""
        if isinstance(self.record, ServiceItem):
            return (self.record.item_code,)
        return (self.sender_id, self.record.record_id)

    @property
    def record_id(self) -> str:
        return self.record.item_code if isinstance(self.record, ServiceItem) else self.record.record_id

    def columns(self) -> dict[str, Any]:
        """The columns that every fact row has."""
        return {
            "sender_id": self.sender_id,
            "envelope_id": self.envelope_id,
            "received_at": self.received_at,
            "content_digest": self.content_digest,
            "notes": [[note.code, note.path, note.message, note.raw] for note in self.notes],
        }


Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A fact that stands already: what it says, and which message it was read out of."""

    content_digest: str
    envelope_id: int
    said_until: int | None = None
    """The last message that said the same again, where corrections go by order of arrival."""


Revisions = Mapping[Key, Mapping[int, Held]]
"""By key and revision."""
Rereads = Mapping[int, datetime]
"""Messages that are read again, and read whole: when each was received."""


@dataclass(slots=True)
class Stored(Generic[R]):
    """What became of a batch: new facts, and contradictions to be quarantined. Repetitions are in neither.

    `reread`: keys and revisions that stand and are to go, as the same message is read otherwise now. `moved`: key, old
    and new revision of those before which a message belongs that was received earlier. `said`: message, key and
    revision, as it stands if it does, of all that the batch says. `repeats`: key, revision and the last message that
    says the same again. `again`: messages that only repeated, and repeat no longer what stands before them. `left`:
    cases that lost a fact, by message.
    """

    added: list[Incoming[R]] = field(default_factory=list)
    refused: list[tuple[Incoming[R], RejectedError]] = field(default_factory=list)
    reread: list[tuple[Key, int]] = field(default_factory=list)
    moved: list[tuple[Key, int, int]] = field(default_factory=list)
    said: set[tuple[int, Key, int]] = field(default_factory=set)
    repeats: list[tuple[Key, int, int | None]] = field(default_factory=list)
    again: set[int] = field(default_factory=set)
    left: dict[int, set[int]] = field(default_factory=dict)


def by_received_time(table: Table) -> None:
    """An index that finds the facts of a day. They stand in the order in which they came, so that PostgreSQL needs
    to remember hardly anything."""
    Index(
        f"ix_{table.name}_received_at", table.c.received_at,
        postgresql_using="brin", postgresql_with={"autosummarize": "on", "pages_per_range": 32},
    )  # fmt: skip


def sort_out(incoming: Sequence[Incoming[R]], known: Revisions) -> Stored[R]:
    """Splits a batch by what is known."""
    stored: Stored[R] = Stored()
    seen = {key: dict(revisions) for key, revisions in known.items()}
    chained: dict[Key, list[Incoming[R]]] = {}
    for entry in incoming:
        if entry.by_arrival:
            chained.setdefault(entry.key, []).append(entry)
        else:
            _sort(entry, seen.setdefault(entry.key, {}), stored)
    for key, entries in chained.items():
        _link(key, entries, seen.get(key, {}), stored)
    return stored


def _sort(entry: Incoming[R], own: dict[int, Held], stored: Stored[R]) -> None:
    revision = entry.record.revision
    held = own.get(revision)
    is_first = entry.is_adapted and _says(entry, revision, stored)
    if held is None or (held.content_digest != entry.content_digest and is_first and _is_of(held, entry)):
        if held is not None:
            stored.reread.append((entry.key, revision))
        own[revision] = Held(entry.content_digest, entry.envelope_id)
        stored.added.append(entry)
    elif held.content_digest != entry.content_digest:
        stored.refused.append((entry, _contradiction()))


def _is_of(held: Held, entry: Incoming[Any]) -> bool:
    return held.envelope_id == entry.envelope_id


def _says(entry: Incoming[R], revision: int, stored: Stored[R]) -> bool:
    """Notes that the message says this revision; False when it had done so before, and may be contradicting itself."""
    place = (entry.envelope_id, entry.key, revision)
    is_first = place not in stored.said
    stored.said.add(place)
    return is_first


# --- corrections by order of arrival --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Link(Generic[R]):
    """One revision in the chain of a key. `standing` is its number in the store, `entry` what is to be written."""

    content_digest: str
    envelope_id: int
    standing: int | None = None
    entry: Incoming[R] | None = None
    is_said: bool = False
    said_until: int | None = None
    is_repeat_new: bool = False

    def repeat(self, envelope_id: int | None) -> None:
        if self.said_until != envelope_id:
            self.said_until, self.is_repeat_new = envelope_id, True


def _link(key: Key, entries: Sequence[Incoming[R]], held: Mapping[int, Held], stored: Stored[R]) -> None:
    """Revisions are what the messages said one after the other, in the order in which they were received, in
    whatever order they are processed and however often."""
    chain = [
        _Link[R](one.content_digest, one.envelope_id, revision, said_until=one.said_until)
        for revision, one in sorted(held.items())
    ]
    by_message: dict[int, list[Incoming[R]]] = {}
    for entry in entries:
        by_message.setdefault(entry.envelope_id, []).append(entry)
    for envelope_id in sorted(by_message):
        _say(chain, envelope_id, by_message[envelope_id], stored)
    _number(key, chain, stored)


def _say(chain: list[_Link[R]], envelope_id: int, entries: Sequence[Incoming[R]], stored: Stored[R]) -> None:
    """Puts into the chain what a message said, or what it is said to have said now that it is read anew."""
    place = sum(link.envelope_id < envelope_id for link in chain)
    before = chain[place - 1] if place else None
    mine = [link for link in chain if link.envelope_id == envelope_id]
    news = _news(entries, None if before is None else before.content_digest)
    if before is not None and before.content_digest == entries[0].content_digest:
        before.repeat(max(envelope_id, before.said_until or 0))
    for link, entry in zip(mine, news, strict=False):
        link.is_said = True
        if link.content_digest != entry.content_digest:
            link.content_digest, link.entry = entry.content_digest, entry
            _ask_again(link, envelope_id, stored)
    place += len(mine)
    if place and len(news) > len(mine):
        _ask_again(chain[place - 1], envelope_id, stored)
    chain[place:place] = [
        _Link(entry.content_digest, envelope_id, entry=entry, is_said=True) for entry in news[len(mine) :]
    ]


def _ask_again(link: _Link[R], envelope_id: int, stored: Stored[R]) -> None:
    """A later message that said what this link said is read again: something else stands before it now."""
    if link.said_until is not None and link.said_until > envelope_id:
        stored.again.add(link.said_until)
        link.repeat(None)


def _news(entries: Sequence[Incoming[R]], before: str | None) -> list[Incoming[R]]:
    """What differs from what was said just before."""
    news = []
    for entry in entries:
        if entry.content_digest != before:
            news.append(entry)
        before = entry.content_digest
    return news


def _number(key: Key, chain: Sequence[_Link[R]], stored: Stored[R]) -> None:
    revision = 0
    for link in chain:
        revision = max(revision + 1, link.standing or 0)
        if link.is_said:
            stored.said.add((link.envelope_id, key, link.standing or revision))
        if link.is_repeat_new:
            stored.repeats.append((key, revision, link.said_until))
        if link.entry is not None:
            stored.added.append(replace(link.entry, record=replace(link.entry.record, revision=revision)))
            if link.standing is not None:
                stored.reread.append((key, link.standing))
        elif link.standing not in (None, revision):
            stored.moved.append((key, link.standing, revision))


def take_out(stored: Stored[Any], unsaid: Iterable[tuple[Key, int, int | None]]) -> None:
    """Leaves out facts that stand and that their own messages do not say any more, each with who repeated it last."""
    numbers = {(key, old): new for key, old, new in stored.moved}
    repeats = {(key, revision): until for key, revision, until in stored.repeats}
    for key, revision, until in unsaid:
        last = repeats.pop((key, numbers.pop((key, revision), revision)), until)
        if last is not None:
            stored.again.add(last)
    stored.moved = [(key, old, new) for (key, old), new in numbers.items()]
    stored.repeats = [(key, revision, until) for (key, revision), until in repeats.items()]


def _contradiction() -> RejectedError:
    return RejectedError(
        "HUB-6002", "同一记录标识、同一更改版本号已经入库，但内容不同；更正时请提高 revision", "recordId"
    )
