"""Watermarks of every kind of column."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.transports.table.marks import Mark, mark_from_text, mark_of
from hub.domain.errors import RejectedError
from tests.builders import MONDAY_MORNING

NINE = datetime(2026, 3, 2, 9)  # noqa: DTZ001 - as departments write it
OVERLAP = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        (NINE, NINE - OVERLAP), (date(2026, 3, 2), date(2026, 3, 1)), (1000, Decimal(800)),
        ("2026-03-02 09:00:00", "2026-03-02 08:50:00"), ("20260302090000", "20260302085000"),
        ("2026/03/02 09:00:00.123", "2026/03/02 08:50:00"),
    ],
)  # fmt: skip
def test_reading_begins_a_little_earlier(value: object, begins: object) -> None:
    mark = mark_of(value)
    assert mark is not None
    assert mark.back(OVERLAP, 200).value == begins


@pytest.mark.parametrize("value", [NINE, date(2026, 3, 2), Decimal("12.5"), -3, "2026-03-02 09:00:00"])
def test_a_mark_survives_being_stored(value: object) -> None:
    mark = mark_of(value)
    assert mark is not None
    assert Mark.from_json(mark.as_json()) == mark


@pytest.mark.parametrize(
    ("low", "high"),
    [(9, 10), (-10, -9), (-1, 1), (99.5, 100), (NINE, NINE + OVERLAP), ("2026-03-02 09:00:00", "2026-03-02 10:00:00")],
)
def test_marks_sort_as_texts_as_their_values_do(low: object, high: object) -> None:
    lower, higher = mark_of(low), mark_of(high)
    assert lower is not None
    assert higher is not None
    assert lower.sort_text < higher.sort_text


@pytest.mark.parametrize("value", [NINE.replace(year=2099), date(2099, 1, 1), "2099-01-01 00:00:00"])
def test_a_mark_never_runs_far_ahead_of_the_clock(value: object) -> None:
    mark = mark_of(value)
    assert mark is not None
    assert str(mark.capped(MONDAY_MORNING).value).startswith("2026-03-03")


@pytest.mark.parametrize("value", [b"\x00\x01", True, [1]])
def test_what_does_not_grow_is_no_watermark(value: object) -> None:
    with pytest.raises(RejectedError) as caught:
        mark_of(value)
    assert caught.value.code == "HUB-4027"


def test_a_text_without_a_time_cannot_be_read_again_from_earlier() -> None:
    with pytest.raises(RejectedError):
        Mark("第三批").back(OVERLAP, 0)


def test_the_beginning_may_be_a_time_or_a_number() -> None:
    assert mark_from_text("2026-01-01").bindable(datetime) == datetime(2026, 1, 1)  # noqa: DTZ001
    assert mark_from_text("1200").bindable(int) == 1200
