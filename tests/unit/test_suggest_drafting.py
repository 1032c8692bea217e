import io
import json
import time
from contextlib import suppress

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.document import dump_document, load_document
from adapters.engine import compile_adapter, sample_content
from adapters.sample_runs import run_samples
from adapters.suggest.drafting import Draft, draft_adapter
from adapters.suggest.questions import QuestionKind
from adapters.suggest.sample_files import MAX_FILES, SampleFile, read_samples
from hub.domain.errors import RejectedError
from tests.suggest_samples import (
    FORESTRY_ANSWERS,
    HOUSING_APPLICATION_ANSWERS,
    HOUSING_RESULT_ANSWERS,
    WATER_PERMIT_ANSWERS,
    forestry_messages,
    housing_messages,
    water_permit_rows,
)


def drafted(*files: SampleFile) -> Draft:
    return draft_adapter(files, "x-sample", "样例")


def sample(text: str, name: str = "a.xml", charset: str = "utf-8") -> SampleFile:
    return SampleFile(name, text.encode(charset))


def answers(draft: Draft, route: int = 0) -> dict[str, str]:
    routes = [route for unit in draft.units for route in unit.routes]
    assigned = routes[route].matching.assigned
    return {target: pair.source.name for target, pair in assigned.items() if not pair.stands_in}


# --- formats that the vocabulary was not made for ---


def test_pinyin_columns_in_gbk_are_mapped_in_full():
    assert answers(drafted(*water_permit_rows())) == WATER_PERMIT_ANSWERS


def test_elements_in_full_pinyin_are_mapped_in_full():
    draft = drafted(*housing_messages())
    assert answers(draft, 0) == HOUSING_APPLICATION_ANSWERS
    assert answers(draft, 1) == HOUSING_RESULT_ANSWERS


def test_english_names_are_mapped_in_full():
    assert answers(drafted(*forestry_messages())) == FORESTRY_ANSWERS


# --- reading files ---


def test_gbk_is_told_by_the_bytes_and_the_reason_is_given():
    (read,) = read_samples([sample("<r><BJBH>甲1</BJBH></r>", charset="gbk")])
    assert read.charset == "gb18030"
    assert "不合 UTF-8" in read.reason


def test_a_declaration_that_lies_is_overruled_and_said():
    (read,) = read_samples([sample('<?xml version="1.0" encoding="GBK"?><r><BJBH>甲</BJBH></r>')])
    assert read.charset == "utf-8"
    assert read.reason.endswith("与声明的不同")


def test_unescaped_signs_do_not_stop_the_reading():
    draft = drafted(sample("<r><BJBH>A-0001</BJBH><SQRMC>甲&乙 < 丙</SQRMC></r>"))
    assert answers(draft)["application.applicantName"] == "SQRMC"


def test_xml_in_the_string_of_a_soap_envelope_is_the_message():
    inner = "&lt;paras&gt;&lt;BJBH&gt;A-0001&lt;/BJBH&gt;&lt;CLYJ&gt;同意&lt;/CLYJ&gt;&lt;/paras&gt;"
    text = f'<s:Envelope xmlns:s="urn:s"><s:Body><Push xmlns="urn:t"><xml>{inner}</xml></Push></s:Body></s:Envelope>'
    assert [unit.name for unit in drafted(sample(text)).units] == ["paras"]


def test_xml_in_a_column_is_reached_through_the_column():
    row = {"BJBH": "A-0001", "content": "<data><proposer><SQRMC>申请人甲</SQRMC><LXDH>1</LXDH></proposer></data>"}
    draft = drafted(sample(json.dumps([row]), "a.json"))
    fields = draft.document["routes"][0]["fields"]
    assert fields["application.applicantName"] == {"from": "content", "xml": "proposer/SQRMC"}


