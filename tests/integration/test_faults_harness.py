"""The harness itself: the checker blames what is wrong, the proxy cuts where it is told, traffic repeats itself."""

import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

import pytest

from hub.stores.sealing import Sealer
from hub.stores.session import Database
from tests.faults.checker import Verdict, check
from tests.faults.client import Client
from tests.faults.journal import Attempt, Journal, Outcome
from tests.faults.proxy import Cut, proxy_running
from tests.faults.reference import reference_holdings
from tests.faults.scenarios.catalogue import SCENARIOS
from tests.faults.scenarios.kills import STEPS
from tests.faults.traffic import Message, Traffic
from tests.faults.world import SECRET, prepare

SEALER = Sealer(SECRET.encode())


class Accepted:
    """Stands for the receipts' times: the hub under test is made by the reference itself."""

    def __getitem__(self, _: tuple[str, str]) -> "Accepted":
        return self

    received_at = Traffic(3).day


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return list(islice(Traffic(3).messages(), 40))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, messages: list[Message]) -> Path:
    """The file of a hub that got every message."""
    path = tmp_path_factory.mktemp("prepared") / "hub.db"
    reference_holdings(path, SEALER, prepare, messages, Accepted())
    return path


@pytest.fixture
def path(tmp_path: Path, prepared: Path) -> Path:
    return shutil.copyfile(prepared, tmp_path / "hub.db")


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{path}")
    yield opened
    opened.dispose()


@pytest.fixture
def client(tmp_path: Path, messages: list[Message], database: Database) -> Iterator[Client]:
    """One that holds a receipt for every message."""
    journal = Journal(tmp_path / "journal.jsonl")
    with database.read() as unit:
        rows = unit.exec_driver_sql("SELECT message_id, receipt_no FROM envelope").all()
        receipts = {row.message_id: row.receipt_no for row in rows}
    for message in messages:
        receipt = {
            "receiptNo": receipts[message.key], "digest": message.digest, "acceptedCount": len(message.records),
            "status": "ACCEPTED",
        }  # fmt: skip
        journal.add(Attempt(message.number, message.key, message.sender, 0, 0, Outcome.OK, 202, receipt))
    yield Client([], {}, journal, iter(()), pushed={message.number: message for message in messages})
    journal.close()


def verdict_on(database: Database, client: Client, tmp_path: Path) -> Verdict:
    return check(database, SEALER, client, tmp_path / "reference.db", prepare)


def test_a_hub_that_kept_everything_is_clean(database, client, tmp_path):
    assert verdict_on(database, client, tmp_path).problems == []


@pytest.mark.parametrize(
    ("damage", "invariant"),
    [
        ("DELETE FROM process_record WHERE id = (SELECT max(process_record_id) FROM case_application)", "I1"),
        ("DELETE FROM quarantine", "I4"),
        ("UPDATE envelope SET receipt_no = 'R0' WHERE id = 1", "I1"),
        ("UPDATE envelope SET digest = 'x' WHERE id = 1", "I3"),
        ("UPDATE envelope SET message_id = 'nobody' WHERE id = 1", "I3"),
        ("UPDATE envelope SET processed_at = NULL WHERE id = 1", "I5"),
        ("UPDATE case_library SET state = 'VOIDED' WHERE id = 1", "I4"),
        ("UPDATE card SET state = 'CLEARED'", "I4"),
        ("UPDATE process_record SET is_current = 1 - is_current WHERE id = 1", "I4"),
    ],
)
def test_checker_blames_a_damaged_hub(path, database, client, tmp_path, damage, invariant):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(damage)
    assert any(problem.startswith(invariant) for problem in verdict_on(database, client, tmp_path).problems)


def test_checker_blames_a_fact_that_stands_twice(database, client, tmp_path):
    with database.unit() as unit:
        unit.exec_driver_sql("CREATE TABLE again AS SELECT * FROM result_record LIMIT 1")
        unit.exec_driver_sql("UPDATE again SET id = 1000000")
        unit.exec_driver_sql("CREATE TABLE loose AS SELECT * FROM result_record")
        unit.exec_driver_sql("ALTER TABLE result_record RENAME TO strict")
        unit.exec_driver_sql("ALTER TABLE loose RENAME TO result_record")
        unit.exec_driver_sql("INSERT INTO result_record SELECT * FROM again")
    assert any(problem.startswith("I2") for problem in verdict_on(database, client, tmp_path).problems)


def test_traffic_of_one_seed_repeats_itself():
    first, second = (list(islice(Traffic(5).messages(), 200)) for _ in range(2))
    assert [message.body for message in first] == [message.body for message in second]


def echo(listener: socket.socket, heard: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection, suppress(ConnectionResetError):
        while data := connection.recv(100):
            heard.append(data)
            connection.sendall(data)


@pytest.mark.parametrize("is_delivered", [True, False])
def test_proxy_cuts_before_the_answer_and_delivers_only_when_told(is_delivered):
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, proxy_running(listener.getsockname()[1]) as proxy:
        server = threading.Thread(target=echo, args=(listener, heard), daemon=True)
        server.start()
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
            connection.sendall(b"BEGIN")
            assert connection.recv(100) == b"BEGIN"
            proxy.cut = Cut(b"COMMIT", is_delivered)
            connection.sendall(b"COMMIT")
            with pytest.raises(ConnectionResetError):
                connection.recv(100)
        server.join(10)
    assert heard == [b"BEGIN", b"COMMIT"] if is_delivered else heard == [b"BEGIN"]


def test_every_scenario_and_step_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
    names = [scenario.name for scenario in SCENARIOS] + [step for steps in STEPS.values() for step in steps]
    assert [name for name in names if f"| `{name}` |" not in text] == []
