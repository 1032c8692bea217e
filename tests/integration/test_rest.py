"""Pushes, receipts, probes and the description of the REST door, on a real database."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.domain.errors import RetryableError
from hub.domain.record_json import to_json
from hub.gateway.admission import AdmissionLimits
from hub.gateway.exchange import Exchange
from hub.gateway.rest.context import RestLimits
from hub.gateway.rest.models import Problem, Receipt
from hub.stores import registry
from hub.stores.session import Database
from tests.builders import SmallHub, a_result, a_small_hub, a_step, an_acceptance, an_item
from tests.integration.rest_door import RestDoor, a_rest_door
from tools.write_openapi import PUBLISHED, published_document

PROCESS_RECORDS = "/api/v1/process-records"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    yield opened
    opened.dispose()


@pytest.fixture
def door(database: Database) -> RestDoor:
    return a_rest_door(a_small_hub(database))


def a_body(*records: Any) -> bytes:
    return json.dumps({"records": list(records)}, ensure_ascii=False).encode()


def code_of(answer: Any, status: int) -> str:
    """The code of a problem that is well-formed and has this status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    shown = Problem.model_validate(answer.json())
    assert shown.trace_id == answer.headers["x-request-id"]
    assert shown.status == status
    return shown.code


def test_message_is_kept_byte_for_byte_and_processed(door: RestDoor) -> None:
    body = a_body(to_json(an_acceptance())) + b"\n"
    answer = door.post(PROCESS_RECORDS, body)
    receipt = Receipt.model_validate(answer.json())
    assert answer.status_code == 202
    assert (receipt.status, receipt.accepted_count, receipt.errors) == ("ACCEPTED", 1, [])
    assert receipt.digest == hashlib.sha256(body).hexdigest()
    sealed = door.hub.rows("SELECT body_sealed FROM envelope")[0][0]
    assert door.hub.sealer.open_body(sealed) == body
    door.hub.work()
    assert door.stored("process_record") == 1


def test_items_and_results_have_doors_of_their_own(door: RestDoor) -> None:
    assert door.push(an_item(), key="a").status_code == 202
    assert door.push(a_result(), key="b").status_code == 202
    door.hub.work()
    assert (door.stored("service_item_version"), door.stored("result_record")) == (1, 1)


def test_bare_list_is_taken_as_the_records(door: RestDoor) -> None:
    assert door.post(PROCESS_RECORDS, json.dumps([to_json(a_step())]).encode()).status_code == 202


def test_body_with_byte_order_mark_is_taken_and_processed(door: RestDoor) -> None:
    assert door.post(PROCESS_RECORDS, b"\xef\xbb\xbf" + a_body(to_json(a_step()))).status_code == 202
    door.hub.work()
    assert door.stored("process_record") == 1


def test_same_message_again_gets_the_first_receipt(door: RestDoor) -> None:
    record = a_step()
    first = door.push(record).json()
    again = door.push(record)
    assert again.status_code == 200
    assert again.json() == first | {"status": "DUPLICATE"}
    assert door.stored("envelope") == 1


def test_same_key_with_other_content_is_refused(door: RestDoor) -> None:
    door.push(a_step())
    assert code_of(door.push(a_step()), 422) == "HUB-6001"


def test_quoted_key_is_the_same_key(door: RestDoor) -> None:
    record = a_step()
    assert door.push(record, key='"m-1"').json()["messageId"] == "m-1"
    assert door.push(record, key="m-1").status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 101, '"', "a\tb"])
def test_key_must_be_there_and_printable(door: RestDoor, key: str) -> None:
    assert code_of(door.push(a_step(), key=key), 400) == "HUB-1018"


def test_key_that_stands_twice_is_refused(door: RestDoor) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = door.client.post(PROCESS_RECORDS, content=a_body(to_json(a_step())), headers=headers, auth=door.basic)
    assert code_of(answer, 400) == "HUB-1018"


