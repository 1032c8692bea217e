"""Both doors under load and in every state of the service, over real HTTP where it matters."""

import gc
import json
import socket
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from hub.domain.envelopes import Quota
from hub.domain.errors import RetryableError
from hub.domain.record_json import to_json
from hub.domain.service_states import Service, ServiceState
from hub.gateway.admission import Admission, AdmissionLimits
from hub.gateway.http_guard import HEADER_BYTES
from hub.gateway.soap_operations import Call
from hub.gateway.wsse import TokenCollector
from hub.stores import registry
from hub.stores.session import Database
from tests.builders import a_small_hub, a_step, an_acceptance
from tests.hub_process import HubServer, environment, free_port, hub, hub_json, running, wait_until_answering
from tests.integration.rest_door import RestDoor, a_rest_door
from tests.soap_door import SOAP_11, SOAP_12, envelope, open_door, ping, push, record, security

MIB = 2**20
MOST_RSS_MIB = 512
NOW = "切换演练"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    yield opened
    opened.dispose()


# --- SOAP -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_soap_sender_that_is_too_fast_gets_429_and_the_time_to_wait(soap: str) -> None:
    with open_door(admission=Admission(AdmissionLimits(messages_per_second=0.01, burst_messages=1))) as door:
        assert door.post(ping(soap)).status == 200
        answer = door.post(ping(soap))
        assert (answer.status, answer.code) == (429, "HUB-9022")
        assert 1 < int(answer.headers["retry-after"]) <= 100
        assert answer.text("retryable") == "true"
        in_token = door.post(ping(soap, header=security("right-secret")), authorization=None)
        assert (in_token.status, in_token.code) == (429, "HUB-9022")


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_soap_is_refused_with_503_while_something_speaks_against_it(soap: str) -> None:
    full = RetryableError("HUB-9024", "磁盘空间不足", retry_after_seconds=60)
    with open_door(admission=Admission(AdmissionLimits(), pressure=lambda: full)) as door:
        answer = door.post(ping(soap))
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "HUB-9024", "60")


def test_read_only_service_answers_queries_over_soap_and_takes_nothing() -> None:
    service = Service(ServiceState.READ_ONLY, reason=NOW)
    with open_door(admission=Admission(AdmissionLimits(), lambda: service)) as door:
        assert door.post(ping()).status == 200
        for body in (push(record()), envelope("<itemCode>x</itemCode><count>1</count>", "allocateCaseNos")):
            answer = door.post(body)
            assert (answer.status, answer.code) == (503, "HUB-9021")
            assert NOW in answer.fault_text
        assert door.exchange.envelopes == {}


def test_flooding_sender_leaves_places_to_others() -> None:
    release, entered = threading.Event(), threading.Semaphore(0)

    def hold() -> None:
        entered.release()
        assert release.wait(20)

    admission = Admission(AdmissionLimits(places=4))
    with open_door(threads=4, admission=admission) as door, ThreadPoolExecutor(4) as senders:
        door.exchange.before_receive = hold
        held = [senders.submit(door.post, push(record(), message_id=f"m-{number}")) for number in range(2)]
        for _ in held:
            assert entered.acquire(timeout=10)
        flooding = door.post(push(record(), message_id="m-3"))
        assert (flooding.status, flooding.code) == (429, "HUB-9022")
        # Whose credential stands in the message is not known before a thread has read it: another part of the places.
        assert door.post(ping(header=security("right-secret")), authorization=None).status == 200
        release.set()
        assert [call.result(20).status for call in held] == [200, 200]


# --- REST -------------------------------------------------------------------------------------------------------


def code_of(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["code"])


def test_rest_sender_that_is_too_fast_gets_429_and_the_time_to_wait(database: Database) -> None:
    limits = AdmissionLimits(messages_per_second=0.01, burst_messages=1)
    door = a_rest_door(a_small_hub(database), admission=limits)
    assert door.push(a_step(), key="a").status_code == 202
    answer = door.push(a_step(), key="b")
    assert code_of(answer, 429) == "HUB-9022"
    assert 1 < int(answer.headers["retry-after"]) <= 100
    assert door.stored("envelope") == 1


@pytest.fixture
def small_quota(database: Database) -> RestDoor:
    county = a_small_hub(database)
    with database.unit() as unit:
        registry.set_quota(unit, "gs-system", Quota(message_bytes=2_000, message_records=2))
    return a_rest_door(county)


