"""Cards: raised by facts and by time, replaced, cleared, never doubled, always with a proof that recomputes."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hub.domain.errors import RejectedError
from hub.domain.records import ITEM, PROCESS
from hub.domain.times import CHINA_TIME
from hub.setup import activate_rule, add_calendar
from hub.stores import audit
from hub.stores.card_views import CardQuery, card_detail, search_cards
from hub.stores.case_views import CaseQuery, search_cases
from hub.stores.rules import active_rule_documents
from supervision.judging.calendar import shipped_calendar
from supervision.proof import recomputes_the_same
from tests.builders import DAY, MONDAY_MORNING, SmallHub, a_result, a_step, an_acceptance, an_item


def cards(hub: SmallHub) -> list[tuple[str, str, str]]:
    return hub.rows("SELECT rule_code, level, state FROM card ORDER BY rule_code")


def china(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=CHINA_TIME)


def test_card_appears_when_the_due_instant_passes_without_any_event(hub: SmallHub) -> None:
    hub.push_case(an_acceptance())  # 7 working days from 2 March: due 11 March 17:30
    hub.clock.move_to(china(11, 17, 29))
    hub.fire()
    assert ("T04", "YELLOW", "OPEN") not in cards(hub)
    hub.clock.move_to(china(11, 17, 30) + timedelta(milliseconds=1))
    assert hub.fire() == 1
    assert ("T04", "YELLOW", "OPEN") in cards(hub)


def test_time_cards_climb_and_only_the_highest_stays_open(hub: SmallHub) -> None:
    hub.push_case(an_acceptance())
    for moment in (china(9, 17, 31), china(10, 12), china(11, 18), china(31, 18)):
        hub.clock.move_to(moment)
        hub.fire()
    assert [card for card in cards(hub) if card[2] == "OPEN"] == [("T06", "RED", "OPEN")]
    assert {state for code, _, state in cards(hub) if code != "T06"} == {"REPLACED"}


def test_firing_again_raises_nothing_twice(hub: SmallHub) -> None:
    hub.push_case(an_acceptance())
    hub.clock.move_to(china(12, 9))
    hub.fire()
    before = cards(hub)
    assert hub.fire() == 0
    assert cards(hub) == before


def test_reminder_is_cleared_when_the_case_finishes_in_time(hub: SmallHub) -> None:
    hub.push_case(an_acceptance())
    hub.clock.move_to(china(10, 12))
    hub.fire()
    assert {state for _, _, state in cards(hub)} == {"OPEN"}
    hub.push_case(a_result(finished_at=china(10, 16)))
    assert {state for _, _, state in cards(hub)} == {"CLEARED"}


def test_result_that_arrives_late_but_was_in_time_takes_the_card_back(hub: SmallHub) -> None:
    hub.push_case(an_acceptance())
    hub.clock.move_to(china(12, 9))
    hub.fire()
    assert ("T04", "YELLOW", "OPEN") in cards(hub)
    hub.push_case(a_result(finished_at=china(11, 17, 30)))
    assert ("T04", "YELLOW", "CLEARED") in cards(hub)
    assert hub.rows("SELECT card_level FROM case_library") == [(None,)]


def test_pause_moves_the_due_instant_and_its_timer(hub: SmallHub) -> None:
    hub.push_case(
        an_acceptance(), a_step(step_seq=2, step_name="补正", step_status="SUPPLEMENT", handled_at=china(3, 10))
    )
    hub.clock.move_to(china(30, 9))
    hub.fire()
    assert cards(hub) == []  # the clock stands
    hub.push_case(a_step(step_seq=3, step_name="补正收件", step_status="PASSED", handled_at=china(27, 10)))
    (due,) = hub.rows("SELECT promised_due_at FROM case_library")[0]
    assert str(due).startswith("2026-04-")


def test_every_card_recomputes_from_its_own_evidence(hub: SmallHub) -> None:
    hub.push_case(
        an_acceptance(),
        a_step(step_seq=2, step_name="早于申请", handled_at=MONDAY_MORNING - DAY),
        a_result(finished_at=MONDAY_MORNING + 40 * DAY),
    )
    with hub.database.read() as unit:
        found = search_cards(unit, CardQuery()).items
        assert {card["ruleCode"] for card in found} == {"T06", "P01"}
        for card in found:
            evidence = card_detail(unit, card["id"], None)["evidence"]
            assert recomputes_the_same(unit, evidence) is True
            assert "申请人" not in str(evidence)


def test_tampered_evidence_does_not_recompute(hub: SmallHub) -> None:
    hub.push_case(an_acceptance(), a_result(finished_at=MONDAY_MORNING + 40 * DAY))
    with hub.database.read() as unit:
        card = search_cards(unit, CardQuery()).items[0]
        evidence = card_detail(unit, card["id"], None)["evidence"]
        assert recomputes_the_same(unit, evidence | {"sentence": "别的话"}) is False


def test_fee_on_a_free_item_gives_a_red_card(hub: SmallHub) -> None:
    hub.push(ITEM, [an_item(is_charged=False)])
    hub.push_case(an_acceptance(), a_result(paid="50.00"))
    assert ("F02", "RED", "OPEN") in cards(hub)


def test_two_watches_share_the_work_without_doubling(hub: SmallHub) -> None:
    hub.push(PROCESS, [an_acceptance(case_no=f"C-{number}", record_id=f"r-{number}") for number in range(30)])
    hub.work()
    hub.clock.move_to(china(12, 9))
    other = type(hub.watch)(hub.database, hub.law, hub.clock)
    while hub.watch.fire_once(7) or other.fire_once(7):
        pass
    assert hub.rows("SELECT count(*), count(DISTINCT case_id) FROM card WHERE rule_code = 'T04'") == [(30, 30)]


def test_audit_chain_shows_a_changed_row(hub: SmallHub) -> None:
    with hub.database.unit() as unit:
        for number in range(3):
            audit.record(unit, audit.Act("it-staff", "test", "thing", str(number)), hub.clock())
    with hub.database.read() as unit:
        assert list(audit.broken_links(unit)) == []
    with hub.database.unit() as unit:
        unit.exec_driver_sql("UPDATE audit_event SET actor = 'somebody' WHERE object_id = '1'")
    with hub.database.read() as unit:
        assert len(list(audit.broken_links(unit))) == 1


def test_new_calendar_moves_the_due_date_of_a_running_case(hub: SmallHub) -> None:
    hub.push_case(an_acceptance())
    old = shipped_calendar()
    holiday = {china(10, 9).date(): False}
    calendar = replace(old, version="cn-test", exceptions={**old.exceptions, **holiday})
    with hub.database.unit() as unit:
        assert add_calendar(unit, calendar, "测试", hub.clock())
    hub.clock.move_to(hub.clock() + timedelta(minutes=1))
    hub.fire()
    with hub.database.read() as unit:
        (case,) = search_cases(unit, CaseQuery()).items
    assert case["promisedDueAt"] == "2026-03-12T17:30:00.000+08:00"


def test_rule_that_contradicts_its_own_example_is_not_put_into_force(hub: SmallHub) -> None:
    with hub.database.unit() as unit:
        (document,) = [shown for shown in active_rule_documents(unit) if shown["code"] == "T04"]
        wrong = [example | {"expect": "SILENT"} for example in document["examples"]]
        with pytest.raises(RejectedError) as refused:
            activate_rule(unit, document | {"version": 2, "examples": wrong}, hub.clock())
    assert refused.value.code == "HUB-4005"
