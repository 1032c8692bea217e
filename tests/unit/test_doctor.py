"""What `hub doctor` says of the surroundings of a hub."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.cli.failures import ExitCode
from hub.cli.main import run
from hub.config import Settings
from hub.domain.records import PROCESS
from hub.stores import audit
from hub.stores.session import Database
from tests.builders import MONDAY_MORNING, a_small_hub, an_acceptance


@pytest.fixture(autouse=True)
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    assert run(["init"]) == ExitCode.OK


@pytest.fixture
def states(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the check-up: exit code, and the worst state by name."""

    def call() -> tuple[int, dict[str, str]]:
        capsys.readouterr()
        code = run(["doctor", "--json"])
        found: dict[str, str] = {}
        for finding in json.loads(capsys.readouterr().out):
            if found.get(finding["name"]) in (None, "OK"):
                found[finding["name"]] = finding["state"]
        return code, found

    return call


@pytest.fixture
def database(prepared: None) -> Iterator[Database]:
    opened = Database(Settings().database())
    yield opened
    opened.dispose()


def test_armed_failpoints_are_a_failure(states: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUB_FAILPOINTS", "s6_commit=kill")
    code, found = states()
    assert (code, found["故障注入"]) == (ExitCode.UNAVAILABLE, "FAILED")


def test_a_misspelt_setting_is_pointed_out(states: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUB_DATABSE_URL", "x")
    assert states()[1]["设置"] == "WARNING"


def test_a_full_disk_is_a_failure(states: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUB_MIN_FREE_MB", "1000000000")
    code, found = states()
    assert (code, found["磁盘"]) == (ExitCode.UNAVAILABLE, "FAILED")


def test_a_backup_is_missed_until_it_is_made_and_again_when_it_is_old(states: Any, tmp_path: Path):
    assert states()[1]["备份"] == "WARNING"
    assert run(["backup", "create", str(tmp_path)]) == ExitCode.OK
    assert states()[1]["备份"] == "OK"


def test_an_old_backup_is_pointed_out(states: Any, database: Database):
    with database.unit() as unit:
        audit.record(unit, audit.Act("cli:x", "backup.create", "backup", "hub.tar"), MONDAY_MORNING)
    assert states()[1]["备份"] == "WARNING"


def test_a_message_that_nobody_fetches_is_pointed_out(states: Any, database: Database):
    county = a_small_hub(database, MONDAY_MORNING - timedelta(days=1))
    county.push(PROCESS, [an_acceptance()])
    assert states()[1]["送出"] == "WARNING"


def test_a_broken_audit_chain_is_a_failure(states: Any, database: Database):
    with database.unit() as unit:
        unit.exec_driver_sql("UPDATE audit_event SET actor = 'somebody else'")
    code, found = states()
    assert (code, found["审计"]) == (ExitCode.UNAVAILABLE, "FAILED")


def test_sqlite_is_open_as_promised(states: Any):
    assert states()[1]["SQLite"] == "OK"
