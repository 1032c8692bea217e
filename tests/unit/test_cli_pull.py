"""`hub secret` and `hub pull` at the command line."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hub.cli.failures import ExitCode
from hub.cli.main import run
from hub.config import Settings
from hub.domain.errors import RetryableError
from hub.stores import pull
from hub.stores.sealing import Sealer
from hub.stores.secrets import open_secret
from hub.stores.session import Database
from tests.builders import MONDAY_MORNING

Hub = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hub:
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))

    def call(*arguments: str, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        capsys.readouterr()
        code = run(list(arguments))
        return (code, *capsys.readouterr())

    assert call("init")[0] == ExitCode.OK
    return call


def kept(name: str) -> str:
    database = Database(Settings().database())
    with database.read() as unit:
        value = open_secret(unit, Sealer(Settings().secret()), name)
    database.dispose()
    return value


def test_a_secret_comes_from_standard_input_and_is_never_shown(hub: Hub) -> None:
    code, out, err = hub("secret", "set", "gs-database", given="机密文字\r\n")
    assert (code, out) == (ExitCode.OK, "")
    assert "机密文字" not in err
    assert kept("gs-database") == "机密文字"
    _, out, _ = hub("secret", "list", "--json")
    assert [row["name"] for row in json.loads(out)] == ["gs-database"]
    assert "机密文字" not in out
    assert hub("secret", "remove", "gs-database")[0] == ExitCode.OK
    assert hub("secret", "remove", "gs-database")[0] == ExitCode.NOT_FOUND


def test_an_empty_secret_is_refused(hub: Hub) -> None:
    code, _, err = hub("secret", "set", "gs-database", given="\n")
    assert code == ExitCode.DATA_FAILED
    assert "HUB-4023" in err


def test_the_status_tells_what_is_wrong_and_since_when(hub: Hub) -> None:
    database = Database(Settings().database())
    with database.unit() as unit:
        pull.take_lease(unit, "inf-tables", "me", MONDAY_MORNING, MONDAY_MORNING + timedelta(minutes=3))
        away = RetryableError("HUB-9026", "无法连接对方数据库")
        pull.end_run(unit, "inf-tables", "me", MONDAY_MORNING, MONDAY_MORNING + timedelta(minutes=5), away)
    database.dispose()
    _, out, _ = hub("pull", "status")
    assert "HUB-9026 无法连接对方数据库（2026-03-02 09:30 起）" in out
    _, out, _ = hub("pull", "status", "--json")
    assert json.loads(out)[0]["problem"]["since"].startswith("2026-03-02T09:30")


def test_a_wrong_allow_list_is_told_before_anything_is_pulled(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PULL_ALLOW", "everything")
    code, _, err = hub("pull", "once", "inf-tables")
    assert code == ExitCode.DATA_FAILED
    assert "HUB-4020" in err
