"""`hub quality`, over a database of its own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.cli.main import run
from hub.stores.session import Database
from tests.builders import a_small_hub, a_step


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A sender that sent two records today; today's China date."""
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    small = a_small_hub(database, datetime.now(UTC))
    small.push_case(a_step(record_id="s1"), a_step(record_id="s2"))
    while small.quality().refresh_once():
        pass
    database.dispose()
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_SECRET_KEY", "a secret of the tests")
    yield small.quality().today().isoformat()
    database.dispose()


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert run(["quality", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_senders_are_shown_with_their_score(hub: str, capsys: pytest.CaptureFixture[str]) -> None:
    [row] = told(capsys, "show")["items"]
    assert (row["sender"], row["totals"]["STORED"]) == ("gs-system", 2)
    assert told(capsys, "show", "gs-system")["totals"] == row["totals"]
    assert run(["quality", "show"]) == 0
    assert "样例局审批系统" in capsys.readouterr().out


def test_records_behind_a_figure_are_listed(hub: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "records", "LATE")
    assert (found["figure"], len(found["items"])) == (2, 2)
    assert run(["quality", "records", "ANY"]) == 2


def test_nobody_is_silent_without_a_rhythm(hub: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "silent") == {"items": []}
    assert told(capsys, "silent", "--all")["items"][0]["voice"] == "UNKNOWN"


def test_a_list_that_agrees_ends_well_and_one_that_does_not_with_three(
    hub: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    counts = told(capsys, "reconcile", "gs-system", "--date", hub)["counts"]
    assert counts == [{"kind": "PROCESS", "state": "STORED", "count": 2}]
    listed = tmp_path / "list.csv"
    listed.write_text("记录标识\ns1\ns2\n", encoding="utf-8")
    assert told(capsys, "reconcile", "gs-system", str(listed), "--date", hub)["equal"] == 2
    listed.write_text("记录标识\ns1\nlost\n", encoding="utf-8")
    assert told(capsys, "reconcile", "gs-system", str(listed), "--date", hub, code=3)["missingHere"]["count"] == 1
    assert run(["quality", "reconcile", "gs-system", str(listed)]) == 3
    assert "中心没有（1）" in capsys.readouterr().out


def test_what_is_not_there_is_told(hub: str, tmp_path: Path) -> None:
    assert run(["quality", "show", "nobody"]) == 4
    assert run(["quality", "reconcile", "gs-system", str(tmp_path / "none.csv")]) == 2
