"""What running processes tell of themselves: one trace, figures, fitness, and nothing of any person."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.domain.record_json import to_json
from hub.domain.records import PROCESS
from tests.builders import a_soap_body, a_step, an_acceptance, an_application
from tests.hub_process import HubServer, environment, free_port, hub, hub_json, hub_running, wait_until_answering

NAME, ID_NO, PHONE = "金丝雀乙", "330324199001010003", "13800000000"
CANARIES = (NAME, ID_NO, PHONE, "机密样例内容7391")
SECRET_TEXT = CANARIES[3]
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
_WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with hub_running(tmp_path_factory.mktemp("observed"), HUB_LOG_LEVEL="DEBUG") as running:
        yield running


def call(server: HubServer, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
    basic = base64.b64encode(f"{server.sender}:{server.secret}".encode()).decode()
    named = {"Authorization": f"Basic {basic}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(server.url + path, body, named)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def lines(server: HubServer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_text(server).splitlines() if line.startswith("{")]


def log_text(server: HubServer) -> str:
    return (server.data_dir / "serve.log").read_text(encoding="utf-8")


def eventually(holds: Callable[[], Any]) -> Any:
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        found = holds()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("did not come about")


def a_message(message_id: str, **overrides: Any) -> bytes:
    application = an_application(applicant_name=NAME, applicant_id_no=ID_NO, applicant_phone=PHONE, summary=SECRET_TEXT)
    step = an_acceptance(**{"application": application, "officer_name": NAME, "opinion": SECRET_TEXT} | overrides)
    return a_soap_body(PROCESS, message_id, [step])


def value_of(server: HubServer, name: str) -> float:
    told = call(server, "/metrics")[2].decode()
    return sum(float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(name))


def test_one_trace_id_from_request_to_stored_message_and_log(server: HubServer):
    status, headers, body = call(
        server, "/soap/exchange/v1", a_message("traced"), Content_Type="text/xml", X_Trace_Id=TRACE_ID.upper()
    )
    assert (status, headers["X-Request-Id"]) == (200, TRACE_ID)
    (line,) = eventually(lambda: [line for line in lines(server) if line.get("trace_id") == TRACE_ID])
    told = {name: line[name] for name in ("event", "door", "operation", "sender", "status", "accepted", "result")}
    assert told == {
        "event": "request", "door": "soap", "operation": "pushProcess", "sender": server.sender, "status": 200,
        "accepted": 1, "result": "ACCEPTED",
    }  # fmt: skip
    env = environment(server.data_dir)
    assert line["receipt_no"].encode() in body
    assert hub_json(["message", "show", line["receipt_no"]], env)["traceId"] == TRACE_ID


@pytest.mark.parametrize("given", ["330324199001010003", "x" * 32, "12", ""])
def test_what_is_no_trace_id_is_replaced_by_a_fresh_one(server: HubServer, given: str):
    _, headers, _ = call(server, "/healthz", X_Trace_Id=given)
    assert headers["X-Request-Id"] != given
    assert len(headers["X-Request-Id"]) == 32


def test_refusals_are_logged_with_their_code(server: HubServer):
    _, headers, _ = call(server, "/api/v1/process-records", b"{", Content_Type="application/json", Idempotency_Key="b")
    trace_id = headers["X-Request-Id"]
    (line,) = eventually(lambda: [line for line in lines(server) if line.get("trace_id") == trace_id])
    assert (line["door"], line["operation"], line["code"][:4], line["sender"]) == (
        "rest", "pushProcess", "HUB-", server.sender,
    )  # fmt: skip


def test_figures_follow_what_happens(server: HubServer):
    names = ('hub_requests_total{code="",door="soap"', "hub_records_stored_total", "hub_stored_latency_seconds_count")
    before = [value_of(server, name) for name in names]
    step = a_step(case_no="F-1", record_id="figures-1")
    call(server, "/soap/exchange/v1", a_soap_body(PROCESS, "figures", [step]), Content_Type="text/xml")
    eventually(lambda: [value_of(server, name) for name in names] == [number + 1 for number in before])
    assert value_of(server, "hub_database_up") == 1
    assert value_of(server, "hub_outbox_messages") == 0


def test_figures_come_in_the_text_format_without_a_credential(server: HubServer):
    status, headers, _ = call(server, "/metrics", Authorization="Basic x")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=1.0.0; charset=utf-8")


def canary_calls(server: HubServer) -> None:
    """Good, broken and hostile requests with a canary in every place that a caller fills."""
    whole = a_message("canary-1", case_no=SECRET_TEXT, record_id=SECRET_TEXT, org_name=NAME, step_name=SECRET_TEXT)
    text = whole.decode()
    soap = "/soap/exchange/v1"
    for body in (
        whole,
        text.replace("canary-1", SECRET_TEXT).encode(),
        text[: len(text) // 2].encode(),
        text.replace("<stepSeq>1<", f"<stepSeq>{ID_NO}<").replace("canary-1", "canary-2").encode(),
        text.replace("ACCEPTED", NAME).replace("canary-1", "canary-3").encode(),
        text.replace("<opinion>", f"<{'x' + PHONE}>").encode(),
        text.replace("pushProcess", "push" + PHONE).encode(),
        f"<!DOCTYPE a [<!ENTITY b '{NAME}'>]>{text}".encode(),
        text.encode("utf-16"),
        f"{NAME}{ID_NO}".encode(),
    ):
        call(server, soap, body, Content_Type="text/xml", SOAPAction=f'"{PHONE}"', User_Agent=ID_NO, X_Trace_Id=ID_NO)
    record = to_json(an_acceptance(application=an_application(applicant_name=NAME), opinion=SECRET_TEXT))
    for index, value in enumerate(({"records": [record]}, {"records": [record | {"stepSeq": ID_NO}]}, {NAME: [ID_NO]})):
        for path in ("/api/v1/process-records", "/api/v1/results", f"/api/v1/{PHONE}"):
            key = f"{PHONE}-{index}"
            call(server, path, json.dumps(value).encode(), Content_Type="application/json", Idempotency_Key=key)
    for path in (f"/api/v1/receipts/{ID_NO}", f"/api/v1/cases?q={PHONE}", f"/cases/{ID_NO}", f"/{PHONE}?a={ID_NO}"):
        call(server, path)
        call(server, path, Authorization="Basic " + base64.b64encode(f"{NAME}:{ID_NO}".encode()).decode())


def test_no_log_line_and_no_figure_holds_anything_of_a_person(server: HubServer):
    already = len(lines(server))
    canary_calls(server)
    eventually(lambda: value_of(server, "hub_outbox_messages") == 0 and len(lines(server)) >= already + 25)
    told = log_text(server) + call(server, "/metrics")[2].decode()
    assert [canary for canary in CANARIES if canary in told] == []
    assert "***" not in told  # nothing had to be masked: it was never told


def test_every_line_of_a_service_is_json(server: HubServer):
    call(server, "/healthz")
    said = log_text(server).splitlines()
    assert [line for line in said if not line.startswith("{")] == []


# --- processes of one role --------------------------------------------------------------------------------------


def start(arguments: list[str], env: dict[str, str], errors: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "hub", *arguments], env=env, stdin=subprocess.DEVNULL, stderr=errors,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


def end(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(30)
    finally:
        process.kill()
        process.wait()


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


@pytest.mark.parametrize("role", ["work", "watch"])
def test_a_process_without_doors_answers_a_monitor(tmp_path: Path, role: str):
    port = free_port()
    env = environment(tmp_path, HUB_METRICS_PORT=str(port))
    assert hub(["init"], env).returncode == 0
    with (tmp_path / "role.log").open("wb") as log:
        process = start([role], env, log)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_answering(address + "/healthz", process, tmp_path / "role.log")
            assert get(address + "/healthz") == (200, b'{"status": "ok"}')
            assert json.loads(get(address + "/readyz")[1])["status"] == "ready"
            assert f'hub_loop_silent_seconds{{loop="{role}"}}'.encode() in get(address + "/metrics")[1]
            assert get(address + "/else")[0] == 404
        finally:
            assert end(process) == 0


@pytest.mark.parametrize("reader", ["gone", "asleep"])
def test_the_hub_goes_on_when_nobody_takes_its_log(tmp_path: Path, reader: str):
    port = free_port()
    env = environment(tmp_path, HUB_LOG_LEVEL="DEBUG")
    assert hub(["init"], env).returncode == 0
    read_end, write_end = os.pipe()
    process = start(["serve", "--port", str(port)], env, write_end)
    os.close(write_end)
    try:
        wait_until_answering(f"http://127.0.0.1:{port}/healthz", process, Path(os.devnull))
        if reader == "gone":
            os.close(read_end)
        # a pipe holds 64 KiB; every request writes a line of more than 200 bytes
        assert {get(f"http://127.0.0.1:{port}/healthz")[0] for _ in range(500)} == {200}
    finally:
        code = end(process)
    assert code == 0
    if reader == "asleep":
        os.close(read_end)
