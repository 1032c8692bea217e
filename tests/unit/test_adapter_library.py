"""The shipped adapter documents: their samples hold, and a whole case comes out the same whatever the order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.document import dump_document, load_document
from adapters.engine import CompiledAdapter, compile_adapter, sample_content
from adapters.library import shipped, shipped_document
from adapters.reading import Content, Disposition, Output
from adapters.sample_runs import run_samples
from adapters.transports.folders import Folders
from adapters.transports.outbound import AllowList, Outbound
from adapters.transports.save_checks import check_outbound
from hub.domain.errors import NotFoundError
from hub.domain.records import PROCESS, RESULT, ProcessRecord, ResultRecord

CASES = Path(__file__).parents[1] / "samples" / "adapters"
CODES = sorted(shipped())
ITEM = "33032400GS-XK-0012"
Case = dict[tuple[str, str], ProcessRecord | ResultRecord]


@cache
def compiled(code: str) -> CompiledAdapter:
    return compile_adapter(shipped_document(code))


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a case as its file holds it; the name says `NN-unit`."""

    content: Content

    @classmethod
    def of(cls, path: Path, units: Iterable[str]) -> "Message":
        unit = path.stem.partition("-")[2]
        return cls(Content(path.read_bytes(), source=unit if unit in units else None))


@cache
def messages(code: str) -> tuple[Message, ...]:
    units = [unit["name"] for unit in shipped_document(code)["intake"]["units"]]
    return tuple(Message.of(path, units) for path in sorted((CASES / code).iterdir()))


def outputs(code: str, message: Message) -> list[Output]:
    reading = compiled(code).read(message.content)
    assert [unit.disposition for unit in reading.units] == [Disposition.ACCEPTED] * len(reading.units)
    return [output for unit in reading.units for output in unit.outputs]


def held(code: str, arrivals: Iterable[Message]) -> Case:
    """What a store holds in the end: of each record the highest revision."""
    records: Case = {}
    for message in arrivals:
        for output in outputs(code, message):
            record = output.reading.record
            assert isinstance(record, ProcessRecord | ResultRecord), (code, output.route, output.reading.issues)
            known = records.setdefault((output.kind.name, record.record_id), record)
            if output.by_arrival:
                assert record == known, "these samples hold no correction, whose outcome would depend on the order"
            elif record.revision > known.revision:
                records[output.kind.name, record.record_id] = record
    return records


def of_kind(case: Case, kind: type[Any]) -> list[Any]:
    return [record for record in case.values() if isinstance(record, kind)]


