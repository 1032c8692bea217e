"""Pulling REST and SOAP from systems that are down, slow, moved, logged out or lying: states with codes, never data."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.stores import pull
from hub.stores.secrets import keep_secret
from hub.stores.session import Database
from tests.builders import MONDAY_MORNING, SmallHub, a_small_hub
from tests.department_server import Answer, Asked, DepartmentServer, department_server
from tests.pull_sources import PULLED, Pulling

JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    yield a_small_hub(database)
    database.dispose()


@pytest.fixture
def department() -> Iterator[DepartmentServer]:
    with department_server() as running:
        yield running


def rest(hub: SmallHub, department: DepartmentServer, **transport: Any) -> Pulling:
    paging = {"kind": "page", "records": "rows"}
    plain = {"kind": "rest", "url": department.url + "/list", "paging": paging, "query": {"page": "{page}"}}
    return Pulling(hub, {**plain, **transport}, allow=department.allow)


def page_of(asked: Asked) -> int:
    return int(asked.path.partition("page=")[2].partition("&")[0])


def rows(*numbers: str, **also: str) -> Answer:
    listed = ",".join(f'{{"NO":"{number}"}}' for number in numbers)
    extra = "".join(f',"{name}":"{value}"' for name, value in also.items())
    return Answer(f'{{"rows":[{listed}]{extra}}}'.encode(), headers=JSON)


def numbers(source: Pulling) -> list[str]:
    return [row["NO"] for row in source.taken()]


def test_every_page_is_taken_until_one_is_empty(hub: SmallHub, department: DepartmentServer) -> None:
    pages = {1: rows("1", "2"), 2: rows("3"), 3: rows()}
    department.answer = lambda asked: pages[page_of(asked)]
    source = rest(hub, department)
    assert source.pull().problem is None
    assert numbers(source) == ["1", "2", "3"]
    assert source.pull().messages == 0
    pages[2], pages[3], pages[4] = rows("3", "4"), rows("5"), rows()
    source.pull()
    assert numbers(source) == ["1", "2", "3", "3", "4", "5"]


def test_pages_go_by_the_cursor_and_go_on_where_they_ended(hub: SmallHub, department: DepartmentServer) -> None:
    pages = {"": rows("1", next="a"), "a": rows("2", next="b"), "b": rows()}
    department.answer = lambda asked: pages[asked.path.partition("after=")[2]]
    paging = {"kind": "cursor", "records": "rows", "next": "next", "keepCursor": True}
    source = rest(hub, department, paging=paging, query={"after": "{cursor}"})
    source.pull()
    pages["b"], pages["c"] = rows("3", next="c"), rows()
    source.pull()
    assert numbers(source) == ["1", "2", "3"]
    assert [asked.path.partition("after=")[2] for asked in department.asked] == ["", "a", "b", "b", "c"]


@pytest.mark.parametrize("failpoint", ["pull_read", "pull_accept", "pull_committed"])
def test_no_page_is_doubled_or_skipped_when_a_run_breaks_off(
    hub: SmallHub, department: DepartmentServer, failpoint: str
) -> None:
    pages = {1: rows("1", "2"), 2: rows("3"), 3: rows()}
    department.answer = lambda asked: pages[page_of(asked)]
    source = rest(hub, department)
    source.pull_stumbling_at(failpoint)
    assert source.pull().problem is None
    assert numbers(source) == ["1", "2", "3"]


def test_the_span_begins_before_the_last_run_by_the_departments_clock(
    hub: SmallHub, department: DepartmentServer
) -> None:
    department.answer = lambda _: Answer(b'{"rows":[]}', headers=JSON | {"Date": "Mon, 02 Mar 2026 01:00:00 GMT"})
    query = {"page": "{page}", "begin": "{since}", "end": "{until}"}
    source = rest(hub, department, query=query, overlapMinutes=10, **{"from": "2026-03-01"})
    source.pull()
    hub.clock.move_to(MONDAY_MORNING + timedelta(hours=1))
    source.pull()
    first, second = (asked.path for asked in department.asked)
    assert "begin=2026-02-28+23%3A50%3A00" in first
    assert "end=2026-03-02+09%3A30%3A00" in first
    assert "begin=2026-03-02+08%3A50%3A00" in second


HTML = b"<!DOCTYPE html><html><body>login</body></html>"
BAD = {
    "down": (Answer(status=503), "HUB-9028"),
    "broken": (Answer(b"oops", status=500), "HUB-9028"),
    "logged out": (Answer(HTML, headers={"Content-Type": "text/html"}), "HUB-4028"),
    "a login page that says it is JSON": (Answer(HTML, headers=JSON), "HUB-4028"),
    "moved": (Answer(status=302, headers={"Location": "http://169.254.169.254/"}), "HUB-4029"),
    "no credential": (Answer(status=401), "HUB-4025"),
    "not there": (Answer(status=404), "HUB-4030"),
    "half of it": (Answer(b'{"rows":[{"NO":"1"},{"N', headers=JSON), "HUB-4030"),
    "cut off": (Answer(b'{"rows":[', announced=500, headers=JSON), "HUB-9026"),
    "another structure": (Answer(b'{"data":[]}', headers=JSON), "HUB-4030"),
    "deep": (Answer(b"[" * 100_000, headers=JSON), "HUB-4030"),
    "giant": (Answer(b" " * 300_000, headers=JSON), "HUB-4034"),
    "slow": (Answer(b" " * 200, drips=True, headers=JSON), "HUB-9027"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_what_is_no_data_is_a_state_with_a_code(hub: SmallHub, department: DepartmentServer, name: str) -> None:
    answer, code = BAD[name]
    department.answer = lambda _: answer
    source = rest(hub, department)
    source.exchange_seconds = 0.5
    problem = source.pull().problem
    assert problem is not None
    assert problem.code == code
    assert source.bodies() == []
    with hub.database.read() as unit:
        state = pull.pull_states(unit)[PULLED]
    assert state["problem"]["code"] == code
    assert state["positions"] == {}
    pages = {1: rows("1"), 2: rows()}
    department.answer = lambda asked: pages[page_of(asked)]
    assert source.pull().problem is None
    with hub.database.read() as unit:
        assert pull.pull_states(unit)[PULLED]["problem"] is None


def test_a_charset_that_lies_is_overruled(hub: SmallHub, department: DepartmentServer) -> None:
    pages = {1: Answer('{"rows":[{"NO":"样例"}]}'.encode("gb18030"), headers=JSON), 2: rows()}
    department.answer = lambda asked: pages[page_of(asked)]
    assert rest(hub, department).pull().problem.code == "HUB-9033"  # the toy adapter reads UTF-8 only
    assert len(department.asked) == 1


def test_the_wait_that_is_asked_for_is_kept(hub: SmallHub, department: DepartmentServer) -> None:
    department.answer = lambda _: Answer(status=429, headers={"Retry-After": "600"})
    source = rest(hub, department, schedule={"everyMinutes": 1})
    source.pull()
    assert len(department.asked) == 1
    with hub.database.read() as unit:
        assert pull.due(unit, [PULLED], hub.clock() + timedelta(seconds=599)) == []
        assert pull.due(unit, [PULLED], hub.clock() + timedelta(seconds=600)) == [PULLED]


def test_a_short_failure_is_tried_again_at_once(hub: SmallHub, department: DepartmentServer) -> None:
    answers = iter([Answer(status=502), Answer(status=503, headers={"Retry-After": "3"}), rows()])
    department.answer = lambda _: next(answers)
    source = rest(hub, department)
    assert source.pull().problem is None
    assert source.naps == [1.0, 3]


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [
        ({"kind": "bearer", "secret": "key"}, "Authorization", "Bearer s3cret"),
        ({"kind": "basic", "user": "hub", "secret": "key"}, "Authorization", "Basic aHViOnMzY3JldA=="),
        ({"kind": "header", "header": "X-Token", "secret": "key"}, "X-Token", "s3cret"),
    ],
)
def test_the_hub_shows_itself_with_a_kept_secret(
    hub: SmallHub, department: DepartmentServer, authentication: Any, header: str, value: str
) -> None:
    department.answer = lambda _: rows()
    source = rest(hub, department)
    source.overrides = {"document": {"authentication": authentication}}
    assert source.pull().problem.code == "HUB-4023"
    with hub.database.unit() as unit:
        keep_secret(unit, hub.sealer, "key", "s3cret", "test", MONDAY_MORNING)
    assert source.pull().problem is None
    assert department.asked[-1].headers[header] == value


def test_an_answer_that_says_it_failed_is_no_data(hub: SmallHub, department: DepartmentServer) -> None:
    department.answer = lambda _: rows(code="500")
    success = {"select": "code", "values": ["200"]}
    assert rest(hub, department, success=success).pull().problem.code == "HUB-4031"


def test_an_interface_without_end_is_stopped(hub: SmallHub, department: DepartmentServer) -> None:
    department.answer = lambda asked: rows(str(page_of(asked)))
    paging = {"kind": "page", "records": "rows", "maxPages": 5}
    assert rest(hub, department, paging=paging).pull().problem.code == "HUB-4030"
    assert len(department.asked) == 5


# --- SOAP ---------------------------------------------------------------------------------------------------------

WSDL = """<?xml version="1.0" encoding="utf-8"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:t="urn:dept" xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:dept">
  <types><x:schema targetNamespace="urn:dept" elementFormDefault="qualified">{imported}
    <x:element name="GetList"><x:complexType><x:sequence>
      <x:element name="beginTime" type="x:string"/></x:sequence></x:complexType></x:element>
    <x:element name="GetListResponse"><x:complexType><x:sequence>
      <x:element name="GetListResult" type="x:string"/></x:sequence></x:complexType></x:element>
  </x:schema></types>
  <message name="In"><part name="parameters" element="t:GetList"/></message>
  <message name="Out"><part name="parameters" element="t:GetListResponse"/></message>
  <portType name="P"><operation name="GetList"><input message="t:In"/><output message="t:Out"/></operation></portType>
  <binding name="B" type="t:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="GetList"><s:operation soapAction="urn:dept/GetList"/><input><s:body use="literal"/></input>
    <output><s:body use="literal"/></output></operation></binding>
  <service name="S"><port name="Port" binding="t:B"><s:address location="{address}"/></port></service>
