"""The state of the service, quotas, the backlog, and a database that takes nothing, on both engines."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.domain.envelopes import Quota
from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.domain.records import PROCESS
from hub.domain.service_states import Service, ServiceState
from hub.gateway.pressure import STALE_SECONDS, Pressure, PressureLimits
from hub.stores import registry, service_state
from hub.stores.load import is_backlog_over
from hub.stores.service_state import RECHECK_AFTER_SECONDS, Change, ServiceKeeper
from tests.builders import SmallHub, a_step

EXERCISE = Change("READ_ONLY", "切换演练", "admin", "10.0.0.1")


class Seconds:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def set_state(hub: SmallHub, wanted: Change) -> Service:
    with hub.database.unit() as unit:
        return service_state.change(unit, wanted, hub.clock())


def test_hub_is_in_normal_service_until_told_otherwise(hub: SmallHub) -> None:
    with hub.database.read() as unit:
        assert service_state.current(unit) == Service()


def test_state_is_kept_with_since_by_and_reason(hub: SmallHub) -> None:
    set_state(hub, Change("MAINTENANCE", "换盘", "other"))
    set_state(hub, EXERCISE)
    with hub.database.read() as unit:
        expected = Service(ServiceState.READ_ONLY, hub.clock(), "admin", "切换演练")
        assert service_state.current(unit) == expected


@pytest.mark.parametrize(
    "wanted", [Change("CLOSED", "x", "a"), Change("NORMAL", " ", "a"), Change("NORMAL", "长" * 501, "a")]
)
def test_unknown_state_and_missing_reason_change_nothing(hub: SmallHub, wanted: Change) -> None:
    with pytest.raises(RejectedError, match="HUB-4006"):
        set_state(hub, wanted)
    assert hub.rows("SELECT * FROM service_state") == []
    assert hub.rows("SELECT * FROM audit_event") == []


def test_every_process_learns_the_state_within_two_seconds(hub: SmallHub) -> None:
    seconds = Seconds()
    keeper = ServiceKeeper(hub.database, seconds)
    assert keeper().state == "NORMAL"
    set_state(hub, EXERCISE)
    assert RECHECK_AFTER_SECONDS < 2
    seconds.at += RECHECK_AFTER_SECONDS + 0.1
    assert keeper().state == "READ_ONLY"
    assert not keeper.may_work()


def test_process_that_changes_the_state_knows_it_at_once(hub: SmallHub) -> None:
    keeper = ServiceKeeper(hub.database)
    keeper.change(EXERCISE, hub.clock())
    assert keeper.latest.state == "READ_ONLY"


def test_quota_travels_with_the_sender(hub: SmallHub) -> None:
    quota = Quota(messages_per_second=2.5, message_records=10)
    with hub.database.unit() as unit:
        registry.set_quota(unit, "gs-system", quota)
        assert registry.quota_of(unit, "gs-system") == quota
    assert hub.exchange.sender_by_password("gs-system", hub.secret).quota == quota


def test_quota_of_an_unknown_sender_is_refused(hub: SmallHub) -> None:
    with hub.database.unit() as unit, pytest.raises(NotFoundError):
        registry.set_quota(unit, "nobody", Quota())


@pytest.mark.parametrize(("most", "over"), [(2, True), (3, False), (100, False)])
def test_backlog_is_over_when_more_messages_wait(hub: SmallHub, most: int, over: bool) -> None:
    for _ in range(3):
        hub.push(PROCESS, [a_step()])
    with hub.database.read() as unit:
        assert is_backlog_over(unit, most) is over


def test_gaps_left_by_processed_messages_are_no_backlog(hub: SmallHub) -> None:
    for number in range(5):
        hub.push(PROCESS, [a_step()])
        if number in (1, 2, 3):
            with hub.database.unit() as unit:
                unit.exec_driver_sql("DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox)")
    hub.push(PROCESS, [a_step()])
    with hub.database.read() as unit:
        assert not is_backlog_over(unit, 3)


# --- what the doors look at -------------------------------------------------------------------------------------


def pressure_of(hub: SmallHub, seconds: Seconds | None = None, **limits: object) -> Pressure:
    wanted = PressureLimits(**limits)  # type: ignore[arg-type]
    return Pressure(hub.database, ServiceKeeper(hub.database), wanted, seconds or Seconds())


def test_backlog_and_full_disk_speak_against_new_messages(hub: SmallHub, tmp_path: Path) -> None:
    hub.push(PROCESS, [a_step()])
    hub.push(PROCESS, [a_step()])
    codes = []
    for limits in ({"backlog_messages": 1}, {"free_bytes": 2**60, "data_dir": tmp_path}, {}):
        pressure = pressure_of(hub, **limits)
        pressure.look()
        refusal = pressure()
        codes.append(refusal.code if refusal else None)
    assert codes == ["HUB-9023", "HUB-9024", None]


def test_look_that_does_not_come_back_speaks_against_new_messages(hub: SmallHub) -> None:
    seconds = Seconds()
    pressure = pressure_of(hub, seconds)
    pressure.look()
    seconds.at += STALE_SECONDS + 0.1
    refusal = pressure()
    assert refusal is not None
    assert refusal.code == "HUB-9002"
    pressure.look()
    assert pressure() is None


def make_read_only(hub: SmallHub) -> None:
    if hub.database.is_sqlite:
        hub.database.dispose()
        with closing(sqlite3.connect(str(hub.database.engine.url.database))) as file:
            file.execute("VACUUM")  # migrations leave pages behind that could be written to
            pages = file.execute("PRAGMA page_count").fetchone()[0]
        limit = f"PRAGMA max_page_count = {pages}"  # as full as a disk can be
        with hub.database.engine.connect() as connection:
            connection.exec_driver_sql(limit)
        return
    with hub.database.unit() as unit:
        name = unit.exec_driver_sql("SELECT current_database()").scalar_one()
        unit.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    hub.database.dispose()


def make_writable(hub: SmallHub) -> None:
    if not hub.database.is_sqlite:
        with hub.database.unit() as unit:
            unit.exec_driver_sql("SET TRANSACTION READ WRITE")
            name = unit.exec_driver_sql("SELECT current_database()").scalar_one()
            unit.exec_driver_sql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    hub.database.dispose()


def test_database_that_takes_nothing_sends_messages_back_and_stays_readable(hub: SmallHub) -> None:
    make_read_only(hub)
    try:
        with pytest.raises(RetryableError, match="HUB-9002"):
            hub.push(PROCESS, [a_step(opinion="长" * 2000) for _ in range(200)])
        assert hub.rows("SELECT * FROM envelope") == []
        if not hub.database.is_sqlite:
            pressure = pressure_of(hub)
            pressure.look()
            refusal = pressure()
            assert refusal is not None
            assert refusal.code == "HUB-9002"
    finally:
        make_writable(hub)
    hub.push(PROCESS, [a_step()])
