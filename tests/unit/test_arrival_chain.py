"""Corrections without revision numbers: what stands follows from what arrived, however it was processed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.records import PROCESS
from hub.stores.facts import Held, Incoming, Key, sort_out, take_out
from tests.builders import a_step

AT = datetime(2026, 3, 2, 2, tzinfo=UTC)

Message = tuple[str, ...]
messages = st.lists(st.lists(st.sampled_from("甲乙丙"), min_size=1, max_size=3).map(tuple), min_size=1, max_size=5)


class Store:
    """The revisions of one key, as the fact stores keep them; what is to be read again is, at once."""

    def __init__(self, sent: list[Message]) -> None:
        self.sent = list(enumerate(sent, start=1))
        self.revisions: dict[int, tuple[Held, str]] = {}

    def process(self, *places: int) -> None:
        incoming = [entry(number, text) for number, texts in (self.sent[place] for place in places) for text in texts]
        key = incoming[0].key
        known: dict[Key, dict[int, Held]] = {key: {number: held for number, (held, _) in self.revisions.items()}}
        stored = sort_out(incoming, known)
        assert stored.refused == []
        unsaid = self.unsaid(key, stored.said, {one.envelope_id for one in incoming})
        take_out(stored, unsaid)
        for _, revision in (*stored.reread, *((key, revision) for _, revision, _ in unsaid)):
            del self.revisions[revision]
        moved = [(new, self.revisions.pop(old)) for _, old, new in stored.moved]
        added = [(one.record.revision, (as_held(one), text_of(one))) for one in stored.added]
        for revision, row in [*moved, *added]:
            assert revision not in self.revisions, "two revisions under one number"
            self.revisions[revision] = row
        for _, revision, until in stored.repeats:
            held, text = self.revisions[revision]
            self.revisions[revision] = replace(held, said_until=until), text
        for number in sorted(stored.again):
            self.process(number - 1)

    def unsaid(self, key: Key, said: set[tuple[int, Key, int]], numbers: set[int]) -> list[tuple[Key, int, int | None]]:
        """What messages do not say any more."""
        return [
            (key, revision, held.said_until)
            for revision, (held, _) in self.revisions.items()
            if held.envelope_id in numbers and (held.envelope_id, key, revision) not in said
        ]

    def all(self) -> range:
        return range(len(self.sent))

    @property
    def current(self) -> str:
        return self.revisions[max(self.revisions)][1]

    def says(self) -> list[str]:
        """What was said, in the order of the revisions, without what only repeats the one before."""
        texts = [text for _, (_, text) in sorted(self.revisions.items())]
        return [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]


def entry(number: int, text: str) -> Incoming[Any]:
    record = a_step(record_id="r-1", step_name=text)
    return Incoming(PROCESS, record, 1, number, 1, AT, is_adapted=True, by_arrival=True)


def text_of(incoming: Incoming[Any]) -> str:
    name: str = incoming.record.step_name
    return name


def as_held(incoming: Incoming[Any]) -> Held:
    return Held(incoming.content_digest, incoming.envelope_id)


def as_it_arrived(sent: list[Message]) -> list[str]:
    texts = [text for message in sent for text in message]
    return [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]


@given(messages)
def test_in_order_of_arrival_every_change_is_a_revision(sent: list[Message]) -> None:
    store = Store(sent)
    for place in store.all():
        store.process(place)
    assert [text for _, (_, text) in sorted(store.revisions.items())] == as_it_arrived(sent)
    assert sorted(store.revisions) == list(range(1, len(store.revisions) + 1))


@given(messages, st.data())
def test_what_arrived_last_is_current_in_any_order_of_processing(sent: list[Message], data: st.DataObject) -> None:
    store = Store(sent)
    for place in data.draw(st.permutations(store.all())):
        store.process(place)
    assert store.current == sent[-1][-1]


@given(messages)
def test_a_batch_says_what_its_messages_say_one_by_one(sent: list[Message]) -> None:
    store = Store(sent)
    store.process(*store.all())
    assert store.says() == as_it_arrived(sent)


@given(messages, st.data())
def test_processing_again_changes_nothing(sent: list[Message], data: st.DataObject) -> None:
    store = Store(sent)
    store.process(*store.all())
    before = dict(store.revisions)
    for place in data.draw(st.lists(st.sampled_from(store.all()), max_size=4)):
        store.process(place)
    assert store.revisions == before


@given(st.lists(st.tuples(st.sampled_from("甲乙丙"), st.sampled_from("甲乙丙")), min_size=1, max_size=5), st.data())
def test_when_all_are_read_anew_the_last_reading_is_current(
    readings: list[tuple[str, str]], data: st.DataObject
) -> None:
    store = Store([(before,) for before, _ in readings])
    store.process(*store.all())
    store.sent = [(number, (now,)) for number, (_, now) in enumerate(readings, start=1)]
    for places in data.draw(st.sampled_from([[[place] for place in store.all()], [list(store.all())]])):
        store.process(*places)
    assert store.current == readings[-1][1]
