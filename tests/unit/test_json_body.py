"""JSON messages are read strictly: nothing is taken that another reader could take for something else."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.json_text import MAX_DEPTH
from adapters.messages import JSON, records_of
from hub.domain.errors import RejectedError
from hub.domain.records import PROCESS
from hub.gateway.rest.json_body import read_message


def refused(body: bytes | str, charset: str | None = None) -> str:
    with pytest.raises(RejectedError) as found:
        read_message(body.encode() if isinstance(body, str) else body, charset)
    return found.value.code


def nested(depth: int) -> str:
    """A message whose deepest list stands at this depth, the message itself being the first."""
    return "[" * depth + "]" * depth


CASES: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "HUB-1002"),
    "blank": (" \r\n\t", "HUB-1002"),
    "gbk": ('[{"opinion":"同意"}]'.encode("gbk"), "HUB-1004"),
    "utf-16": ("[{}]".encode("utf-16"), "HUB-1004"),
    "control character": ('[{"a":"\\u0000"}]', "HUB-1006"),
    "control character in a name": ('[{"\\u0001":1}]', "HUB-1006"),
    "backspace": ('[{"a":"\\b"}]', "HUB-1006"),
    "noncharacter": ('[{"a":"\uffff"}]', "HUB-1006"),
    "escaped noncharacter": ('[{"a":"\\uFFFE"}]', "HUB-1006"),
    "too many fields": ("[" + "1," * 201_000 + "1]", "HUB-1007"),
    "no records": ('{"records":[]}', "HUB-1017"),
    "nothing": ("{}", "HUB-1017"),
    "cut off": ('{"records":[{"a":1}', "HUB-1022"),
    "raw control character": ('[{"a":"\x01"}]', "HUB-1022"),
    "two documents": ("[{}][{}]", "HUB-1022"),
    "single quotes": ("[{'a':1}]", "HUB-1022"),
    "trailing comma": ('[{"a":1,}]', "HUB-1022"),
    "not a number": ('[{"a":NaN}]', "HUB-1022"),
    "infinity": ('[{"a":-Infinity}]', "HUB-1022"),
    "repeated name": ('[{"a":{"b":1,"b":1}}]', "HUB-1022"),
    "too deep": (nested(MAX_DEPTH + 1), "HUB-1022"),
    "absurdly deep": (nested(60_000), "HUB-1022"),
    "lone surrogate": ('[{"a":"\\ud800"}]', "HUB-1022"),
    "reversed surrogates": ('[{"a":"\\udc00\\ud800"}]', "HUB-1022"),
    "number of thousands of digits": ("[" + "9" * 5000 + "]", "HUB-1022"),
    "other member": ('{"records":[{}],"messageId":"m"}', "HUB-3002"),
    "records is no list": ('{"records":{}}', "HUB-3004"),
    "text": ('"records"', "HUB-3004"),
    "null": ("null", "HUB-3004"),
}


@pytest.mark.parametrize("name", CASES)
def test_unfit_message_is_refused(name: str) -> None:
    body, code = CASES[name]
    assert refused(body) == code


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", None])
def test_utf_8_by_any_name_is_taken(charset: str | None) -> None:
    assert read_message(b"[{}]", charset).records == [{}]


def test_other_charset_is_refused_even_where_the_bytes_would_do() -> None:
    assert refused("[{}]", "gb18030") == "HUB-1004"


def test_greatest_depth_is_taken() -> None:
    assert len(read_message(nested(MAX_DEPTH).encode(), None).records) == 1


def test_escaped_characters_beyond_the_basic_plane_are_taken() -> None:
    assert read_message(json.dumps(["𬭎䶮", "a\\u0000"]).encode(), None).records == ["𬭎䶮", "a\\u0000"]


PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | PLAIN_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN_TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(VALUES, min_size=1, max_size=4), st.booleans(), st.booleans(), st.booleans())
def test_plain_messages_are_read_as_the_worker_will_read_them(
    records: list[Any], wrapped: bool, ascii_only: bool, marked: bool
) -> None:
    document = {"records": records} if wrapped else records
    body = (b"\xef\xbb\xbf" if marked else b"") + json.dumps(document, ensure_ascii=ascii_only).encode()
    message = read_message(body, None)
    assert message.records == records
    assert [node for _, _, node in records_of(JSON, PROCESS, body, message.charset)] == records


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(RejectedError):
        assert read_message(body, None).records
