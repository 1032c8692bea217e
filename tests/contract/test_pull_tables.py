"""Pulling shared tables: never a row doubled, never a row skipped, whatever breaks off when."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from hub.domain.errors import RejectedError, RetryableError
from hub.stores import pull
from hub.stores.secrets import keep_secret
from hub.stores.session import Database
from tests.builders import MONDAY_MORNING, SmallHub
from tests.pull_sources import PULLED, Pulling

FAILPOINTS = ("pull_read", "pull_accept", "pull_committed", "pull_written", "pull_settled")
CLOCK = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - as departments write it


class Department:
    """The department's own database, of the same kind as the hub's."""

    def __init__(self, engine: Engine, address: str, secret: str | None) -> None:
        self.engine = engine
        self.address = address
        self.secret = secret

    def run(self, sql: str, *rows: Any) -> list[Any]:
        with self.engine.begin() as connection:
            if rows and isinstance(rows[0], list):
                connection.execute(text(sql), rows[0])
                return []
            result = connection.execute(text(sql), rows[0] if rows else {})
            return list(result.all()) if result.returns_rows else []


@pytest.fixture
def department(database: Database, tmp_path: Any) -> Iterator[Department]:
    if database.is_sqlite:
        address = f"sqlite:///{tmp_path / 'department.db'}"
        engine, secret = create_engine(address), None
    else:
        url = database.engine.url
        engine, secret = create_engine(url.set(drivername="postgresql+psycopg")), "unused"
        address = f"postgresql+psycopg://{url.username}@127.0.0.1:{url.port}/{url.database}"
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA IF EXISTS dept CASCADE"))
            connection.execute(text("CREATE SCHEMA dept"))
    yield Department(engine, address, secret)
    engine.dispose()


@pytest.fixture
def pulling(hub: SmallHub, department: Department, tmp_path: Any) -> Callable[..., Pulling]:
    def build(**table: Any) -> Pulling:
        schema = {} if hub.database.is_sqlite else {"schema": "dept"}
        connection = {"url": department.address}
        if department.secret is not None:
            with hub.database.unit() as unit:
                keep_secret(unit, hub.sealer, "dept-db", department.secret, "test", MONDAY_MORNING)
            connection["secret"] = "dept-db"
        entry = {"unit": "apply", "table": "inf_apply", "key": ["NO"], **schema, **table}
        transport = {"kind": "table", "connection": connection, "tables": [entry], "schedule": {"everyMinutes": 5}}
        return Pulling(hub, transport, allow="127.0.0.1:*", roots=(tmp_path,))

    return build


FLAG = {
    "column": "SYNC_SIGN", "pending": [None, "0"], "done": "1", "failed": "2", "errorColumn": "SYNC_ERROR_DESC",
    "timeColumn": "SYNC_DATE",
}  # fmt: skip
WATERMARK = {"column": "UPDATE_DATE", "overlapMinutes": 10}


@pytest.fixture
def named(department: Department) -> str:
    """The department's table, made; its name."""
    name = "inf_apply" if department.secret is None else "dept.inf_apply"
    department.run(
        f"CREATE TABLE {name} (no VARCHAR(40) NOT NULL, title VARCHAR(200), paid NUMERIC(10,2), bad INTEGER, "
        "update_date TIMESTAMP, sync_sign VARCHAR(2), sync_date TIMESTAMP, sync_error_desc VARCHAR(30))"
    )
    return name


def insert(department: Department, name: str, count: int, first: int = 1, **values: Any) -> None:
    row = {"title": "样例商店设立登记", "paid": 12.5, "bad": None, "at": CLOCK, "sign": None, **values}
    rows = [{**row, "no": f"{number:06}"} for number in range(first, first + count)]
    if department.secret is None:
        rows = [{**entry, "at": entry["at"] and str(entry["at"])} for entry in rows]
    department.run(
        f"INSERT INTO {name} (no, title, paid, bad, update_date, sync_sign) "
        "VALUES (:no, :title, :paid, :bad, :at, :sign)",
        rows,
    )


