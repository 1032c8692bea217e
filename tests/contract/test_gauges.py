"""Figures read from the database, on both engines."""

from datetime import timedelta

import pytest

from hub.domain.errors import RetryableError
from hub.domain.records import PROCESS
from hub.stores import gauges, outbox
from hub.stores.gauges import Gauges, ObservedDatabase, read_gauges
from tests.builders import DAY, SmallHub, a_step, an_acceptance, an_application


def read(hub: SmallHub) -> Gauges:
    with hub.database.read() as unit:
        return read_gauges(unit, hub.clock())


def test_an_empty_hub_waits_for_nothing(hub: SmallHub):
    told = read(hub)
    assert told.outbox == {"waiting": 0, "handed_over": 0, "postponed": 0}
    assert (told.outbox_oldest_seconds, told.timers_overdue, told.timers_overdue_seconds) == (0, 0, 0)
    assert told.last_received_at == {}
    assert told.voices == {}


def test_messages_are_told_apart_by_where_they_are(hub: SmallHub):
    for number in range(3):
        hub.push(PROCESS, [a_step(case_no=f"G-{number}")])
    now = hub.clock()
    with hub.database.unit() as unit:
        first, second, _ = (row[0] for row in unit.exec_driver_sql("SELECT id FROM outbox ORDER BY id").all())
        outbox.hand_over(unit, now, 1)
        outbox.begin_attempt(unit, second)
    hub.clock.move_to(now + timedelta(seconds=30))
    told = read(hub)
    assert told.outbox == {"waiting": 1, "handed_over": 1, "postponed": 1}
    assert told.outbox_oldest_seconds == 30
    assert told.last_received_at == {"gs-system": now}


def test_counting_ends_at_its_bound(hub: SmallHub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gauges, "MOST_COUNTED", 2)
    for number in range(3):
        hub.push(PROCESS, [a_step(case_no=f"G-{number}")])
    assert read(hub).outbox["waiting"] == 2


def test_overdue_timers_and_open_cards_are_counted(hub: SmallHub):
    hub.push_case(an_acceptance(application=an_application(promised_limit=1)))
    hub.clock.move_to(hub.clock() + 10 * DAY)
    told = read(hub)
    assert told.timers_overdue == 1
    assert told.timers_overdue_seconds > 0
    hub.fire()
    after = read(hub)
    assert after.timers_overdue == 0
    assert sum(after.open_cards.values()) >= 1


class Units:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str | None]] = []

    def unit_ended(self, kind: str, seconds: float, code: str | None) -> None:
        self.told.append((kind, code))


def test_units_of_work_are_told_with_how_they_ended(hub: SmallHub):
    units = Units()
    database = ObservedDatabase(hub.database.engine.url.render_as_string(hide_password=False), units)
    with database.read():
        assert database.connections_in_use() == 1
    assert database.connections_in_use() == 0
    with pytest.raises(RetryableError), database.unit():
        raise RetryableError("HUB-9002", "x")
    with pytest.raises(LookupError), database.unit():
        raise LookupError
    database.dispose()
    assert units.told == [("read", None), ("write", "HUB-9002"), ("write", None)]
