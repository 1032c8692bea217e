"""`hub demo` as a visitor meets it: started, watched for at most a minute, ended with SIGTERM."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hub_process import environment, free_port, hub, hub_json, running, wait_until_answering

FIRST_CARD_SECONDS = 60


@dataclass(frozen=True)
class Demo:
    """A running demo and what it printed."""

    url: str
    data_dir: Path
    log: Path

    def command(self, *arguments: str) -> Any:
        return hub_json(arguments, environment(self.data_dir))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("demo")
    data_dir, log, port = home / "data", home / "demo.log", free_port()
    env = environment(home / "elsewhere", HUB_DATABASE_URL="postgresql://nobody@127.0.0.1:1/never")
    with running(["demo", "--port", str(port), "--data-dir", str(data_dir)], env, log) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_answering(url + "/healthz", process, log)
        yield Demo(url, data_dir, log)
    assert "演示已结束" in log.read_text(encoding="utf-8")


def cards(demo: Demo, **query: str) -> list[dict[str, Any]]:
    options = [part for name, value in query.items() for part in (f"--{name}", value)]
    return list(demo.command("card", "list", *options)["items"])


def test_first_card_is_there_within_a_minute(demo: Demo):
    until = time.monotonic() + FIRST_CARD_SECONDS
    while not cards(demo):
        assert time.monotonic() < until, demo.log.read_text(encoding="utf-8")
        time.sleep(1)


def test_address_and_accounts_are_printed(demo: Demo):
    said = demo.log.read_text(encoding="utf-8")
    assert f"{demo.url}/" in said
    assert len(re.findall(r"^    \w+ / \S+", said, re.M)) == 6


def test_whole_story_arrives(demo: Demo):
    """Late, red, a fee on a free item, a step before its application, an unknown code, and one record set aside."""
    wanted = {"T02", "T04", "T06", "F02", "P01", "C06"}
    until = time.monotonic() + FIRST_CARD_SECONDS
    while not wanted <= {card["ruleCode"] for card in cards(demo)} or not quarantined(demo):
        assert time.monotonic() < until, sorted({card["ruleCode"] for card in cards(demo)})
        time.sleep(1)
    assert [entry["code"] for entry in quarantined(demo)] == ["HUB-6002"]


def quarantined(demo: Demo) -> list[dict[str, Any]]:
    return list(demo.command("quarantine", "list")["items"])


def test_every_message_of_the_story_is_accepted(demo: Demo):
    assert demo.command("message", "list", "--status", "REJECTED")["items"] == []


def test_cards_recompute_the_same(demo: Demo):
    card = cards(demo, state="OPEN")[0]
    assert demo.command("card", "explain", str(card["id"]))["recomputedTheSame"] is True


def test_records_keep_coming(demo: Demo):
    def received() -> int:
        return int(demo.command("message", "list", "--limit", "1")["items"][0]["receiptNo"] != newest)

    newest = demo.command("message", "list", "--limit", "1")["items"][0]["receiptNo"]
    until = time.monotonic() + FIRST_CARD_SECONDS
    while not received():
        assert time.monotonic() < until
        time.sleep(1)


def test_console_is_open(demo: Demo):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert "登录" in opener.open(f"{demo.url}/login", timeout=10).read().decode()


def test_accounts_file_is_kept_private(demo: Demo):
    file = demo.data_dir / "demo-accounts.json"
    assert file.stat().st_mode & 0o077 == 0
    assert len(json.loads(file.read_text(encoding="utf-8"))) == 6


def test_hub_is_fit(demo: Demo):
    done = hub(["doctor"], environment(demo.data_dir))
    assert done.returncode == 0, done.stdout