def numbers(pulled: Pulling) -> list[str]:
    return [row.get("NO", row.get("no")) for row in pulled.taken()]


def test_new_rows_are_taken_once_and_their_flag_is_set(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 3)
    insert(department, named, 1, first=9, sign="1")
    source = pulling(flag=FLAG)
    report = source.pull()
    assert (report.problem, report.records) == (None, 3)
    assert numbers(source) == ["000001", "000002", "000003"]
    assert department.run(f"SELECT DISTINCT sync_sign FROM {named}") == [("1",)]
    assert department.run(f"SELECT count(*) FROM {named} WHERE sync_date IS NOT NULL") == [(3,)]
    assert source.pull().records == 0


def test_a_refused_row_finds_its_error_in_the_table(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 2)
    insert(department, named, 1, first=7, bad=1)
    pulling(flag=FLAG).pull()
    ((sign, told),) = department.run(f"SELECT sync_sign, sync_error_desc FROM {named} WHERE no = '000007'")
    assert sign == "2"
    assert told.startswith("HUB-3001")
    assert len(told.encode()) <= 30


def test_a_mended_row_is_taken_again(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 1, bad=1)
    source = pulling(flag=FLAG)
    source.pull()
    department.run(f"UPDATE {named} SET bad = NULL, sync_sign = '0'")
    assert source.pull().records == 1
    assert department.run(f"SELECT sync_sign, sync_error_desc FROM {named}") == [("1", None)]


@pytest.mark.parametrize("failpoint", FAILPOINTS)
@pytest.mark.parametrize("by", [{"flag": FLAG}, {"watermark": WATERMARK}], ids=["flag", "watermark"])
def test_no_row_is_doubled_or_skipped_when_a_run_breaks_off(
    pulling: Any, department: Department, named: str, by: Any, failpoint: str
) -> None:
    insert(department, named, 3)
    source = pulling(**by)
    source.pull_stumbling_at(failpoint)
    insert(department, named, 2, first=4)
    assert source.pull().problem is None
    assert sorted(numbers(source)) == [f"{number:06}" for number in range(1, 6)]
    if "flag" in by:
        assert department.run(f"SELECT DISTINCT sync_sign FROM {named}") == [("1",)]
        assert source.hub.rows("SELECT count(*) FROM pull_debt") == [(0,)]


@pytest.mark.parametrize("by", [{"flag": FLAG}, {"watermark": WATERMARK}], ids=["flag", "watermark"])
def test_pages_meet_where_rows_share_a_time(pulling: Any, department: Department, named: str, by: Any) -> None:
    insert(department, named, 1203)
    source = pulling(**by)
    assert source.pull().problem is None
    assert sorted(numbers(source)) == [f"{number:06}" for number in range(1, 1204)]
    assert source.pull().messages == 0


def test_a_row_that_changes_before_its_flag_is_set_comes_again(
    pulling: Any, department: Department, named: str
) -> None:
    insert(department, named, 2)
    source = pulling(flag=FLAG)
    source.pull_stumbling_at("pull_committed")
    department.run(f"UPDATE {named} SET title = '更正后的标题' WHERE no = '000002'")
    source.pull()
    titles = [(row.get("NO", row.get("no")), row.get("TITLE", row.get("title"))) for row in source.taken()]
    assert titles == [
        ("000001", "样例商店设立登记"), ("000002", "样例商店设立登记"), ("000002", "更正后的标题")
    ]  # fmt: skip
    assert department.run(f"SELECT DISTINCT sync_sign FROM {named}") == [("1",)]


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(hours=3, microseconds=500)])
def test_a_row_changed_after_it_was_taken_comes_again_once_whatever_the_clocks(
    pulling: Any, department: Department, named: str, ahead: timedelta
) -> None:
    insert(department, named, 2, at=CLOCK + ahead)
    source = pulling(flag={**FLAG, "changedColumn": "UPDATE_DATE"})
    assert [source.pull().records for _ in range(2)] == [2, 0]
    department.run(f"UPDATE {named} SET title = '更正', update_date = '2026-03-03 09:00:00' WHERE no = '000002'")
    assert [source.pull().records for _ in range(2)] == [1, 0]