def test_good_records_are_kept_and_bad_ones_listed(door: RestDoor) -> None:
    bad = to_json(a_step(record_id="bad")) | {"handledAt": "2027-02-29T10:00:00"}
    answer = door.post(PROCESS_RECORDS, a_body(to_json(a_step()), bad))
    assert answer.status_code == 207
    assert answer.json()["status"] == "PARTIAL"
    [error] = answer.json()["errors"]
    message = error.pop("message")
    assert error == {"seq": 2, "recordId": "bad", "code": "HUB-3007", "path": "record[2]/handledAt"}
    assert "2027-02-29" not in message


def test_message_without_any_good_record_is_a_problem_with_its_receipt(door: RestDoor) -> None:
    foreign = to_json(a_step(org_code="33032400AJ"))
    answer = door.post(PROCESS_RECORDS, a_body(foreign))
    assert code_of(answer, 422) == "HUB-2004"
    assert answer.json()["errors"][0]["path"] == "record[1]/orgCode"
    receipt_no = answer.json()["receipt"]["receiptNo"]
    assert door.client.get(f"/api/v1/receipts/{receipt_no}", auth=door.basic).json()["status"] == "REJECTED"


def test_credential_is_checked_before_anything_else(door: RestDoor) -> None:
    for credential in ("", "Basic Z3Mtc3lzdGVtOndyb25n", "Basic !", "Bearer wrong"):
        answer = door.client.post(PROCESS_RECORDS, content=b"not json", headers={"Authorization": credential})
        assert code_of(answer, 401) == "HUB-2001"
        assert "Basic" in answer.headers["www-authenticate"]


def test_staff_may_not_push(door: RestDoor) -> None:
    answer = door.client.post(PROCESS_RECORDS, content=b"{}", headers=door.bearer("system_admin"))
    assert code_of(answer, 403) == "HUB-2003"


def test_disabled_sender_reads_why(door: RestDoor) -> None:
    with door.hub.database.unit() as unit:
        registry.set_disabled(unit, "gs-system", "证书到期")
    answer = door.push(a_step())
    assert code_of(answer, 403) == "HUB-2002"
    assert "证书到期" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content_Type": "text/xml"}, 415, "HUB-1009"),
        ({"Content_Encoding": "gzip"}, 415, "HUB-1019"),
        ({"Content_Type": "application/json; charset=gbk"}, 400, "HUB-1004"),
    ],
)
def test_form_of_the_body_must_be_plain_json(door: RestDoor, headers: Any, status: int, code: str) -> None:
    assert code_of(door.post(PROCESS_RECORDS, a_body(to_json(a_step())), **headers), status) == code


def test_gbk_body_is_refused_with_advice(door: RestDoor) -> None:
    body = a_body(to_json(a_step())).decode().encode("gbk")
    assert code_of(door.post(PROCESS_RECORDS, body), 400) == "HUB-1004"


def test_too_many_records_and_too_many_bytes_are_refused(database: Database) -> None:
    door = a_rest_door(a_small_hub(database), RestLimits(body_bytes=20_000, records=2))
    assert code_of(door.push(a_step(), a_step(), a_step()), 413) == "HUB-1016"
    assert code_of(door.post(PROCESS_RECORDS, b" " * 20_001), 413) == "HUB-1003"
    assert door.stored("envelope") == 0


def test_truncated_message_leaves_nothing_behind(door: RestDoor) -> None:
    headers = {"Content-Length": "1000", "Idempotency-Key": "m-1"}
    answer = door.client.post(PROCESS_RECORDS, content=a_body(to_json(a_step())), headers=headers, auth=door.basic)
    assert code_of(answer, 400) == "HUB-1013"
    assert door.stored("envelope") == 0


def test_busy_door_asks_to_come_back(database: Database) -> None:
    door = a_rest_door(a_small_hub(database), admission=AdmissionLimits(places=0))
    answer = door.push(a_step())
    assert code_of(answer, 503) == "HUB-9003"
    assert int(answer.headers["retry-after"]) > 0


