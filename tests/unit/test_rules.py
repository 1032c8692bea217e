import json
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

import pytest
import yaml

from hub.domain.findings import Level, Outcome
from supervision.judging.calendar import shipped_calendar
from supervision.judging.clock import ClockPolicy
from supervision.judging.judge import TEMPLATES, judge
from supervision.judging.rule_documents import (
    RuleDocumentError,
    examples_that_fail,
    read_documents,
    rule_in_force,
    schema_problems,
    shipped_documents,
)
from tests.case_builders import (
    a_case,
    a_result,
    a_special,
    a_step,
    an_application,
    an_item,
    china,
    rule_schema,
    shipped_rules,
)

LONG_AFTER = "2026-06-01 09:00"


def findings(history, as_of=LONG_AFTER, only=None):
    rules = [rule for rule in shipped_rules() if only is None or rule.code in only]
    return judge(history, calendar=shipped_calendar(), policy=ClockPolicy(), rules=rules, as_of=china(as_of)).findings


def codes(history, as_of=LONG_AFTER):
    return [(found.rule_code, found.outcome) for found in findings(history, as_of)]


def violated(history, as_of=LONG_AFTER):
    return [found.rule_code for found in findings(history, as_of) if found.outcome is Outcome.VIOLATES]


def document(code="T04"):
    return deepcopy(next(held for held in shipped_documents(rule_schema()) if held["code"] == code))


# Rule documents


def test_contract_names_exactly_the_rules_that_are_shipped():
    levels = {rule.code: rule.level for rule in shipped_rules()}
    reminder = Level.REMINDER
    assert levels == {
        "T01": reminder, "T02": reminder, "T04": Level.YELLOW, "T06": Level.RED,
        "P01": reminder, "P02": reminder, "C06": reminder, "F02": Level.RED,
    }  # fmt: skip


@pytest.mark.parametrize("held", shipped_documents(rule_schema()), ids=lambda held: held["code"])
def test_shipped_rule_agrees_with_its_own_examples(held):
    assert examples_that_fail(held, shipped_calendar(), ClockPolicy()) == ()


def test_schema_knows_exactly_the_templates_that_exist():
    assert set(rule_schema()["properties"]["template"]["enum"]) == set(TEMPLATES)


def test_time_limit_rules_have_distinct_ranks():
    ranks = {rule.code: rule.rank for rule in shipped_rules() if rule.group == "time_limit"}
    assert sorted(ranks, key=ranks.__getitem__) == ["T01", "T02", "T04", "T06"]
    assert len(set(ranks.values())) == len(ranks)


def test_document_survives_the_way_through_json():
    held = document()
    assert rule_in_force(json.loads(json.dumps(held))) == rule_in_force(held)


def test_example_that_contradicts_the_rule_keeps_it_from_being_put_into_force():
    held = document()
    held["examples"][0]["expect"] = "SILENT"
    [problem] = examples_that_fail(held, shipped_calendar(), ClockPolicy())
    assert problem.path == "examples/0"
    assert "应为 SILENT，实为 VIOLATES" in problem.message


def test_example_with_another_instant_of_violation_is_refused():
    held = document()
    held["examples"][0]["occurredAt"] = "2026-03-09 17:31"
    assert examples_that_fail(held, shipped_calendar(), ClockPolicy())


def test_example_with_a_day_that_does_not_exist_is_refused():
    held = document()
    held["examples"][0]["asOf"] = "2026-02-30 09:00"
    assert examples_that_fail(held, shipped_calendar(), ClockPolicy())


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"level": "BLUE"}, "level"),
        ({"template": "stored_procedure"}, "template"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": {"limit": "promised", "share": "4/5"}}, "parameters"),
        ({"examples": []}, "examples"),
        ({"legalBasis": ""}, "legalBasis"),
        ({"when": "1 == 1"}, "全文"),
    ],
)
def test_document_with_a_wrong_part_is_refused_at_its_path(changes, path):
    problems = schema_problems(document() | changes, rule_schema())
    assert path in {problem.path for problem in problems}


def test_examples_must_show_both_firing_and_silence():
    held = document()
    held["examples"] = [example for example in held["examples"] if example["expect"] == "VIOLATES"]
    assert [problem.message for problem in schema_problems(held, rule_schema())] == ["示例须既有触发的，也有不触发的"]


def test_text_that_is_no_yaml_is_refused_with_its_line():
    with pytest.raises(RuleDocumentError) as refused:
        read_documents("code: T04\ntitle: {", rule_schema())
    assert refused.value.problems[0].path == "第 2 行"


def test_yaml_cannot_build_python_objects():
    with pytest.raises(RuleDocumentError):
        read_documents("!!python/object/apply:os.getcwd []", rule_schema())