def test_files_in_rows_are_read_in_small_pages(pulling: Any, department: Department, named: str) -> None:
    department.run(f"ALTER TABLE {named} ADD COLUMN scan {'BLOB' if department.secret is None else 'BYTEA'}")
    insert(department, named, 45)
    department.run(f"UPDATE {named} SET scan = :scan", {"scan": bytes(10)})
    source = pulling(flag=FLAG)
    report = source.pull()
    assert (report.messages, report.records) == (3, 45)
    assert source.taken()[0]["scan"] == "AAAAAAAAAAAAAA=="


def forbid_updates(department: Department, name: str) -> None:
    if department.secret is None:
        department.run(f"CREATE TRIGGER no BEFORE UPDATE ON {name} BEGIN SELECT RAISE(ABORT, 'no'); END")
        return
    department.run("CREATE FUNCTION dept.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$")
    department.run(f"CREATE TRIGGER no BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION dept.no()")


def test_nothing_more_is_taken_while_the_flag_cannot_be_set(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 2)
    forbid_updates(department, named)
    source = pulling(flag=FLAG)
    assert source.pull().problem.code == "HUB-9030"
    insert(department, named, 1, first=3)
    assert source.pull().problem.code == "HUB-9030"
    assert numbers(source) == ["000001", "000002"]
    department.run("DROP TRIGGER no" if department.secret is None else f"DROP TRIGGER no ON {named}")
    assert source.pull().problem is None
    assert numbers(source) == ["000001", "000002", "000003"]
    assert department.run(f"SELECT DISTINCT sync_sign FROM {named}") == [("1",)]


def test_a_row_that_appears_late_is_found_within_the_overlap(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 2, at=CLOCK)
    source = pulling(watermark=WATERMARK)
    source.pull()
    insert(department, named, 1, first=5, at=CLOCK - timedelta(minutes=9))
    source.pull()
    insert(department, named, 1, first=6, at=CLOCK - timedelta(minutes=11))
    source.pull()
    assert numbers(source) == ["000001", "000002", "000005"]


def test_a_row_that_changes_within_the_overlap_comes_again_and_its_neighbours_do_not(
    pulling: Any, department: Department, named: str
) -> None:
    insert(department, named, 3)
    source = pulling(watermark=WATERMARK)
    source.pull()
    department.run(f"UPDATE {named} SET title = '更正' WHERE no = '000002'")
    source.pull()
    department.run(f"UPDATE {named} SET title = '样例商店设立登记' WHERE no = '000002'")
    source.pull()
    assert numbers(source) == ["000001", "000002", "000003", "000002", "000002"]


def test_a_clock_far_ahead_does_not_hide_what_follows(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 1, at=CLOCK.replace(year=2099))
    source = pulling(watermark=WATERMARK)
    source.pull()
    insert(department, named, 1, first=2, at=CLOCK + timedelta(days=2))
    source.pull()
    source.pull()
    assert numbers(source) == ["000001", "000002"]


def test_a_row_without_watermark_is_told_and_hides_nothing(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 1)
    insert(department, named, 1, first=2, at=None)
    source = pulling(watermark={**WATERMARK, "from": "2026-01-01"})
    report = source.pull()
    assert report.problem.code == "HUB-4027"
    assert numbers(source) == ["000001"]


def test_a_key_that_is_not_unique_is_told(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 1)
    insert(department, named, 1)
    assert pulling(flag=FLAG).pull().problem.code == "HUB-4027"


