"""Where the hub may connect to: at save, at connect, by name, by address, by redirect."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from adapters.transports.folders import Folders
from adapters.transports.outbound import AllowList, Outbound
from adapters.transports.save_checks import check_outbound
from adapters.transports.table.database import database_address
from hub.domain.errors import HubError, RejectedError, RetryableError
from tests.department_server import Answer, DepartmentServer, department_server

COUNTY = "10.1.2.3:5432, 10.2.0.0/16:443, *.county.example:8000-8099, db.example:*, [fd12::]/16:443, localhost:80"


@pytest.fixture
def department() -> Iterator[DepartmentServer]:
    with department_server() as running:
        yield running


def code_of(act: Any) -> str:
    with pytest.raises(HubError) as caught:
        act()
    return caught.value.code


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("10.1.2.3", 5432), ("10.2.255.1", 443), ("a.county.example", 8000), ("A.B.COUNTY.EXAMPLE.", 8099),
        ("db.example", 1), ("fd12::1", 443), ("::ffff:10.1.2.3", 5432),
    ],
)  # fmt: skip
def test_what_the_list_names_is_allowed(host: str, port: int) -> None:
    Outbound(AllowList.parse(COUNTY)).require(host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("10.1.2.3", 5433), ("10.1.2.4", 5432), ("10.3.0.1", 443), ("county.example", 8000), ("a.county.example", 8100),
        ("evil-county.example", 8000), ("a.county.example.evil", 8000), ("db.example.evil", 1), ("169.254.169.254", 80),
        ("0x0a010203", 5432), ("167838211", 5432), ("10.1.515", 5432),
    ],
)  # fmt: skip
def test_everything_else_is_refused(host: str, port: int) -> None:
    assert code_of(lambda: Outbound(AllowList.parse(COUNTY)).require(host, port)) == "HUB-4020"


def test_an_empty_list_allows_nothing() -> None:
    assert code_of(lambda: Outbound(AllowList.parse("")).require("10.1.2.3", 80)) == "HUB-4020"


@pytest.mark.parametrize("entry", ["10.1.2.3", "*:80", "http://a.example:80", "a b:80", "a.example:0x50", "*.*:80"])
def test_an_entry_that_says_too_much_or_too_little_is_refused(entry: str) -> None:
    assert code_of(lambda: AllowList.parse(entry)) == "HUB-4020"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
     "2002:7f00:1::", "224.0.0.1", "100.100.100.200"],
)  # fmt: skip
def test_a_name_that_leads_to_a_special_address_is_refused(address: str) -> None:
    outbound = Outbound(AllowList.parse("db.example:80"), resolver=lambda *_: [address])
    assert code_of(lambda: outbound.addresses("db.example", 80)) == "HUB-4020"


def test_a_special_address_that_the_list_names_is_allowed() -> None:
    outbound = Outbound(AllowList.parse("db.example:80, 127.0.0.1:80"), resolver=lambda *_: ["127.0.0.1"])
    assert outbound.addresses("db.example", 80) == ["127.0.0.1"]


def test_a_name_that_is_not_known_is_a_passing_problem() -> None:
    outbound = Outbound(AllowList.parse("nothing.invalid:80"))
    with pytest.raises(RetryableError) as caught:
        outbound.addresses("nothing.invalid", 80)
    assert caught.value.code == "HUB-9026"


def test_a_name_is_asked_for_once_and_the_checked_address_is_connected_to(department: DepartmentServer) -> None:
    department.answer = lambda _: Answer(b"data")
    told = iter([["127.0.0.1"], ["169.254.169.254"]])
    allow = AllowList.parse(f"db.example:{department.port}, {department.allow}")
    session = Outbound(allow, resolver=lambda *_: next(told)).session()
    assert session.get(f"http://db.example:{department.port}/x").content == b"data"
    assert department.asked[0].headers["Host"] == f"db.example:{department.port}"
    assert code_of(lambda: session.get(f"http://db.example:{department.port}/x")) == "HUB-4020"


@pytest.mark.parametrize("to", ["http://169.254.169.254/latest", "/elsewhere", "https://127.0.0.1/login"])
def test_a_redirect_is_never_followed(department: DepartmentServer, to: str) -> None:
    department.answer = lambda _: Answer(status=302, headers={"Location": to})
    session = Outbound(AllowList.parse(department.allow)).session()
    assert code_of(lambda: session.get(department.url)) == "HUB-4029"
    assert len(department.asked) == 1


def test_proxies_of_the_environment_are_not_used(department: DepartmentServer, monkeypatch: pytest.MonkeyPatch) -> None:
    department.answer = lambda _: Answer(b"direct")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert Outbound(AllowList.parse(department.allow)).session().get(department.url).content == b"direct"


def test_an_answer_that_never_ends_is_cut_at_the_deadline(department: DepartmentServer) -> None:
    department.answer = lambda _: Answer(b"x" * 200, drips=True)
    started = time.monotonic()
    session = Outbound(AllowList.parse(department.allow), seconds=0.4).session()
    assert code_of(lambda: session.get(department.url)) == "HUB-9027"
    assert time.monotonic() - started < 3


def test_an_answer_larger_than_allowed_is_refused(department: DepartmentServer) -> None:
    department.answer = lambda _: Answer(b"x" * 1001)
    session = Outbound(AllowList.parse(department.allow), answer_bytes=1000).session()
    assert code_of(lambda: session.get(department.url)) == "HUB-4034"


def test_an_answer_that_is_cut_off_is_a_passing_problem(department: DepartmentServer) -> None:
    department.answer = lambda _: Answer(b'{"a":', announced=100)
    session = Outbound(AllowList.parse(department.allow)).session()
    assert code_of(lambda: session.get(department.url)) == "HUB-9026"


@responses.activate
@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (requests.exceptions.SSLError(), "HUB-4025"), (requests.exceptions.ReadTimeout(), "HUB-9027"),
        (requests.exceptions.ConnectionError(), "HUB-9026"), (requests.exceptions.InvalidHeader(), "HUB-4030"),
    ],
)  # fmt: skip
def test_every_failure_of_the_network_has_a_code(failure: Exception, code: str) -> None:
    responses.get("http://10.1.2.3:5432/x", body=failure)
    session = Outbound(AllowList.parse(COUNTY)).session()
    assert code_of(lambda: session.get("http://10.1.2.3:5432/x")) == code


def document(**transport: Any) -> dict[str, Any]:
    return {"adapter": "x", "transport": transport}


REFUSED_AT_SAVE = {
    "another host": document(kind="rest", url="https://10.9.9.9/list"),
    "a file": document(kind="rest", url="file:///etc/passwd"),
    "a user in the address": document(kind="rest", url="https://u:p@10.2.0.1/list"),
    "a port that is none": document(kind="rest", url="https://10.2.0.1:99999/list"),
    "a WSDL elsewhere": document(kind="soap", wsdl={"url": "https://10.9.9.9/s?wsdl"}, operation="o"),
    "an endpoint elsewhere": document(kind="soap", wsdl={"text": "<x/>"}, endpoint="http://127.0.0.1/", operation="o"),
    "a database elsewhere": document(kind="table", connection={"url": "postgresql://u@10.9.9.9/x"}, tables=[]),
    "a socket": document(kind="table", connection={"url": "postgresql://u@/x?host=/var/run"}, tables=[]),
    "two hosts": document(kind="table", connection={"url": "postgresql://u@10.1.2.3,10.9.9.9/x"}, tables=[]),
    "a password": document(kind="table", connection={"url": "postgresql://u:p@10.1.2.3/x"}, tables=[]),
    "a file database": document(kind="table", connection={"url": "sqlite:////etc/hub.db"}, tables=[]),
    "no address": document(kind="table", connection={"url": "nothing"}, tables=[]),
    "a folder elsewhere": document(kind="files", folder="/etc"),
    "a relative folder": document(kind="files", folder="pull/gs"),
}


@pytest.mark.parametrize("name", list(REFUSED_AT_SAVE))
def test_a_document_that_points_elsewhere_is_refused_at_save(name: str, tmp_path: Path) -> None:
    issues = check_outbound(REFUSED_AT_SAVE[name], Outbound(AllowList.parse(COUNTY)), Folders.of([tmp_path]))
    assert [issue.code for issue in issues] in (["HUB-4020"], ["HUB-4022"], ["HUB-4024"])
    assert issues[0].path.startswith("transport/")


def test_a_document_within_the_list_passes_at_save(tmp_path: Path) -> None:
    outbound, folders = Outbound(AllowList.parse(COUNTY)), Folders.of([tmp_path])
    for entry in (
        document(kind="rest", url="https://10.2.0.1/list"),
        document(kind="soap", wsdl={"text": "<x/>"}, operation="o"),
        document(kind="table", connection={"url": "postgresql+psycopg://u@10.1.2.3/x"}, tables=[]),
        document(kind="files", folder=str(tmp_path / "gs")),
        document(kind="push"),
        {"adapter": "x"},
    ):
        assert check_outbound(entry, outbound, folders) == []


def test_a_link_that_leads_out_of_the_folders_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gs").symlink_to("/etc")
    with pytest.raises(RejectedError) as caught:
        Folders.of([tmp_path]).require(tmp_path / "gs" / "x")
    assert caught.value.code == "HUB-4022"


def test_an_option_of_a_database_address_cannot_name_another_host() -> None:
    assert code_of(lambda: database_address("postgresql://u@10.1.2.3/x?hostaddr=10.9.9.9")) == "HUB-4024"
    assert code_of(lambda: database_address("mssql+pyodbc://u@10.1.2.3/x?odbc_connect=Server%3Dy")) == "HUB-4024"
    assert database_address("mysql+pymysql://u@10.1.2.3/x?charset=gbk").port == 3306
