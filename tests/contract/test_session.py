"""Units of work: what an outage becomes, how long PostgreSQL lets anybody wait, which address is taken."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from hub.domain.errors import RetryableError
from hub.stores.bulk import insert_rows, put_rows
from hub.stores.registry import department, sender
from hub.stores.session import Database
from hub.stores.upgrade import upgrade
from tests.builders import MONDAY_MORNING, SmallHub


@pytest.fixture
def on_postgresql(postgres_url: str) -> Iterator[Database]:
    opened = Database(postgres_url)
    upgrade(opened)
    yield opened
    with opened.unit() as unit:
        unit.exec_driver_sql("DELETE FROM department WHERE letters = 'ZZ'")
    opened.dispose()


def a_department(number: int, **overrides: Any) -> dict[str, Any]:
    row = {"org_code": f"ORG-{number}", "name": "样例局", "area": "330324", "letters": "ZZ"}
    return row | {"created_at": MONDAY_MORNING} | overrides


def test_of_several_hosts_the_one_that_takes_writes_is_used(postgres_url: str) -> None:
    address = make_url(postgres_url)
    hosts = [f"host=127.0.0.1:1&host={address.host}:{address.port or 5432}", "target_session_attrs=read-write"]
    several = Database(f"postgresql://{address.username}@/{address.database}?{'&'.join(hosts)}")
    with several.unit() as unit:
        assert unit.exec_driver_sql("SELECT 1").scalar() == 1
    several.dispose()


def test_a_process_is_known_to_the_database_by_its_role(postgres_url: str) -> None:
    database = Database(postgres_url, "work")
    with database.read() as unit:
        assert unit.exec_driver_sql("SELECT current_setting('application_name')").scalar() == "hub-work"
    database.dispose()


def test_what_the_address_says_goes_before_what_the_hub_would_choose(postgres_url: str) -> None:
    database = Database(f"{postgres_url}?connect_timeout=9&application_name=mine")
    with database.read() as unit:
        driver: Any = unit.connection.driver_connection
        parameters = conninfo_to_dict(driver.info.dsn)
    database.dispose()
    assert (parameters["connect_timeout"], parameters["application_name"]) == ("9", "mine")
    assert parameters["tcp_user_timeout"] == "30000"


@pytest.mark.parametrize(("role", "limit"), [("serve", "30s"), ("work", "5min")])
def test_where_somebody_waits_a_statement_ends_sooner(postgres_url: str, role: str, limit: str) -> None:
    database = Database(postgres_url, role)
    with database.read() as unit:
        assert unit.exec_driver_sql("SHOW statement_timeout").scalar() == limit
        assert unit.exec_driver_sql("SHOW lock_timeout").scalar() == "10s"
    database.dispose()


def test_a_read_only_database_is_an_outage_and_said_to_be_one(postgres_url: str) -> None:
    database = Database(f"{postgres_url}?options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(RetryableError) as caught, database.unit() as unit:
        unit.exec_driver_sql("CREATE TABLE never (id int)")
    database.dispose()
    assert caught.value.code == "HUB-9002"
    assert "只读" in caught.value.message


def test_whoever_must_give_way_in_a_deadlock_is_told_to_retry(on_postgresql: Database) -> None:
    with on_postgresql.unit() as unit:
        insert_rows(unit, department, [a_department(1), a_department(2)])
    both_hold_one = threading.Barrier(2)

    def lock(first: int, second: int) -> str | None:
        try:
            with on_postgresql.unit() as unit:
                put_rows(unit, department, [a_department(first, name=f"新名{first}")], "org_code")
                both_hold_one.wait(10)
                put_rows(unit, department, [a_department(second, name=f"新名{second}")], "org_code")
        except RetryableError as exc:
            return exc.code
        return None

    with ThreadPoolExecutor(2) as pool:
        ends = [ending.result() for ending in (pool.submit(lock, 1, 2), pool.submit(lock, 2, 1))]
    assert sorted(map(str, ends)) == ["HUB-9002", "None"]


def test_a_connection_lost_in_a_unit_is_an_outage_and_the_next_unit_works(on_postgresql: Database) -> None:
    def write_after_losing_the_connection() -> None:
        with on_postgresql.unit() as unit:
            backend = unit.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with on_postgresql.unit() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({backend}, 5000)")
            insert_rows(unit, department, [a_department(1)])

    with pytest.raises(RetryableError):
        write_after_losing_the_connection()
    with on_postgresql.unit() as unit:
        insert_rows(unit, department, [a_department(1)])
    with on_postgresql.read() as unit:
        assert unit.exec_driver_sql("SELECT count(*) FROM department WHERE letters = 'ZZ'").scalar() == 1


@pytest.mark.parametrize("wrong", [{"name": None}, {"created_at": MONDAY_MORNING.replace(tzinfo=None)}])
def test_a_value_the_database_refuses_is_no_outage(hub: SmallHub, wrong: dict[str, Any]) -> None:
    with pytest.raises((DBAPIError, psycopg.Error, TypeError)), hub.database.unit() as unit:
        insert_rows(unit, department, [a_department(1), a_department(2, **wrong)])
    assert hub.rows("SELECT count(*) FROM department WHERE letters = 'ZZ'") == [(0,)]


def test_rows_put_over_others_write_what_differs_and_nothing_else(hub: SmallHub) -> None:
    with hub.database.unit() as unit:
        insert_rows(unit, department, [a_department(1), a_department(2)])
        put_rows(unit, department, [a_department(1), a_department(2, name="改名局"), a_department(3)], "org_code")
    names = "SELECT org_code, name FROM department WHERE letters = 'ZZ' ORDER BY 1"
    assert hub.rows(names) == [("ORG-1", "样例局"), ("ORG-2", "改名局"), ("ORG-3", "样例局")]


def test_rows_without_id_continue_the_numbers_that_were_reserved(hub: SmallHub) -> None:
    with hub.database.unit() as unit:
        rows = [{"code": f"s-{number}", "name": "样例", "created_at": MONDAY_MORNING} for number in range(3)]
        insert_rows(unit, sender, rows)
    ids = [number for (number,) in hub.rows("SELECT id FROM sender ORDER BY id")]
    assert len(ids) == 4
    assert ids == sorted(set(ids))
