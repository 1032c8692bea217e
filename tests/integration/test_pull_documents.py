"""Pulling by real documents: a shipped one from table to canonical records, and the examples of the manual."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from adapters.document import check_document, dump_document, load_document
from adapters.engine import compile_adapter
from adapters.library import shipped_document
from adapters.reading import Content
from adapters.transports.folders import Folders
from adapters.transports.outbound import AllowList, Outbound
from hub.adapting.keeper import PULLED_KINDS, InForce
from hub.adapting.office import Asked
from hub.config import Settings
from hub.domain.errors import RejectedError
from hub.parts import open_hub
from hub.roles import Roles
from hub.stores import pull
from hub.stores.session import Database
from ingest.pulling.puller import RUNS, PullBounds, Puller
from tests.builders import SMALL_SECRET, SmallHub, a_small_hub
from tests.pull_sources import OneAdapter, registered

MANUAL = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")
COLUMNS = {
    "INF_APPLY": "NO,ORG_ID,INTERNAL_NO,ITEM_ID,DEPARTMENT,TRANSACT_AFFAIR_NAME,CONTENT,APPLY_WAY,APPLICANT_TYPE,"
    "APPLICANT_NAME,APPLICANT_PAPER_TYPE,APPLICANT_PAPER_CODE,PROMISE,PROMISE_TYPE,ISRISK,APPLY_DATE,CREATE_DATE",
    "INF_APPLY_PROCESS": "NO,NO_ORD,ORG_ID,INTERNAL_NO,ITEM_ID,TACHE_NAME,DEPARTMENT,USER_STAFF_CODE,USER_NAME,STATUS,"
    "ISRISK,NOTE,PROCESS_DATE,NODE_ID,CREATE_DATE",
    "INF_APPLY_RESULT": "NO,ORG_ID,INTERNAL_NO,ITEM_ID,STATUS,NOTE,ATTACHMENT,FINISH_TIME,RECEIVABLE,PAID,CREATE_DATE",
}
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "INF_APPLY": [(
        "101", "33032400GS", "GS20260302-0007", "33032400GS-XK-0012", "注册科", "样例商店设立登记", "样例", "1", "1",
        "申请人甲", "10", "330324199001010003", 7, "1", 0, "2026-03-02 09:12:00", "2026-03-02 09:15:00",
    )],
    "INF_APPLY_PROCESS": [(
        "102", 1, "33032400GS", "GS20260302-0007", "33032400GS-XK-0012", "受理", "注册科", "GS0031", "经办人丙", "1", 0,
        "材料齐全，予以受理", "2026-03-02 10:00:00", "N01", "2026-03-02 10:00:00",
    )],
    "INF_APPLY_RESULT": [(
        "109", "33032400GS", "GS20260302-0007", "33032400GS-XK-0012", "2", "准予登记", "", "2026-03-06 16:30:00", 0, 0,
        "2026-03-06 16:30:00",
    ), (
        "110", "33032400GS", "GS20260302-0008", "33032400GS-XK-0012", "2", "准予登记", "", "不是时间", 0, 0,
        "2026-03-06 16:30:00",
    )],
}  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    yield a_small_hub(database)
    database.dispose()


def front_end(folder: Path) -> Engine:
    """The department's database with one case in it, and a result whose time is none."""
    engine = create_engine(f"sqlite:///{folder / 'front-end.db'}")
    with engine.begin() as connection:
        for table, columns in COLUMNS.items():
            ours = "UPDATE_DATE,SYNC_SIGN,SYNC_DATE,SYNC_ERROR_DESC"
            connection.execute(text(f"CREATE TABLE {table} ({columns},{ours}, PRIMARY KEY (NO))"))
            places = ",".join("?" for _ in columns.split(","))
            connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({places})", ROWS[table])
    return engine


def test_the_shipped_front_end_tables_become_records_and_are_flagged(hub: SmallHub, tmp_path: Path) -> None:
    engine = front_end(tmp_path)
    document = shipped_document("inf-tables")
    document["transport"]["connection"] = {"url": f"sqlite:///{tmp_path / 'front-end.db'}"}
    document["contract"] = {"badValue": "reject", "missingRequired": "reject"}
    compiled = compile_adapter(document)
    bounds = PullBounds(Outbound(AllowList()), Folders.of([tmp_path]), 10**7)
    keeper = OneAdapter(InForce(registered(hub, document), compiled, "gs-system"))
    puller = Puller(hub.database, hub.exchange, keeper, bounds, hub.clock)

    report = puller.pull_once("inf-tables")

    assert (report.problem, report.messages, report.records) == (None, 3, 4)
    sealed = [hub.sealer.open_body(row[0]) for row in hub.rows("SELECT body_sealed FROM envelope ORDER BY id")]
    units = [
        unit
        for body, table in zip(sealed, COLUMNS, strict=True)
        for unit in compiled.read(Content(body, "utf-8", "application/json", table)).units
    ]
    assert [unit.name for unit in units] == ["INF_APPLY", "INF_APPLY_PROCESS", "INF_APPLY_RESULT", "INF_APPLY_RESULT"]
    assert [bool(unit.issues) for unit in units] == [False, False, False, True]
    with engine.connect() as connection:
        flags = connection.execute(text("SELECT NO, SYNC_SIGN, SYNC_ERROR_DESC FROM INF_APPLY_RESULT")).all()
        assert [tuple(flag[:2]) for flag in flags] == [("109", "1"), ("110", "2")]
        assert flags[1].SYNC_ERROR_DESC.startswith("HUB-3")
        assert "不是时间" not in flags[1].SYNC_ERROR_DESC
    assert puller.pull_once("inf-tables").messages == 0
    engine.dispose()