def test_a_workbook_is_a_table_per_sheet():
    book = openpyxl.Workbook()
    book.active.title = "办件"
    book.active.append(["办件编号", "申请人名称", "申请时间"])
    book.active.append(["A1", "申请人甲", "2026-03-02"])
    body = io.BytesIO()
    book.save(body)
    found = answers(drafted(SampleFile("a.xlsx", body.getvalue())))
    assert found["application.applicantName"] == "申请人名称"


def documented(name: str, kind: str, label: str) -> str:
    note = f"<xs:annotation><xs:documentation>{label}</xs:documentation></xs:annotation>"
    return f'<xs:element name="{name}" type="xs:{kind}">{note}</xs:element>'


def test_a_schema_gives_fields_by_name_type_and_documentation():
    fields = documented("F1", "string", "办件编号") + documented("F2", "dateTime", "办结时间")
    fields += '<xs:element name="BJJG" type="xs:string"/>'
    push = f'<xs:element name="Push"><xs:complexType><xs:sequence>{fields}</xs:sequence></xs:complexType></xs:element>'
    xsd = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{push}</xs:schema>'
    found = answers(drafted(sample(xsd, "a.xsd")))
    assert (found["caseNo"], found["finishedAt"], found["resultStatus"]) == ("F1", "F2", "BJJG")


def test_a_wsdl_that_takes_one_string_asks_for_messages():
    wsdl = '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><types/></definitions>'
    with pytest.raises(RejectedError) as refused:
        drafted(sample(wsdl, "a.wsdl"))
    assert refused.value.code == "HUB-3042"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "HUB-3041"),
        (b"<html><body>login</body></html>", "HUB-3041"),
        (b"\xff\x00\xfe broken \x81", "HUB-3041"),
        (b'{"a": ', "HUB-3041"),
        (b"only a sentence", "HUB-3041"),
        (b"PK\x03\x04broken", "HUB-3041"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a><BJBH>&b;</BJBH><c>d</c></a>', "HUB-3041"),
        (b'{"a": {}}', "HUB-3043"),
    ],
)
def test_a_file_that_is_no_message_is_refused_with_a_code(body: bytes, code: str):
    with pytest.raises(RejectedError) as refused:
        drafted(SampleFile("a.txt", body))
    assert refused.value.code == code


def test_too_many_files_are_refused():
    with pytest.raises(RejectedError) as refused:
        drafted(*[sample("<a><b>c</b><d>e</d></a>")] * (MAX_FILES + 1))
    assert refused.value.code == "HUB-3040"


# --- what is drafted ---


def test_files_with_the_same_columns_are_one_table():
    assert [unit.name for unit in drafted(*water_permit_rows()).units] == ["QSXK"]


def test_every_unit_gets_its_selector_and_routes():
    document = drafted(*housing_messages()).document
    assert document["intake"]["units"] == [
        {"name": "banjian", "select": "//banjian"}, {"name": "jieguo", "select": "//jieguo"},
    ]  # fmt: skip
    assert [route["store"] for route in document["routes"]] == ["PROCESS", "RESULT"]


def test_a_field_outside_the_record_is_reached_from_it():
    text = (
        "<d><base><BJBH>A-0001</BJBH><BJMC>样例</BJMC><SQSJ>2026-03-02</SQSJ></base>"
        "<person><SQRMC>申请人甲</SQRMC><SQRZJHM>330324199001010003</SQRZJHM></person></d>"
    )
    fields = drafted(sample(text)).document["routes"][0]["fields"]
    assert fields["application.applicantName"] == {"from": "../person/SQRMC"}


def test_dates_numbers_and_codes_get_their_converters():
    fields = drafted(*water_permit_rows()).document["routes"][0]["fields"]
    assert fields["handledAt"] == {"from": "CLSJ", "convert": ["datetime"]}
    assert fields["stepSeq"] == {"from": "HJXH", "convert": ["whole"]}
    assert fields["stepStatus"] == {"from": "HJZT", "codes": "stepStatus"}


