"""A short slice of the fault harness; `make faults` runs the whole of it."""

import pytest

from tests.faults.scenarios.catalogue import BY_NAME
from tests.faults.scenarios.scenario import Result, Scale, run_scenario, why_not


def run(name: str, factor: float) -> Result:
    scenario = BY_NAME[name]
    reason = why_not(scenario)
    if reason:
        pytest.skip(f"故障测试切片：{reason}；运行 make services 安装")
    return run_scenario(scenario, Scale(seed=20260302, factor=factor))


@pytest.mark.timeout(300)  # a minute on an idle machine
def test_nothing_is_lost_or_done_twice_whatever_is_killed():
    result = run("slice", 1.0)
    assert result.verdict.problems == []
    assert result.kills >= 7
    assert result.verdict.counts["acknowledged"] > 0


@pytest.mark.timeout(300)
def test_harness_catches_a_receipt_that_leaves_before_its_commit():
    assert run("mutant-reply-first", 0.34).is_caught
