"""How a database server is set up, as the check-up sees it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hub.cli.doctor_surroundings import _durability
from hub.domain.records import PROCESS
from hub.stores.condition import oldest_unpublished_seconds, postgres_condition
from hub.stores.session import Database
from tests.builders import SmallHub, an_acceptance


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    opened = Database(postgres_url)
    yield opened
    opened.dispose()


def test_a_server_as_installed_is_safe(postgres: Database):
    with postgres.read() as unit:
        held = postgres_condition(unit, datetime.now(UTC))
    assert held.unsafe == {}
    assert not held.is_standby
    assert _durability(held).state == "OK"


@pytest.mark.parametrize(("setting", "value"), [("synchronous_commit", "off"), ("default_transaction_read_only", "on")])
def test_a_setting_that_breaks_the_promise_of_a_receipt_is_a_failure(postgres: Database, setting: str, value: str):
    with postgres.read() as unit:
        unit.exec_driver_sql(f"SET LOCAL {setting} = {value}")
        held = postgres_condition(unit, datetime.now(UTC))
    assert _durability(held).state == "FAILED"


def test_a_clock_that_differs_is_measured(postgres: Database):
    with postgres.read() as unit:
        held = postgres_condition(unit, datetime.now(UTC) - timedelta(minutes=5))
    assert held.clock_ahead_seconds == pytest.approx(300, abs=60)


def test_waiting_of_a_message_is_counted_from_when_it_is_due(hub: SmallHub):
    hub.push(PROCESS, [an_acceptance()])
    with hub.database.read() as unit:
        later = hub.clock() + timedelta(seconds=90)
        assert oldest_unpublished_seconds(unit, later) == pytest.approx(90)
    hub.work()
    with hub.database.read() as unit:
        assert oldest_unpublished_seconds(unit, later) == 0