def test_an_active_adapter_is_pulled_by_the_role_and_its_cases_appear(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, pull_folders=str(tmp_path), secret_key=SMALL_SECRET.decode())
    database = Database(settings.database())
    a_small_hub(database)
    hub = open_hub(settings)
    front_end(tmp_path)
    document = shipped_document("inf-tables") | {"sender": "gs-system"}
    document["transport"]["connection"] = {"url": f"sqlite:///{tmp_path / 'front-end.db'}"}
    version = hub.office.save(document, "it")
    assert hub.adapters.pulled() == []
    hub.office.act("inf-tables", Asked("sandbox", "it", version=version.number))
    assert Roles(hub).puller().step() == 0
    hub.office.act("inf-tables", Asked("activate", "it", version=version.number))

    with Roles(hub).once("pull") as step:
        assert [step(), step()] == [1, 0]
    consumer = Roles(hub).consumer()
    while consumer.work_once():
        pass

    with database.read() as unit:
        records = unit.exec_driver_sql("SELECT step_name FROM process_record ORDER BY 1").all()
        results = unit.exec_driver_sql("SELECT result_status FROM result_record").all()
        cases = unit.exec_driver_sql("SELECT case_no FROM case_library").all()
        state = pull.pull_states(unit)["inf-tables"]
    assert [tuple(record) for record in records] == [("受理",), ("申请",)]
    assert [tuple(result) for result in results] == [("GRANTED",)]
    assert [tuple(case) for case in cases] == [("GS20260302-0007",)]
    assert (state["messages"], state["problem"]) == (3, None)
    hub.database.dispose()
    database.dispose()


def test_a_document_that_points_elsewhere_cannot_be_saved(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, secret_key=SMALL_SECRET.decode())
    database = Database(settings.database())
    a_small_hub(database)
    hub = open_hub(settings)
    document = shipped_document("inf-tables")
    document["transport"]["connection"] = {"url": "postgresql+psycopg://hub@front-end.example/exchange"}
    with pytest.raises(RejectedError) as caught:
        hub.office.save(document, "it")
    assert (caught.value.code, caught.value.path) == ("HUB-4020", "transport/connection/url")
    hub.database.dispose()
    database.dispose()


def test_a_shared_table_whose_address_is_not_given_is_saved_and_not_pulled(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, secret_key=SMALL_SECRET.decode())
    database = Database(settings.database())
    a_small_hub(database)
    hub = open_hub(settings)
    hub.office.adopt("inf-tables", {}, "it")
    with database.read() as unit:
        kept = unit.exec_driver_sql("SELECT transport FROM adapter WHERE code = 'inf-tables'").scalar_one()
    assert kept == "push"
    hub.database.dispose()
    database.dispose()


def examples() -> list[str]:
    section = MANUAL.partition("## 拉取")[2].partition("\n## ")[0]
    return re.findall(r"^```yaml\n(.*?)^```", section, re.M | re.S)


def kind_of(example: str) -> str:
    return example.partition("kind: ")[2].split()[0]


@pytest.mark.parametrize("example", examples(), ids=kind_of)
def test_the_examples_of_the_manual_are_documents(example: str) -> None:
    rest = {name: value for name, value in shipped_document("inf-tables").items() if name != "transport"}
    assert load_document(dump_document(rest) + example)["transport"]["kind"] == kind_of(example)


def test_every_kind_that_is_pulled_has_a_run_and_an_example() -> None:
    assert sorted(PULLED_KINDS) == sorted(RUNS) == sorted(map(kind_of, examples()))


BAD = {
    "both ways": {"kind": "table", "connection": {"url": "x://y"}, "tables": [
        {"table": "A", "key": ["NO"], "flag": {"column": "F", "pending": [None], "done": "1", "failed": "2"},
         "watermark": {"column": "W"}}]},
    "a condition in a name": {"kind": "table", "connection": {"url": "x://y"}, "tables": [
        {"table": "A; DROP TABLE B", "key": ["NO"], "watermark": {"column": "W"}}]},
    "a path upwards": {"kind": "files", "folder": "/srv/a", "pattern": "../*.xml"},
    "a header of two lines": {"kind": "rest", "url": "http://a.example/", "headers": {"X-A": "1\r\nX-B: 2"}},
    "a selector with a function": {"kind": "rest", "url": "http://a.example/",
                                   "paging": {"kind": "page", "records": "sort_by(a, &b)"}},
    "a file address": {"kind": "soap", "wsdl": {"url": "file:///etc/passwd"}, "operation": "o"},
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_a_transport_that_asks_for_too_much_is_no_document(name: str) -> None:
    with pytest.raises(RejectedError):
        check_document(shipped_document("inf-tables") | {"transport": BAD[name]})