@pytest.mark.parametrize("code", CODES)
def test_every_sample_gives_what_it_says(code: str) -> None:
    outcomes = run_samples(compiled(code))
    assert [outcome for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == len(shipped_document(code)["samples"])


@pytest.mark.parametrize("code", CODES)
def test_samples_show_good_messages_wrong_ones_and_gb18030(code: str) -> None:
    samples = shipped_document(code)["samples"]
    assert len([sample for sample in samples if "records" in sample["expect"]]) >= 5
    assert len([sample for sample in samples if "error" in sample["expect"]]) >= 3
    assert any(sample.get("encoding") == "gb18030" for sample in samples)


@pytest.mark.parametrize("code", CODES)
def test_some_sample_is_a_result_that_comes_first(code: str) -> None:
    stores = [{record["store"] for record in sample["expect"].get("records", ())} for sample in _samples(code)]
    assert {"RESULT"} in stores


@pytest.mark.parametrize("code", CODES)
def test_no_field_of_a_sample_is_unknown_to_its_adapter(code: str) -> None:
    for sample in _samples(code):
        assert not compiled(code).read(sample_content(sample)).unknown_fields, sample["name"]


UNKNOWN_CODE = ("不在代码表中", "代码没有公开", "字典以外的代码")


@pytest.mark.parametrize("code", CODES)
def test_a_code_that_no_map_knows_is_kept_taken_and_listed(code: str) -> None:
    (sample,) = [sample for sample in _samples(code) if any(words in sample["name"] for words in UNKNOWN_CODE)]
    (unit,) = compiled(code).read(sample_content(sample)).units
    assert unit.disposition is Disposition.ACCEPTED
    assert [len(unmapped.value) > 0 for unmapped in unit.unmapped] == [True]


def test_a_few_chinese_signs_in_utf_8_are_not_read_by_a_stale_declaration() -> None:
    adapter = compiled("soap-paras")
    body = '<?xml version="1.0" encoding="gb2312"?><paras><RESULT_NOTE>准予登记</RESULT_NOTE></paras>'
    assert adapter.read(Content(body.encode())).charset == "utf-8"
    assert adapter.read(Content(body.encode("gb2312"))).charset == "gb18030"


def test_a_shared_table_without_its_address_is_no_place_to_connect_to() -> None:
    tables = [document for document in map(shipped_document, CODES) if document["transport"]["kind"] == "table"]
    assert len(tables) == 4
    assert all(check_outbound(document, Outbound(AllowList.parse("")), Folders.of([])) == [] for document in tables)


def _samples(code: str) -> Sequence[dict[str, Any]]:
    samples: Sequence[dict[str, Any]] = shipped_document(code)["samples"]
    return samples


@pytest.mark.parametrize("code", CODES)
@given(data=st.data())
def test_a_case_is_the_same_in_any_order_and_however_often_it_is_sent(code: str, data: st.DataObject) -> None:
    told = messages(code)
    arrivals = data.draw(st.permutations(told)) + data.draw(st.lists(st.sampled_from(told), max_size=3))
    assert held(code, arrivals) == held(code, told)


@pytest.mark.parametrize("code", CODES)
def test_a_case_is_told_whole(code: str) -> None:
    case = held(code, messages(code))
    steps, results = of_kind(case, ProcessRecord), of_kind(case, ResultRecord)
    assert len({(record.org_code, record.case_no) for record in case.values()}) == 1
    assert [step for step in steps if step.application] == [min(steps, key=lambda step: step.step_seq)]
    assert min(steps, key=lambda step: step.step_seq).item_code == ITEM
    assert "ACCEPTED" in {step.step_status for step in steps}
    assert [result.result_status for result in results] == ["GRANTED"]


@pytest.mark.parametrize("code", CODES)
def test_no_step_of_an_orderly_case_lies_before_the_application_or_after_the_result(code: str) -> None:
    case = held(code, messages(code))
    steps, (result,) = of_kind(case, ProcessRecord), of_kind(case, ResultRecord)
    (application,) = [step.application for step in steps if step.application]
    times = [step.handled_at or step.started_at for step in steps if step.handled_at or step.started_at]
    assert application.applied_at == min(times)
    assert max(times) <= result.finished_at


@pytest.mark.parametrize("code", CODES)
def test_a_shipped_document_round_trips(code: str) -> None:
    document = shipped_document(code)
    assert load_document(dump_document(document)) == document
    assert document["adapter"] == code


def test_the_two_front_end_documents_differ_only_in_their_step_codes() -> None:
    one, other = shipped_document("inf-tables"), shipped_document("inf-tables-dictionary")
    for name in ("adapter", "title", "description", "samples"):
        del one[name], other[name]
    assert one["codeMaps"].pop("stepStatus")["values"]["5"] == "RUNNING"
    assert other["codeMaps"].pop("stepStatus")["values"]["5"] == "PASSED"
    del one["codeMaps"]["acceptance"], other["codeMaps"]["acceptance"]
    assert one == other


@pytest.mark.parametrize(("digit", "six", "dictionary"), [("1", "PASSED", "RUNNING"), ("4", "SUPPLEMENT", "RETURNED")])
def test_the_same_digit_means_another_status_in_the_other_variant(digit: str, six: str, dictionary: str) -> None:
    row = f"INTERNAL_NO,ITEM_ID,NO_ORD,TACHE_NAME,STATUS,PROCESS_DATE\nA-1,{ITEM},1,审查,{digit},2026-03-02 10:00:00\n"
    message = Message(Content(row.encode(), source="INF_APPLY_PROCESS"))
    for code, status in (("inf-tables", six), ("inf-tables-dictionary", dictionary)):
        (output,) = outputs(code, message)
        assert output.kind is PROCESS
        assert isinstance(output.reading.record, ProcessRecord)
        assert output.reading.record.step_status == status


def test_a_flat_record_becomes_an_application_a_step_and_a_result() -> None:
    kinds = [(output.kind, output.route) for output in outputs("guideline-flat", messages("guideline-flat")[-1])]
    assert kinds == [(PROCESS, "申请"), (PROCESS, "环节"), (RESULT, "办结")]


def test_an_adapter_that_is_not_shipped_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="HUB-4045"):
        shipped_document("no-such-adapter")


def test_a_shipped_document_can_be_changed_without_changing_the_next_one() -> None:
    shipped_document("inf-tables")["title"] = "改过"
    assert shipped()["inf-tables"] == shipped_document("inf-tables")["title"] != "改过"