def test_unquoted_times_stay_text():
    [read] = read_documents(yaml.safe_dump(document(), allow_unicode=True).replace("'", ""), rule_schema())
    assert read["examples"][0]["asOf"] == document()["examples"][0]["asOf"]


# Time limits


def test_case_within_its_promise_has_no_findings():
    assert codes(a_case(result=a_result("2026-03-06 10:00"))) == []


def test_case_finished_at_the_due_instant_is_in_time():
    assert codes(a_case(result=a_result("2026-03-09 17:30"))) == []


def test_case_finished_a_second_after_the_due_instant_is_late():
    [found] = findings(a_case(result=a_result("2026-03-09 17:30:01")))
    assert (found.rule_code, found.level, found.subject) == ("T04", Level.YELLOW, "case")
    assert found.occurred_at == found.due_at == china("2026-03-09 17:30")
    assert "超期不足 1 个工作日" in found.message


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2026-03-05 17:29:59", []),
        ("2026-03-05 17:30", ["T02"]),
        ("2026-03-09 17:30", ["T02"]),
        ("2026-03-09 17:30:01", ["T04"]),
        ("2026-03-16 17:30", ["T04"]),
        ("2026-03-16 17:30:01", ["T06"]),
    ],
)
def test_open_case_climbs_from_card_to_card(as_of, expected):
    assert violated(a_case(), as_of) == expected


def test_four_fifths_of_a_long_promise_come_before_two_days_remain():
    history = a_case(application=an_application(promised_limit=15, limit_unit="WORKING_DAY"))
    [found] = findings(history, "2026-03-18 17:30", only={"T01", "T02"})
    assert (found.rule_code, found.occurred_at) == ("T01", china("2026-03-18 17:30"))
    assert found.due_at == china("2026-03-23 17:30")


def test_two_days_before_outranks_four_fifths():
    assert violated(a_case(), "2026-03-06 17:30") == ["T02"]


def test_promise_of_the_application_goes_before_that_of_the_item():
    application = an_application(promised_limit=7, limit_unit="WORKING_DAY")
    assert violated(a_case(application=application, result=a_result("2026-03-11 10:00"))) == []


def test_promise_without_unit_is_no_promise():
    application = an_application(promised_limit=7)
    assert violated(a_case(application=application, result=a_result("2026-03-11 10:00"))) == ["T04"]


def test_late_case_after_an_extension_names_it():
    extension = a_special("EXTENSION", "2026-03-06 09:00", requested_limit=2, limit_unit="WORKING_DAY")
    [found] = findings(a_case(specials=(extension,), result=a_result("2026-03-12 09:00")))
    assert "（延长 2 个工作日）" in found.message
    assert found.occurred_at == china("2026-03-11 17:30")


@pytest.mark.parametrize("status", ["WITHDRAWN", "VOIDED", "NOT_ACCEPTED", "DENIED"])
def test_any_result_ends_the_clock(status):
    assert violated(a_case(result=a_result("2026-03-06 10:00", status))) == []
    assert violated(a_case(result=a_result("2026-03-10 10:00", status))) == ["T04"]


def test_standing_clock_gives_neither_cards_nor_doubts():
    assert codes(a_case(steps=(a_step("2026-03-03 10:00", "PAUSED"),))) == []


def test_reminder_given_before_a_pause_stays():
    history = a_case(
        application=an_application(promised_limit=5, limit_unit="WORKING_DAY"),
        steps=(a_step("2026-03-09 10:00", "PAUSED"),),
    )
    [found] = findings(history, only={"T01"})
    assert found.occurred_at == china("2026-03-06 17:30")
    assert found.due_at is None
    assert "停止计时" in found.message


def test_missing_limits_cannot_be_judged_and_say_what_is_missing():
    found = findings(a_case(item=None), "2026-03-03 09:00")
    assert [(entry.rule_code, entry.outcome, entry.level) for entry in found] == [
        (code, Outcome.CANNOT_JUDGE, None) for code in ("T01", "T02", "T04", "T06")
    ]
    assert found[3].evidence["missing"] == ["application/statutoryLimit", "item/statutoryLimit"]


def test_finished_case_needs_no_promise_for_its_reminders():
    found = findings(a_case(item=None, result=a_result("2026-03-04 10:00")))
    assert [entry.rule_code for entry in found] == ["T04", "T06"]


def test_missing_promise_does_not_hide_a_red_card():
    item = an_item()
    history = a_case(
        application=an_application(statutory_limit=10, statutory_limit_unit="WORKING_DAY"),
        item=replace(item, promised_limit_unit="UNKNOWN", statutory_limit=None),
        result=a_result("2026-03-17 09:00"),
    )
    assert codes(history) == [("T04", Outcome.CANNOT_JUDGE), ("T06", Outcome.VIOLATES)]


