"""What the editor shows of an unfinished draft: the rest at work, the gaps by name, nobody's data."""

from typing import Any

import pytest

from hub.console.document_lines import line_of
from hub.console.draft_view import field_rows, masked_content, sample_of_route, try_document, view_sample
from hub.console.raw_tree import other_fields, own_fields
from hub.console.suggestions import suggest
from hub.console.target_fields import coverage
from tests.draft_samples import a_document, a_result, a_sample, an_acceptance


def without(document: dict[str, Any], *targets: str) -> dict[str, Any]:
    for target in targets:
        del document["routes"][0]["fields"][target]
    return document


def rows_of(document: dict[str, Any]) -> dict[str, Any]:
    tried = try_document(document)
    view = view_sample(tried, document["samples"][0], 1)
    return {row.field.path: row for row in field_rows(document, 0, tried, view)}


def test_a_required_field_without_source_is_named_and_the_others_are_seen_at_work() -> None:
    document = without(a_document(), "caseNo")
    assert [(each.code, each.path) for each in try_document(document).problems] == [
        ("HUB-3001", "routes/0/fields/caseNo")
    ]
    rows = rows_of(document)
    assert rows["recordId"].value == "LS001"
    assert rows["caseNo"].problem.message == "必填字段“办件编号”没有来源"


def test_a_selector_that_cannot_be_used_is_told_at_its_field() -> None:
    document = a_document()
    document["routes"][0]["fields"] |= {"opinion": {"from": "//a//b//c"}, "stepName": {"from": "HJMC["}}
    rows = rows_of(document)
    assert {rows["opinion"].problem.code, rows["stepName"].problem.code} == {"HUB-3022"}
    assert rows["stepStatus"].value == "受理（ACCEPTED）"


def test_a_finished_draft_has_no_problems() -> None:
    assert list(try_document(a_document()).problems) == []


def test_a_route_of_a_unit_that_is_not_there_leaves_nothing_to_see() -> None:
    document = a_document()
    document["routes"][0]["unit"] = "nobody"
    tried = try_document(document)
    assert tried.compiled is None
    assert [each.code for each in tried.problems] == ["HUB-3024"]


def test_a_sample_that_cannot_be_opened_says_why() -> None:
    document = a_document(samples=[a_sample(body=b"<html><body>login</body></html>")])
    view = view_sample(try_document(document), document["samples"][0], 1)
    assert view.refusal
    assert view.refusal.code.startswith("HUB-1")


def test_the_sample_shown_first_is_one_that_the_route_takes() -> None:
    document = a_document(samples=[a_sample("办结", a_result()), a_sample()])
    document["intake"]["units"] = [{"name": "SL", "select": "//SL"}, {"name": "BJ", "select": "//BJ"}]
    assert sample_of_route(document, try_document(document), 0) == (1, 1)


def test_names_and_numbers_of_people_are_masked() -> None:
    content = {"officerName": "经办人丙", "opinion": "同意", "application": {
        "applicantName": "申请人甲", "applicantIdNo": "330324199001010003", "applicantPhone": "13800000001",
    }}  # fmt: skip
    assert masked_content("PROCESS", content) == {
        "officerName": "经***", "opinion": "同意",
        "application": {
            "applicantName": "申***", "applicantIdNo": "330324********0003", "applicantPhone": "138****0001",
        },
    }  # fmt: skip
    assert rows_of(a_document())["officerName"].value == "经***"


def test_an_organisation_is_public() -> None:
    content = {"application": {"applicantName": "样例县某某有限公司"}}
    assert masked_content("PROCESS", content) == content


def test_a_groups_required_fields_count_once_the_group_is_begun() -> None:
    own = coverage("PROCESS", {"recordId"})
    begun = coverage("PROCESS", {"recordId", "application.title"})
    assert own.given == 1
    assert begun.required > own.required
    assert "application.applicantName" in {field.path for field in begun.missing}
    assert not any(field.group for field in own.missing)


def test_every_place_of_a_record_can_be_chosen_and_the_head_too() -> None:
    document = a_document()
    unit = view_sample(try_document(document), document["samples"][0], 1).unit
    assert unit
    own = {field.selector: field.text for field in own_fields(unit.raw, "xml")}
    assert own["SQSJ"] == "2026-03-01 09:15"
    assert {field.selector for field in other_fields(unit.raw)} == {"/BJXX/TOU/BWBH"}


def test_places_of_json_are_written_as_the_engine_reads_them() -> None:
    node = {"a": {"b-c": 1}, "list": [{"x": "甲"}, {"x": "乙"}], "空": None}
    assert [(field.selector, field.text) for field in own_fields(node, "json")] == [
        ("a", ""), ('a."b-c"', "1"), ("list[]", "2 项"), ("list[0].x", "甲"), ('"空"', ""),
    ]  # fmt: skip


def test_columns_are_called_as_they_are() -> None:
    assert [field.selector for field in own_fields({"办件编号": "1", "B-C": 2}, "csv")] == ["办件编号", "B-C"]


def test_samples_suggest_the_source_of_a_field_with_a_reason() -> None:
    samples = [a_sample(str(number), an_acceptance(number)) for number in range(1, 4)]
    best = suggest(a_document(samples=samples), 0, "caseNo")[0]
    assert best.selector == "BJBH"
    assert best.percent > 50
    assert best.reason


def test_without_samples_nothing_is_suggested() -> None:
    assert suggest(a_document(samples=[]), 0, "caseNo") == []


@pytest.mark.parametrize(
    ("path", "line"), [("routes/1/fields/caseNo", 6), ("routes/1/fields/absent", 5), ("nothing", None), ("routes/9", 2)]
)
def test_a_path_is_found_in_the_text(path: str, line: int | None) -> None:
    text = "title: x\nroutes:\n- store: RESULT\n- store: PROCESS\n  fields:\n    caseNo: {from: A}\n"
    assert line_of(text, path) == line