def test_a_list_of_materials_in_one_field_is_split():
    text = "<r><BJBH>A-0001</BJBH><SQRMC>甲</SQRMC><SQSJ>2026-03-02</SQSJ><SQCLQD>申请书;场所证明;</SQCLQD></r>"
    fields = drafted(sample(text)).document["routes"][0]["fields"]
    assert fields["application.material"] == {"list": {"from": "SQCLQD", "split": ";"}, "of": {"name": {"from": "."}}}


def test_materials_in_elements_are_a_list_of_elements():
    text = (
        "<r><BJBH>A-0001</BJBH><SQRMC>甲</SQRMC><SQSJ>2026-03-02</SQSJ><BJMC>样例</BJMC>"
        "<CLXX><CL><CLMC>申请书</CLMC><CLSL>1</CLSL></CL><CL><CLMC>证明</CLMC><CLSL>2</CLSL></CL></CLXX></r>"
    )
    fields = drafted(sample(text)).document["routes"][0]["fields"]
    assert fields["application.material"]["list"] == {"select": "CLXX/CL"}
    assert fields["application.material"]["of"]["name"] == {"from": "CLMC"}


def test_a_record_number_is_composed_so_that_a_repeat_has_the_same():
    fields = drafted(*water_permit_rows()).document["routes"][0]["fields"]
    assert fields["recordId"]["with"] == {"case": {"from": "BJBH"}, "seq": {"from": "HJXH"}}


def test_the_time_of_the_last_change_serves_as_revision():
    text = "<r><BJBH>A-0001</BJBH><HJMC>受理</HJMC><CLSJ>2026-03-02</CLSJ><GXSJ>2026-03-02 10:05:00</GXSJ></r>"
    route = drafted(sample(text)).document["routes"][0]
    assert route["fields"]["revision"] == {"from": "GXSJ", "convert": ["revisionTime"]}
    assert "corrections" not in route


def test_a_required_field_without_source_is_an_open_question():
    draft = drafted(sample("<r><BJBH>A-0001</BJBH><HJMC>受理</HJMC><CLYJ>同意</CLYJ></r>"))
    missing = {question.target for question in draft.questions if question.kind is QuestionKind.MISSING}
    assert missing == {"itemCode", "orgCode"}


def test_a_field_that_nothing_uses_is_named():
    draft = drafted(sample("<r><BJBH>A-0001</BJBH><HJMC>受理</HJMC><QWERT>x</QWERT></r>"))
    assert any(question.kind is QuestionKind.UNUSED and "QWERT" in question.text for question in draft.questions)


def test_the_given_messages_are_the_samples_of_the_document():
    samples = drafted(*water_permit_rows()).document["samples"]
    assert len(samples) == 10
    assert samples[0]["input"].encode(samples[0]["encoding"]) == water_permit_rows()[0].body


@pytest.mark.parametrize(
    "files", [water_permit_rows(), housing_messages(), forestry_messages()], ids=["csv", "xml", "json"]
)
def test_a_draft_without_missing_fields_loads_and_passes_its_own_samples(files: list[SampleFile]):
    draft = drafted(*files)
    assert not [question for question in draft.questions if question.kind is QuestionKind.MISSING]
    document = load_document(dump_document(draft.document))
    assert document == draft.document
    outcomes = run_samples(compile_adapter(document))
    assert len(outcomes) == len(files)
    assert all(outcome.passed for outcome in outcomes)
    assert all(sample["expect"]["records"] for sample in document["samples"])


def test_a_draft_with_a_missing_field_loads_and_its_samples_fail_until_it_is_mended():
    document = drafted(sample("<r><BJBH>A-0001</BJBH><HJMC>受理</HJMC><CLYJ>同意</CLYJ></r>")).document
    assert load_document(dump_document(document)) == document
    assert document["samples"][0]["expect"] == {"records": []}


def test_the_department_is_read_off_the_item_codes():
    assert drafted(*housing_messages()).document["department"] == {"orgCode": "33032400ZJ"}


