"""Messages in a department's own form: through door, worker and stores, and read again by a later adapter."""

from datetime import timedelta
from io import BytesIO
from itertools import permutations
from typing import Any

import pytest
from openpyxl import Workbook

from adapters.reading import Content
from hub.adapting.mapping_desk import map_and_replay
from hub.adapting.office import Asked
from hub.domain.envelopes import Sender
from hub.domain.errors import RejectedError
from hub.domain.receipts import ReceiptStatus
from hub.domain.records import PROCESS
from hub.gateway.adapted import Foreign
from hub.stores import adapter_trials
from hub.stores.case_views import CaseQuery, CaseReader, search_cases
from hub.stores.message_views import message_body, message_detail
from hub.stores.session import Database
from tests.adapted_hub import (
    AUTHOR,
    CODE,
    AdaptedHub,
    a_document,
    a_message,
    a_step_route,
    a_unit,
    by_arrival,
    table_counts,
    with_field,
    with_sample,
    without_samples,
)
from tests.builders import DAY, ITEM_CODE, MONDAY_MORNING, ORG_CODE, SmallHub, a_step, open_small_hub

STORES = ("process_record", "result_record", "service_item_version", "case_library", "finding")
LATE = "2026-03-20 10:00:00"
IN_TIME = "2026-03-05 10:00:00"


@pytest.fixture
def hub(hub: SmallHub) -> AdaptedHub:
    adapted = AdaptedHub.over(hub)
    adapted.put(a_document())
    return adapted


def the_case(hub: AdaptedHub, number: str = "GS20260302-0007") -> dict[str, Any]:
    with hub.small.database.read() as unit:
        found = search_cases(unit, CaseQuery(q=number)).items
        law = hub.small.law()
        reader = CaseReader(law.calendar, law.policy, hub.small.sealer, hub.small.clock())
        return reader.by_unified_no(unit, found[0]["unifiedNo"], None)


def a_finished_unit(**overrides: str | None) -> str:
    return a_unit(**{"XH": "r-2", "HJXH": "2", "HJMC": "审查", "HJZT": "02", "BJSJ": IN_TIME, "JG": "1"} | overrides)


# --- through the door into the case -----------------------------------------------------------------------------


def test_a_message_of_a_department_becomes_a_case(hub: AdaptedHub) -> None:
    receipt = hub.push(a_unit(), a_finished_unit(), message_id="m-1")
    assert (receipt.status, receipt.accepted_count, receipt.message_id) == (ReceiptStatus.ACCEPTED, 2, "m-1")
    case = the_case(hub)
    assert (case["state"], case["title"], case["applicantName"]) == ("FINISHED", "样例商店设立登记", "申***")
    assert [step["stepStatus"] for step in case["steps"]] == ["ACCEPTED", "PASSED"]
    assert case["acceptedAt"] == "2026-03-02T09:30:00.000+08:00"


def test_the_same_message_again_is_a_duplicate_and_changes_nothing(hub: AdaptedHub) -> None:
    first = hub.push(a_unit(), message_id="m-1")
    again = hub.push(a_unit(), message_id="m-1")
    assert (again.status, again.receipt_no) == (ReceiptStatus.DUPLICATE, first.receipt_no)
    assert hub.count("envelope") == hub.count("process_record") == 1


def test_a_message_without_number_is_known_by_its_bytes(hub: AdaptedHub) -> None:
    first = hub.push(a_unit())
    assert hub.push(a_unit()).status is ReceiptStatus.DUPLICATE
    assert hub.push(a_unit(XH="r-9")).status is ReceiptStatus.ACCEPTED
    assert first.message_id.startswith("sha256-")


def test_the_number_of_a_message_is_not_taken_for_other_bytes(hub: AdaptedHub) -> None:
    hub.push(a_unit(), message_id="m-1")
    with pytest.raises(RejectedError) as refused:
        hub.push(a_unit(XH="r-9"), message_id="m-1")
    assert refused.value.code == "HUB-6001"


