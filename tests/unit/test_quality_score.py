"""The score, and comparing a sender's list with what is held."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.record_list import Listed
from hub.domain.receipts import RecordState
from hub.stores.quality_measures import MEASURES
from hub.stores.reconciliation import HeldRecord
from supervision.quality.comparison import compare
from supervision.quality.score import PARTS, score

PERFECT = {"STORED": 10, "WANTED": 40, "RECEIVED": 10, "MESSAGES": 5, "WORKING_DAYS": 20}
BY_SILENCE = {"SILENT_DAYS", "WORKING_DAYS"}  # counted from the calendar


def test_weights_make_a_hundred_and_parts_are_made_of_measures() -> None:
    assert sum(part.weight for part in PARTS.values()) == 100
    named = {name for part in PARTS.values() for name in (*part.faults, *part.of)}
    assert named - BY_SILENCE <= set(MEASURES)


def test_nothing_wrong_is_a_hundred() -> None:
    assert score(PERFECT).total == 100


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({"LATE": 5}, 87.5),
        ({"MISSING": 40}, 75.0),
        ({"REJECTED": 2, "QUARANTINED": 1}, 91.0),
        ({"DUPLICATE": 5}, 95.0),
        ({"SILENT_DAYS": 2}, 99.0),
        ({"LATE": 99}, 75.0),
    ],
)
def test_each_fault_costs_its_share_of_its_part(faults: dict[str, int], expected: float) -> None:
    assert score(PERFECT | faults).total == expected


def test_a_part_without_anything_to_judge_leaves_its_weight_to_the_others() -> None:
    judged = score({"RECEIVED": 10, "REJECTED": 5})
    assert judged.total == 50
    assert {part.name for part in judged.parts if part.score is None} == set(PARTS) - {"validity"}


def test_of_nothing_there_is_no_score() -> None:
    assert score({}).total is None


@given(st.dictionaries(st.sampled_from([*MEASURES, *BY_SILENCE]), st.integers(0, 10**9)))
def test_a_score_stays_between_zero_and_a_hundred(counts: dict[str, int]) -> None:
    total = score(counts).total
    assert total is None or 0 <= total <= 100


def held(record_id: str | None, state: RecordState = RecordState.STORED, digest: str = "a", seq: int = 1) -> HeldRecord:
    return HeldRecord("m-1", "R-1", digest, "PROCESS", seq, record_id, state)


def test_every_entry_of_a_list_stands_in_one_place() -> None:
    entries = [Listed("same"), Listed("same-digest", "a"), Listed("other", "b"), Listed("gone"), Listed("refused")]
    here = [held(name) for name in ("same", "same-digest", "other", "extra")]
    told = compare([*entries, Listed("same")], [*here, held("refused", RecordState.REJECTED), held(None)])
    assert (told.listed, told.held, told.equal) == (5, 4, 2)
    assert told.missing_here == ["gone"]
    assert [each.record_id for each in told.missing_there] == ["extra"]
    assert [each.record_id for each in told.differing] == ["other"]
    assert [each.record_id for each in told.refused] == ["refused"]


def test_a_record_that_was_refused_first_and_taken_later_is_there() -> None:
    twice = [held("s1"), held("s1", RecordState.REJECTED)]
    assert compare([Listed("s1")], twice).equal == compare([Listed("s1")], twice[::-1]).equal == 1


def test_a_record_of_another_kind_is_not_the_one_meant() -> None:
    assert compare([Listed("s1", kind="RESULT")], [held("s1")]).missing_here == ["s1"]
