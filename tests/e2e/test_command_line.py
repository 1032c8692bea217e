"""The command line against a running hub: samples sent, a log imported, as county staff would."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.hub_process import HubServer, environment, hub, hub_running

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs" / "samples"
LOG = ROOT / "tests" / "samples" / "wabo_excerpt.xes"
MAPPING = ROOT / "adapters" / "library" / "logs" / "wabo_receipt.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with hub_running(tmp_path_factory.mktemp("cli")) as running:
        yield running


def run(server: HubServer, *arguments: str) -> Any:
    credentials = ("--url", server.url, "--sender", server.sender, "--secret", server.secret)
    return hub([*arguments, *credentials], environment(server.data_dir))


@pytest.mark.parametrize("name", ["items.json", "process.xml", "results.json"])
def test_shipped_sample_is_accepted_and_known_the_second_time(server: HubServer, name: str):
    first, second = run(server, "send", str(SAMPLES / name)), run(server, "send", str(SAMPLES / name))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "全部接收" in first.stdout
    assert "重复报送" in second.stdout


def test_bad_record_is_listed_with_its_place_and_exits_with_3(server: HubServer, tmp_path: Path):
    file = tmp_path / "bad.xml"
    good = (SAMPLES / "process.xml").read_text(encoding="utf-8")
    file.write_text(
        good.replace("<stepName>受理</stepName>", "", 1).replace("sample-process-1", "bad-1"), encoding="utf-8"
    )
    done = run(server, "send", str(file))
    assert done.returncode == 3, done.stdout
    assert "[HUB-3001] record[1]/stepName" in done.stdout


def test_wrong_secret_is_refused_with_5(server: HubServer):
    arguments = [
        "send",
        str(SAMPLES / "process.xml"),
        "--url",
        server.url,
        "--sender",
        server.sender,
        "--secret",
        "wrong",
    ]
    assert hub(arguments, environment(server.data_dir)).returncode == 5


def test_log_is_imported_once_and_every_message_known_afterwards(server: HubServer, tmp_path: Path):
    packed = tmp_path / "excerpt.xes.gz"
    packed.write_bytes(gzip.compress(LOG.read_bytes()))
    first = run(server, "log", "import", str(packed), "--mapping", str(MAPPING))
    again = run(server, "log", "import", str(packed), "--mapping", str(MAPPING))
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert "办件：25" in first.stdout
    assert "接收：0" in again.stdout