def test_numbers_grow_as_well_as_times(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 3)
    department.run(f"UPDATE {named} SET bad = 0")
    department.run(f"ALTER TABLE {named} ADD COLUMN seq INTEGER")
    department.run(f"UPDATE {named} SET seq = CAST(no AS INTEGER)")
    source = pulling(watermark={"column": "seq", "overlapCount": 2})
    source.pull()
    insert(department, named, 1, first=4, bad=0)
    department.run(f"UPDATE {named} SET seq = 4 WHERE seq IS NULL")
    source.pull()
    assert numbers(source) == ["000001", "000002", "000003", "000004"]


def test_a_table_or_column_that_is_missing_is_told(pulling: Any, department: Department, named: str) -> None:
    assert pulling(table="no_such", flag=FLAG).pull().problem.code == "HUB-4026"
    assert pulling(key=["NO_SUCH"], flag=FLAG).pull().problem.code == "HUB-4026"


def test_a_database_that_is_away_is_a_passing_problem(pulling: Any, hub: SmallHub, tmp_path: Any) -> None:
    source = pulling(flag=FLAG)
    source.transport["connection"]["url"] = "postgresql+psycopg://reader@127.0.0.1:1/nothing"
    problem = source.pull().problem
    assert (type(problem), problem.code) == (RetryableError, "HUB-9026")
    with hub.database.read() as unit:
        shown = pull.pull_states(unit)[PULLED]
    assert shown["problem"]["code"] == "HUB-9026"
    assert shown["failures"] == 1


def test_a_large_page_becomes_several_messages_and_a_giant_row_is_refused_alone(
    pulling: Any, department: Department, named: str
) -> None:
    insert(department, named, 50)
    insert(department, named, 1, first=60, title="长" * 190)
    source = pulling(flag=FLAG)
    source.largest_bytes = 500
    report = source.pull()
    assert report.problem is None
    assert report.messages > 5
    assert sorted(numbers(source)) == [f"{number:06}" for number in range(1, 51)]
    assert department.run(f"SELECT sync_sign FROM {named} WHERE no = '000060'") == [("2",)]


def test_two_processes_never_pull_one_source_at_once(pulling: Any, hub: SmallHub, named: str) -> None:
    source = pulling(flag=FLAG)
    with hub.database.unit() as unit:
        assert pull.take_lease(unit, PULLED, "other", hub.clock(), hub.clock() + timedelta(minutes=3))
    with pytest.raises(RetryableError) as caught:
        source.pull()
    assert caught.value.code == "HUB-9029"
    hub.clock.move_to(hub.clock() + timedelta(minutes=4))
    assert source.pull().problem is None


def test_a_process_that_lost_its_lease_takes_nothing(
    pulling: Any, hub: SmallHub, department: Department, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(department, named, 2)
    source = pulling(flag=FLAG)
    puller = source.puller()
    real = puller.keeper.in_force(PULLED).compiled.read

    def read_slowly(content: Any) -> Any:
        with hub.database.unit() as unit:
            unit.exec_driver_sql("UPDATE pull_state SET lease_owner = 'other'")
        return real(content)

    monkeypatch.setattr(type(puller.keeper.in_force(PULLED).compiled), "read", lambda _, content: read_slowly(content))
    report = puller.pull_once(PULLED)
    assert report.problem.code == "HUB-9029"
    assert source.taken() == []


def test_a_trial_or_a_disabled_adapter_touches_nothing(pulling: Any, department: Department, named: str) -> None:
    insert(department, named, 1)
    for overrides, code in (({"trial": True}, "HUB-4021"), ({"disabled_notice": "升级中"}, "HUB-2010")):
        source = pulling(flag=FLAG)
        source.overrides = overrides
        with pytest.raises(RejectedError) as caught:
            source.pull()
        assert caught.value.code == code
        assert source.puller().step() == 0
    assert department.run(f"SELECT sync_sign FROM {named}") == [(None,)]


def test_a_source_is_asked_again_when_its_time_has_come(pulling: Any, hub: SmallHub, named: str) -> None:
    source = pulling(flag=FLAG)
    assert [source.puller().step() for _ in range(2)] == [1, 0]
    hub.clock.move_to(hub.clock() + timedelta(minutes=5))
    assert source.puller().step() == 1
