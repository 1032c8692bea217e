"""Backup and restore as county staff would do them: real processes, traffic going on, both engines."""

import itertools
import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.transports.exchange_client import ExchangeClient
from hub.domain.receipts import Receipt
from hub.domain.records import PROCESS
from hub.domain.times import china_day
from hub.stores.case_library import next_numbers
from hub.stores.session import Database
from tests.builders import ITEM_CODE, a_step, an_acceptance
from tests.conftest import POSTGRES
from tests.hub_process import (
    HubServer,
    environment,
    free_port,
    hub,
    hub_json,
    hub_running,
    running,
    wait_until_answering,
)

NewUrl = Callable[[], str]


@pytest.fixture(scope="module")
def new_postgres() -> Iterator[NewUrl]:
    """Makes empty PostgreSQL databases and drops them at the end."""
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError:
        pytest.skip("没有可用的 PostgreSQL：运行 make services，或用 HUB_TEST_POSTGRES 指定")
    names: list[str] = []

    def create() -> str:
        names.append(f"hub_test_{secrets.token_hex(6)}")
        server.execute(f'CREATE DATABASE "{names[-1]}"')
        return f"{POSTGRES.rpartition('/')[0]}/{names[-1]}"

    with server:
        yield create
        for name in names:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@dataclass
class Place:
    """A hub, its settings, and how to get an empty place of the same kind to restore to."""

    server: HubServer
    url: str
    new_url: NewUrl
    pushed: "Pushed"
    before: dict[str, Receipt] = field(default_factory=dict)  # given before the backup began
    after: Receipt | None = None  # given after it had ended

    @property
    def env(self) -> dict[str, str]:
        return environment(self.server.data_dir, HUB_DATABASE_URL=self.url)

    def empty_env(self, folder: Path) -> dict[str, str]:
        """An empty place with the key put back."""
        folder.mkdir(mode=0o700)
        shutil.copy(self.server.data_dir / "secret.key", folder)
        return environment(folder, HUB_DATABASE_URL=self.new_url())


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    new_url: NewUrl = str
    if request.param == "postgresql":
        new_url = request.getfixturevalue("new_postgres")
    url = new_url()
    with hub_running(tmp_path_factory.mktemp("hub"), HUB_DATABASE_URL=url) as server:
        yield Place(server, url, new_url, Pushed())


@dataclass
class Pushed:
    """Every message that was sent, and every receipt that came back."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    numbers: Any = field(default_factory=itertools.count)

    def push(self, client: ExchangeClient) -> Receipt:
        number = next(self.numbers)
        receipt = client.push(PROCESS, f"backup-{number}", records(number))
        self.receipts[f"backup-{number}"] = receipt
        return receipt


def records(number: int) -> list[Any]:
    case_no = f"GS-{number:05}"
    return [
        an_acceptance(record_id=f"{number}-1", case_no=case_no),
        a_step(record_id=f"{number}-2", case_no=case_no, step_seq=2, step_name="审查", step_status="PASSED"),
    ]


def client_of(server: HubServer) -> ExchangeClient:
    return ExchangeClient(server.url, server.sender, server.secret)


@contextmanager
def traffic(place: Place) -> Iterator[None]:
    """Messages keep coming in; at least a few before the block begins and one after it has ended."""
    done, under_way = threading.Event(), threading.Event()

    def keep_pushing() -> None:
        with client_of(place.server) as client:
            for count in itertools.count():
                if done.is_set():
                    break
                place.pushed.push(client)
                if count == 5:
                    under_way.set()

    pusher = threading.Thread(target=keep_pushing)
    pusher.start()
    try:
        assert under_way.wait(60)
        yield
    finally:
        done.set()
        pusher.join(60)


@pytest.fixture(scope="module")
def archive(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    with traffic(place):
        place.before = dict(place.pushed.receipts)
        made = hub_json(["backup", "create", str(folder)], place.env)
    with client_of(place.server) as client:
        place.after = place.pushed.push(client)
    return Path(made["file"])


@pytest.fixture(scope="module")
def restored(place: Place, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Any]:
    env = place.empty_env(tmp_path_factory.mktemp("restored") / "data")
    return env, hub_json(["backup", "restore", str(archive)], env)


@contextmanager
def serving(place: Place, env: dict[str, str]) -> Iterator[HubServer]:
    """The restored hub, open to the same senders."""
    port = free_port()
    url, log = f"http://127.0.0.1:{port}", Path(env["HUB_DATA_DIR"]) / "serve.log"
    with running(["serve", "--port", str(port)], env, log) as process:
        wait_until_answering(url + "/healthz", process, log)
        yield replace(place.server, url=url)


def receipts_in(env: dict[str, str]) -> set[str]:
    with the_database(env) as unit:
        return set(unit.exec_driver_sql("SELECT receipt_no FROM envelope").scalars())


@contextmanager
def the_database(env: dict[str, str]) -> Iterator[Any]:
    database = Database(env["HUB_DATABASE_URL"] or f"sqlite:///{env['HUB_DATA_DIR']}/hub.db")
    try:
        with database.unit() as unit:
            yield unit
    finally:
        database.dispose()


def wait_until_processed(env: dict[str, str]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with the_database(env) as unit:
            if not unit.exec_driver_sql("SELECT count(*) FROM outbox").scalar():
                return
        time.sleep(0.1)
    raise AssertionError("messages are still waiting")


def test_deep_verification_passes(place: Place, archive: Path):
    done = hub(["backup", "verify", str(archive), "--deep"], place.env)
    assert done.returncode == 0, done.stderr


def test_every_receipt_given_before_the_backup_began_is_restored(place: Place, restored: Any):
    held = receipts_in(restored[0])
    assert place.before
    assert {receipt.receipt_no for receipt in place.before.values()} <= held


def test_every_receipt_that_was_lost_was_given_after_the_named_instant(place: Place, restored: Any):
    env, told = restored
    held = receipts_in(env)
    lost = [receipt for receipt in place.pushed.receipts.values() if receipt.receipt_no not in held]
    assert place.after in lost
    assert all(receipt.received_at >= datetime.fromisoformat(told["lostSince"]) for receipt in lost)
    assert told["highestReceipt"] in held


def test_each_sender_is_told_its_last_known_message(place: Place, restored: Any):
    told = restored[1]["senders"]
    assert [line["sender"] for line in told] == [place.server.sender]
    assert told[0]["lastMessageId"] in place.pushed.receipts


def test_a_restored_hub_is_fit(restored: Any):
    states = {finding["name"]: finding["state"] for finding in check_up(restored[0])}
    assert {states["数据库"], states["审计"], states["密钥"]} == {"OK"}


def check_up(env: dict[str, str]) -> Any:
    return json.loads(hub(["doctor", "--json"], env).stdout)


def test_waiting_messages_are_published_again(restored: Any):
    with the_database(restored[0]) as unit:
        assert unit.exec_driver_sql("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL").scalar() == 0


def test_lost_numbers_are_not_given_again(place: Place, restored: Any):
    """What a department was given after the backup stays that case's number."""
    with client_of(place.server) as client:
        given = set(client.allocate_case_nos(ITEM_CODE, 5))
    with the_database(restored[0]) as unit:
        area, letters = unit.exec_driver_sql("SELECT area, letters FROM number_series").first()
        assert given.isdisjoint(next_numbers(unit, (area, letters), china_day(datetime.now(UTC)), 500))


