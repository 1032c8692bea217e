"""The closed list of converters: what each makes of a value, and what it refuses."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.converters import CONVERTERS, LONGEST_CONVERTED, ConversionError, compile_converters, split_parts
from hub.domain.errors import RejectedError

TIME = "2026-03-02T10:00:00+08:00"


def converted(value: Any, *steps: Any) -> Any:
    return compile_converters(steps)(value)


def refusal(value: Any, *steps: Any) -> str:
    with pytest.raises(ConversionError) as refused:
        converted(value, *steps)
    return refused.value.code


@pytest.mark.parametrize(
    ("step", "value", "made"),
    [
        ("trim", " 甲 ", "甲"),
        ("upper", "gs-1", "GS-1"),
        ("lower", "GS-1", "gs-1"),
        ("halfWidth", "ＧＳ－１（甲）", "GS-1(甲)"),
        ("collapseSpaces", "甲 \t 乙", "甲 乙"),
        ("digits", "第 3 步", "3"),
        ({"substring": {"start": 3, "length": 2}}, "ABCDE", "CD"),
        ({"substring": {"start": 4}}, "ABCDE", "DE"),
        ({"part": {"by": "-", "index": 2}}, "A-B-C", "B"),
        ({"part": {"by": "-", "index": -1}}, "A-B-C", "C"),
        ({"part": {"by": "-", "index": 9}}, "A-B-C", None),
        ({"match": {"pattern": "样例〔([0-9]{4})〕", "group": 1}}, "样例〔2026〕1 号", "2026"),
        ({"match": {"pattern": "[0-9]+"}}, "没有", None),
        ("datetime", "2026-03-02 10:00:00", TIME),
        ("datetime", 46083.416666666664, "2026-03-02T10:00:00+08:00"),
        ({"datetime": ["dd/MM/yyyy HH:mm"]}, "02/03/2026 10:00", TIME),
        ("day", "2026年3月2日", "2026-03-02"),
        ("excelSerial", "46083", "2026-03-02T00:00:00+08:00"),
        ("revisionTime", "2000-01-01 08:01:00", 60),
        ("whole", "3.0", 3),
        ({"add": 1}, "2", 3),
        ("amount", "￥1,234.5", "1234.50"),
        ({"amount": {"unit": "fen"}}, "1250", "12.50"),
        ("amount", "1.2万元", "12000.00"),
        ("boolean", "是", True),
        ({"boolean": {"yes": ["收"], "no": ["不收"]}}, "不收", False),
        ("residentId", " 33032419900101000x ", "33032419900101000X"),
        ("creditCode", "９１330324000200037a", "91330324000200037A"),
    ],
)
def test_a_converter_makes(step: Any, value: Any, made: Any) -> None:
    assert converted(value, step) == made


@pytest.mark.parametrize(
    ("step", "value", "code"),
    [
        ("datetime", "2026-02-30", "HUB-3007"), ("datetime", "明天", "HUB-3007"), ("day", True, "HUB-3007"),
        ("excelSerial", "0", "HUB-3007"), ("whole", "3.5", "HUB-3004"), ({"add": 1}, "二", "HUB-3004"),
        ("amount", "-1", "HUB-3004"), ("amount", "1e30", "HUB-3004"), ("amount", "NaN", "HUB-3004"),
        ("amount", "1_000", "HUB-3004"), ("boolean", "也许", "HUB-3004"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_without_being_named(step: Any, value: Any, code: str) -> None:
    assert refusal(value, step) == code
    with pytest.raises(ConversionError) as refused:
        converted(value, step)
    assert str(value) not in refused.value.message


@pytest.mark.parametrize(
    "step",
    [
        "eval", {"trim": 1}, {"substring": {"start": 0}}, {"substring": {"start": 1, "length": -1}},
        {"part": {"by": ""}},        {"part": {"by": "-", "index": 0}}, "part", {"match": {"pattern": "(a+)+"}},
        {"match": {"pattern": "a", "group": 1}},
        {"datetime": ["%Y%Y"]}, {"datetime": ["%"]}, {"datetime": ["yyyyy"]}, {"add": "1"}, {"add": True},
        {"amount": {"unit": "ton"}}, {"whole": 1}, {"boolean": 1}, "default",
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_meant_is_refused_when_it_is_compiled(step: Any) -> None:
    with pytest.raises(RejectedError, match="HUB-3021"):
        compile_converters([step])


def test_nothing_stays_nothing_unless_a_default_is_given() -> None:
    assert converted(None, "upper") is None
    assert converted("第步", "digits", {"default": "9"}) == "9"
    assert converted("3", "digits", {"default": "9"}) == "3"


def test_a_text_beyond_the_limit_is_not_converted() -> None:
    assert refusal("甲" * (LONGEST_CONVERTED + 1), "halfWidth") == "HUB-3005"


def test_a_pattern_is_not_asked_about_a_text_longer_than_it_can_read() -> None:
    assert refusal("9" * 20_000, {"match": {"pattern": "([0-9]+)x"}}) == "HUB-3005"


def test_separators_may_trail_and_come_full_width() -> None:
    assert split_parts("申请书；场所证明; ;", ";") == ["申请书", "场所证明"]


WITHOUT_ARGUMENT = sorted(name for name, converter in CONVERTERS.items() if not converter.needs_argument)


@pytest.mark.parametrize("name", WITHOUT_ARGUMENT)
@given(value=st.one_of(st.text(max_size=60), st.integers(), st.floats(), st.booleans()))
def test_any_value_is_converted_or_refused(name: str, value: Any) -> None:
    with suppress(ConversionError):
        assert converted(value, name) != ""
