import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.codes import LIMIT_UNIT, RESULT_STATUS, SPECIAL_KIND, STEP_STATUS
from hub.domain.findings import Outcome
from hub.domain.history import CaseHistory, SpecialFact, StepFact
from supervision.judging.calendar import shipped_calendar
from supervision.judging.clock import ClockPolicy
from supervision.judging.clock_view import explain_clock
from supervision.judging.history_json import history_from_json, history_to_json
from supervision.judging.judge import judge, recompute
from tests.case_builders import (
    a_case,
    a_result,
    a_special,
    a_step,
    an_application,
    an_item,
    china,
    shipped_rules,
)

POLICY = ClockPolicy()
FIRST = china("2026-02-20 00:00")
law = settings(deadline=None)
WILD = st.sampled_from([datetime(1, 1, 2, tzinfo=UTC), datetime.max.replace(tzinfo=UTC), china("1990-01-01 00:00")])
MINUTES = st.integers(0, 60 * 24 * 45)
INSTANTS = MINUTES.map(lambda minutes: FIRST + timedelta(minutes=30 * (minutes // 30)))
UNITS = st.sampled_from([*LIMIT_UNIT.titles, "UNKNOWN"])
LIMITS = st.integers(0, 30)


def now(history, as_of, rules=None, calendar=None):
    return judge(
        history,
        calendar=calendar or shipped_calendar(),
        policy=POLICY,
        rules=shipped_rules() if rules is None else rules,
        as_of=china(as_of) if isinstance(as_of, str) else as_of,
    )


@st.composite
def steps(draw, instants):
    number = draw(st.integers(0, 5))
    return tuple(
        StepFact(
            record_id=f"R{index}",
            step_seq=draw(st.integers(1, 3)),
            step_name="审查",
            status=draw(st.sampled_from([*STEP_STATUS.titles])),
            received_at=draw(INSTANTS),
            started_at=draw(st.none() | instants),
            handled_at=draw(st.none() | instants),
            officer_id=draw(st.sampled_from([None, "A01", "A02"])),
        )
        for index in range(number)
    )


@st.composite
def specials(draw, instants):
    keys = draw(st.lists(st.tuples(st.sampled_from([*SPECIAL_KIND.titles]), instants), max_size=3, unique=True))
    return tuple(
        SpecialFact(
            kind=kind,
            started_at=started_at,
            ended_at=draw(st.none() | instants),
            requested_limit=draw(st.none() | st.integers(0, 10)),
            limit_unit=draw(st.none() | UNITS),
            approver="示例审批人",
        )
        for kind, started_at in keys
    )


@st.composite
def histories(draw, instants=INSTANTS):
    application = an_application(
        applied_at=draw(instants),
        accepted_at=draw(st.none() | instants),
        promised_limit=draw(st.none() | LIMITS),
        limit_unit=draw(st.none() | UNITS),
    )
    result = a_result("2026-03-09 10:00", draw(st.sampled_from([*RESULT_STATUS.titles, "UNKNOWN"])))
    result = replace(
        result,
        finished_at=draw(instants),
        raw_status=draw(st.sampled_from([None, "97"])),
        paid=draw(st.sampled_from([None, Decimal(0), Decimal("12.50")])),
    )
    item = an_item(is_charged=draw(st.booleans()), statutory_limit=draw(st.none() | LIMITS))
    return CaseHistory(
        org_code="11330324000000001X",
        case_no="2026-0001",
        item_code="33032400AJ-XK-0001",
        application=draw(st.sampled_from([None, application, application, application])),
        steps=draw(steps(instants)),
        specials=draw(specials(instants)),
        result=draw(st.sampled_from([None, None, result])),
        item=draw(st.sampled_from([None, item, item, item])),
    )


def what_was_found(judgement):
    return judgement.state, judgement.findings


# Dues and wake-up


def test_judgement_carries_the_dues_and_instants_of_the_case():
    judgement = now(a_case(result=a_result("2026-03-06 10:00")), "2026-03-20 09:00")
    assert judgement.accepted_at == china("2026-03-02 10:00")
    assert judgement.finished_at == china("2026-03-06 10:00")
    assert judgement.promised_due_at == china("2026-03-09 17:30")
    assert judgement.statutory_due_at == china("2026-03-16 17:30")
    assert not judgement.provisional


def test_acceptance_step_stands_in_for_a_missing_acceptance_time():
    history = a_case(application=an_application(accepted_at=None), steps=(a_step("2026-03-02 11:00", "ACCEPTED"),))
    assert now(history, "2026-03-03 09:00").accepted_at == china("2026-03-02 11:00")


def test_application_time_is_not_passed_off_as_acceptance():
    history = a_case(application=an_application(accepted_at=None))
    assert now(history, "2026-03-03 09:00").accepted_at is None
    clock = explain_clock(history, calendar=shipped_calendar(), policy=POLICY, as_of=china("2026-03-03 09:00"))
    assert clock["startSource"] == "appliedAt"


def test_due_beyond_the_published_calendar_is_provisional():
    application = an_application(accepted_at=china("2026-12-30 10:00"))
    assert now(a_case(application=application), "2026-12-31 09:00").provisional


def test_wake_up_goes_through_every_instant_at_which_a_card_changes():
    at, seen = china("2026-03-02 10:00"), []
    history = a_case()
    while (judgement := now(history, at)).next_due:
        at = judgement.next_due
        seen.append((at.replace(microsecond=0), [found.rule_code for found in now(history, at).findings]))
    assert seen == [
        (china("2026-03-05 17:30"), ["T02"]),
        (china("2026-03-09 17:30"), ["T04"]),
        (china("2026-03-16 17:30"), ["T06"]),
    ]


def test_finished_case_is_not_woken_up():
    assert now(a_case(result=a_result("2026-03-06 10:00")), "2026-03-03 09:00").next_due is None


def test_case_whose_clock_stands_open_ended_is_not_woken_up():
    assert now(a_case(steps=(a_step("2026-03-03 10:00", "PAUSED"),)), "2026-03-04 09:00").next_due is None


def test_rules_that_are_not_in_force_wake_nobody():
    assert now(a_case(), "2026-03-03 09:00", rules=()).next_due is None


def test_case_in_a_capped_procedure_is_woken_up_when_the_cap_is_reached():
    special = a_special("HEARING", "2026-03-03 09:00", requested_limit=2, limit_unit="WORKING_DAY")
    judgement = now(a_case(specials=(special,)), "2026-03-04 09:00")
    assert (judgement.state, judgement.next_due) == ("SPECIAL", china("2026-03-05 17:30"))


# The clock as JSON


def test_clock_is_json_and_only_its_course_changes_with_time():
    history = a_case(steps=(a_step("2026-03-03 10:00", "SUPPLEMENT"), a_step("2026-03-04 10:00", record_id="R2")))
    course = ("counted", "segments", "days")
    early, late = (
        explain_clock(history, calendar=shipped_calendar(), policy=POLICY, as_of=china(as_of))
        for as_of in ("2026-03-05 09:00", "2026-04-30 09:00")
    )
    clock = {name: value for name, value in early.items() if name not in course}
    assert clock == {name: value for name, value in late.items() if name not in course}
    assert json.loads(json.dumps(clock)) == {
        "start": "2026-03-02T10:00:00+08:00",
        "startSource": "acceptedAt",
        "limit": 5,
        "unit": "WORKING_DAY",
        "limitSource": "item",
        "dueAt": "2026-03-10T17:30:00+08:00",
        "statutory": {
            "limit": 10, "unit": "WORKING_DAY", "limitSource": "item", "dueAt": "2026-03-17T17:30:00+08:00"
        },
        "provisional": False,
        "stops": [
            {
                "from": "2026-03-03T10:00:00+08:00",
                "to": "2026-03-04T10:00:00+08:00",
                "reason": "SUPPLEMENT",
                "capped": False,
            }
        ],
        "calendarVersion": shipped_calendar().version,
        "policyVersion": POLICY.version,
    }  # fmt: skip


def test_explained_clock_counts_out_the_promise_day_by_day():
    clock = explain_clock(a_case(), calendar=shipped_calendar(), policy=POLICY, as_of=china("2026-03-04 17:30"))
    assert clock["counted"] == 2
    assert [(run["kind"], run["days"]) for run in clock["segments"]] == [
        ("START_DAY", 1), ("COUNTED", 4), ("REST", 2), ("COUNTED", 1),
    ]  # fmt: skip
    assert clock["days"][-1] == {"day": "2026-03-09", "kind": "COUNTED", "counted": 5.0, "note": ""}


def test_explained_clock_of_an_endless_limit_stays_readable():
    history = a_case(application=an_application(promised_limit=9999, limit_unit="CALENDAR_DAY"))
    clock = explain_clock(history, calendar=shipped_calendar(), policy=POLICY, as_of=china("2026-03-04 17:30"))
    assert len(clock["days"]) <= 801


# Evidence


def the_evidence(history, as_of="2026-06-01 09:00"):
    [found] = now(history, as_of).findings
    return found.evidence


def test_evidence_of_a_late_case_shows_rule_events_arithmetic_and_a_way_out():
    evidence = the_evidence(a_case(steps=(a_step("2026-03-04 10:00"),), result=a_result("2026-03-11 10:00")))
    assert evidence["rule"]["code"] == "T04"
    assert evidence["rule"]["parameters"] == {"limit": "promised"}
    assert [event["stepName"] for event in evidence["events"]] == ["受理", "办结"]
    assert evidence["counterfactual"] == "若于 2026-03-09 17:30 前办结，则不发牌"
    assert evidence["responsible"] == {"orgCode": "11330324000000001X", "post": "承办", "officerId": "A01"}
    clock = evidence["clock"]
    assert (clock["limit"], clock["unit"], clock["dueAt"]) == (5, "WORKING_DAY", "2026-03-09T17:30:00+08:00")
    assert (clock["overdueWorkingDays"], clock["restDays"]) == (2, 2)
    assert [(run["kind"], run["counted"]) for run in clock["segments"]] == [("START_DAY", 0), ("COUNTED", 5)]


def test_step_finding_names_the_person_of_that_step():
    wrong = a_step("2026-03-01 10:00", officer_id="A02")
    evidence = the_evidence(
        a_case(steps=(wrong, a_step("2026-03-04 10:00", record_id="R2")), result=a_result("2026-03-06 10:00"))
    )
    assert evidence["responsible"]["officerId"] == "A02"


def test_finding_that_follows_from_the_counterfactual_vanishes():
    late = a_case(result=a_result("2026-03-11 10:00"))
    in_time = replace(late, result=a_result("2026-03-09 17:30"))
    assert now(late, "2026-06-01 09:00").findings
    assert not now(in_time, "2026-06-01 09:00").findings


def test_evidence_of_an_open_case_does_not_change_from_minute_to_minute():
    assert the_evidence(a_case(), "2026-03-10 09:00") == the_evidence(a_case(), "2026-03-10 09:01")


def test_evidence_names_no_person_that_applied_or_approved_and_no_foreign_code():
    special = a_special("HEARING", "2026-03-03 09:00", "2026-03-04 09:00", basis="敏感依据")
    result = a_result("2026-03-17 10:00", "OTHER", raw_status="外来代码")
    found = now(a_case(specials=(special,), result=result), "2026-06-01 09:00").findings
    text = json.dumps([dict(entry.evidence) for entry in found], ensure_ascii=False)
    assert len(found) == 2
    assert not any(word in text for word in ("示例申请人", "示例办件", "示例审批人", "敏感依据", "外来代码"))


def test_evidence_of_a_typical_case_stays_small():
    handled = tuple(a_step(f"2026-03-0{day} 10:00", record_id=f"R{day}") for day in range(3, 9))
    evidence = the_evidence(a_case(steps=handled, result=a_result("2026-03-11 10:00")))
    assert len(json.dumps(evidence, ensure_ascii=False).encode()) < 6_000


def test_recomputing_with_another_rule_version_does_not_give_the_same_finding():
    [found] = now(a_case(result=a_result("2026-03-11 10:00")), "2026-06-01 09:00").findings
    newer = [replace(rule, version=2) for rule in shipped_rules()]
    assert recompute(found.evidence, shipped_calendar(), POLICY, newer) != found


def test_evidence_with_a_changed_input_no_longer_gives_its_finding():
    [found] = now(a_case(result=a_result("2026-03-11 10:00")), "2026-06-01 09:00").findings
    altered = json.loads(json.dumps(found.evidence))
    altered["inputs"]["result"]["finishedAt"] = "2026-03-06T10:00:00+08:00"
    assert recompute(altered, shipped_calendar(), POLICY, shipped_rules()) is None


# Laws


@law
@given(histories(), INSTANTS, st.randoms(use_true_random=False))
def test_order_in_which_facts_are_given_changes_nothing(history, as_of, chance):
    shuffled = replace(
        history,
        steps=tuple(chance.sample(history.steps, len(history.steps))),
        specials=tuple(chance.sample(history.specials, len(history.specials))),
    )
    assert now(shuffled, as_of) == now(history, as_of)


@law
@given(histories(), INSTANTS, INSTANTS)
def test_having_judged_before_changes_nothing(history, earlier, later):
    calendar = a_fresh_calendar()
    now(history, earlier, calendar=calendar)
    assert now(history, later, calendar=calendar) == now(history, later, calendar=a_fresh_calendar())


@law
@given(histories(), INSTANTS, st.floats(0, 1, exclude_max=True))
def test_nothing_changes_before_the_next_due_instant(history, as_of, share):
    judgement = now(history, as_of)
    until = judgement.next_due or as_of + timedelta(days=400)
    between = min(as_of + (until - as_of) * share, until - timedelta(microseconds=1))
    assert what_was_found(now(history, between)) == what_was_found(judgement)


@law
@given(histories(), INSTANTS)
def test_evidence_read_back_gives_the_same_finding(history, as_of):
    for found in now(history, as_of).findings:
        if found.outcome is Outcome.VIOLATES:
            stored = json.loads(json.dumps(found.evidence))
            assert recompute(stored, shipped_calendar(), POLICY, shipped_rules()) == found


@law
@given(histories(), INSTANTS)
def test_what_cannot_be_judged_says_what_is_missing(history, as_of):
    unjudged = [found for found in now(history, as_of).findings if found.outcome is Outcome.CANNOT_JUDGE]
    assert all(found.message and set(found.evidence) == {"missing"} for found in unjudged)


@law
@given(histories(), INSTANTS, INSTANTS)
def test_findings_of_a_closed_case_are_the_same_at_any_time(history, one, other):
    closed = replace(history, result=history.result or a_result("2026-03-12 10:00"))
    assert json.dumps([dict(found.evidence) for found in now(closed, one).findings]) == json.dumps(
        [dict(found.evidence) for found in now(closed, other).findings]
    )


@law
@given(histories(), INSTANTS, st.sampled_from(["HEARING", "PAUSE", "TESTING"]), INSTANTS, st.none() | INSTANTS)
def test_another_pause_never_brings_a_card_forward(history, as_of, kind, started_at, ended_at):
    pause = SpecialFact(kind=kind, started_at=started_at, ended_at=ended_at)
    paused = replace(history, specials=(*history.specials, pause))
    for rule in shipped_rules():
        before, after = card_time(now(history, as_of, [rule])), card_time(now(paused, as_of, [rule]))
        if rule.code in ("T04", "T06") and after:
            assert before is not None
            assert before <= after


def card_time(judgement):
    return next((found.occurred_at for found in judgement.findings if found.outcome is Outcome.VIOLATES), None)


@law
@given(histories(), INSTANTS)
def test_one_rule_says_one_thing_of_one_subject_and_one_time_card_stands(history, as_of):
    found = now(history, as_of).findings
    assert len({(entry.rule_code, entry.subject) for entry in found}) == len(found)
    cards = [entry for entry in found if entry.outcome is Outcome.VIOLATES and entry.rule_code[0] == "T"]
    assert len(cards) <= 1


@law
@given(histories(INSTANTS | WILD), INSTANTS | WILD)
def test_no_claimed_time_however_wild_stops_the_judge(history, as_of):
    now(history, as_of)
    json.dumps(explain_clock(history, calendar=shipped_calendar(), policy=POLICY, as_of=as_of))


@law
@given(histories())
def test_history_survives_json_as_far_as_it_is_judged(history):
    value = history_to_json(history)
    assert history_to_json(history_from_json(json.loads(json.dumps(value)))) == value


def a_fresh_calendar():
    held = shipped_calendar()
    return replace(held)