</definitions>"""
XML = {"Content-Type": "text/xml; charset=utf-8"}


def soap_answer(inner: str, status: int = 200) -> Answer:
    body = f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{inner}</e:Body></e:Envelope>'
    return Answer(body.encode(), status=status, headers=XML)


def result(text: str) -> Answer:
    return soap_answer(f'<GetListResponse xmlns="urn:dept"><GetListResult>{text}</GetListResult></GetListResponse>')


def soap(hub: SmallHub, department: DepartmentServer, imported: str = "", **transport: Any) -> Pulling:
    plain = {
        "kind": "soap",
        "wsdl": {"text": WSDL.format(imported=imported, address="http://developer.example/old")},
        "endpoint": department.url + "/service",
        "operation": "GetList",
        "parameters": {"beginTime": "{since}"},
        "result": "GetListResult",
    }
    return Pulling(hub, {**plain, **transport}, allow=department.allow)


def test_the_string_that_a_service_returns_is_taken(hub: SmallHub, department: DepartmentServer) -> None:
    department.answer = lambda _: result("&lt;paras&gt;&lt;NO&gt;1&lt;/NO&gt;&lt;/paras&gt;")
    source = soap(hub, department)
    assert source.pull().problem is None
    assert source.bodies() == ["<paras><NO>1</NO></paras>"]
    assert b"beginTime>2026-03-01 09:30:00<" in department.asked[0].body
    assert source.pull().messages == 0


def test_a_wsdl_is_fetched_where_the_document_says(hub: SmallHub, department: DepartmentServer) -> None:
    wsdl = WSDL.format(imported="", address=department.url + "/service").encode()
    department.answer = lambda asked: Answer(wsdl, headers=XML) if asked.method == "GET" else result("x")
    source = soap(hub, department, wsdl={"url": department.url + "/service?wsdl"})
    del source.transport["endpoint"]
    assert source.pull().problem is None
    assert source.bodies() == ["x"]


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/x.xsd", "http://other.example/x.xsd", "file:///etc/passwd", "/etc/passwd", "x.xsd"],
)
def test_a_wsdl_that_imports_from_elsewhere_leads_nowhere(
    hub: SmallHub, department: DepartmentServer, location: str
) -> None:
    imported = f'<x:import namespace="urn:o" schemaLocation="{location}"/>'
    source = soap(hub, department, imported)
    assert source.pull().problem.code in ("HUB-4020", "HUB-4032")
    assert department.asked == []


CLIENT_FAULT = "<e:Fault><faultcode>e:Client</faultcode><faultstring>秘密</faultstring></e:Fault>"
BAD_SERVICES = {
    "client fault": (soap_answer(CLIENT_FAULT, 500), "HUB-4033"),
    "server fault": (soap_answer("<e:Fault><faultcode>e:Server</faultcode></e:Fault>", 500), "HUB-9028"),
    "login page": (Answer(HTML, headers={"Content-Type": "text/html"}), "HUB-4028"),
    "cut off": (Answer(b"<e:Envelope", headers=XML), "HUB-4030"),
    "no result": (soap_answer("<Other/>"), "HUB-4030"),
    "no credential": (Answer(status=401), "HUB-4025"),
    "down": (Answer(b"", status=503), "HUB-9028"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD_SERVICES))
def test_a_service_that_gives_no_data_is_a_state_with_a_code(
    hub: SmallHub, department: DepartmentServer, name: str
) -> None:
    answer, code = BAD_SERVICES[name]
    department.answer = lambda _: answer
    source = soap(hub, department)
    problem = source.pull().problem
    assert problem.code == code
    assert "秘密" not in problem.message
    assert source.bodies() == []


@pytest.mark.parametrize(
    "transport",
    [{"operation": "NoSuch"}, {"service": "NoSuch"}, {"parameters": {"other": "1"}}, {"wsdl": {"text": "<html/>"}},
     {"wsdl": {"text": "no xml"}}, {"wsdl": {"text": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}}],
)  # fmt: skip
def test_a_wsdl_that_does_not_fit_is_told(hub: SmallHub, department: DepartmentServer, transport: Any) -> None:
    assert soap(hub, department, **transport).pull().problem.code == "HUB-4032"
    assert department.asked == []
