"""Every way in which departments write a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chinese_times import as_china_text, check_format, from_excel_serial, read_by_format, read_time

TEN = "2026-03-02T10:00:00+08:00"


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02 10:00:00", "2026-03-02T10:00:00", "2026-03-02 10:00", "2026-03-02T10:00:00+08:00",
        "2026-03-02T02:00:00Z", "2026-03-02 10:00:00.0", "2026/3/2 10:00", "2026.3.2 10:00:00", "20260302100000",
        "20260302T100000", "20260302100000000", "Mon Mar 02 10:00:00 CST 2026", "Mon Mar 02 02:00:00 UTC 2026",
        "Mon Mar 02 02:00:00 GMT 2026", "Mon Mar 02 10:00:00 GMT+08:00 2026", "2026年3月2日 上午10时",
        "2026年03月02日10时0分0秒",
        "二〇二六年三月二日十时", "2026/3/2 上午 10:00:00", "1772416800000", " 2026-03-02 10:00:00 ",
    ],
)  # fmt: skip
def test_ten_in_the_morning_is_read(text: str) -> None:
    moment = read_time(text)
    assert moment is not None
    assert as_china_text(moment) == TEN


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-03-02", "2026-03-02T00:00:00+08:00"), ("20260302", "2026-03-02T00:00:00+08:00"),
        ("二〇二六年十二月二十一日", "2026-12-21T00:00:00+08:00"), ("2026-03-02 24:00:00", "2026-03-03T00:00:00+08:00"),
        ("2026年3月2日 下午3时5分", "2026-03-02T15:05:00+08:00"),
        ("2026-03-02 10:00:00.123", "2026-03-02T10:00:00.123000+08:00"),
    ],
)  # fmt: skip
def test_a_time_is_read(text: str, read: str) -> None:
    moment = read_time(text)
    assert moment is not None
    assert as_china_text(moment) == read


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "2026-02-30", "2026-13-01", "0000-00-00 00:00:00", "2026-03-02 25:00:00", "2026-03-02 24:00:01",
        "2026-W10-1T10:00:00", "46083", "Mon Mar 02 10:00:00 EST 2026", "2026-03-02T10:00:00+25:00", "1850-01-01",
        "2" * 61, "2026-3-2" + " " * 60 + "x",
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_time(text) is None


def test_a_serial_of_a_spreadsheet_counts_days() -> None:
    moment = from_excel_serial(46083.5)
    assert moment is not None
    assert as_china_text(moment) == "2026-03-02T12:00:00+08:00"
    assert from_excel_serial(0) is None
    assert from_excel_serial(200_000) is None
    assert from_excel_serial(float("nan")) is None


@pytest.mark.parametrize(
    ("form", "text"),
    [("yyyyMMddHHmmss", "20260302100000"), ("dd.MM.yyyy HH:mm", "02.03.2026 10:00"), ("%d/%m/%Y %H", "02/03/2026 10"),
     ("yyyy-MM-dd'T'HH:mm:ss", "2026-03-02T10:00:00")],
)  # fmt: skip
def test_a_form_of_their_own_is_read(form: str, text: str) -> None:
    check_format(form)
    moment = read_by_format(text, [form])
    assert moment is not None
    assert as_china_text(moment) == TEN
    assert read_by_format("明天", [form]) is None


@pytest.mark.parametrize("form", ["%Y%Y", "%d%d", "%", "%Q", "yyyyy", "%Y-%", "", "yyyyMMddyyyy"])
def test_a_form_that_cannot_be_read_by_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_format(form)


@given(text=st.text(alphabet="0123456789-/ :.T年月日时上下午十二ZCST+", max_size=70))
def test_any_text_is_a_time_or_none(text: str) -> None:
    moment = read_time(text)
    assert moment is None or 1899 <= moment.year <= 2200
