"""The adapter document as text: read, refused, written, compared."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.document import (
    LARGEST_DOCUMENT,
    Change,
    diff_documents,
    dump_document,
    dump_part,
    fingerprint,
    load_document,
    migrated,
    read_mapping,
)
from hub.domain.errors import RejectedError
from tests.adapter_documents import FIELDS, a_document, a_route


def refused(text: str) -> tuple[str, str | None]:
    with pytest.raises(RejectedError) as raised:
        load_document(text)
    return raised.value.code, raised.value.path


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_document_round_trips_as_yaml_and_as_json() -> None:
    document = a_document()
    assert load_document(dump_document(document)) == document
    assert load_document(json.dumps(document)) == document


@pytest.mark.parametrize(
    "text", ["Y", "off", "yes", "08", "010", "10:30", "2026-03-02", "1_000", "0x1F", "+", ".", "=", "<<", "0o7", "00"]
)
def test_what_yaml_of_old_would_read_as_something_else_stays_text(text: str) -> None:
    assert read_mapping(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("-1", -1), ("1.5", 1.5), ("true", True), ("~", None), ("", None)]
)
def test_the_plain_types_are_read(text: str, value: object) -> None:
    assert read_mapping(f"a: {text}") == {"a": value}


def test_a_key_is_the_text_that_is_written() -> None:
    assert read_mapping("{1: a, 01: b, true: c, ~: d}") == {"1": "a", "01": "b", "true": "c", "~": "d"}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2", "{a: 1, a: 2}", "a: &x 1\nb: *x", "a: !!python/object:os.system x", "a: !!int abc",
        "a: !!binary aGk=", "a: !own b", "- a", "text", "", "a: [", "a: 1\n---\nb: 2", "? [a]\n: b", "a: \ud800",
        "a: \x00", "a: " + "[" * 33 + "]" * 33, "a: [" + "1," * 20_001 + "]", "a: " + "x" * LARGEST_DOCUMENT,
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(text: str) -> None:
    assert refused(text) == ("HUB-3020", None)


def test_a_document_with_too_many_parts_in_its_routes_is_refused_before_it_is_checked() -> None:
    choices = {"firstOf": [{"from": "a"}] * 10}
    assert refused(
        json.dumps(a_document(routes=[a_route({"opinion": choices, "other": choices, "more": choices})] * 60))
    ) == (
        "HUB-3020",
        "routes",
    )


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"adapter": "Große"}, "HUB-3004", "adapter"), ({"intake": {"format": "pdf"}}, "HUB-3006", "intake/format"),
        ({"routes": []}, "HUB-3001", "routes"), ({"extra": 1}, "HUB-3002", None),
        ({"contract": {"badValue": "ignore"}}, "HUB-3006", "contract/badValue"),
        ({"routes": [a_route({"opinion": {"from": "A", "constant": "B"}})]}, "HUB-3004", "routes/0/fields/opinion"),
        ({"title": None}, "HUB-3004", "title"),
    ],
)  # fmt: skip
def test_a_document_that_breaks_the_schema_is_refused_with_the_place(
    changes: dict[str, Any], code: str, path: str | None
) -> None:
    assert refused(json.dumps(a_document(**changes))) == (code, path)


def test_a_complaint_is_chinese_and_names_what_is_missing() -> None:
    document = a_document()
    del document["title"]
    with pytest.raises(RejectedError, match="缺少必填项 title"):
        load_document(json.dumps(document))


# --- versions of the form -------------------------------------------------------------------------------------------

TOY = {
    1: lambda document: {**document, "name": document["title"]},
    2: lambda document: {key: value for key, value in document.items() if key != "title"},
}


def test_an_older_document_is_brought_to_the_newest_form_step_by_step() -> None:
    assert migrated({"specVersion": 1, "title": "甲"}, TOY, 3) == {"specVersion": 3, "name": "甲"}
    assert migrated({"specVersion": 2, "name": "甲"}, TOY, 3) == {"specVersion": 3, "name": "甲"}


@pytest.mark.parametrize("version", [0, 4, "1", True, None, 1.0])
def test_a_version_that_is_not_known_is_refused(version: object) -> None:
    with pytest.raises(RejectedError, match="HUB-3020"):
        migrated({"specVersion": version}, TOY, 3)


# --- meaning --------------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_of_what_the_document_does() -> None:
    document = a_document()
    same = dict(reversed(a_document(title="别的名称", description="说明", samples=[]).items()))
    assert fingerprint(document) == fingerprint(same)
    assert fingerprint(document) != fingerprint(a_document({"opinion": {"from": "A"}}))
    assert fingerprint(document) != fingerprint(a_document(contract={"badValue": "flag"}))


def changes_to(**parts: Any) -> list[Change]:
    return diff_documents(a_document(), a_document(**parts))


def test_a_document_does_not_differ_from_itself_in_another_order() -> None:
    assert diff_documents(a_document(), dict(reversed(a_document().items()))) == []


def test_a_changed_source_is_told_by_the_field_it_feeds() -> None:
    (change,) = changes_to(routes=[a_route({"caseNo": {"from": "CASE_NO"}})])
    assert change == Change("CHANGED", "路由 第 1 条", "办件编号（caseNo）", "NO", "CASE_NO")


def test_an_added_code_is_told_by_its_map() -> None:
    values = {"1": "GRANTED", "2": "DENIED", "3": "WITHDRAWN"}
    (change,) = changes_to(codeMaps={"status": {"target": "resultStatus", "values": values}})
    assert change == Change("ADDED", "代码对照表 status", "3", "", "WITHDRAWN")


def test_a_policy_is_told_in_words() -> None:
    (change,) = changes_to(contract={"badValue": "reject"})
    assert change == Change("ADDED", "约定", "值有误", "", "退回")


def test_a_changed_part_of_a_template_is_seen() -> None:
    template = {**FIELDS["recordId"], "with": {"no": {"from": "CASE_NO"}}}
    (change,) = changes_to(routes=[a_route({"recordId": template})])
    assert change.before != change.after


def test_a_field_of_the_entries_of_a_list_is_told_by_itself() -> None:
    def attachments(name: str) -> dict[str, Any]:
        of = {"attachmentId": {"from": "ID"}, "name": {"from": name}}
        return a_document(routes=[a_route({"attachment": {"list": {"select": "F"}, "of": of}}, store="PROCESS")])

    (change,) = diff_documents(attachments("A"), attachments("B"))
    assert (change.subject, change.before, change.after) == ("办理附件·附件名称（attachment.name）", "A", "B")


def test_routes_and_units_come_and_go() -> None:
    more = changes_to(
        routes=[a_route(), a_route(name="二")], intake={"format": "json", "units": [{"name": "u", "select": "a"}]}
    )
    assert [(change.kind, change.area, change.subject) for change in more] == [
        ("ADDED", "记录", "u"), ("ADDED", "路由", "二"),
    ]  # fmt: skip


def test_the_start_of_a_pull_is_not_taken_for_a_source() -> None:
    one, other = (
        {"transport": {"kind": "rest", "url": url, "from": "2026-01-01"}} for url in ("https://a", "https://b")
    )
    (change,) = diff_documents(a_document(**one), a_document(**other))
    assert "https://a" in change.before
    assert "https://b" in change.after


# --- whatever comes -------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30) | st.sampled_from(
    [
        "Y",
        "off",
        "08",
        "1.5e3",
        "1e3",
        " a",
        "a\nb",
        "\n",
        "a: b",
        "# c",
        "null",
        "~",
        "",
        "-",
        "a\n",
        " \n x",
        "'",
        "\t",
    ]
)
PARTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXTS, PARTS, max_size=4))
def test_what_is_written_is_read_back(part: dict[str, Any]) -> None:
    assert read_mapping(dump_part(part)) == part


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | st.text("{}[]:,-&*!?|>'\"#%@ \na1", max_size=120))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    try:
        load_document(text)
    except RejectedError:
        return


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(a_document())), PARTS)
def test_any_part_in_the_place_of_another_is_read_or_refused(name: str, part: object) -> None:
    try:
        load_document(json.dumps(a_document(**{name: part})))
    except RejectedError:
        return