def test_unforeseen_failure_tells_nothing(door: RestDoor, caplog: pytest.LogCaptureFixture) -> None:
    value = "".join(("se", "cret"))  # a log that shows the line of the fault may show its source

    def broken(*_: object) -> None:
        raise ValueError(value)

    door = a_rest_door(_with_exchange(door, receive=broken))
    answer = door.push(a_step())
    assert code_of(answer, 500) == "HUB-9001"
    assert value not in answer.text + caplog.text
    assert "ValueError" in caplog.text


def test_storage_outage_is_retryable(door: RestDoor) -> None:
    def away(*_: object) -> None:
        raise RetryableError("HUB-9002", "数据库暂时不可用")

    answer = a_rest_door(_with_exchange(door, receive=away)).push(a_step())
    assert code_of(answer, 503) == "HUB-9002"
    assert answer.json()["retryable"] is True
    assert "retry-after" in answer.headers


def _with_exchange(door: RestDoor, **replaced: Any) -> SmallHub:
    real = door.hub.exchange
    methods = {"sender_by_password": real.sender_by_password, "receive": real.receive, "now": real.now}
    return replace(door.hub, exchange=cast(Exchange, SimpleNamespace(**methods | replaced)))


def test_trace_id_of_the_caller_is_kept(door: RestDoor) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = door.client.get("/healthz", headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
    assert answer.headers["x-request-id"] == trace_id


# --- receipts ---------------------------------------------------------------------------------------------------


def test_receipt_follows_every_record(door: RestDoor) -> None:
    path = door.push(a_step()).headers["location"]
    [before] = door.client.get(path, auth=door.basic).json()["recordStates"]
    door.hub.work()
    after = Receipt.model_validate(door.client.get(path, auth=door.basic).json())
    assert (before["state"], [state.state for state in after.record_states or []]) == ("RECEIVED", ["STORED"])


def test_staff_reads_the_same_receipt(door: RestDoor) -> None:
    path = door.push(a_step()).headers["location"]
    assert door.get(path).json() == door.client.get(path, auth=door.basic).json()


def test_receipt_of_another_sender_is_not_there(door: RestDoor) -> None:
    path = door.push(a_step()).headers["location"]
    assert code_of(door.client.get(path, auth=door.other_sender("33032400AJ")), 404) == "HUB-4041"


# --- probes and description -------------------------------------------------------------------------------------


def test_probes_need_no_credential(door: RestDoor) -> None:
    assert door.client.get("/healthz").json() == {"status": "ok"}
    assert door.client.get("/readyz").json() == {"status": "ready", "warnings": []}


def test_readiness_warns_of_a_calendar_that_runs_out(door: RestDoor) -> None:
    until = door.hub.law().calendar.published_until
    for ahead, warned in ((90, []), (89, ["calendar"])):
        door.hub.clock.move_to(datetime(until.year, until.month, until.day, 4, tzinfo=UTC) - timedelta(days=ahead))
        assert [warning["name"] for warning in door.client.get("/readyz").json()["warnings"]] == warned


def test_database_that_was_never_set_up_is_not_ready(door: RestDoor, tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    assert code_of(a_rest_door(replace(door.hub, database=empty)).client.get("/readyz"), 503) == "HUB-9002"
    empty.dispose()


def test_published_openapi_document_is_what_is_served(door: RestDoor) -> None:
    published = (ROOT / PUBLISHED).read_bytes()
    assert published == published_document()
    assert door.client.get("/api/v1/openapi.json").json() == json.loads(published)


def test_docs_page_lists_every_operation_without_scripts(door: RestDoor) -> None:
    page = door.client.get("/docs")
    for path in json.loads((ROOT / PUBLISHED).read_text(encoding="utf-8"))["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_unknown_address_and_wrong_method_are_problems(door: RestDoor) -> None:
    assert code_of(door.client.get("/api/v1/nothing"), 404) == "HUB-4043"
    wrong = door.client.delete("/api/v1/cases")
    assert (code_of(wrong, 405), wrong.headers["allow"]) == ("HUB-1020", "GET")
    assert code_of(door.client.get("/nothing"), 404) == "HUB-4043"
