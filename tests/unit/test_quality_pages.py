"""数据质量 and 对账 in the browser."""

import re
from datetime import date

import pytest
from fastapi.testclient import TestClient

from hub.console.session import RIGHTS, Right
from hub.console.trend import trend
from hub.domain.codes import ROLES
from tests.fake_console import FakeConsole
from tests.unit.test_console_pages import PAYLOAD, csrf_of, signed_in

ACCOUNT = "/reconciliation?sender=SCJG&date=2026-03-17"


@pytest.fixture
def browser() -> TestClient:
    return signed_in(FakeConsole())


def upload(browser: TestClient, content: bytes, **changed: str) -> tuple[int, str]:
    form = {"csrf": csrf_of(browser.get(ACCOUNT).text), "sender": "SCJG", "date": "2026-03-17"} | changed
    answer = browser.post("/reconciliation", data=form, files={"file": ("list.csv", content)} if content else None)
    return answer.status_code, answer.text


def test_every_figure_of_a_sender_is_a_link_to_its_records(browser: TestClient) -> None:
    page = browser.get("/quality/senders/SCJG?days=7").text
    links = set(re.findall(r'href="(/quality/records\?[^"]+)"', page))
    assert any("measure=REJECTED" in link and "code=HUB-3001" in link for link in links)
    assert {browser.get(link.replace("&amp;", "&")).status_code for link in links} == {200}


def test_the_days_asked_for_are_kept_on_the_way(browser: TestClient) -> None:
    page = browser.get("/quality?days=90").text
    assert "/quality/senders/SCJG?days=90" in page
    assert "2025-12-19 至 2026-03-18" in page
    assert "最近 30 天" in browser.get("/quality?days=999").text


def test_a_silent_sender_is_named_at_home_and_a_normal_one_is_not(browser: TestClient) -> None:
    page = browser.get("/").text
    assert page.count("静默") == 1
    assert "偏静" not in page


def test_a_missing_number_is_named(browser: TestClient) -> None:
    page = browser.get(ACCOUNT).text
    assert "GS20260317-0003 缺" in page
    assert "96%" in page


def test_an_uploaded_list_is_compared(browser: TestClient) -> None:
    status, page = upload(browser, "记录标识\nlost-1\n".encode("gb18030"))
    assert status == 200
    assert "中心没有" in page
    assert "lost-1" in page


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "请选择清单文件"),
        (b"\xff\xff", "HUB-4035"),
        (b'{"date": "2026-03-16", "records": ["s1"]}', "HUB-4037"),
        (b'["s1", 5]', "records[2]"),
    ],
)
def test_a_list_that_cannot_be_used_is_told_on_the_page(browser: TestClient, content: bytes, told: str) -> None:
    status, page = upload(browser, content)
    assert (status, told in page) == (422, True)
    assert "GS20260317-0003" in page


def test_an_upload_without_the_token_of_the_form_is_refused(browser: TestClient) -> None:
    assert upload(browser, b'["s1"]', csrf="0" * 64)[0] == 403


def test_the_export_calculates_nothing_in_a_spreadsheet() -> None:
    services = FakeConsole(lambda value: {"recordId": "=1+1"} if value == {"recordId": ""} else value)
    answer = signed_in(services).get("/reconciliation.csv?sender=SCJG&date=2026-03-17")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="reconciliation-2026-03-17.csv"'
    text = answer.content.decode("utf-8-sig")
    assert ",'=1+1" in text
    assert "办理过程,已入库,9" in text


@pytest.mark.parametrize("role", ROLES)
def test_the_export_asks_for_the_right_to_read_messages(role: str) -> None:
    answer = signed_in(FakeConsole(), role).get("/reconciliation.csv?sender=SCJG")
    assert answer.status_code == (200 if Right.MESSAGES in RIGHTS[role] else 403)


def test_what_does_not_exist_is_not_found(browser: TestClient) -> None:
    assert browser.get("/quality/senders/nobody").status_code == 404
    assert browser.get("/reconciliation.csv?sender=nobody").status_code == 404


def test_days_that_are_none_count_as_not_given(browser: TestClient) -> None:
    assert browser.get("/quality/records?from=yesterday&measure=ANY").status_code == 200
    assert browser.get("/reconciliation?date=2026-99-99&sender=nobody").status_code == 200


@pytest.mark.parametrize("page", ["/quality", "/quality/senders/SCJG", "/quality/records", ACCOUNT])
def test_texts_of_senders_stay_text(page: str) -> None:
    hostile = FakeConsole(lambda value: {"recordId": PAYLOAD} if value == {"recordId": ""} else value)
    text = signed_in(hostile).get(page).text
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


def test_a_line_is_broken_where_nothing_came_for_long() -> None:
    days = [{"day": date(2026, 3, n + 1).isoformat(), "score": None if 3 < n < 12 else 50.0} for n in range(20)]
    drawn = trend(days, 140, 30)
    assert len(drawn.lines) == 2
    assert len(drawn.marks) == 12
    assert (drawn.floor, {mark.y for mark in drawn.marks}) == (50, {27.0})


@pytest.mark.parametrize("scores", [[], [None], [100.0], [None, 0.0]])
def test_a_chart_of_little_is_still_a_chart(scores: list[float | None]) -> None:
    drawn = trend([{"day": "2026-03-01", "score": score} for score in scores], 140, 30)
    assert all(0 <= mark.x <= 140 and 0 <= mark.y <= 30 for mark in drawn.marks)
    assert drawn.lines == []
