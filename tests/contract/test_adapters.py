"""The life of an adapter: who may do what with which version, what everybody sees of it, and what is kept."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from hub.adapting import views
from hub.adapting.keeper import FRESH_SECONDS, AdapterKeeper
from hub.adapting.rehearsal import rehearse
from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.receipts import ReceiptStatus
from hub.stores import adapter_trials, adapters, audit, unmapped_codes
from hub.stores.adapters import AdapterQuery
from hub.stores.unmapped_codes import Seen
from tests.adapted_hub import (
    AUTHOR,
    CODE,
    AdaptedHub,
    a_document,
    a_message,
    a_unit,
    by_arrival,
    with_field,
    with_sample,
    without_samples,
)
from tests.builders import DAY, MONDAY_MORNING, SmallHub

COLLEAGUE = "另一人"


@pytest.fixture
def hub(hub: SmallHub) -> AdaptedHub:
    return AdaptedHub.over(hub)


def detail(hub: AdaptedHub) -> dict[str, Any]:
    with hub.small.database.read() as unit:
        return views.adapter_detail(unit, CODE)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(RejectedError) as refusal:
        act()
    assert refusal.value.code == code


# --- saving ---------------------------------------------------------------------------------------------------------


def test_a_document_is_saved_as_a_draft_and_saved_again_over_it(hub: AdaptedHub) -> None:
    first = hub.save(a_document())
    second = hub.save(a_document(title="改过的名称"))
    assert (first.number, second.number) == (1, 1)
    assert hub.states() == [(1, "DRAFT")]
    assert second.fingerprint == first.fingerprint, "a title is no part of the meaning"
    assert second.content_digest != first.content_digest


def test_a_draft_that_somebody_else_changed_is_not_saved_over(hub: AdaptedHub) -> None:
    looked_at = hub.save(a_document(), expected="").content_digest
    hub.save(a_document(title="别人改的"), COLLEAGUE, looked_at)
    refused("HUB-5004", lambda: hub.save(a_document(title="我改的"), AUTHOR, looked_at))
    refused("HUB-5004", lambda: hub.save(a_document(), AUTHOR, ""))


def test_a_new_draft_begins_from_the_version_that_was_looked_at(hub: AdaptedHub) -> None:
    hub.put(a_document())
    newest = detail(hub)["versions"][0]["digest"]
    refused("HUB-5004", lambda: hub.save(a_document(), AUTHOR, "0" * 64))
    assert hub.save(a_document(title="新草稿"), AUTHOR, newest).number == 2
    assert hub.states() == [(1, "ACTIVE"), (2, "DRAFT")]


def test_a_document_that_is_wrong_is_not_saved(hub: AdaptedHub) -> None:
    refused("HUB-3001", lambda: hub.save({"specVersion": 1, "adapter": CODE}))
    with hub.small.database.read() as unit, pytest.raises(NotFoundError, match="HUB-4045"):
        adapters.find(unit, CODE)


def test_a_draft_that_does_not_compile_is_kept_but_does_not_leave_the_desk(hub: AdaptedHub) -> None:
    unfinished = without_samples(a_document())
    del unfinished["routes"][0]["fields"]["recordId"]
    hub.save(unfinished)
    with pytest.raises(RejectedError):
        hub.act("sandbox")
    assert hub.states() == [(1, "DRAFT")]


# --- life cycle -----------------------------------------------------------------------------------------------------


def test_a_version_goes_from_draft_through_sandbox_and_trial_into_force(hub: AdaptedHub) -> None:
    hub.save(a_document())
    seen = [detail(hub)["state"]]
    for act in ("sandbox", "shadow", "activate"):
        hub.act(act)
        seen.append(detail(hub)["state"])
    assert seen == ["DRAFT", "SANDBOX", "SHADOW", "ACTIVE"]


def test_samples_must_be_there_and_pass_before_a_version_leaves_the_draft(hub: AdaptedHub) -> None:
    hub.save(without_samples(a_document()))
    refused("HUB-5005", lambda: hub.act("sandbox"))
    wrong = a_document()
    wrong["samples"][0]["expect"] = {"records": []}
    hub.save(wrong)
    refused("HUB-5005", lambda: hub.act("sandbox"))
    refused("HUB-5005", lambda: hub.act("shadow"))
    assert hub.states() == [(1, "DRAFT")]


@pytest.mark.parametrize("act", ["activate", "withdraw", "rollback", "enable"])
def test_an_act_that_the_state_does_not_allow_is_refused(hub: AdaptedHub, act: str) -> None:
    hub.save(a_document())
    refused("HUB-5009", lambda: hub.act(act, reason="试一试"))
    assert hub.states() == [(1, "DRAFT")]


def test_an_unknown_act_and_an_unknown_adapter_are_not_there(hub: AdaptedHub) -> None:
    hub.save(a_document())
    with pytest.raises(NotFoundError, match="HUB-4043"):
        hub.act("destroy")
    hub.save(a_document(adapter="another"))
    with pytest.raises(NotFoundError, match="HUB-4045"):
        hub.act("sandbox", 7)


def test_what_was_tried_never_changes_a_withdrawn_version_goes_on_as_a_new_draft(hub: AdaptedHub) -> None:
    hub.save(a_document())
    hub.act("sandbox")
    tried = hub.keeper.in_force(CODE)
    hub.act("withdraw")
    assert hub.states() == [(1, "RETIRED"), (2, "DRAFT")]
    hub.save(a_document(title="改过以后"))
    hub.act("sandbox")
    again = hub.keeper.in_force(CODE)
    assert (tried.compiled.title, again.compiled.title) == ("办理系统导出", "改过以后")


def test_a_new_version_in_force_retires_the_one_before(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.put(with_field(a_document(), "stepName", {"constant": "办理"}))
    assert hub.states() == [(1, "RETIRED"), (2, "ACTIVE")]
    hub.push(a_unit())
    assert hub.current("step_name") == ["办理"]


def test_going_back_is_a_new_version_with_the_old_content_in_force_at_once(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.put(with_field(a_document(), "stepName", {"constant": "错的"}))
    refused("HUB-4006", lambda: hub.act("rollback", 1))
    hub.act("rollback", 1, reason="新版读错了环节")
    assert hub.states() == [(1, "RETIRED"), (2, "RETIRED"), (3, "ACTIVE")]
    first, _, third = sorted(detail(hub)["versions"], key=lambda row: row["number"])
    assert third["digest"] == first["digest"]
    hub.push(a_unit())
    assert hub.current("step_name") == ["受理"]
    assert detail(hub)["events"][0]["reason"] == "新版读错了环节"


def test_nobody_goes_back_to_what_was_only_tried(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.save(with_field(a_document(), "stepName", {"constant": "试过的"}))
    hub.act("shadow")
    hub.save(with_field(a_document(), "stepName", {"constant": "另一个"}))
    hub.act("shadow")
    assert hub.states() == [(1, "ACTIVE"), (2, "RETIRED"), (3, "SHADOW")]
    refused("HUB-5009", lambda: hub.act("rollback", 2, reason="想用它"))


def test_an_act_is_bound_to_the_content_that_was_looked_at(hub: AdaptedHub) -> None:
    looked_at = hub.save(a_document())
    hub.save(with_field(a_document(), "stepName", {"constant": "别人改的"}), COLLEAGUE)
    refused("HUB-5004", lambda: hub.act("sandbox", 1, fingerprint=looked_at.fingerprint))
    hub.act("sandbox", 1, fingerprint=detail(hub)["versions"][0]["fingerprint"])


def test_where_the_county_wants_it_the_author_does_not_put_his_own_version_in_force(hub: AdaptedHub) -> None:
    careful = AdaptedHub.over(hub.small, four_eyes=True)
    careful.save(a_document())
    careful.act("sandbox")
    refused("HUB-5008", lambda: careful.act("activate"))
    careful.act("activate", actor=COLLEAGUE)
    [version] = detail(careful)["versions"]
    assert (version["author"], version["activatedBy"], version["state"]) == (AUTHOR, COLLEAGUE, "ACTIVE")


def test_a_stopped_adapter_stays_stopped_until_it_is_let_go_on(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.stop("系统升级", date(2026, 3, 9))
    row = detail(hub)
    assert (row["state"], row["notice"], row["disabledUntil"]) == (
        "DISABLED", "系统升级（预计 2026-03-09 恢复）", "2026-03-09",
    )  # fmt: skip
    hub.put(with_field(a_document(), "stepName", {"constant": "新版"}))
    assert detail(hub)["state"] == "DISABLED"
    refused("HUB-2010", lambda: hub.take(a_message()))
    refused("HUB-5009", hub.stop)
    hub.act("enable")
    assert hub.take(a_message()).status is ReceiptStatus.ACCEPTED
    assert (detail(hub)["state"], detail(hub)["notice"]) == ("ACTIVE", None)


def test_a_stop_without_a_notice_is_refused(hub: AdaptedHub) -> None:
    hub.put(a_document())
    refused("HUB-4006", lambda: hub.act("disable"))


def test_a_version_of_a_sender_that_nobody_registered_is_not_tried(hub: AdaptedHub) -> None:
    hub.save(a_document(sender="nobody"))
    refused("HUB-5009", lambda: hub.act("sandbox"))


def test_every_act_stands_in_the_audit_with_who_and_why(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.stop("系统升级")
    rows = hub.small.rows("SELECT actor, action, object_id FROM audit_event WHERE object_type = 'adapter' ORDER BY id")
    own = [(row[0], row[1]) for row in rows if row[2] == CODE]
    assert own == [(AUTHOR, f"adapter.{act}") for act in ("save", "sandbox", "activate", "disable")]
    with hub.small.database.read() as unit:
        assert list(audit.broken_links(unit)) == []
    assert [event["act"] for event in detail(hub)["events"]] == ["disable", "activate", "sandbox", "save"]


def test_what_is_refused_leaves_no_trace_in_the_audit(hub: AdaptedHub) -> None:
    hub.save(without_samples(a_document()))
    before = hub.count("audit_event")
    refused("HUB-5005", lambda: hub.act("sandbox"))
    assert hub.count("audit_event") == before


def test_a_document_that_points_where_the_county_does_not_allow_is_not_saved(hub: AdaptedHub) -> None:
    def check(document: Any) -> list[Any]:
        raise RejectedError("HUB-4020", "目标不在允许清单之内", "transport/url")

    refused("HUB-4020", lambda: AdaptedHub.over(hub.small, check=check).save(a_document()))


# --- what is offered ------------------------------------------------------------------------------------------------


def offered(hub: AdaptedHub) -> set[tuple[str, int | None]]:
    return {(act["act"], act["version"]) for act in detail(hub)["acts"]}


def test_exactly_what_may_be_done_is_offered(hub: AdaptedHub) -> None:
    hub.save(a_document())
    assert offered(hub) == {("sandbox", 1), ("shadow", 1), ("disable", None)}
    hub.act("sandbox")
    assert offered(hub) == {("shadow", 1), ("withdraw", 1), ("activate", 1), ("disable", None)}
    hub.act("activate")
    assert offered(hub) == {("disable", None)}
    hub.put(with_field(a_document(), "stepName", {"constant": "新版"}))
    assert offered(hub) == {("rollback", 1), ("disable", None)}
    hub.stop()
    assert offered(hub) == {("rollback", 1), ("enable", None)}


def test_the_list_finds_by_code_title_state_and_sender(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.office.save(a_document(adapter="other", title="100%_的\\接口", sender=None) | {"sender": "x"}, AUTHOR)
    found = {
        words: [row["adapter"] for row in listed(hub, **query)]
        for words, query in {
            "code": {"q": "blx"}, "title": {"q": "100%_的\\"}, "nothing": {"q": "%"*3}, "state": {"state": "ACTIVE"},
            "sender": {"sender": "gs-system"},
        }.items()
    }  # fmt: skip
    assert found == {
        "code": [CODE], "title": ["other"], "nothing": [], "state": [CODE, "package"], "sender": [CODE],
    }  # fmt: skip


def listed(hub: AdaptedHub, **query: str) -> list[dict[str, Any]]:
    with hub.small.database.read() as unit:
        return adapters.search(unit, AdapterQuery(**query)).items


def test_versions_are_compared_by_what_they_mean(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.put(with_field(a_document(), "stepName", {"constant": "新版"}))
    with hub.small.database.read() as unit:
        changes = views.differences(unit, CODE, 1, 2)
        same = views.differences(unit, CODE, 1, 1)
    assert same == []
    assert ("环节名称（stepName）", "CHANGED") in {(change["subject"], change["kind"]) for change in changes}


# --- the keeper -----------------------------------------------------------------------------------------------------


def test_another_process_notices_a_new_version_within_seconds(hub: AdaptedHub) -> None:
    hub.put(a_document())
    elsewhere = AdapterKeeper(hub.small.database, hub.seconds)
    assert elsewhere.in_force(CODE).compiled.title == "办理系统导出"
    hub.put(a_document(title="新版"))
    assert elsewhere.in_force(CODE).compiled.title == "办理系统导出"
    hub.seconds.at += FRESH_SECONDS
    assert elsewhere.in_force(CODE).compiled.title == "新版"


def test_a_draft_is_not_in_force_and_an_unknown_code_is_not_there(hub: AdaptedHub) -> None:
    hub.save(a_document())
    refused("HUB-2012", lambda: hub.keeper.in_force(CODE))
    refused("HUB-4045", lambda: hub.keeper.in_force("nobody"))


def test_only_adapters_in_force_that_the_hub_asks_itself_are_pulled(hub: AdaptedHub) -> None:
    hub.save(a_document(transport={"kind": "files", "folder": "/srv/in", "pattern": "*.xml"}))
    assert list(hub.keeper.pulled()) == []
    hub.act("sandbox")
    assert list(hub.keeper.pulled()) == []
    hub.act("activate")
    assert list(hub.keeper.pulled()) == [CODE]
    hub.stop()
    assert list(hub.keeper.pulled()) == []


def test_the_adapter_behind_submit_xml_is_in_force_from_the_start(hub: AdaptedHub) -> None:
    package = hub.keeper.in_force("package")
    assert (package.sender_code, package.trial) == (None, False)


# --- trials and rehearsals ------------------------------------------------------------------------------------------


def test_of_a_version_on_trial_only_the_newest_messages_are_kept(
    hub: AdaptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_trials, "KEPT_PER_VERSION", 3)
    hub.save(a_document())
    hub.act("sandbox")
    for number in range(5):
        hub.take(a_message(a_unit(XH=f"r-{number}")))
    assert hub.count("adapter_trial") == 3
    assert detail(hub)["trial"]["messages"] == 3


def test_a_trial_receipt_tells_what_would_have_come_of_it(hub: AdaptedHub) -> None:
    hub.save(with_sample(a_document() | {"contract": {"badValue": "reject"}}))
    hub.act("sandbox")
    receipt = hub.take(a_message(a_unit(), a_unit(XH="r-2", BLSJ="昨天")))
    assert receipt.receipt_no.startswith("TRIAL-")
    assert (receipt.status, receipt.accepted_count, receipt.rejected_count) == (ReceiptStatus.PARTIAL, 1, 1)
    assert {(error.seq, error.code) for error in receipt.errors} == {(2, "HUB-3007")}
    assert hub.count("envelope") == hub.count("process_record") == 0


def test_a_rehearsal_tells_by_field_what_a_version_would_read_otherwise(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.push(a_unit(), a_unit(XH="r-2"))
    hub.push(a_unit(XH="r-3"))
    hub.save(with_field(a_document(), "stepName", {"constant": "新版"}))
    found = rehearse(hub.small.database, hub.small.sealer, CODE, None, 50).row()
    assert (found["messages"], found["units"], found["changedMessages"]) == (2, 3, 2)
    assert [(row["target"], row["kind"], row["count"]) for row in found["byTarget"]] == [("stepName", "DIFFERS", 3)]
    assert found["samples"] == [{"name": "一件受理", "passed": True, "differences": []}]
    assert rehearse(hub.small.database, hub.small.sealer, CODE, 1, 50).row()["byTarget"] == []


def test_a_message_that_the_new_version_cannot_open_counts_as_changed(hub: AdaptedHub) -> None:
    hub.put(a_document())
    hub.push(a_unit())
    intake = {"format": "xml", "units": [{"name": "bj", "select": "//nothing"}]}
    hub.save(with_sample(without_samples(a_document(intake=intake)) | {"samples": []}))
    found = rehearse(hub.small.database, hub.small.sealer, CODE, None, 50).row()
    assert (found["refusedMessages"], found["changedMessages"]) == (1, 1)


def test_a_rehearsal_takes_no_more_messages_than_somebody_can_wait_for(
    hub: AdaptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put(a_document())
    for number in range(3):
        hub.push(a_unit(XH=f"r-{number}"))
    monkeypatch.setattr("hub.adapting.rehearsal._MOST_BYTES", 2 * len(a_message(a_unit(XH="r-1")).encode("gb18030")))
    assert rehearse(hub.small.database, hub.small.sealer, CODE, 1, 50).messages == 2


def test_before_anything_came_in_a_rehearsal_takes_what_the_sandbox_was_sent(hub: AdaptedHub) -> None:
    hub.save(a_document())
    hub.act("sandbox")
    hub.take(a_message())
    assert rehearse(hub.small.database, hub.small.sealer, CODE, 1, 50).messages == 1


# --- corrections by order of arrival --------------------------------------------------------------------------------


def test_what_was_said_last_is_current_though_it_only_repeated_what_stood_then(hub: AdaptedHub) -> None:
    """经办人丙, 丁, 丙 again: the second is mended after the third came, and must not become the newest."""
    hub.put(by_arrival(a_document()))
    hub.push(a_unit(BLR="经办人丙"), message_id="first")
    hub.push(a_unit(BLR="经办人丁", BLSJ="昨天"), message_id="second")
    hub.push(a_unit(BLR="经办人丙"), message_id="third")
    assert hub.steps() == [("r-1", 1, True, "ACCEPTED")]
    lenient = by_arrival(a_document())
    for target in ("handledAt", "application.acceptedAt"):
        lenient = with_field(lenient, target, {"constant": "2026-03-02T09:30:00+08:00"})
    hub.put(lenient)
    hub.replay(state="QUARANTINED")
    assert [(revision, is_current) for _, revision, is_current, _ in hub.steps()] == [
        (1, False), (2, False), (3, True),
    ]  # fmt: skip
    assert hub.current("officer_name") == ["经办人丙"]


# --- codes that no map knew -----------------------------------------------------------------------------------------


def test_free_text_in_place_of_codes_does_not_fill_the_inbox(hub: AdaptedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unmapped_codes, "MOST_PER_MAP", 3)
    hub.put(a_document())
    hub.push(*(a_unit(XH=f"r-{number}", HJZT=f"文字{number}") for number in range(9)))
    hub.push(a_unit(XH="r-10", HJZT="文字0"), a_unit(XH="r-11", HJZT="另一段"))
    assert sorted((row["value"], row["count"]) for row in hub.unmapped()) == [
        ("文字0", 2), ("文字1", 1), ("文字2", 1),
    ]  # fmt: skip
    assert hub.count("process_record") == 11


def test_a_code_says_between_which_messages_it_was_met(hub: AdaptedHub) -> None:
    hub.put(a_document())
    adapter_id = hub.small.rows(f"SELECT id FROM adapter WHERE code = '{CODE}'")[0].id  # noqa: S608
    with hub.small.database.unit() as unit:
        for days in (2, 1, 3):
            at = MONDAY_MORNING + days * DAY
            unmapped_codes.note(unit, [Seen(adapter_id, "hjzt", "9", "stepStatus", days, at, at + timedelta(hours=1))])
    [row] = hub.unmapped()
    assert (row["count"], row["firstSeenAt"][:10], row["lastSeenAt"][:10]) == (6, "2026-03-03", "2026-03-05")


def an_unmapped_code(hub: AdaptedHub) -> int:
    hub.push(a_unit(HJZT="09"))
    [row] = hub.unmapped()
    entry_id: int = row["id"]
    return entry_id


def test_a_token_that_the_list_lacks_is_refused_and_changes_nothing(hub: AdaptedHub) -> None:
    hub.put(a_document())
    entry_id = an_unmapped_code(hub)
    refused("HUB-3006", lambda: hub.office.map_code(entry_id, "NO_SUCH", AUTHOR))
    assert hub.states() == [(1, "ACTIVE")]
    assert len(hub.unmapped()) == 1


def test_a_code_that_was_dealt_with_is_not_dealt_with_again(hub: AdaptedHub) -> None:
    hub.put(a_document())
    entry_id = an_unmapped_code(hub)
    hub.office.map_code(entry_id, "PASSED", AUTHOR)
    refused("HUB-5006", lambda: hub.office.map_code(entry_id, "RUNNING", AUTHOR))
    refused("HUB-5006", lambda: hub.office.ignore_code(entry_id, "不要了", AUTHOR))
    assert hub.states() == [(1, "RETIRED"), (2, "ACTIVE")]


def test_a_code_is_entered_into_the_draft_that_somebody_is_writing_too(hub: AdaptedHub) -> None:
    hub.put(a_document())
    entry_id = an_unmapped_code(hub)
    hub.save(a_document(title="正在写的草稿"), COLLEAGUE)
    hub.office.map_code(entry_id, "PASSED", AUTHOR)
    assert hub.states() == [(1, "RETIRED"), (2, "DRAFT"), (3, "ACTIVE")]
    hub.act("sandbox")
    hub.act("activate")
    hub.push(a_unit(XH="r-2", HJZT="09"))
    assert hub.current("step_status")[1] == "PASSED"
    with hub.small.database.read() as unit:
        draft = views.version_detail(unit, CODE, 2)
    assert (draft["document"]["title"], draft["author"]) == ("正在写的草稿", COLLEAGUE)


def test_where_two_must_look_a_mapped_code_waits_in_a_draft(hub: AdaptedHub) -> None:
    careful = AdaptedHub.over(hub.small, four_eyes=True)
    careful.save(a_document())
    careful.act("sandbox")
    careful.act("activate", actor=COLLEAGUE)
    first = careful.office.map_code(an_unmapped_code(careful), "PASSED", AUTHOR)
    assert first == {"adapter": CODE, "version": 2, "activated": False}
    careful.push(a_unit(XH="r-8", HJZT="08"))
    second = careful.office.map_code(careful.unmapped()[0]["id"], "RUNNING", AUTHOR)
    assert second == {"adapter": CODE, "version": 2, "activated": False}
    with careful.small.database.read() as unit:
        values = views.version_detail(unit, CODE, 2)["document"]["codeMaps"]["hjzt"]["values"]
    assert values == {"01": "ACCEPTED", "02": "PASSED", "09": "PASSED", "08": "RUNNING"}


def test_going_back_to_before_a_code_was_mapped_opens_it_again(hub: AdaptedHub) -> None:
    hub.put(a_document())
    entry_id = an_unmapped_code(hub)
    hub.office.map_code(entry_id, "PASSED", AUTHOR)
    assert hub.unmapped() == []
    hub.act("rollback", 1, reason="对照错了")
    assert [row["value"] for row in hub.unmapped()] == ["09"]


def test_a_code_that_is_left_alone_is_noted_with_the_reason(hub: AdaptedHub) -> None:
    hub.put(a_document())
    entry_id = an_unmapped_code(hub)
    refused("HUB-4006", lambda: hub.office.ignore_code(entry_id, " ", AUTHOR))
    hub.office.ignore_code(entry_id, "测试数据", AUTHOR)
    hub.push(a_unit(XH="r-2", HJZT="09"))
    assert [(row["count"], row["reason"]) for row in hub.unmapped("IGNORED")] == [(2, "测试数据")]