def test_records_above_the_quota_get_413(small_quota: RestDoor) -> None:
    body = json.dumps({"records": [{"recordId": str(number)} for number in range(3)]}).encode()
    answer = small_quota.post("/api/v1/process-records", body)
    assert code_of(answer, 413) == "HUB-1023"


def test_bytes_above_the_quota_get_413(small_quota: RestDoor) -> None:
    answer = small_quota.push(a_step(opinion="长" * 1000))
    assert code_of(answer, 413) == "HUB-1023"
    assert small_quota.stored("envelope") == 0
    assert small_quota.push(a_step(), key="b").status_code == 202


def test_wrong_secrets_in_a_row_are_slowed_down(database: Database) -> None:
    door = a_rest_door(a_small_hub(database))
    wrong = ("gs-system", "wrong")
    codes = [door.client.get("/api/v1/cases", auth=wrong).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2


# --- states over REST -------------------------------------------------------------------------------------------


def set_state(door: RestDoor, state: str, role: str = "system_admin", reason: str = NOW) -> Any:
    body = {"state": state, "reason": reason}
    return door.client.put("/api/v1/service-state", json=body, headers=door.bearer(role))


EXPECTED = {
    "NORMAL": (202, 200), "INTAKE_ONLY": (202, 200), "READ_ONLY": (503, 200), "MAINTENANCE": (503, 503),
}  # fmt: skip


@pytest.mark.parametrize("state", EXPECTED)
def test_state_decides_on_pushes_and_queries(database: Database, state: str) -> None:
    door = a_rest_door(a_small_hub(database))
    assert set_state(door, state).json()["state"] == state
    pushed, read = door.push(a_step()), door.get("/api/v1/cases")
    assert (pushed.status_code, read.status_code) == EXPECTED[state]
    for answer in (pushed, read):
        if answer.status_code == 503:
            assert code_of(answer, 503) == "HUB-9021"
            assert NOW in answer.json()["detail"]
            assert int(answer.headers["retry-after"]) > 0
    assert door.client.get("/healthz").status_code == 200
    assert door.get("/api/v1/service-state").json()["reason"] == NOW


def test_every_change_of_state_is_audited(database: Database) -> None:
    door = a_rest_door(a_small_hub(database))
    set_state(door, "MAINTENANCE")
    set_state(door, "NORMAL", reason="演练结束")
    rows = door.hub.rows("SELECT action, detail FROM audit_event ORDER BY id")
    assert [row.action for row in rows] == ["service-state.set"] * 2
    assert json.loads(rows[1].detail) == {"from": "MAINTENANCE", "to": "NORMAL", "reason": "演练结束"}


@pytest.mark.parametrize(
    ("state", "reason", "code"),
    [
        ("CLOSED", NOW, "HUB-3004"),
        ("NORMAL", "", "HUB-3004"),
        ("NORMAL", " ", "HUB-4006"),
        ("NORMAL", "a\nb", "HUB-4006"),
    ],
)
def test_state_without_a_name_or_a_reason_is_refused(database: Database, state: str, reason: str, code: str) -> None:
    assert code_of(set_state(a_rest_door(a_small_hub(database)), state, reason=reason), 422) == code


@pytest.mark.parametrize("role", ["it_staff", "supervisor", "security_admin", "auditor", "department"])
def test_only_the_system_administration_sets_the_state(database: Database, role: str) -> None:
    door = a_rest_door(a_small_hub(database))
    assert code_of(set_state(door, "MAINTENANCE", role), 403) == "HUB-2007"
    assert door.push(a_step()).status_code == 202


# --- a hub in processes of its own ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubServer, int, dict[str, str]]]:
    """A hub, its process and its environment."""
    data_dir, port = tmp_path_factory.mktemp("hub"), free_port()
    url = f"http://127.0.0.1:{port}"
    env = environment(data_dir, HUB_AREA_CODE="330324", HUB_POLL_SECONDS="0.05", HUB_DOOR_BYTES=str(64 * MIB))
    assert hub(["init"], env).returncode == 0
    added = hub_json(["sender", "add", "test", "--name", "测试报送系统", "--org", "33032400GS"], env)
    token = hub_json(["token", "create", "--role", "supervisor"], env)["token"]
    with running(["serve", "--port", str(port)], env, data_dir / "serve.log") as process:
        wait_until_answering(url + "/healthz", process, data_dir / "serve.log")
        server = HubServer(url, added["sender"], added["secret"], token, data_dir, ("33032400GS",))
        yield server, process.pid, env


def rss_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def send(server: HubServer, body: bytes, key: str) -> requests.Response:
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    auth = (server.sender, server.secret)
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"{server.url}/api/v1/process-records", body, headers=headers, auth=auth, timeout=60)


