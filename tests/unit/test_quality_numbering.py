"""Running numbers: learned from what came, and named where one is missing."""

import random
from datetime import date, timedelta
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.quality.numbering import MOST_MISSING, Numbering, learn, split

MONDAY = date(2026, 3, 2)
DAYS = [MONDAY + timedelta(days=n) for n in range(5)]


def numbers(pattern: str = "GS{day:%Y%m%d}-{serial:04d}", serials: range = range(1, 11)) -> list[str]:
    return [pattern.format(day=day, serial=serial) for day in DAYS for serial in serials]


def only(found: list[Numbering]) -> Numbering:
    assert len(found) == 1, found
    return found[0]


def missing(seen: list[str], day: date = MONDAY) -> list[str]:
    gaps = only(learn(seen)).gaps(day, [])
    assert gaps is not None
    assert gaps.count == len(gaps.names)
    return gaps.names


def test_the_missing_number_of_a_day_is_named() -> None:
    seen = [number for number in numbers() if number != "GS20260302-0003"]
    assert missing(seen) == ["GS20260302-0003"]
    assert missing(seen, DAYS[1]) == []


def test_what_comes_before_the_first_is_missing_where_days_begin_with_one() -> None:
    seen = [number for number in numbers() if number not in {"GS20260302-0001", "GS20260302-0002"}]
    assert missing(seen) == ["GS20260302-0001", "GS20260302-0002"]
    assert missing(numbers(serials=range(500, 520))) == []


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("GS{day:%Y%m%d}-{serial:04d}", "GS{yyyyMMdd}-{0001}"),
        ("33032400GS{day:%Y%m%d}{serial:06d}", "33032400GS{yyyyMMdd}{000001}"),
        ("{day:%Y%m%d}{serial:03d}", "{yyyyMMdd}{001}"),
        ("样例〔{day:%Y}〕{serial}号", "样例〔{yyyy}〕{1}号"),
        ("BJ-{day:%Y%m}-{serial:05d}-SL", "BJ-{yyyyMM}-{00001}-SL"),
    ],
)
def test_the_shape_of_numbers_is_learned(pattern: str, shown: str) -> None:
    day = {"%Y%m%d" in pattern: DAYS}.get(True, [MONDAY])
    seen = [pattern.format(day=each, serial=serial) for each in day for serial in range(1, 30)]
    found = only(learn(seen))
    assert (found.pattern, found.confidence) == (shown, 1.0)


def test_numbers_of_a_year_are_missing_between_those_of_the_day() -> None:
    seen = [f"{MONDAY:%Y}-{serial}" for serial in range(1, 60) if serial not in {20, 55}]
    of_the_day = [f"2026-{serial}" for serial in (50, 53, 54, 58)]
    gaps = only(learn(seen)).gaps(MONDAY, of_the_day)
    assert gaps is not None
    assert gaps.names == ["2026-55"]


def test_two_series_do_not_fill_each_others_gaps() -> None:
    seen = numbers("A{day:%Y%m%d}-{serial:03d}") + numbers("B{day:%Y%m%d}-{serial:03d}", range(1, 30))
    seen.remove("A20260302-005")
    [one, other] = sorted(learn(seen), key=lambda each: each.pattern)
    gaps = [each.gaps(MONDAY, []) for each in (one, other)]
    assert [gap.names for gap in gaps if gap] == [["A20260302-005"], []]


@pytest.mark.parametrize(
    "seen",
    [
        [],
        numbers()[:19],
        [f"GS20260302-{random.Random(n).randrange(10**6):06d}" for n in range(100)],
        [f"{random.Random(n).getrandbits(128):032x}" for n in range(100)],
        ["GS20261399-0001"] * 50,
    ],
    ids=["none", "too few", "at random", "uuids", "no date"],
)
def test_numbers_that_do_not_run_are_no_series(seen: list[str]) -> None:
    assert learn(seen) == []


def test_one_absurd_number_names_no_millions() -> None:
    seen = [*numbers(), "GS20260302-999999999"]
    started = perf_counter()
    gaps = only(learn(seen)).gaps(MONDAY, [])
    assert gaps is not None
    assert (len(gaps.names), gaps.count, gaps.confidence) == (MOST_MISSING, 999_999_988, 0.0)
    assert perf_counter() - started < 1


def test_a_hostile_number_is_split_at_once() -> None:
    started = perf_counter()
    assert split("20260302" * 12) is not None
    assert split("2026" * 10_000) is None
    assert perf_counter() - started < 0.1


@given(st.sets(st.integers(1, 40), min_size=30), st.randoms())
def test_seen_and_missing_together_are_all_up_to_the_highest(serials: set[int], order: random.Random) -> None:
    seen = numbers() + [f"GS20260310-{serial:04d}" for serial in serials]
    order.shuffle(seen)
    gaps = only(learn(seen)).gaps(date(2026, 3, 10), [])
    assert gaps is not None
    assert {int(name[-4:]) for name in gaps.names} | serials == set(range(1, max(serials) + 1))
