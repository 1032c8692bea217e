"""The engine: what becomes of a message, unit by unit and field by field."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.reading import Content, Disposition, MessageReading
from hub.domain.errors import RejectedError
from hub.domain.records import ResultRecord
from tests.adapter_documents import ROW, a_document, a_route, an_adapter, only_unit, read

ACCEPTED, QUARANTINED, REJECTED = Disposition.ACCEPTED, Disposition.QUARANTINED, Disposition.REJECTED


def row(**changes: Any) -> str:
    return json.dumps({**ROW, **changes}, ensure_ascii=False)


def content_of(reading: MessageReading) -> Mapping[str, Any]:
    (output,) = only_unit(reading).outputs
    return output.content


def refused(document: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(RejectedError) as raised:
        an_adapter(**document)
    return raised.value.code, raised.value.path


# --- fields ---------------------------------------------------------------------------------------------------------


def test_a_record_is_read_as_the_contract_has_it() -> None:
    (output,) = only_unit(read(an_adapter(), row())).outputs
    assert output.content == {
        "recordId": "GS-1-BJ", "caseNo": "GS-1", "itemCode": "33032400GS-XK-0012", "orgCode": "33032400GS",
        "resultStatus": "GRANTED", "finishedAt": "2026-03-02T10:00:00+08:00",
    }  # fmt: skip
    assert isinstance(output.reading.record, ResultRecord)


def test_a_template_with_an_absent_part_is_absent() -> None:
    unit = only_unit(read(an_adapter(), row(NO="null")))
    assert {issue.path for issue in unit.issues} == {"recordId", "caseNo"}
    assert {issue.code for issue in unit.issues} == {"HUB-3001"}


def test_the_first_source_that_gives_something_is_taken() -> None:
    adapter = an_adapter({"opinion": {"firstOf": [{"from": "A"}, {"from": "B"}, {"constant": "未写"}]}})
    assert content_of(read(adapter, row(A="暂无", B="同意")))["opinion"] == "同意"
    assert content_of(read(adapter, row()))["opinion"] == "未写"


def test_a_digest_is_stable_and_absent_when_all_of_it_is() -> None:
    adapter = an_adapter({"recordId": {"digest": ["NO", "AT"]}})
    one, same, other = (content_of(read(adapter, row(**changes))) for changes in ({}, {"X": 1}, {"AT": "2026-03-03"}))
    assert one["recordId"] == same["recordId"] != other["recordId"]
    assert len(one["recordId"]) == 24
    assert "recordId" not in only_unit(read(adapter, row(NO="", AT=""))).outputs[0].content


def test_an_optional_group_of_which_the_sender_gave_nothing_is_absent() -> None:
    risk = {"risk.type": {"from": "RISK"}, "risk.control": {"constant": "无"}}
    route = {"routes": [a_route(risk | {"resultStatus": None, "finishedAt": None} | STEP, store="PROCESS")]}
    assert "risk" not in content_of(read(an_adapter(**route), row()))
    assert content_of(read(an_adapter(**route), row(RISK="消防")))["risk"] == {"type": "消防", "control": "无"}


STEP = {
    "stepSeq": {"constant": 1}, "stepName": {"constant": "受理"}, "stepStatus": {"constant": "ACCEPTED"},
    "handledAt": {"from": "AT"},
}  # fmt: skip


def a_step_adapter(fields: Mapping[str, Any], **overrides: Any) -> Any:
    route = a_route({**STEP, "resultStatus": None, "finishedAt": None, **fields}, store="PROCESS")
    return an_adapter(**{"routes": [route], **overrides})


ATTACHMENT = {"attachmentId": {"from": "id"}, "name": {"from": "name"}}


def test_a_list_takes_every_entry_that_gives_something() -> None:
    adapter = a_step_adapter({"attachment": {"list": {"select": "files"}, "of": ATTACHMENT}})
    content = content_of(
        read(adapter, row(files=[{"id": "1", "name": "申请书"}, {"id": "null"}, {"id": "2", "name": "照"}]))
    )
    assert [entry["name"] for entry in content["attachment"]] == ["申请书", "照"]


def test_a_text_of_several_values_is_split_at_full_width_signs_too() -> None:
    of = {"attachmentId": {"from": "."}, "name": {"from": "."}}
    adapter = a_step_adapter({"attachment": {"list": {"from": "FILES", "split": ";"}, "of": of}})
    content = content_of(read(adapter, row(FILES="申请书；营业执照;")))
    assert [entry["name"] for entry in content["attachment"]] == ["申请书", "营业执照"]


def test_xml_within_a_value_is_read() -> None:
    of = {"attachmentId": {"from": "ID"}, "name": {"from": "NAME"}}
    adapter = a_step_adapter({"attachment": {"list": {"from": "FILES", "xml": "//DOC"}, "of": of}})
    files = "<R><DOC><ID>1</ID><NAME>甲</NAME></DOC><DOC><ID>2</ID><NAME>乙</NAME></DOC></R>"
    assert [entry["attachmentId"] for entry in content_of(read(adapter, row(FILES=files)))["attachment"]] == ["1", "2"]


def test_broken_xml_within_a_value_is_an_issue_of_its_field() -> None:
    adapter = a_step_adapter({"opinion": {"from": "X", "xml": "//a"}})
    (issue,) = only_unit(read(adapter, row(X="<a>"))).issues
    assert (issue.code, issue.path) == ("HUB-1001", "opinion")


def test_a_part_of_a_split_text_can_name_a_field_of_its_record() -> None:
    of = {"attachmentId": {"from": "."}, "name": {"firstOf": [{"from": "../nothing"}, {"from": "../NAME"}]}}
    adapter = a_step_adapter({"attachment": {"list": {"from": "FILES", "split": ";"}, "of": of}})
    made = content_of(read(adapter, row(FILES="甲;乙", NAME="样例")))["attachment"]
    assert made == [{"attachmentId": "甲", "name": "样例"}, {"attachmentId": "乙", "name": "样例"}]


def test_a_list_that_is_too_long_is_an_issue_and_not_cut_off() -> None:
    adapter = a_step_adapter({"attachment": {"list": {"select": "files"}, "of": ATTACHMENT}})
    unit = only_unit(read(adapter, row(files=[{"id": "1", "name": "甲"}] * 501)))
    assert [issue.path for issue in unit.issues] == ["attachment"]


def test_a_time_is_read_in_any_form_whether_or_not_the_mapping_says_so() -> None:
    adapter = an_adapter({"finishedAt": {"from": "AT"}})
    for written in (
        "20260302100000",
        20260302100000,
        "2026-03-02T10:00",
        "2026年3月2日10时0分0秒",
        "Mon Mar 02 10:00:00 CST 2026",
    ):
        assert content_of(read(adapter, row(AT=written)))["finishedAt"] == "2026-03-02T10:00:00+08:00", written


# --- codes ----------------------------------------------------------------------------------------------------------


def maps(otherwise: str) -> dict[str, Any]:
    return {"status": {"target": "resultStatus", "values": {"1": "GRANTED"}, "otherwise": otherwise}}


def test_a_code_that_is_not_in_the_map_is_kept_listed_and_flagged() -> None:
    unit = only_unit(read(an_adapter(codeMaps=maps("keep")), row(STATUS="77")))
    assert unit.disposition is ACCEPTED
    assert [(code.code_map, code.value, code.target) for code in unit.unmapped] == [("status", "77", "resultStatus")]
    (output,) = unit.outputs
    assert isinstance(output.reading.record, ResultRecord)
    assert output.reading.record.result_status == "OTHER"
    assert [(note.code, note.raw) for note in output.reading.notes] == [("HUB-3101", "77")]


def test_a_code_map_may_give_a_token_for_all_other_codes() -> None:
    unit = only_unit(read(an_adapter(codeMaps=maps("DENIED")), row(STATUS="77")))
    assert unit.outputs[0].content["resultStatus"] == "DENIED"
    assert unit.unmapped == ()


def test_an_unknown_code_may_be_absent_so_that_the_next_source_is_asked() -> None:
    choice = {"firstOf": [{"from": "STATUS", "codes": "status"}, {"constant": "WITHDRAWN"}]}
    adapter = an_adapter({"resultStatus": choice}, codeMaps=maps("absent"))
    assert content_of(read(adapter, row(STATUS="77")))["resultStatus"] == "WITHDRAWN"


def test_a_number_is_the_code_that_it_looks_like() -> None:
    assert content_of(read(an_adapter(), row(STATUS=1)))["resultStatus"] == "GRANTED"


# --- policies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "change", "code"),
    [
        ("missingRequired", {"ITEM": ""}, "HUB-3001"), ("badValue", {"AT": "2026-02-30"}, "HUB-3007"),
        ("unknownCode", {"STATUS": "77"}, "HUB-3025"), ("unknownField", {"NEW": "1"}, "HUB-3027"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("measure", "disposition"), [("quarantine", QUARANTINED), ("reject", REJECTED)])
def test_the_contract_decides(policy: str, change: dict[str, str], code: str, measure: str, disposition: str) -> None:
    unit = only_unit(read(an_adapter(contract={policy: measure}), row(**change)))
    assert unit.disposition is disposition
    assert [issue.code for issue in unit.issues] == [code]


@pytest.mark.parametrize("change", [{"ITEM": ""}, {"AT": "2026-02-30"}, {"AT": ""}])
def test_flagging_never_lets_a_unit_through_that_gives_no_record(change: dict[str, str]) -> None:
    flags = {"missingRequired": "flag", "badValue": "flag"}
    unit = only_unit(read(an_adapter(contract=flags), row(**change)))
    assert unit.disposition is QUARANTINED
    assert unit.issues


def test_a_flagged_bad_value_of_an_optional_field_is_dropped_and_noted() -> None:
    unit = only_unit(read(an_adapter({"paid": {"from": "PAID"}}, contract={"badValue": "flag"}), row(PAID="很多")))
    assert unit.disposition is ACCEPTED
    assert "paid" not in unit.outputs[0].content
    assert [note.path for note in unit.outputs[0].reading.notes] == ["paid"]


def test_a_flagged_bad_value_in_an_entry_of_a_list_is_dropped_there() -> None:
    of = {**ATTACHMENT, "kind": {"from": "kind"}}
    adapter = a_step_adapter({"attachment": {"list": {"select": "files"}, "of": of}}, contract={"badValue": "flag"})
    unit = only_unit(read(adapter, row(files=[{"id": "1", "name": "甲", "kind": "x" * 5000}])))
    assert unit.disposition is ACCEPTED
    assert unit.outputs[0].content["attachment"] == [{"attachmentId": "1", "name": "甲"}]


def test_a_field_that_nobody_expects_is_named() -> None:
    assert read(an_adapter(), row(NEW="1")).unknown_fields == ["NEW"]
    assert read(an_adapter(contract={"unknownField": "ignore"}), row(NEW="1")).unknown_fields == []


def test_a_field_of_a_sample_is_expected() -> None:
    sample = {"name": "有备注", "input": row(NOTE="x"), "expect": {}}
    assert read(an_adapter(samples=[sample]), row(NOTE="y")).unknown_fields == []


def test_a_sample_that_its_charset_cannot_write_does_no_harm_to_live_messages() -> None:
    sample = {"name": "错", "input": row(NOTE="𬭎"), "encoding": "gb2312", "expect": {}}
    assert read(an_adapter(samples=[sample]), row(NOTE="y")).unknown_fields == ["NOTE"]


# --- routes and units -----------------------------------------------------------------------------------------------

KINDS: Mapping[str, Mapping[str, Any]] = {
    "exists": {"exists": "FLAG"},
    "absent": {"absent": "NO_SUCH"},
    "equals": {"equals": {"FLAG": 1}},
    "in": {"in": {"FLAG": ["0", "1"]}},
    "all": {"all": [{"exists": "FLAG"}, {"equals": {"STATUS": "1"}}]},
    "any": {"any": [{"exists": "NO_SUCH"}, {"exists": "FLAG"}]},
    "not": {"not": {"exists": "NO_SUCH"}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_route_takes_what_its_condition_fits(kind: str) -> None:
    takes, not_taken = a_route(when=KINDS[kind]), a_route(when={"not": KINDS[kind]})
    assert len(only_unit(read(an_adapter(routes=[takes]), row(FLAG="1"))).outputs) == 1
    unit = only_unit(read(an_adapter(routes=[not_taken]), row(FLAG="1")))
    assert (unit.disposition, [issue.code for issue in unit.issues]) == (QUARANTINED, ["HUB-3026"])


def test_a_unit_may_give_several_records() -> None:
    step = a_route({**STEP, "resultStatus": None, "finishedAt": None}, store="PROCESS", name="环节")
    unit = only_unit(read(an_adapter(routes=[step, a_route(corrections="byArrival")]), row()))
    assert [(output.kind.name, output.by_arrival) for output in unit.outputs] == [("PROCESS", False), ("RESULT", True)]


def xml_adapter(**overrides: Any) -> Any:
    units = [{"name": "b", "select": "//B"}, {"name": "a", "select": "//A"}]
    intake = {"format": "xml", "units": units, "messageId": "//Head/Id"}
    return an_adapter(**{"intake": intake, "routes": [a_route(unit="a"), a_route(unit="b")], **overrides})


def element(tag: str, number: int) -> str:
    values = "".join(f"<{name}>{value}</{name}>" for name, value in ROW.items() if name != "NO")
    return f"<{tag}><NO>{number}</NO>{values}</{tag}>"


def test_units_come_in_the_order_of_the_document_whatever_their_kind() -> None:
    body = f"<M><Head><Id>m-1</Id></Head>{element('A', 1)}<x>{element('B', 2)}</x>{element('A', 3)}</M>"
    reading = read(xml_adapter(), body)
    assert [(unit.seq, unit.name, unit.record_id) for unit in reading.units] == [
        (1, "a", "1-BJ"), (2, "b", "2-BJ"), (3, "a", "3-BJ"),
    ]  # fmt: skip
    assert reading.message_id == "m-1"


def test_a_message_without_units_is_refused() -> None:
    with pytest.raises(RejectedError, match="HUB-1017"):
        read(xml_adapter(), "<M/>")


def test_more_units_than_a_message_may_hold_are_refused() -> None:
    with pytest.raises(RejectedError, match="HUB-1016"):
        read(xml_adapter(), "<M>" + "<A><NO>1</NO></A>" * 10_001 + "</M>")


def test_rows_of_several_tables_must_say_which_they_are() -> None:
    adapter = an_adapter(
        intake={"format": "rows", "units": [{"name": "T1"}, {"name": "T2"}]},
        routes=[a_route(unit="T1"), a_route(unit="T2")],
    )
    assert only_unit(read(adapter, f"[{row()}]", source="t2")).name == "T2"
    assert only_unit(read(adapter, f'{{"t1": [{row()}]}}')).name == "T1"
    with pytest.raises(RejectedError, match="HUB-1028"):
        read(adapter, f"[{row()}]")


def test_a_csv_is_read_by_its_heading() -> None:
    adapter = an_adapter(intake={"format": "csv", "messageId": "NO"})
    body = "no,item,status,at\n" + ",".join(ROW.values()) + "\n"
    assert only_unit(read(adapter, body.encode("gb18030"))).record_id == "GS-1-BJ"


def test_the_trace_says_how_every_field_came_about() -> None:
    adapter = an_adapter({"paid": {"from": "PAID", "convert": ["amount"]}})
    traces = {trace.target: trace for trace in adapter.trace(Content(row(PAID="很多").encode()), 1)}
    assert (traces["resultStatus"].raw, traces["resultStatus"].value) == ("1", "GRANTED")
    assert traces["recordId"].expression == "模板 {no}-BJ"
    assert traces["paid"].issue is not None
    with pytest.raises(RejectedError, match="HUB-1017"):
        adapter.trace(Content(row().encode()), 2)


# --- what does not compile ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"caseNo": None}, "HUB-3001", "routes/0/fields/caseNo"),
        ({"noSuch": {"from": "A"}}, "HUB-3002", "routes/0/fields/noSuch"),
        ({"opinion": {"from": "a[?b=="}}, "HUB-3022", "routes/0/fields/opinion"),
        ({"opinion": {"from": "A", "convert": ["shout"]}}, "HUB-3021", "routes/0/fields/opinion"),
        ({"opinion": {"from": "A", "codes": "none"}}, "HUB-3023", "routes/0/fields/opinion"),
        ({"opinion": {"template": "{a}", "with": {"b": {"from": "B"}}}}, "HUB-3024", "routes/0/fields/opinion"),
        ({"opinion": {"list": {"select": "a"}}}, "HUB-3024", "routes/0/fields/opinion"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_does_not_compile(fields: dict[str, Any], code: str, path: str) -> None:
    assert refused({"routes": [a_route(fields)]}) == (code, path)


def test_a_route_of_an_unknown_unit_does_not_compile() -> None:
    assert refused({"routes": [a_route(unit="x")]}) == ("HUB-3024", "routes/0/unit")


def test_two_units_of_one_name_do_not_compile() -> None:
    intake = {"format": "rows", "units": [{"name": "a"}, {"name": "A"}]}
    assert refused({"intake": intake, "routes": [a_route(unit="a")]}) == ("HUB-3024", "intake/units")


# --- whatever comes -------------------------------------------------------------------------------------------------

ADAPTERS = [an_adapter(intake={"format": form}) for form in ("xml", "json", "csv", "rows", "xlsx")]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(list(ROW)) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=300)
    | st.text(alphabet="<>&/aNO [](){}\"',;\n:1？", max_size=200).map(str.encode)
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for adapter in ADAPTERS:
        try:
            reading = adapter.read(Content(body))
        except RejectedError:
            continue
        for unit in reading.units:
            records = [output.reading.record for output in unit.outputs]
            assert unit.disposition is not ACCEPTED or (records and None not in records)


def test_a_document_says_what_it_is() -> None:
    adapter = an_adapter()
    assert (adapter.code, adapter.title, adapter.document) == ("sample", "样例适配器", a_document())


def test_a_code_map_may_give_only_tokens_of_the_field() -> None:
    maps = {"codeMaps": {"steps": {"target": "stepStatus", "values": {"1": "ACCEPTED", "2": "DONE"}}}}
    with pytest.raises(RejectedError, match=r"HUB-3024 .*DONE") as refused:
        a_step_adapter({"stepStatus": {"from": "ST", "codes": "steps"}}, **maps)
    assert refused.value.path == "routes/0/fields/stepStatus"


def test_a_step_within_an_array_knows_the_case_around_it() -> None:
    fields = {"recordId": {"template": "{c}-{n}", "with": {"c": {"from": "../NO"}, "n": {"from": "n"}}}}
    intake = {"format": "json", "units": [{"name": "step", "select": "cases[].steps[]"}]}
    adapter = a_step_adapter(fields | {"caseNo": {"from": "../NO"}, "handledAt": {"from": "../AT"}}, intake=intake)
    cases = [{**ROW, "NO": no, "steps": [{"n": 1, "ITEM": "X-1"}, {"n": 2, "ITEM": "X-1"}]} for no in ("A", "B")]
    found = read(adapter, json.dumps({"cases": cases})).units
    assert [unit.outputs[0].content["recordId"] for unit in found] == ["A-1", "A-2", "B-1", "B-2"]


def test_a_declared_namespace_is_chosen_by_its_prefix() -> None:
    fields = {name: {"from": f"h:{name}"} for name in ("NO", "ITEM", "AT", "OPINION")}
    chosen = {
        "caseNo": fields["NO"],
        "itemCode": fields["ITEM"],
        "handledAt": fields["AT"],
        "opinion": fields["OPINION"],
    }
    adapter = a_step_adapter(chosen | {"recordId": fields["NO"]}, intake={"format": "xml"}, namespaces={"h": "urn:h"})
    body = "".join(
        f"<p:{name}>{value}</p:{name}>" for name, value in {**ROW, "OPINION": "同意"}.items() if name in fields
    )
    reading = read(adapter, f'<q:r xmlns:q="urn:q" xmlns:p="urn:h">{body}</q:r>')
    assert content_of(reading)["opinion"] == "同意"
    assert reading.unknown_fields == []
