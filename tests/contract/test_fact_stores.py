"""Facts: stored once, corrected without loss, equal for any order of arrival."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from hub.domain.records import ITEM, PROCESS, RESULT, ProcessRecord, Record
from hub.stores import service_items
from hub.stores.case_views import CaseQuery, CaseReader, search_cases
from hub.stores.dashboard import todays_figures
from tests.builders import (
    DAY,
    ITEM_CODE,
    MONDAY_MORNING,
    SmallHub,
    a_result,
    a_special,
    a_step,
    an_acceptance,
    an_application,
    an_item,
)

TABLES_TO_EMPTY = (
    "card_event", "card", "finding", "timer", "case_material", "attachment", "special_procedure", "case_application",
    "process_record", "result_record", "service_item_version", "case_search", "case_library", "quarantine", "envelope",
)  # fmt: skip


def the_case(hub: SmallHub, words: str = "GS20260302-0007") -> dict:
    with hub.database.read() as unit:
        found = search_cases(unit, CaseQuery(q=words)).items
        assert len(found) == 1
        law = hub.law()
        return CaseReader(law.calendar, law.policy, hub.sealer, hub.clock()).by_unified_no(
            unit, found[0]["unifiedNo"], None
        )


def facts(hub: SmallHub) -> dict[str, list]:
    """Everything in stores 1–3, the case library and the standing findings, without what depends on arrival."""
    return {
        "items": hub.rows(
            "SELECT item_code, revision, is_current, content_digest FROM service_item_version ORDER BY 1, 2"
        ),
        "steps": hub.rows("SELECT record_id, revision, is_current, content_digest FROM process_record ORDER BY 1, 2"),
        "results": hub.rows("SELECT record_id, revision, is_current, content_digest FROM result_record ORDER BY 1, 2"),
        "cases": hub.rows(
            "SELECT org_code, case_no, item_code, title, applicant_name, state, applied_at, accepted_at, finished_at, "
            "promised_due_at, statutory_due_at, card_level FROM case_library ORDER BY 2"
        ),
        "findings": hub.rows(
            "SELECT c.case_no, f.rule_code, f.subject, f.outcome, f.level, f.occurred_at, f.message FROM finding f "
            "JOIN case_library c ON c.id = f.case_id WHERE f.retracted_at IS NULL ORDER BY 1, 2, 3"
        ),
        "cards": hub.rows(
            "SELECT c.case_no, k.rule_code, k.subject, k.level, k.due_at FROM card k "
            "JOIN case_library c ON c.id = k.case_id WHERE k.state = 'OPEN' ORDER BY 1, 2, 3"
        ),
    }


def a_county_week() -> list[Record]:
    """Records of six cases: late, paused, corrected, contradicting times, fee on a free item, unknown code."""
    records: list[Record] = [an_item()]
    for number in range(6):
        case_no = f"C-{number}"
        own = {"case_no": case_no}
        records += [
            an_acceptance(record_id=f"{number}-1", application=an_application(title=f"样例事项{number}"), **own),
            a_step(
                record_id=f"{number}-2",
                step_status="SUPPLEMENT",
                handled_at=MONDAY_MORNING + DAY,
                **own | {"step_seq": 2},
            ),
            a_review(number, revision=1, handled_at=MONDAY_MORNING + (2 + number) * DAY),
            a_review(number, revision=2, handled_at=MONDAY_MORNING + (3 + number) * DAY),
        ]
        if number != 5:
            records.append(
                a_result(
                    record_id=f"{number}-9", finished_at=MONDAY_MORNING + (5 + 3 * number) * DAY, paid=number, **own
                )
            )
    hearing = {"kind": "HEARING", "started_at": MONDAY_MORNING + 4 * DAY}
    records += [
        a_step(record_id="0-4", case_no="C-0", step_seq=4, step_status="RUNNING", special=a_special(**hearing)),
        a_step(
            record_id="0-5", case_no="C-0", step_seq=5, special=a_special(**hearing, ended_at=MONDAY_MORNING + 6 * DAY)
        ),
        a_step(record_id="1-0", case_no="C-1", step_status="PASSED", handled_at=MONDAY_MORNING - 3 * DAY),
    ]
    return records


def a_review(number: int, **overrides: Any) -> ProcessRecord:
    own = {
        "record_id": f"{number}-3",
        "case_no": f"C-{number}",
        "step_seq": 3,
        "step_name": "审查",
        "step_status": "PASSED",
    }
    return a_step(**own | overrides)


def push_in_messages(hub: SmallHub, records: list[Record], size: int) -> None:
    for kind in (ITEM, PROCESS, RESULT):
        own = [record for record in records if isinstance(record, kind.record)]
        for start in range(0, len(own), size):
            hub.push(kind, own[start : start + size])
            hub.work()


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_number_of_deliveries_give_equal_stores_and_findings(
    hub: SmallHub, database, seed: int
) -> None:
    hub.clock.move_to(MONDAY_MORNING + 60 * DAY)
    records = a_county_week()
    random = Random(seed)
    shuffled = records + random.choices(records, k=20)
    random.shuffle(shuffled)
    # one record a message in random order, kinds interleaved: results before steps, corrections before originals
    for record in shuffled:
        kind = next(kind for kind in (ITEM, PROCESS, RESULT) if isinstance(record, kind.record))
        hub.push(kind, [record])
    hub.work()
    hub.fire()
    scrambled = facts(hub)

    with hub.database.unit() as unit:
        for table in TABLES_TO_EMPTY:
            unit.exec_driver_sql(f"DELETE FROM {table}")
    push_in_messages(hub, records, 100)
    hub.fire()
    assert scrambled == facts(hub)
    assert len(scrambled["findings"]) > 5


def test_workers_that_share_cases_neither_block_each_other_for_ever_nor_differ_from_one(hub: SmallHub) -> None:
    hub.clock.move_to(MONDAY_MORNING + 60 * DAY)
    records = a_crowded_day()
    random = Random(1)
    for start in range(0, len(records), 6):
        part = records[start : start + 6]
        hub.push(PROCESS, random.sample(part, len(part)))
    with ThreadPoolExecutor(4) as pool:
        for worker in [pool.submit(hub.work) for _ in range(4)]:
            worker.result()
    hub.fire()
    together = facts(hub)

    with hub.database.unit() as unit:
        for table in TABLES_TO_EMPTY:
            unit.exec_driver_sql(f"DELETE FROM {table}")
    push_in_messages(hub, records, 100)
    hub.fire()
    assert together == facts(hub)
    assert len(together["steps"]) == len(records)


def a_crowded_day() -> list[Record]:
    """Steps and corrections of 200 cases, so mixed that any two batches share some: new cases as well as known ones."""
    records: list[Record] = []
    for number in range(200):
        own = {"case_no": f"C-{number}"}
        records += [
            an_acceptance(record_id=f"{number}-1", **own),
            a_step(record_id=f"{number}-2", step_seq=2, step_status="PASSED", **own),
            a_review(number),
            a_review(number, revision=2),
        ]
    Random(2).shuffle(records)
    return records


def test_correction_replaces_the_fact_and_keeps_the_original(hub: SmallHub) -> None:
    hub.push_case(an_acceptance(), a_step(record_id="s-2", step_seq=2, opinion="原意见"))
    hub.push_case(a_step(record_id="s-2", step_seq=2, opinion="更正后的意见", revision=2))
    case = the_case(hub)
    assert [step["opinion"] for step in case["steps"] if step["recordId"] == "s-2"] == ["更正后的意见"]
    assert {(entry["revision"], entry["isCurrent"]) for entry in case["corrections"]} == {(1, False), (2, True)}


def test_correction_may_arrive_before_its_original(hub: SmallHub) -> None:
    hub.push_case(an_acceptance(), a_step(record_id="s-2", step_seq=2, opinion="更正后的意见", revision=2))
    hub.push_case(a_step(record_id="s-2", step_seq=2, opinion="原意见"))
    assert [step["opinion"] for step in the_case(hub)["steps"] if step["recordId"] == "s-2"] == ["更正后的意见"]


def test_case_is_incomplete_until_an_application_arrives(hub: SmallHub) -> None:
    hub.push_case(a_step(step_seq=2, step_name="审查", step_status="PASSED"))
    assert the_case(hub)["state"] == "INCOMPLETE"
    hub.push_case(an_acceptance())
    assert the_case(hub)["state"] == "ACCEPTED"


def test_result_before_process_is_normal(hub: SmallHub) -> None:
    hub.push_case(a_result())
    hub.push_case(an_acceptance())
    case = the_case(hub)
    assert (case["state"], case["result"]["resultStatus"]) == ("FINISHED", "GRANTED")


def test_start_and_end_of_one_special_procedure_in_two_records_are_one(hub: SmallHub) -> None:
    start = MONDAY_MORNING + DAY
    hub.push_case(
        an_acceptance(),
        a_step(step_seq=2, step_status="RUNNING", special=a_special(started_at=start)),
        a_step(step_seq=3, special=a_special(started_at=start, ended_at=start + DAY, approver=None)),
    )
    (special,) = the_case(hub)["specials"]
    assert special["endedAt"] is not None
    assert special["approver"] is not None


def test_unknown_code_is_kept_raw_mapped_and_flagged(hub: SmallHub) -> None:
    hub.push(RESULT, [a_result(result_status="OTHER")])
    hub.work()
    body = hub.envelope(RESULT, [a_result(record_id="r-x", case_no="C-x", result_status="OTHER")])
    foreign = body.body.replace(b"<resultStatus>OTHER<", b"<resultStatus>7<")
    hub.exchange.receive(hub.envelope(RESULT, [], "m-x", body=foreign, arrivals=body.arrivals))
    hub.work()
    assert hub.rows("SELECT result_status, raw_status FROM result_record WHERE record_id = 'r-x'") == [("OTHER", "7")]
    assert hub.rows("SELECT f.rule_code FROM finding f WHERE f.subject = 'r-x' AND f.rule_code = 'C06'") == [("C06",)]


@pytest.mark.parametrize(
    "words", ["喆", "店", "例商店", "商店设", "0007", "GS20260302", "gs20260302-0007", "䶮𬭎", "样例 登记"]
)
def test_case_is_found_by_one_or_more_characters(hub: SmallHub, words: str) -> None:
    application = an_application(applicant_name="喆㛃䶮𬭎", applicant_type="ENTERPRISE")
    hub.push_case(an_acceptance(application=application))
    hub.push_case(an_acceptance(case_no="B-1", application=an_application(title="另一件", applicant_name="申请人乙")))
    assert the_case(hub, words)["applicantName"] == "喆㛃䶮𬭎"


@pytest.mark.parametrize("words", ["无", "商例", "9999", "'\" OR 1=1 --", "()", "*"])
def test_what_is_not_there_is_not_found(hub: SmallHub, words: str) -> None:
    hub.push_case(an_acceptance())
    with hub.database.read() as unit:
        assert search_cases(unit, CaseQuery(q=words)).items == []


def test_pages_follow_each_other_without_gap_or_repeat(hub: SmallHub) -> None:
    hub.push_case(*(an_acceptance(case_no=f"C-{number:02}") for number in range(7)))
    seen, after = [], None
    with hub.database.read() as unit:
        while True:
            page = search_cases(unit, CaseQuery(limit=3, after=after))
            seen += [row["caseNo"] for row in page.items]
            if (after := page.next) is None:
                break
    assert sorted(seen) == [f"C-{number:02}" for number in range(7)]


def test_a_department_sees_only_its_own_cases(hub: SmallHub) -> None:
    hub.push_case(an_acceptance())
    with hub.database.read() as unit:
        assert search_cases(unit, CaseQuery(scope=frozenset({"33032400WJ"}))).items == []


def test_personal_identifiers_are_unreadable_at_rest_and_masked_on_screen(hub: SmallHub) -> None:
    hub.push_case(an_acceptance(application=an_application(applicant_name="申请人甲")))
    case = the_case(hub)
    assert "330324199001010003" not in str(case)
    assert "13800000000" not in str(case)
    assert case["applicantName"] == "申***"
    stored = (
        hub.rows("SELECT body_sealed FROM envelope")[0][0],
        hub.rows("SELECT applicant_id_sealed FROM case_application")[0][0],
    )
    assert not any(b"330324199001010003" in bytes(value) for value in stored)


def test_case_takes_the_number_that_the_hub_allocated_for_it(hub: SmallHub) -> None:
    numbers = hub.exchange.allocate_case_nos(hub.sender, ITEM_CODE, 2)
    assert len(set(numbers)) == 2
    hub.push_case(an_acceptance(case_no=numbers[0]))
    assert the_case(hub, numbers[0])["unifiedNo"] == numbers[0]


def test_new_case_numbers_are_unique_and_well_formed(hub: SmallHub) -> None:
    hub.push_case(*(an_acceptance(case_no=f"C-{number}") for number in range(30)))
    numbers = [number for (number,) in hub.rows("SELECT unified_no FROM case_library")]
    assert len(set(numbers)) == 30
    assert all(number.startswith("330324GS20260302") for number in numbers)


def test_item_that_arrives_after_its_case_is_judged_with_it(hub: SmallHub) -> None:
    application = an_application(promised_limit=None, limit_unit=None, statutory_limit=None, statutory_limit_unit=None)
    hub.push_case(an_acceptance(application=application), a_result(finished_at=MONDAY_MORNING + 30 * DAY))
    assert the_case(hub)["promisedDueAt"] is None
    hub.push(ITEM, [an_item()])
    hub.work()
    hub.fire()
    case = the_case(hub)
    assert case["promisedDueAt"] == "2026-03-11T17:30:00.000+08:00"
    assert case["card"] == "RED"


def test_times_are_kept_to_the_microsecond_and_in_utc(hub: SmallHub) -> None:
    moment = MONDAY_MORNING + timedelta(microseconds=123456)
    hub.push_case(an_acceptance(handled_at=moment))
    assert the_case(hub)["steps"][0]["handledAt"] == "2026-03-02T09:30:00.123+08:00"


def test_retired_code_is_never_given_again(hub: SmallHub) -> None:
    with hub.database.unit() as unit:
        service_items.retire(unit, ITEM_CODE, "合并", hub.clock())
    hub.push(ITEM, [an_item(), an_item(item_code="33032400GS-XK-0013")])
    hub.work()
    assert hub.rows("SELECT code, record_id FROM quarantine") == [("HUB-4003", ITEM_CODE)]
    assert hub.rows("SELECT item_code FROM service_item_version") == [("33032400GS-XK-0013",)]


def test_department_is_called_what_its_records_call_it(hub: SmallHub) -> None:
    hub.push_case(an_acceptance(org_name="样例县市场监督管理局"))
    assert the_case(hub)["orgName"] == "样例县市场监督管理局"


def test_every_figure_counts_exactly_the_list_it_leads_to(hub: SmallHub) -> None:
    hub.push_case(*(an_acceptance(case_no=f"C-{number}") for number in range(5)), a_step(case_no="C-9"))
    hub.push_case(a_result(case_no="C-1", finished_at=MONDAY_MORNING), a_result(case_no="C-2"))
    hub.clock.move_to(MONDAY_MORNING + 8 * DAY)
    now, soon = hub.clock(), hub.law().due_soon_until(hub.clock())
    with hub.database.read() as unit:
        figures = todays_figures(unit, now, soon, None)
        for figure, wanted in {
            "openCases": CaseQuery(running=True),
            "dueSoon": CaseQuery(running=True, due=(now, soon)),
            "incompleteCases": CaseQuery(state="INCOMPLETE"),
        }.items():
            assert figures[figure] == len(search_cases(unit, wanted).items) > 0