def test_sending_again_what_was_lost_completes_the_restored_hub(place: Place, restored: Any):
    env, _ = restored
    with serving(place, env) as server, client_of(server) as client:
        for message_id in place.pushed.receipts:
            client.push(PROCESS, message_id, records(int(message_id.removeprefix("backup-"))))
        wait_until_processed(env)
    with the_database(env) as unit:
        steps = unit.exec_driver_sql("SELECT count(*) FROM process_record").scalar()
        cases = unit.exec_driver_sql("SELECT count(*) FROM case_library").scalar()
    assert (cases, steps) == (len(place.pushed.receipts), 2 * len(place.pushed.receipts))


@pytest.mark.parametrize("command", ["restore", "verify"])
def test_another_key_is_refused_and_nothing_is_left(place: Place, archive: Path, tmp_path: Path, command: str):
    env = place.empty_env(tmp_path / "data")
    (tmp_path / "data" / "secret.key").write_text("another key", encoding="utf-8")
    done = hub(["backup", command, str(archive)], env)
    assert done.returncode == 6
    assert "HUB-9004" in done.stderr
    assert not (tmp_path / "data" / "hub.db").exists()


def test_a_database_that_is_not_empty_is_refused_and_stays_as_it_is(place: Place, archive: Path):
    before = receipts_in(place.env)
    done = hub(["backup", "restore", str(archive)], place.env)
    assert done.returncode == 5
    assert "HUB-5011" in done.stderr
    assert receipts_in(place.env) >= before


def test_a_damaged_backup_restores_nothing(place: Place, archive: Path, tmp_path: Path):
    damaged = tmp_path / "damaged.tar"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    env = place.empty_env(tmp_path / "data")
    done = hub(["backup", "restore", str(damaged)], env)
    assert (done.returncode, "HUB-4011" in done.stderr) == (3, True)
    assert not (tmp_path / "data" / "hub.db").exists()


def test_a_backup_of_the_other_engine_is_refused(place: Place, archive: Path, tmp_path: Path):
    other = "postgresql://nobody@127.0.0.1:9/none" if not place.url else ""
    env = place.empty_env(tmp_path / "data") | {"HUB_DATABASE_URL": other}
    done = hub(["backup", "restore", str(archive)], env)
    assert (done.returncode, "HUB-5012" in done.stderr) == (5, True)


def test_making_a_backup_is_audited(place: Place, archive: Path):
    with the_database(place.env) as unit:
        name = unit.exec_driver_sql("SELECT object_id FROM audit_event WHERE action = 'backup.create'").scalar()
    assert name == archive.name


def test_without_the_client_tools_it_is_said_what_to_install(new_postgres: NewUrl, tmp_path: Path):
    env = environment(tmp_path / "data", HUB_DATABASE_URL=new_postgres())
    assert hub(["init"], env).returncode == 0
    (tmp_path / "archive").mkdir()
    done = hub(["backup", "create", str(tmp_path / "archive")], env | {"PATH": str(tmp_path)})
    assert (done.returncode, "HUB-9011" in done.stderr) == (6, True)
    assert list((tmp_path / "archive").iterdir()) == []