def test_a_given_department_goes_before_the_item_codes():
    document = draft_adapter(housing_messages(), "x-sample", "样例", {"orgCode": "33032400XX"}).document
    assert document["department"] == {"orgCode": "33032400XX"}


def test_a_flat_record_gives_its_result_only_when_it_has_one():
    columns = "BJBH,SXBM,BMBM,SQRMC,SQSJ,BJMC,HJXH,HJMC,HJZT,CLSJ,BLRXM,CLYJ,BJJG,BJSJ\n"
    case = "A-0001,33032400SL-XK-0007,33032400SL,申请人甲,2026-03-01,样例许可"
    row = case + ",{0},{1},通过,2026-03-0{0},经办人丙,同意,{2},{3}\n"
    open_case, closed = row.format(2, "审核", "", ""), row.format(3, "办结", "准予许可", "2026-03-06")
    document = drafted(sample(columns + open_case + closed, "a.csv")).document
    assert document["routes"][1]["when"] == {"exists": "BJSJ"}
    reading = compile_adapter(document).read(sample_content(document["samples"][0]))
    assert [[output.kind.name for output in unit.outputs] for unit in reading.units] == [
        ["PROCESS"], ["PROCESS", "RESULT"],
    ]  # fmt: skip


def test_materials_in_the_xml_of_a_column_are_a_list():
    files = "".join(f"<DOCUMENT><CLMC>材料{n}</CLMC><CLSL>1</CLSL></DOCUMENT>" for n in (1, 2))
    row = {
        "BJBH": "A-0001", "SXBM": "33032400SL-XK-0007", "BMBM": "33032400SL", "SQRMC": "申请人甲", "BJMC": "样例许可",
        "SQSJ": "2026-03-01", "FJ": f"<DATA>{files}</DATA>",
    }  # fmt: skip
    document = drafted(sample(json.dumps([row], ensure_ascii=False), "a.json")).document
    assert document["routes"][0]["fields"]["application.material"]["list"] == {"from": "FJ", "xml": "DOCUMENT"}
    unit = compile_adapter(document).read(sample_content(document["samples"][0])).units[0]
    assert [one["name"] for one in unit.outputs[0].content["application"]["material"]] == ["材料1", "材料2"]


def test_no_question_and_no_reason_holds_a_personal_value():
    draft = drafted(*water_permit_rows())
    reasons = [
        pair.reason for unit in draft.units for route in unit.routes for pair in route.matching.assigned.values()
    ]
    said = " ".join([*reasons, *(question.text for question in draft.questions)])
    assert not any(secret in said for secret in ("330324199001010003", "13800000000", "申请人甲", "经办人丙"))


def test_fifty_large_messages_take_seconds():
    record = forestry_messages()[0].body.decode()[len('{"records": [') : -2]
    body = ('{"records": [' + ",".join([record] * 1200) + "]}").encode()
    start = time.monotonic()
    drafted(*[SampleFile(f"{n}.json", body) for n in range(MAX_FILES)])
    assert time.monotonic() - start < 20


# --- whatever comes ---

json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=25,
)


def test_names_beyond_measure_are_left_out():
    value = {"BJBH": "A-0001", "x" * 400: "1", 'a\nb"c': "2", "HJMC": "受理"}
    answered(sample(json.dumps([value]), "a.json"))


def answered(file: SampleFile) -> None:
    """Drafted, or refused; and what is drafted loads."""
    document = None
    with suppress(RejectedError):
        document = drafted(file).document
    if document is not None:
        assert load_document(dump_document(document)) == document


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_answered(body: bytes):
    answered(SampleFile("any", body))


@settings(max_examples=60, deadline=None)
@given(json_trees)
def test_any_json_is_answered(value: object):
    answered(SampleFile("any.json", json.dumps({"BJBH": "A-0001", "x": value}).encode()))
