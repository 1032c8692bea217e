"""Samples in a document: what is expected against what comes out."""

import json
from typing import Any

from adapters.sample_runs import SampleOutcome, result_of, run_samples
from tests.adapter_documents import ROW, an_adapter


def a_sample(expect: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"name": "样例", "input": json.dumps({**ROW, **changes}), "expect": expect}


def outcome(sample: dict[str, Any]) -> SampleOutcome:
    (found,) = run_samples(an_adapter(samples=[sample]))
    return found


def what_comes_out(**changes: Any) -> dict[str, Any]:
    return result_of(an_adapter(), a_sample({}, **changes))


def test_what_comes_out_now_can_be_taken_as_what_is_expected() -> None:
    for changes in ({}, {"NO": ""}, {"AT": "2026-02-30"}):
        assert outcome(a_sample(what_comes_out(**changes), **changes)).passed


def test_another_value_is_told_with_its_place() -> None:
    expect = what_comes_out()
    expect["records"][0]["content"]["caseNo"] = "GS-2"
    assert outcome(a_sample(expect)).differences == ("第 1 条：caseNo 应为 GS-2，实为 GS-1",)


def test_a_record_too_few_and_another_store_are_told() -> None:
    record = what_comes_out()["records"][0]
    differences = outcome(a_sample({"records": [{**record, "store": "PROCESS"}, record]})).differences
    assert differences == ("应得到 2 条记录，实得 1 条", "第 1 条：应进入 PROCESS，实为 RESULT")


def test_an_error_that_does_not_come_is_told() -> None:
    assert outcome(a_sample({"error": {"code": "HUB-3007", "path": "finishedAt"}})).differences == (
        "应报 HUB-3007 finishedAt，实为 没有问题",
    )


def test_an_error_that_nobody_expected_is_told() -> None:
    assert outcome(a_sample({}, AT="2026-02-30")).differences == ("没有料到的问题：HUB-3007 finishedAt",)


def test_a_message_that_cannot_be_opened_is_told() -> None:
    sample = {"name": "坏", "input": "{", "expect": {"records": []}}
    (difference, _) = outcome(sample).differences
    assert difference.startswith("整个报文被退回：HUB-1022")


def test_a_sample_that_its_charset_cannot_write_is_told_and_breaks_nothing() -> None:
    sample = {"name": "错", "input": "𬭎", "encoding": "gb2312", "expect": {"records": []}}
    assert "HUB-3020" in outcome(sample).differences[0]
