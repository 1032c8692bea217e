"""Opening a department's message: charsets, broken XML, strict JSON, tables, pages; nothing hangs, nothing crashes."""

import io
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.intake import Opened, Opening, is_page, parse_xml
from adapters.reading import Content
from adapters.tables_in import MOST_COLUMNS, rows_of_csv, rows_of_xlsx
from adapters.xml_repair import with_escaped_marks, without_lost_cdata
from adapters.xml_text import without_declaration
from hub.domain.errors import RejectedError

WORDS = "样例县审批系统的受理记录"


def opened(body: bytes | str, form: str = "xml", charset: str | None = None, **how: Any) -> Opened:
    content = Content(body.encode() if isinstance(body, str) else body, charset)
    return Opening(form, **how).open(content)


def refusal(body: bytes | str, form: str = "xml", **how: Any) -> str:
    with pytest.raises(RejectedError) as refused:
        opened(body, form, **how)
    return refused.value.code


def codes(message: Opened) -> list[str]:
    return [note.code for note in message.notes]


def a_book(*sheets: tuple[str, Sequence[Sequence[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


# --- charsets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("declared", ["", '<?xml version="1.0"?>'])
def test_a_charset_that_nothing_declares_is_found(written: str, declared: str) -> None:
    message = opened(f"{declared}<a>{WORDS}</a>".encode(written))
    assert (message.document.text, message.charset, codes(message)) == (WORDS, written, [])


@pytest.mark.parametrize(("declared", "written"), [("gb2312", "utf-8"), ("utf-8", "gb18030"), ("iso-8859-1", "utf-8")])
def test_a_declaration_that_the_bytes_contradict_is_overruled_and_noted(declared: str, written: str) -> None:
    message = opened(f'<?xml version="1.0" encoding="{declared}"?><a>{WORDS}</a>'.encode(written))
    assert (message.document.text, message.charset, codes(message)) == (WORDS, written, ["HUB-1026"])


def test_the_header_speaks_where_the_declaration_is_silent() -> None:
    assert opened("<a>联通</a>".encode("gb18030"), charset="GBK").document.text == "联通"


def test_bytes_of_no_charset_and_utf_16_are_refused() -> None:
    assert refusal(b"<a>\xff\xfe\xff</a>") == "HUB-1004"
    assert refusal("<a/>".encode("utf-16")) == "HUB-1004"
    assert refusal(b"\xef\xbb\xbf<a>\xff</a>") == "HUB-1004"


def test_a_declaration_within_the_text_stays_there() -> None:
    inner = "<a><![CDATA[<?xml version='1.0'?><b/>]]></a>"
    assert without_declaration(inner) == inner
    assert opened(inner).document.text == "<?xml version='1.0'?><b/>"


# --- XML ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("<a>甲 & 乙</a>", "甲 & 乙"), ("<a>1<2</a>", "1<2"), ("<a>样例<乙>商店</a>", "样例<乙>商店"),
        ("<a>CDATA[5qC3]</a>", "5qC3"), ("<a>CDATA[a&b]</a>", "a&b"), ("<a>&nbsp;&amp;</a>", "&nbsp;&"),
        ("<a>x&<![CDATA[1<2&]]></a>", "x&1<2&"),
    ],
)  # fmt: skip
def test_concatenated_xml_is_mended_and_noted(broken: str, text: str) -> None:
    message = opened(broken)
    assert (message.document.text, codes(message)) == (text, ["HUB-1027"])


def test_well_formed_xml_is_not_touched() -> None:
    message = opened("<a><![CDATA[CDATA5<x>&]]>&lt;&#160;</a>")
    assert (message.document.text, message.notes) == ("CDATA5<x>&<\xa0", ())


def test_nothing_is_mended_where_the_document_forbids_it() -> None:
    assert refusal("<a>甲 & 乙</a>", repair=False) == "HUB-1001"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "HUB-1002"), (" \n", "HUB-1002"), ("<a><b></a>", "HUB-1001"), ("<a><b>x</a>", "HUB-1001"),
        ("<a>", "HUB-1001"), ("text", "HUB-1001"), ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "HUB-1005"),
        ("<!--<a>--><!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "HUB-1005"), ("<a>\x01</a>", "HUB-1006"),
        ("<a>" * 33 + "</a>" * 33, "HUB-1007"), ("<a>" + "<b/>" * 500_001 + "</a>", "HUB-1007"),
    ],
)  # fmt: skip
def test_xml_that_cannot_be_taken_is_refused(body: str, code: str) -> None:
    assert refusal(body) == code


def test_namespaces_are_taken_off_unless_declared() -> None:
    body = '<p:a xmlns:p="urn:p" xmlns:q="urn:q"><q:b q:c="1" d="2"/></p:a>'
    root = opened(body).document
    assert (root.tag, root[0].tag, dict(root[0].attrib)) == ("a", "b", {"d": "2"})
    root = opened(body, namespaces={"urn:q"}).document
    assert (root.tag, root[0].tag, len(root[0].attrib)) == ("a", "{urn:q}b", 2)


