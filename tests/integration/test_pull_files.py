"""Pulling a folder: each file once, whole, with its report beside it; links and foreign names are left alone."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.stores.session import Database
from tests.builders import SmallHub, a_small_hub
from tests.pull_sources import Pulling


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    yield a_small_hub(database)
    database.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pull" / "gs"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def pulling(hub: SmallHub, folder: Path, tmp_path: Path) -> Callable[..., Pulling]:
    def build(**transport: Any) -> Pulling:
        plain = {"kind": "files", "folder": str(folder), "pattern": "*.txt"}
        return Pulling(hub, {**plain, **transport}, roots=(tmp_path / "pull",))

    return build


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def report(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_a_file_is_taken_once_and_finds_its_receipt(pulling: Any, folder: Path) -> None:
    put(folder, "a.txt", "甲")
    put(folder, "b.txt", "乙")
    put(folder, "c.tmp", "丙")
    source = pulling()
    assert source.pull().messages == 2
    assert source.bodies() == ["甲", "乙"]
    assert names(folder) == [
        "c.tmp", "done/a.txt", "done/a.txt.receipt.json", "done/b.txt", "done/b.txt.receipt.json"
    ]  # fmt: skip
    told = report(folder, "done/a.txt.receipt.json")
    assert (told["status"], told["acceptedCount"], told["errors"]) == ("ACCEPTED", 1, [])
    assert source.pull().messages == 0


@pytest.mark.parametrize("failpoint", ["pull_read", "pull_accept", "pull_committed"])
def test_no_file_is_doubled_or_skipped_when_a_run_breaks_off(pulling: Any, folder: Path, failpoint: str) -> None:
    put(folder, "a.txt", "甲")
    put(folder, "b.txt", "乙")
    source = pulling()
    source.pull_stumbling_at(failpoint)
    put(folder, "c.txt", "丙")
    assert source.pull().problem is None
    assert source.bodies() == ["甲", "乙", "丙"]
    assert [name for name in names(folder) if name.endswith(".txt")] == ["done/a.txt", "done/b.txt", "done/c.txt"]
    assert report(folder, "done/a.txt.receipt.json")["receiptNo"].startswith("R")


def test_the_same_bytes_get_their_first_receipt(pulling: Any, folder: Path) -> None:
    source = pulling()
    put(folder, "a.txt", "甲")
    source.pull()
    put(folder, "a.txt", "甲")
    source.pull()
    first, second = report(folder, "done/a.txt.receipt.json"), report(folder, "done/a.2.txt.receipt.json")
    assert (second["status"], second["receiptNo"]) == ("DUPLICATE", first["receiptNo"])
    assert source.bodies() == ["甲"]


def test_a_file_that_cannot_be_read_is_put_aside_with_its_error(pulling: Any, folder: Path) -> None:
    put(folder, "a.txt", "broken 330324199001010003")
    put(folder, "b.txt", '[{"NO":"1","bad":1}]')
    put(folder, "c.txt", "丙")
    source = pulling()
    assert source.pull().problem is None
    assert report(folder, "failed/a.txt.error.json")["error"]["code"] == "HUB-1001"
    assert "330324" not in (folder / "failed/a.txt.error.json").read_text(encoding="utf-8")
    assert report(folder, "failed/b.txt.error.json")["errors"][0]["code"] == "HUB-3001"
    assert "done/c.txt" in names(folder)


def test_a_file_larger_than_a_message_is_put_aside(pulling: Any, folder: Path) -> None:
    put(folder, "a.txt", "x" * 2000)
    source = pulling()
    source.largest_bytes = 1000
    source.pull()
    assert report(folder, "failed/a.txt.error.json")["error"]["code"] == "HUB-4034"


def test_a_file_that_still_grows_is_left_for_later(pulling: Any, folder: Path) -> None:
    put(folder, "a.txt", "甲")
    source = pulling(stableSeconds=3)
    source.naps = Writing(folder / "a.txt")
    source.pull()
    assert names(folder) == ["a.txt"]
    assert list(source.naps) == [3]


class Writing(list[float]):
    """A department that goes on writing while the hub waits."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def append(self, seconds: float) -> None:
        super().append(seconds)
        self._path.write_text("甲乙", encoding="utf-8")


def test_a_file_waits_for_its_control_file(pulling: Any, folder: Path) -> None:
    put(folder, "a.txt", "甲")
    source = pulling(control="{stem}.ok")
    source.pull()
    assert names(folder) == ["a.txt"]
    put(folder, "a.ok", "")
    source.pull()
    assert names(folder) == ["done/a.txt", "done/a.txt.receipt.json"]


def test_links_folders_and_odd_names_are_left_alone(pulling: Any, folder: Path, tmp_path: Path) -> None:
    put(tmp_path, "secret.txt", "机密")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "dir.txt").mkdir()
    os.mkfifo(folder / "pipe.txt")
    put(folder, ".hidden.txt", "x")
    put(folder, "odd\nname.txt", "x")
    source = pulling(pattern="*")
    assert source.pull().messages == 0
    assert source.bodies() == []


def test_a_claimed_folder_that_is_a_link_is_refused(pulling: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "done").symlink_to(tmp_path / "elsewhere")
    put(folder, "a.txt", "甲")
    assert pulling().pull().problem.code == "HUB-4022"
    assert names(folder) == ["a.txt"]


def test_a_folder_that_is_away_is_a_passing_problem(pulling: Any, folder: Path) -> None:
    folder.rmdir()
    assert pulling().pull().problem.code == "HUB-9031"


def test_a_folder_outside_the_countys_is_refused(pulling: Any, tmp_path: Path) -> None:
    put(tmp_path, "a.txt", "甲")
    source = pulling(folder=str(tmp_path))
    assert source.pull().problem.code == "HUB-4022"
    assert source.bodies() == []
