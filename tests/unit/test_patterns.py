"""Bounded patterns: what is refused, and that what is allowed cannot run long."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.patterns import LONGEST_TEXT, bounded_pattern
from hub.domain.errors import RejectedError


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(\d+)-(\d+)$", r"([A-Z]{1,10})-(\d+)", r"(?:ab)+c", r"(\d{4}-){2}\d+", r"[^-]+-(.*)", r"^\s*(\S+)\s+(\S+)",
        r"样例〔(\d{4})〕(\d+)号", r"\d+|\w+", r"x+?y",
    ],
)  # fmt: skip
def test_what_people_write_is_allowed(pattern: str) -> None:
    assert bounded_pattern(pattern).longest_text >= 350


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+", "(a|a)*b", "(?:a?){30}", "(a|a)?" * 20 + "b", ".*.*.*x", "(a+(b|))+", "a*a*a*a*b",
        "(?=a)", r"(a)\1", "(?P<x>a)", "a**", "a{3}{3}", "x{2000}", "x{,5}", "(a", "a)", "[a", "[[a]]", "", "a" * 201,
        r"\p{L}", "(" * 12 + "a" + ")" * 12, "*a", "(?i)a",
    ],
)  # fmt: skip
def test_what_could_run_long_or_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(RejectedError, match="HUB-3021"):
        bounded_pattern(pattern)


def test_a_pattern_bound_to_the_beginning_may_read_the_longest_text() -> None:
    assert bounded_pattern("^[A-Z]+$").longest_text == LONGEST_TEXT


ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", "(a)", "(a|b)", "(?:ab)", "(a+)", "^", "$", r"\b"]
)
QUANTIFIERS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,9}", "{2,}", "*?", "+?"])
PATTERNS = st.lists(st.tuples(ATOMS, QUANTIFIERS).map("".join), min_size=1, max_size=6).map("".join)


@given(pattern=PATTERNS, unit=st.sampled_from(["a", "b", "ab", "1", " ", "ba"]))
@settings(max_examples=200, deadline=None)
def test_no_allowed_pattern_takes_long(pattern: str, unit: str) -> None:
    try:
        bounded = bounded_pattern(pattern)
    except RejectedError:
        return
    text = (unit * bounded.longest_text)[: bounded.longest_text - 1] + "!"
    began = time.process_time()
    bounded.compiled.search(text)
    assert time.process_time() - began < 0.5
