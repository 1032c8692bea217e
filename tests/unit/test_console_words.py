"""What the console says of a clock and in which order it tells a case."""

from datetime import datetime
from typing import Any

import pytest

from hub.console.clock_words import day_note, remaining, sentence
from hub.console.timeline import timeline

BEFORE_DUE = datetime.fromisoformat("2026-03-12T10:00:00+08:00")


def a_clock(**changes: Any) -> dict[str, Any]:
    return {
        "start": "2026-03-03T09:30:00+08:00", "startSource": "acceptedAt", "limit": 7, "unit": "WORKING_DAY",
        "counted": 3.4, "dueAt": "2026-03-12T17:30:00+08:00", "segments": [],
        "days": [{"day": "2026-03-12", "counted": 7.0}],
    } | changes  # fmt: skip


def a_step(name: str, handled: str, received: str, **changes: Any) -> dict[str, Any]:
    return {
        "stepName": name, "handledAt": f"2026-03-{handled}:00+08:00", "receivedAt": f"2026-03-{received}:00+08:00",
        "lateHours": 0.2, "revision": 1,
    } | changes  # fmt: skip


def test_sentence_names_limit_start_and_due() -> None:
    assert sentence(a_clock(), finished_at=None) == (
        "承诺 7 个工作日，自 2026-03-03 09:30（受理时间）受理，次日起计，到期 2026-03-12 17:30，至今已用 4 个工作日。"
    )


def test_sentence_adds_up_stopped_days_by_reason() -> None:
    runs = [
        {"kind": "STOPPED", "days": 2, "note": "SUPPLEMENT"}, {"kind": "REST", "days": 2, "note": ""},
        {"kind": "STOPPED", "days": 1, "note": "SUPPLEMENT"}, {"kind": "STOPPED", "days": 5, "note": "HEARING,PAUSED"},
    ]  # fmt: skip
    assert "扣除补正 3 天，扣除听证、暂停 5 天，" in sentence(a_clock(segments=runs), finished_at=None)


def test_sentence_tells_an_extension_apart_from_the_promise() -> None:
    extended = a_clock(days=[{"day": "2026-03-12", "counted": 12.0}])
    assert "承诺 7 个工作日，" in sentence(extended, finished_at=None)
    assert "依法延长 5 个工作日，" in sentence(extended, finished_at=None)


def test_sentence_says_that_the_due_day_is_open_while_the_clock_stands() -> None:
    assert "到期时间待恢复后确定" in sentence(a_clock(dueAt=None), finished_at=None)


@pytest.mark.parametrize("missing", ["start", "limit"])
def test_there_is_no_sentence_without_start_or_limit(missing: str) -> None:
    assert sentence(a_clock(**{missing: None}), finished_at=None) == ""


@pytest.mark.parametrize(
    ("counted", "text"),
    [
        (0.0, "还剩 7 个工作日"), (3.4, "还剩 3 个工作日"), (6.0, "还剩 1 个工作日"), (6.4, "最后一天"),
        (7.0, "最后一天"), (7.1, "已超 1 个工作日"),
    ],
)  # fmt: skip
def test_days_left_are_whole_and_a_day_overdue_counts_from_its_first_minute(counted: float, text: str) -> None:
    left = remaining(a_clock(counted=counted), finished_at=None, now=BEFORE_DUE)
    assert left is not None
    assert left.text == text


def test_the_evening_after_the_last_day_is_not_the_last_day_any_more() -> None:
    evening = datetime.fromisoformat("2026-03-12T20:00:00+08:00")
    left = remaining(a_clock(counted=7.0), finished_at=None, now=evening)
    assert left is not None
    assert left.text == "已过期限"


def test_hours_left_are_told_exactly() -> None:
    clock = a_clock(limit=8, unit="WORKING_HOUR", counted=2.5, days=[])
    left = remaining(clock, finished_at=None, now=BEFORE_DUE)
    assert left is not None
    assert left.text == "还剩 5.5 个工作小时"


def test_nothing_is_left_to_count_once_finished() -> None:
    assert remaining(a_clock(), finished_at="2026-03-05T10:00:00+08:00", now=BEFORE_DUE) is None


def test_day_notes_are_titles_or_names_of_holidays() -> None:
    assert [day_note(note) for note in ("春节", "PAUSED,HEARING", "", None)] == ["春节", "暂停、听证", "", ""]


def test_timeline_follows_business_time_whatever_the_order_of_arrival() -> None:
    first, second = a_step("受理", "03T09:00", "05T09:00"), a_step("审核", "04T09:00", "04T09:10")
    told = timeline({"steps": [second, first], "result": None})
    assert [(happening.title, happening.out_of_order) for happening in told] == [("受理", True), ("审核", False)]


def test_a_step_is_late_when_it_was_received_more_than_a_day_after_it_happened() -> None:
    on_time, late = (a_step("受理", "03T09:00", "03T09:00", lateHours=hours) for hours in (24.0, 24.1))
    assert [happening.is_late for happening in timeline({"steps": [on_time, late]})] == [False, True]


def test_what_has_no_business_time_comes_last() -> None:
    timeless = a_step("审核", "03T09:00", "03T09:00", handledAt=None, startedAt=None)
    told = timeline({"steps": [timeless, a_step("受理", "03T09:00", "03T09:05")]})
    assert [happening.title for happening in told] == ["受理", "审核"]


def test_a_special_procedure_is_told_at_its_start_and_at_its_end() -> None:
    special = {"kindTitle": "听证", "startedAt": "2026-03-04T09:00:00+08:00", "endedAt": "2026-03-06T09:00:00+08:00"}
    told = timeline({"steps": [a_step("审核", "05T09:00", "05T09:05")], "specials": [special]})
    assert [happening.title for happening in told] == ["特别程序开始：听证", "审核", "特别程序结束：听证"]
