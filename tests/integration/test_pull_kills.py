"""Pulling processes killed with -9 at every step: every row once, every flag set."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from hub.stores.session import Database
from tests.builders import a_small_hub
from tests.pull_process import tables

STEPS = ("pull_read", "pull_accept", "s6_commit", "pull_committed", "pull_written", "pull_settled")
ROWS = 1203


def run(root: Path, how: str, minutes: int, spec: str = "") -> int:
    command = [sys.executable, "-m", "tests.pull_process", str(root), how, str(minutes), spec]
    return subprocess.run(command, cwd=Path(__file__).parents[2], check=False, timeout=60).returncode


@pytest.mark.parametrize("how", ["flag", "watermark"])
def test_killed_at_every_step_each_row_arrives_once(tmp_path: Path, how: str) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'department.db'}")
    with engine.begin() as department:
        department.execute(text("CREATE TABLE inf_apply (no TEXT PRIMARY KEY, update_date TEXT, sync_sign TEXT)"))
        rows = [{"no": f"{number:05}", "at": f"2026-03-02 09:{number // 300:02}:00"} for number in range(ROWS)]
        department.execute(text("INSERT INTO inf_apply VALUES (:no, :at, NULL)"), rows)
    hub = a_small_hub(Database(f"sqlite:///{tmp_path / 'hub.db'}"))
    kills = [f"{step}=kill@{passage}" for passage in (1, 2) for step in STEPS]

    codes = [run(tmp_path, how, 5 * number, spec) for number, spec in enumerate(kills)]
    assert run(tmp_path, how, 5 * len(kills)) == 0

    assert codes.count(-signal.SIGKILL) >= len(STEPS) - 2
    arrived = Counter(row["no"] for row in tables(tmp_path, how, hub).taken())
    assert (len(arrived), set(arrived.values())) == (ROWS, {1})
    with engine.connect() as department:
        flags = department.execute(text("SELECT DISTINCT sync_sign FROM inf_apply")).all()
    assert flags == [("1" if how == "flag" else None,)]
    engine.dispose()
    hub.database.dispose()
