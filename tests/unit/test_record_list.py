"""A sender's own list: what is read, and what is refused."""

import json
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.record_list import LARGEST_BYTES, MOST_ENTRIES, Listed, read_record_list
from hub.domain.errors import RejectedError


def test_json_names_a_day_and_records() -> None:
    content = {"date": "2026-03-02", "records": ["s1", {"recordId": "s2", "digest": "AB", "kind": "RESULT"}]}
    told = read_record_list(json.dumps(content).encode())
    assert (told.day, told.entries) == (date(2026, 3, 2), [Listed("s1"), Listed("s2", "ab", "RESULT")])


def test_a_bare_array_is_a_list_without_a_day() -> None:
    assert read_record_list(b'["s1"]').entries == [Listed("s1")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_by_its_column_names(encoding: str, delimiter: str) -> None:
    lines = [["序号", "记录标识", "摘要值"], ["1", " s1 ", ""], ["2", "事项-2", "AB"], ["", "", ""]]
    text = "\r\n".join(delimiter.join(line) for line in lines)
    assert read_record_list(text.encode(encoding)).entries == [Listed("s1"), Listed("事项-2", "ab")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "HUB-4035"),
        (b"\xff\xff", "HUB-4035"),
        (b"{", "HUB-4035"),
        (b"[" * 100_000, "HUB-4035"),
        (b'{"records": 5}', "HUB-4035"),
        (b'{"records": [], "more": 1}', "HUB-4035"),
        (b'{"records": [], "date": "2026-02-30"}', "HUB-4035"),
        (b'{"records": [], "date": 5}', "HUB-4035"),
        (b"[5]", "HUB-4035"),
        (b'[""]', "HUB-4035"),
        (b'[{"recordId": 5}]', "HUB-4035"),
        (b'[{"recordId": "s1", "kind": "OTHER"}]', "HUB-4035"),
        (b'["' + b"x" * 101 + b'"]', "HUB-4035"),
        ("编号\ns1".encode(), "HUB-4035"),
        (b"recordId,digest\n,ab", "HUB-4035"),
        (b'recordId\n"' + b"x" * 200_000, "HUB-4035"),
        (b" " * (LARGEST_BYTES + 1), "HUB-4036"),
        (b"recordId\n" + b"s\n" * (MOST_ENTRIES + 1), "HUB-4036"),
    ],
)
def test_a_list_that_says_nothing_clear_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(RejectedError, match=code) as refused:
        read_record_list(content)
    assert "x" * 5 not in refused.value.message


@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda value: json.dumps(value).encode())
)
def test_whatever_comes_is_read_or_refused(content: Any) -> None:
    with suppress(RejectedError):
        assert all(isinstance(entry, Listed) for entry in read_record_list(content).entries)