def until(what: Any, seconds: float = 20) -> None:
    """Waits for a fact; fails when it does not come about."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="没有 /proc，量不到内存")
def test_many_large_bodies_at_once_are_refused_and_leave_memory_bounded(small_memory: Any) -> None:
    server, pid, _ = small_memory
    body = b'{"records":[' + b" " * (10 * MIB - 40) + b'{"a":1}]}'
    peak, answers = 0, []
    with ThreadPoolExecutor(30) as senders:
        calls = [senders.submit(send, server, body, f"large-{number}") for number in range(60)]
        while not all(call.done() for call in calls):
            peak = max(peak, rss_mib(pid))
            time.sleep(0.02)
        answers = [call.result() for call in calls]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() <= {422, 429, 503}
    assert statuses[422] > 0
    assert statuses[429] + statuses[503] > 0
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code != 422)
    assert peak < MOST_RSS_MIB


def cases(server: HubServer) -> int:
    answer = requests.get(f"{server.url}/api/v1/cases", headers={"Authorization": f"Bearer {server.token}"}, timeout=30)
    return len(answer.json()["items"])


def test_intake_only_lets_messages_in_and_workers_rest_until_it_ends(small_memory: Any) -> None:
    server, _, env = small_memory
    assert hub(["state", "set", "INTAKE_ONLY", "--reason", NOW], env).returncode == 0
    before = cases(server)
    time.sleep(2.5)  # every process reads the state anew within two seconds
    body = json.dumps({"records": [to_json(an_acceptance(case_no="resting"))]}).encode()
    assert send(server, body, "resting").status_code == 202
    waited = hub_json(["work", "--once"], env)
    assert waited == {"processed": 0}
    assert cases(server) == before
    assert hub(["state", "set", "NORMAL", "--reason", "演练结束"], env).returncode == 0
    until(lambda: cases(server) == before + 1)


def test_maintenance_reaches_the_soap_door_of_another_process(small_memory: Any) -> None:
    server, _, env = small_memory
    basic = "Basic " + b64encode(f"{server.sender}:{server.secret}".encode()).decode()
    headers = {"Content-Type": "text/xml", "Authorization": basic}

    def called() -> requests.Response:
        return requests.post(f"{server.url}/soap/exchange/v1", ping().encode(), headers=headers, timeout=30)

    assert called().status_code == 200
    assert hub(["state", "set", "MAINTENANCE", "--reason", NOW], env).returncode == 0
    until(lambda: called().status_code == 503)
    assert NOW in called().content.decode()
    assert int(called().headers["retry-after"]) > 0
    assert requests.get(f"{server.url}/healthz", timeout=30).status_code == 200
    assert hub(["state", "set", "NORMAL", "--reason", "演练结束"], env).returncode == 0
    until(lambda: called().status_code == 200)


def test_headers_without_end_are_cut_off(small_memory: Any) -> None:
    server, _, _ = small_memory
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(b"POST /soap/exchange/v1 HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * (HEADER_BYTES + 1))
        assert b" 400 " in connection.recv(1000)


def test_headers_that_never_come_end_the_connection(small_memory: Any) -> None:
    server, _, _ = small_memory
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(b"POST /soap/exchange/v1 HTTP/1.1\r\nHost: x\r\n")
        assert connection.recv(1000) == b""


@pytest.mark.parametrize("body", [push(record()), push(record(stepSeq="x")), envelope("<a/>"), "<broken"])
def test_call_leaves_no_garbage_that_holds_its_message(body: str) -> None:
    with open_door() as door:
        door.post(body)
        gc.collect()
        gc.disable()
        try:
            door.post(body)
            held = [type(found).__name__ for found in gc.get_objects() if isinstance(found, Call | TokenCollector)]
        finally:
            gc.enable()
    assert held == []