def test_case_without_application_is_clocked_from_its_acceptance_step():
    steps = (a_step("2026-03-02 10:00", "ACCEPTED"),)
    history = a_case(application=None, steps=steps, result=a_result("2026-03-10 09:00"))
    assert ("T04", Outcome.VIOLATES) in codes(history)


def test_case_without_any_start_cannot_be_judged():
    found = findings(a_case(application=None), only={"T04"})
    assert found[0].outcome is Outcome.CANNOT_JUDGE
    assert found[0].evidence["missing"] == ["application/acceptedAt", "application/appliedAt"]


def test_start_outside_the_calendar_cannot_be_judged():
    application = an_application(applied_at=china("1900-01-01 09:00"), accepted_at=china("1900-01-01 09:00"))
    assert set(codes(a_case(application=application))) == {
        (code, Outcome.CANNOT_JUDGE) for code in ("T01", "T02", "T04", "T06")
    }


# Procedure, content, fees


def test_step_before_the_application_is_about_that_step():
    steps = (a_step("2026-03-02 08:59:59"), a_step("2026-03-02 09:00", record_id="R2"))
    [found] = findings(a_case(steps=steps, result=a_result("2026-03-06 10:00")))
    assert (found.rule_code, found.subject, found.level) == ("P01", "R1", Level.REMINDER)
    assert found.occurred_at == china("2026-03-02 08:59:59")


def test_part_of_a_second_is_no_wrong_order():
    application = an_application(applied_at=china("2026-03-02 09:00:00.900"))
    steps = (a_step("2026-03-02 09:00:00.100"), a_step("2026-03-06 10:00:00.800", record_id="R2"))
    assert codes(a_case(application=application, steps=steps, result=a_result("2026-03-06 10:00:00.200"))) == []


def test_every_step_after_the_result_gets_its_own_finding():
    steps = (
        a_step("2026-03-06 10:00:01"),
        a_step("2026-03-07 10:00", record_id="R2"),
        a_step("2026-03-06 10:00", record_id="R3"),
    )
    found = findings(a_case(steps=steps, result=a_result("2026-03-06 10:00")))
    assert [(entry.rule_code, entry.subject) for entry in found] == [("P02", "R1"), ("P02", "R2")]


def test_running_step_without_a_time_is_in_no_wrong_order():
    assert codes(a_case(steps=(a_step(None, "RUNNING"),), result=a_result("2026-03-06 10:00"))) == []


def test_steps_without_an_application_cannot_be_compared_with_it():
    [found] = findings(a_case(application=None, steps=(a_step("2026-03-02 10:00"),)), only={"P01"})
    assert (found.outcome, found.evidence["missing"]) == (Outcome.CANNOT_JUDGE, ["application/appliedAt"])


@pytest.mark.parametrize(("status", "raw"), [("UNKNOWN", None), ("", None), ("OTHER", "97"), ("GRANTED", "97")])
def test_result_without_a_known_status_is_reported(status, raw):
    [found] = findings(a_case(result=a_result("2026-03-06 10:00", status, raw_status=raw)))
    assert (found.rule_code, found.subject) == ("C06", "J1")


def test_result_with_the_code_other_is_known():
    assert codes(a_case(result=a_result("2026-03-06 10:00", "OTHER"))) == []


def test_fee_for_a_free_item_gets_a_red_card():
    history = a_case(item=an_item(is_charged=False), result=a_result("2026-03-06 10:00", paid=Decimal("0.01")))
    [found] = findings(history)
    assert (found.rule_code, found.level, found.subject) == ("F02", Level.RED, "case")


@pytest.mark.parametrize("paid", [None, Decimal(0), Decimal("0.00")])
def test_free_item_without_payment_is_in_order(paid):
    assert codes(a_case(item=an_item(is_charged=False), result=a_result("2026-03-06 10:00", paid=paid))) == []


def test_payment_for_an_unknown_item_cannot_be_judged():
    history = a_case(item=None, result=a_result("2026-03-06 10:00", paid=Decimal(50)))
    assert ("F02", Outcome.CANNOT_JUDGE) in codes(history)
    assert "F02" not in [code for code, _ in codes(a_case(item=None, result=a_result("2026-03-06 10:00")))]


def test_fee_card_and_time_card_stand_side_by_side():
    history = a_case(item=an_item(is_charged=False), result=a_result("2026-03-10 10:00", paid=Decimal(50)))
    assert violated(history) == ["F02", "T04"]