def test_a_unit_that_is_not_the_senders_to_report_is_refused_at_the_door(hub: AdaptedHub) -> None:
    receipt = hub.push(a_unit(), a_unit(XH="r-2", BMBM="33032400XX"))
    assert (receipt.status, receipt.accepted_count) == (ReceiptStatus.PARTIAL, 1)
    assert [(error.seq, error.code, error.path) for error in receipt.errors] == [(2, "HUB-2004", "record[2]/orgCode")]
    assert [row[0] for row in hub.steps()] == ["r-1"]


def test_a_unit_that_is_no_longer_the_senders_to_report_is_set_aside_by_the_worker(hub: AdaptedHub) -> None:
    hub.take(a_message(a_unit()))
    with hub.small.database.unit() as unit:
        unit.exec_driver_sql("DELETE FROM sender_org")
    hub.small.work()
    assert hub.steps() == []
    assert [row[:2] for row in hub.aside()] == [(1, "HUB-2004")]


def test_a_wrong_unit_is_set_aside_with_code_and_path_and_its_neighbours_are_stored(hub: AdaptedHub) -> None:
    hub.push(a_unit(XH="r-1", BLSJ="昨天下午"), a_unit(XH="r-2"))
    assert [row[0] for row in hub.steps()] == ["r-2"]
    assert [(row[0], row[1]) for row in hub.aside()] == [(1, "HUB-3007")]
    [(_, _, path)] = hub.aside()
    assert path.endswith("handledAt")


def test_a_message_is_shown_by_the_adapter_that_reads_it(hub: AdaptedHub) -> None:
    adapted = hub.push(a_unit())
    published = hub.small.push(PROCESS, [a_step(record_id="own")])
    with hub.small.database.read() as unit:
        told = [message_detail(unit, receipt.receipt_no) for receipt in (adapted, published)]
    assert [(row["kindTitle"], row["adapter"]) for row in told] == [(f"部门格式 {CODE}", CODE), ("办理过程", None)]


def test_a_workbook_is_shown_as_far_as_it_is_text(hub: AdaptedHub) -> None:
    hub.put(with_sample({**without_samples(a_document()), "intake": {"format": "xlsx"}}))
    book = Workbook(write_only=True)
    sheet, columns = book.create_sheet(), {"XH": "r-1", "BJBH": "C-1", "SXBM": ITEM_CODE, "BMBM": ORG_CODE, "HJXH": "1"}
    columns |= {"HJMC": "受理", "HJZT": "01", "BLSJ": "2026-03-02 09:30:00", "BJMC": "样例", "SQRMC": "申请人甲"}
    columns |= {"SQSJ": "2026-03-02 09:10:00"}
    for row in (list(columns), list(columns.values())):
        sheet.append(row)
    held = BytesIO()
    book.save(held)
    foreign = Foreign(Content(held.getvalue()), "trace")
    receipt = hub.intake.take(hub.intake.in_force(CODE), hub.small.sender, foreign)
    hub.small.work()
    assert [row[0] for row in hub.steps()] == ["r-1"]
    with hub.small.database.read() as unit:
        assert message_body(unit, hub.small.sealer, receipt.receipt_no).startswith("PK")


def test_what_is_set_aside_shows_no_personal_data(hub: AdaptedHub) -> None:
    hub.push(a_unit(BLSJ="昨天下午", SQRMC="申请人甲"))
    [(sample, message)] = hub.small.rows("SELECT sample, message FROM quarantine")
    assert "申请人甲" not in sample + message


def test_a_unit_whose_records_are_both_refused_is_set_aside_once(hub: AdaptedHub) -> None:
    hub.push(a_finished_unit(), message_id="m-1")
    hub.push(a_finished_unit(BLR="经办人丁", BJSJ=LATE), a_unit(), message_id="m-2")
    assert [(row[0], row[1]) for row in hub.aside()] == [(1, "HUB-6002")]
    assert [row[0] for row in hub.steps()] == ["r-1", "r-2"]
    assert hub.current("officer_name") == ["经办人丙", "经办人丙"]