@pytest.mark.parametrize(
    "text",
    [
        "<a>" + "<!--" * 100_000, "<a>" + "<![CDATA[" * 100_000, "<" * 300_000, "<a/" * 100_000, "<a " * 100_000 + "/>",
        "</a " * 100_000, "CDATA[" * 100_000, "&" * 300_000, "<a>" + " " * 500_000 + "&</a>",
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_mending_is_linear(text: str) -> None:
    began = time.process_time()
    with_escaped_marks(without_lost_cdata(text))
    without_declaration(text)
    assert time.process_time() - began < 5


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["xml", "json", "csv", "rows"])
@pytest.mark.parametrize("start", ["<!DOCTYPE html>", "\n<HTML lang='zh'>", "<!-- x --><!-- y --><html>"])
def test_a_login_page_is_recognised(form: str, start: str) -> None:
    assert refusal(start + "<body>登录</body></html>", form) == "HUB-1024"


def test_comments_before_a_page_do_not_take_long() -> None:
    began = time.process_time()
    assert not is_page("<!---->" * 100_000)
    assert time.process_time() - began < 1


# --- JSON -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", "HUB-1022"), ('{"a":1,"a":2}', "HUB-1022"), ('{"a":NaN}', "HUB-1022"), ("1" * 5000, "HUB-1022"),
        ('{"a":"\\ud800"}', "HUB-1022"), ('{"a":"\\u0000"}', "HUB-1006"), ("[" * 40 + "]" * 40, "HUB-1007"),
        ("[" * 100_000, "HUB-1007"), ("[" + "0," * 600_000 + "0]", "HUB-1007"),
    ],
)  # fmt: skip
def test_json_that_two_readers_could_read_apart_is_refused(body: str, code: str) -> None:
    assert refusal(body, "json") == code


def test_json_may_be_gb18030() -> None:
    assert opened(f'{{"名称": "{WORDS}"}}'.encode("gb18030"), "json").document == {"名称": WORDS}


# --- tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_csv_is_found(delimiter: str) -> None:
    text = delimiter.join(["编号", "名称"]) + "\r\n" + delimiter.join(["1", '"甲\n乙"']) + "\r\n\r\n"
    assert rows_of_csv(text) == {None: [{"编号": "1", "名称": "甲\n乙"}]}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('A,B\n1,"2', "HUB-1025"), ("A,a\n1,2", "HUB-1025"), ("A,B\n1,2,3", "HUB-1025"), ("A\n\x00", "HUB-1006"),
        (",".join(f"c{n}" for n in range(MOST_COLUMNS + 1)), "HUB-1025"), ("A\n" + "1\n" * 10_001, "HUB-1016"),
    ],
)  # fmt: skip
def test_a_csv_that_is_not_sound_is_refused(text: str, code: str) -> None:
    with pytest.raises(RejectedError) as refused:
        rows_of_csv(text)
    assert refused.value.code == code


def test_sheets_are_tables_by_their_names() -> None:
    at = datetime(2026, 3, 2, 10, 0)  # noqa: DTZ001 - a cell knows no zone
    body = a_book(("APPLY", [["NO", "AT"], [1, at], [None, None]]), ("RESULT", [["NO"], ["2"]]), ("空", [["说明"]]))
    assert opened(body, "rows").document == {"APPLY": [{"NO": 1, "AT": at}], "RESULT": [{"NO": "2"}]}
    assert opened(a_book(("x", [["NO"], [1.5]])), "xlsx").document == {None: [{"NO": 1.5}]}


def test_a_file_that_claims_to_be_a_spreadsheet_is_refused() -> None:
    assert refusal("NO\n1\n", "xlsx") == "HUB-1025"
    assert refusal(b"PK\x03\x04 no book", "xlsx") == "HUB-1025"


def test_a_packed_bomb_is_refused_before_it_is_unpacked() -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    began = time.process_time()
    assert refusal(body.getvalue(), "xlsx") == "HUB-1025"
    assert time.process_time() - began < 1


def _members(body: bytes) -> Mapping[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


BOOK = _members(a_book(("APPLY", [["NO", "AT"], [1, "2"], ["x", 3.5]])))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_spreadsheet_is_read_or_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(BOOK)))
    content = bytearray(BOOK[name])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as packed:
        for other, kept in BOOK.items():
            packed.writestr(other, bytes(content) if other == name else kept)
    with suppress(RejectedError):
        rows_of_xlsx(body.getvalue())


# --- anything -------------------------------------------------------------------------------------------------------

MARKS = st.sampled_from([
    "<a>", "</a>", "&", "<", "CDATA[", "]", "<![CDATA[", "]]>", "<!--", "-->", "\x00", "{", '"', ",", "\n", "甲",
])  # fmt: skip
BODIES = st.one_of(st.binary(max_size=200), st.lists(MARKS, max_size=30).map(lambda marks: "".join(marks).encode()))


@pytest.mark.parametrize("form", ["xml", "json", "csv", "xlsx", "rows"])
@given(body=BODIES)
def test_any_bytes_are_opened_or_refused(form: str, body: bytes) -> None:
    with suppress(RejectedError):
        assert opened(body, form).document is not None or form == "json"


@given(text=st.text(alphabet="<>/a甲&;#!-[]CDAT x='", max_size=60))
def test_mended_xml_says_no_more_than_what_was_sent(text: str) -> None:
    try:
        root, _ = parse_xml(f"<r>{text}</r>", repair=True)
    except RejectedError:
        return
    assert isinstance(root, etree._Element)
    assert len("".join(map(str, root.itertext()))) <= len(text)