def test_two_units_that_contradict_each_other_are_told_apart_the_same_way_every_time(hub: AdaptedHub) -> None:
    hub.push(a_unit(BLR="经办人丙"), a_unit(BLR="经办人丁"))
    for _ in range(2):
        assert hub.current("officer_name") == ["经办人丙"]
        assert [(row[0], row[1]) for row in hub.aside()] == [(2, "HUB-6002")]
        hub.replay()


def test_a_message_that_is_killed_half_way_is_stored_once(hub: AdaptedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.take(a_message(a_unit(), a_finished_unit()))
    broken = [True]

    def stumble(*_arguments: object, **_named: object) -> None:
        if broken.pop() if broken else False:
            raise RuntimeError("the worker stumbles")

    monkeypatch.setattr("ingest.pipeline.registry.learn_department_names", stumble)
    hub.small.work()
    hub.small.clock.move_to(MONDAY_MORNING + timedelta(minutes=10))
    hub.small.work()
    assert [row[0] for row in hub.steps()] == ["r-1", "r-2"]
    assert hub.count("result_record") == 1


def test_published_records_and_adapted_messages_meet_in_one_batch(hub: AdaptedHub) -> None:
    hub.take(a_message(a_unit()))
    hub.small.push(PROCESS, [a_step(record_id="own", step_seq=2, step_status="PASSED")])
    hub.small.work()
    assert [row[0] for row in hub.steps()] == ["own", "r-1"]
    assert len(the_case(hub)["steps"]) == 2


# --- corrections by order of arrival ----------------------------------------------------------------------------


def test_other_content_under_the_same_key_is_the_next_revision(hub: AdaptedHub) -> None:
    hub.put(by_arrival(a_document()))
    for officer in ("经办人丙", "经办人丁", "经办人丁", "经办人戊"):
        hub.push(a_unit(BLR=officer), message_id=f"{officer}-{hub.count('envelope')}")
    assert [row[:3] for row in hub.steps()] == [("r-1", 1, False), ("r-1", 2, False), ("r-1", 3, True)]
    assert hub.current("officer_name") == ["经办人戊"]


def test_corrections_within_one_message_follow_each_other(hub: AdaptedHub) -> None:
    hub.put(by_arrival(a_document()))
    hub.push(a_unit(BLR="经办人丙"), a_unit(BLR="经办人丁"), a_unit(BLR="经办人丁"))
    assert [row[1:3] for row in hub.steps()] == [(1, False), (2, True)]
    assert hub.current("officer_name") == ["经办人丁"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_revisions_follow_the_order_of_arrival_in_whatever_order_workers_come_to_them(
    hub: AdaptedHub, order: tuple[int, ...]
) -> None:
    hub.put(by_arrival(a_document()))
    for officer in ("经办人丙", "经办人丁", "经办人戊"):
        hub.take(a_message(a_unit(BLR=officer), message_id=officer))
    waiting = [row[0] for row in hub.small.rows("SELECT id FROM outbox ORDER BY id")]
    for place in order:
        hub.small.consumer._process([waiting[place]])
    rows = hub.small.rows("SELECT revision, officer_name, is_current FROM process_record ORDER BY revision")
    assert [(row[0], row[1], bool(row[2])) for row in rows] == [
        (1, "经办人丙", False), (2, "经办人丁", False), (3, "经办人戊", True),
    ]  # fmt: skip


def test_a_replay_of_what_changed_nothing_changes_nothing(hub: AdaptedHub) -> None:
    hub.put(by_arrival(a_document()))
    receipts = [
        hub.push(a_unit(BLR=officer), a_finished_unit(JG="1"), message_id=f"m-{number}")
        for number, officer in enumerate(("经办人丙", "经办人丙", "经办人丁", "经办人丙", "经办人丙"))
    ]
    before = hub.steps(), hub.results(), hub.small.rows("SELECT id, content_digest FROM process_record ORDER BY id")
    for receipt in reversed(receipts):
        hub.replay(receipt_nos=[receipt.receipt_no])
    hub.replay()
    after = hub.steps(), hub.results(), hub.small.rows("SELECT id, content_digest FROM process_record ORDER BY id")
    assert after == before
    assert [row[1] for row in hub.steps() if row[0] == "r-1"] == [1, 2, 3]


def test_an_old_message_that_is_healed_does_not_become_the_newest(hub: AdaptedHub) -> None:
    hub.put(by_arrival(a_document()))
    hub.push(a_unit(BLR="经办人丙", HJXH="第一步"), message_id="old")
    hub.push(a_unit(BLR="经办人丁"), message_id="new")
    assert hub.current("officer_name") == ["经办人丁"]
    hub.put(with_field(by_arrival(a_document()), "stepSeq", {"constant": "1"}))
    hub.replay(state="QUARANTINED")
    assert hub.aside() == []
    assert hub.current("officer_name") == ["经办人丁"]
    assert [row[1:3] for row in hub.steps()] == [(1, False), (2, True)]


# --- read again by a later version ------------------------------------------------------------------------------


def test_a_message_is_read_with_the_version_in_force_when_the_worker_comes_to_it(hub: AdaptedHub) -> None:
    hub.take(a_message(a_unit()))
    hub.put(with_field(a_document(), "officerName", {"constant": "经办人戊"}))
    hub.small.work()
    assert hub.current("officer_name") == ["经办人戊"]


def test_a_message_read_again_replaces_its_reading_in_place(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit(BJSJ=LATE))
    assert hub.cards() != []
    hub.put(with_field(a_document(), "finishedAt", {"constant": "2026-03-05T10:00:00+08:00"}, route=1))
    hub.replay()
    assert [row[:3] for row in hub.steps()] == [("r-1", 1, True), ("r-2", 1, True)]
    assert hub.results() == [("GS20260302-0007-BJ", 1, "GRANTED")]
    assert the_case(hub)["finishedAt"] == "2026-03-05T10:00:00.000+08:00"
    assert hub.cards() == []


def test_materials_of_a_reading_go_with_it(hub: AdaptedHub) -> None:
    listed = with_field(
        a_document(), "application.material", {"list": {"from": "CL", "split": ";"}, "of": {"name": {"from": "."}}}
    )
    hub.put(listed)
    hub.push(a_unit(CL="申请书;身份证明"))
    assert hub.count("case_material") == 2
    hub.put(
        with_field(
            listed, "application.material", {"list": {"from": "CL", "split": "、"}, "of": {"name": {"from": "."}}}
        )
    )
    hub.replay()
    assert [row[0] for row in hub.small.rows("SELECT name FROM case_material")] == ["申请书;身份证明"]
    assert hub.count("case_application") == 1


def test_another_message_never_replaces_a_reading(hub: AdaptedHub) -> None:
    hub.push(a_unit(), message_id="m-1")
    hub.push(a_unit(BLR="经办人丁"), message_id="m-2")
    assert hub.current("officer_name") == ["经办人丙"]
    assert [(row[0], row[1]) for row in hub.aside()] == [(1, "HUB-6002")]


def test_a_version_that_knows_the_record_by_another_key_leaves_no_old_reading(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit())
    renamed = with_field(
        a_document(),
        "recordId",
        {"template": "{case}-{step}", "with": {"case": {"from": "BJBH"}, "step": {"from": "HJXH"}}},
    )
    hub.put(renamed)
    hub.replay()
    assert [row[0] for row in hub.steps()] == ["GS20260302-0007-1", "GS20260302-0007-2"]
    assert len(the_case(hub)["steps"]) == 2


def test_a_case_that_lost_its_facts_is_judged_again(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit(BJSJ=LATE))
    assert hub.cards() != []
    other = {"constant": "GS-9"}
    hub.put(with_field(with_field(a_document(), "caseNo", other), "caseNo", other, route=1))
    hub.replay()
    old = hub.small.rows("SELECT state, card_level FROM case_library WHERE case_no = 'GS20260302-0007'")
    assert [tuple(row) for row in old] == [("INCOMPLETE", None)]
    assert len(the_case(hub, "GS-9")["steps"]) == 2


def test_a_record_that_a_version_no_longer_gives_goes(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit())
    assert hub.count("result_record") == 1
    hub.put(with_sample({**without_samples(a_document()), "routes": [a_step_route()]}))
    hub.replay()
    assert hub.count("result_record") == 0
    assert the_case(hub)["state"] != "FINISHED"


def test_while_a_unit_is_set_aside_its_old_reading_stands(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit())
    hub.put(with_field(a_document(), "handledAt", {"from": "BLR", "convert": ["datetime"]}))
    hub.replay()
    assert [row[0] for row in hub.aside()] == [1, 2]
    assert [row[0] for row in hub.steps()] == ["r-1", "r-2"]
    hub.act("rollback", 1, reason="读错了办理时间")
    hub.replay()
    assert hub.aside() == []
    assert [row[:3] for row in hub.steps()] == [("r-1", 1, True), ("r-2", 1, True)]


def test_a_set_aside_unit_is_healed_by_a_new_version_and_a_replay(hub: AdaptedHub) -> None:
    hub.push(a_unit(XH=None, LSH="r-1"), a_finished_unit())
    assert [row[0] for row in hub.aside()] == [1]
    hub.put(with_field(a_document(), "recordId", {"firstOf": [{"from": "XH"}, {"from": "LSH"}]}))
    job = hub.replay(state="QUARANTINED")
    assert job["counts"]["STORED"] == 1
    assert hub.aside() == []
    assert [row[0] for row in hub.steps()] == ["r-1", "r-2"]


def test_units_that_a_version_no_longer_finds_are_set_aside(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit())
    fewer = without_samples(a_document())
    fewer["intake"]["units"] = [{"name": "bj", "select": "//bj[HJXH='1']"}]
    hub.put(with_sample(fewer))
    hub.replay()
    assert [(row[0], row[1]) for row in hub.aside()] == [(2, "HUB-5007")]
    assert [row[0] for row in hub.steps()] == ["r-1", "r-2"]


def test_a_version_that_cannot_open_the_message_sets_every_unit_aside(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit())
    other = without_samples(a_document())
    other["intake"] = {"format": "json", "units": [{"name": "bj", "select": "rows"}]}
    other["samples"] = [{"name": "空", "input": "{}", "expect": {"error": {"code": "HUB-1017"}}}]
    hub.put(other)
    hub.replay()
    assert [row[0] for row in hub.aside()] == [1, 2]
    assert len(hub.steps()) == 2


def test_a_replay_of_what_was_discarded_leaves_it_alone(hub: AdaptedHub) -> None:
    hub.push(a_unit(BLSJ="昨天下午"), a_finished_unit())
    with hub.small.database.unit() as unit:
        unit.exec_driver_sql("UPDATE quarantine SET state = 'DISCARDED'")
    hub.put(with_field(a_document(), "handledAt", {"constant": "2026-03-02T09:30:00+08:00"}))
    hub.replay()
    assert [row[0] for row in hub.steps()] == ["r-2"]
    assert hub.small.rows("SELECT count(*) FROM quarantine WHERE state = 'DISCARDED'")[0][0] == 1


def test_a_replay_with_nothing_changed_changes_nothing(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit(), a_unit(XH="r-3", BLSJ="昨天"))
    before = hub.small.rows("SELECT id, content_digest FROM process_record ORDER BY id"), hub.aside()
    hub.replay()
    assert (hub.small.rows("SELECT id, content_digest FROM process_record ORDER BY id"), hub.aside()) == before


def test_a_rehearsal_of_adapted_messages_writes_nothing(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit(BJSJ=LATE, JG="7"))
    hub.put(with_field(a_document(), "finishedAt", {"constant": "2026-03-05T10:00:00+08:00"}, route=1))
    tables = (*STORES, "card_event", "unmapped_code", "adapter_trial", "quarantine")
    before = table_counts(hub, tables), hub.steps(), hub.results(), hub.unmapped(), hub.cards()
    forecast = hub.rehearse_replay()
    assert (forecast["messages"], forecast["newRecords"], forecast["failingRecords"]) == (1, 1, {})
    assert (forecast["unchangedRecords"], forecast["cardsCleared"]) == (1, 1)
    assert (table_counts(hub, tables), hub.steps(), hub.results(), hub.unmapped(), hub.cards()) == before


def test_a_forecast_never_counts_below_nothing(hub: AdaptedHub) -> None:
    hub.push(a_finished_unit())
    both = with_field(
        with_field(a_document(), "opinion", {"constant": "同意"}), "opinion", {"constant": "同意"}, route=1
    )
    hub.put(both)
    forecast = hub.rehearse_replay()
    assert forecast["unchangedRecords"] == 0
    assert forecast["newRecords"] >= 1


# --- codes that no map knew -------------------------------------------------------------------------------------


def test_an_unmapped_code_is_counted_once_for_a_batch_of_messages(hub: AdaptedHub) -> None:
    for number in range(3):
        hub.take(a_message(a_unit(XH=f"{number}-1", HJZT="09"), a_unit(XH=f"{number}-2", HJZT="09")))
    hub.small.work()
    [entry] = hub.unmapped()
    assert (entry["codeMap"], entry["value"], entry["target"], entry["count"]) == ("hjzt", "09", "stepStatus", 6)


def test_a_code_that_is_mapped_once_mends_everything_that_had_it(hub: AdaptedHub) -> None:
    hub.push(a_unit(HJZT="受"), message_id="m-1")
    hub.small.clock.move_to(MONDAY_MORNING + DAY)
    hub.push(a_unit(XH="s-1", BJBH="GS-8", HJZT="受"), message_id="m-2")
    assert [row[3] for row in hub.steps()] == ["UNKNOWN", "UNKNOWN"]
    [entry] = hub.unmapped()
    mapped = map_and_replay(hub.office, entry["id"], "ACCEPTED", AUTHOR, replays=True)
    assert (mapped["adapter"], mapped["version"], mapped["activated"]) == (CODE, 2, True)
    hub.small.clock.move_to(MONDAY_MORNING + DAY + timedelta(minutes=1))
    hub.run_replays()
    assert hub.job(mapped["replayJob"])["state"] == "DONE"
    assert [(row[1], row[3]) for row in hub.steps()] == [(1, "ACCEPTED"), (1, "ACCEPTED")]
    assert the_case(hub)["state"] == "ACCEPTED"
    assert hub.unmapped() == []


def test_cards_follow_a_code_that_is_mapped(hub: AdaptedHub) -> None:
    hub.push(a_unit(), a_finished_unit(HJZT="补", BJSJ=None), message_id="m-1")
    hub.small.clock.move_to(MONDAY_MORNING + 30 * DAY)
    hub.small.fire()
    assert hub.cards() != []
    raised = len(hub.cards())
    [entry] = hub.unmapped()
    hub.small.clock.move_to(MONDAY_MORNING + 30 * DAY + timedelta(minutes=1))
    map_and_replay(hub.office, entry["id"], "SUPPLEMENT", AUTHOR, replays=True)
    hub.small.clock.move_to(MONDAY_MORNING + 30 * DAY + timedelta(minutes=2))
    hub.run_replays()
    assert the_case(hub)["state"] == "SUPPLEMENT"
    assert len(hub.cards()) < raised


def test_a_replay_does_not_wait_where_nobody_wants_it(hub: AdaptedHub) -> None:
    hub.push(a_unit(HJZT="受"))
    [entry] = hub.unmapped()
    mapped = map_and_replay(hub.office, entry["id"], "ACCEPTED", AUTHOR, replays=False)
    assert mapped["replayJob"] is None
    assert hub.count("replay_job") == 0


# --- on trial ---------------------------------------------------------------------------------------------------


def test_messages_for_a_sandbox_are_answered_and_never_reach_the_stores(hub: AdaptedHub) -> None:
    other = {**a_document(), "adapter": "new-one"}
    hub.save(other)
    hub.office.act("new-one", Asked("sandbox", AUTHOR))
    receipt = hub.take(a_message(a_unit(), a_unit(XH="r-2", BMBM="33032400XX")), code="new-one")
    hub.small.work()
    assert receipt.receipt_no.startswith("TRIAL-")
    assert (receipt.accepted_count, receipt.rejected_count, receipt.status) == (1, 1, ReceiptStatus.PARTIAL)
    assert table_counts(hub, (*STORES, "envelope", "outbox", "quarantine")) == dict.fromkeys(
        (*STORES, "envelope", "outbox", "quarantine"), 0
    )
    assert hub.count("adapter_trial") == 1


def test_a_body_that_was_only_tried_is_sealed(hub: AdaptedHub) -> None:
    hub.save({**a_document(), "adapter": "new-one"})
    hub.office.act("new-one", Asked("sandbox", AUTHOR))
    hub.take(a_message(a_unit()), code="new-one")
    [(body,)] = hub.small.rows("SELECT body_sealed FROM adapter_trial")
    assert "申请人甲".encode("gb18030") not in bytes(body)


def test_a_shadow_reads_live_messages_and_lists_the_fields_that_differ(hub: AdaptedHub) -> None:
    changed = with_field(a_document(), "officerName", {"constant": "经办人戊"})
    number = hub.save(changed).number
    hub.act("shadow", number)
    hub.push(a_unit(), a_finished_unit())
    [(differences, units)] = hub.small.rows("SELECT differences, unit_count FROM adapter_trial")
    assert ("officerName" in str(differences), units) == (True, 2)
    assert "经办人" not in str(differences)
    assert hub.current("officer_name") == ["经办人丙", "经办人丙"]


def test_a_shadow_that_reads_the_same_lists_nothing(hub: AdaptedHub) -> None:
    hub.act("shadow", hub.save(with_sample({**without_samples(a_document()), "title": "新名称"})).number)
    hub.push(a_unit())
    with hub.small.database.read() as unit:
        [(version_id,)] = hub.small.rows("SELECT trial_version_id FROM adapter WHERE trial_version_id IS NOT NULL")
        found = adapter_trials.summary(unit, version_id)
    assert (found["messages"], found["differing"], found["byTarget"]) == (1, 0, [])


def test_a_shadow_that_stumbles_hurts_nothing(hub: AdaptedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.act("shadow", hub.save(with_field(a_document(), "officerName", {"constant": "经办人戊"})).number)

    def stumble(*_arguments: object) -> None:
        raise ValueError("the shadow stumbles")

    monkeypatch.setattr("hub.adapting.trials.differences_of", stumble)
    hub.push(a_unit())
    assert [row[0] for row in hub.steps()] == ["r-1"]
    assert (hub.count("outbox"), hub.count("adapter_trial")) == (0, 0)


def test_a_stopped_adapter_tells_the_caller_why(hub: AdaptedHub) -> None:
    hub.stop("对方系统升级")
    with pytest.raises(RejectedError) as refused:
        hub.push(a_unit())
    assert (refused.value.code, "对方系统升级" in refused.value.message) == ("HUB-2010", True)


def test_what_was_taken_before_the_stop_is_still_processed(hub: AdaptedHub) -> None:
    hub.take(a_message(a_unit()))
    hub.stop()
    hub.small.work()
    assert [row[0] for row in hub.steps()] == ["r-1"]


def test_an_adapter_of_another_sender_refuses_the_message(hub: AdaptedHub) -> None:
    with pytest.raises(RejectedError) as refused:
        hub.intake.take(
            hub.intake.in_force(CODE),
            Sender(99, "other", "另一个系统", frozenset({ORG_CODE})),
            Foreign(Content(a_message().encode()), "trace"),
        )
    assert refused.value.code == "HUB-2011"


def test_another_process_reads_with_the_same_versions(database: Database, hub: AdaptedHub) -> None:
    hub.take(a_message(a_unit(), message_id="m-1"))
    other = AdaptedHub.over(open_small_hub(database))
    other.small.work()
    assert [row[0] for row in hub.steps()] == ["r-1"]
