"""What the console reads and changes of senders and adapters, over the real stores, on both engines."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from hub import setup
from hub.console.services import (
    ActAsked,
    AdapterSearch,
    ConsoleUser,
    Registration,
    SenderAsked,
    UnmappedSearch,
)
from hub.console.store_adapters import StoreAdapters
from hub.console.store_senders import StoreSenders
from hub.domain.envelopes import Quota
from hub.domain.errors import NotFoundError, RejectedError
from hub.stores import registry
from tests.adapted_hub import CODE, SENDER, AdaptedHub, a_document, a_unit, with_field
from tests.builders import ORG_CODE, SmallHub

CLERK = ConsoleUser("it-staff", "经办人丙", "it_staff")


@pytest.fixture
def adapted(hub: SmallHub) -> AdaptedHub:
    return AdaptedHub.over(hub)


@pytest.fixture
def adapters(adapted: AdaptedHub) -> StoreAdapters:
    small = adapted.small
    return StoreAdapters(small.database, small.sealer, adapted.office, small.clock, lambda: [])


@pytest.fixture
def senders(hub: SmallHub) -> StoreSenders:
    registering = partial(setup.register_department, area_code="330324")
    return StoreSenders(hub.database, hub.sealer, hub.clock, registering)


def asked(**overrides: Any) -> SenderAsked:
    values = {"code": "SL-01", "name": "水利审批系统", "departments": {"33032400SL": "样例县水利局"}}
    return SenderAsked(**values | overrides)


# --- senders ------------------------------------------------------------------------------------------------------


def test_a_registered_sender_can_sign_in_with_its_secret(hub: SmallHub, senders: StoreSenders):
    secret = senders.register(CLERK, asked(registration=Registration(contact="经办人丙")))
    with hub.database.read() as unit:
        held = registry.credentials_of(unit, hub.sealer, "SL-01")
    assert [one.secret for one in held.held] == [secret]
    assert held.sender.org_codes == frozenset({"33032400SL"})
    assert senders.sender(CLERK, "SL-01")["registration"]["contact"] == "经办人丙"


def test_a_known_code_is_not_registered_twice(senders: StoreSenders):
    senders.register(CLERK, asked())
    with pytest.raises(RejectedError) as refused:
        senders.register(CLERK, asked(name="另一个"))
    assert refused.value.code == "HUB-6003"


def test_secrets_overlap_until_the_old_one_is_revoked(senders: StoreSenders):
    senders.register(CLERK, asked())
    senders.rotate(CLERK, "SL-01")
    with pytest.raises(RejectedError) as refused:
        senders.rotate(CLERK, "SL-01")
    assert refused.value.code == "HUB-5022"
    newest, oldest = senders.sender(CLERK, "SL-01")["credentials"]
    senders.revoke(CLERK, "SL-01", str(oldest["id"]))
    with pytest.raises(RejectedError) as refused:
        senders.revoke(CLERK, "SL-01", str(newest["id"]))
    assert refused.value.code == "HUB-5023"


def test_stopping_and_quota_are_shown(senders: StoreSenders):
    senders.register(CLERK, asked())
    senders.disable(CLERK, "SL-01", "系统升级")
    senders.change_quota(CLERK, "SL-01", Quota(messages_per_second=2.5))
    row = next(row for row in senders.senders(CLERK) if row["code"] == "SL-01")
    assert (row["disabledNotice"], row["quota"]["messagesPerSecond"]) == ("系统升级", 2.5)
    senders.enable(CLERK, "SL-01")
    assert senders.sender(CLERK, "SL-01")["disabledNotice"] is None


def test_every_change_is_audited_without_the_secret(hub: SmallHub, senders: StoreSenders):
    secret = senders.register(CLERK, asked())
    senders.disable(CLERK, "SL-01", "系统升级")
    rows = hub.rows("SELECT action, detail FROM audit_event WHERE object_id = 'SL-01' ORDER BY id")
    assert [row[0] for row in rows] == ["sender.add", "sender.disable"]
    assert secret not in str(rows)


# --- adapters -----------------------------------------------------------------------------------------------------


def test_an_adapter_is_counted_by_what_came_in_today(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.put(a_document())
    adapted.push(a_unit(), a_unit(XH="r-2", BLSJ="昨天"))
    row = adapters.adapters(CLERK, AdapterSearch()).items[0]
    assert (row["adapter"], row["state"], row["version"], row["sender"]) == (CODE, "ACTIVE", 1, SENDER)
    assert row["today"] == {"received": 1, "accepted": 2, "rejected": 0, "quarantined": 1}
    assert row["openQuarantine"] == 1
    assert row["silentSeconds"] == 0
    page = adapters.adapter(CLERK, CODE)
    assert page["topErrors"] == [{"code": "HUB-3007", "path": "handledAt", "count": 1}]
    assert [day["received"] for day in page["days"]] == [1]


def test_yesterdays_messages_are_not_todays(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.put(a_document())
    adapted.push(a_unit())
    adapted.small.clock.move_to(adapted.small.clock() + timedelta(days=1))
    page = adapters.adapter(CLERK, CODE)
    assert page["today"]["received"] == 0
    assert [day["received"] for day in page["days"]] == [0, 1]
    assert page["silentSeconds"] == 86_400


def test_acts_are_those_that_the_office_takes(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.save(a_document())
    assert {act["act"] for act in adapters.adapter(CLERK, CODE)["acts"]} == {"sandbox", "shadow"}
    for act in ("sandbox", "activate"):
        adapters.act(CLERK, CODE, ActAsked(act=act))
    assert {act["act"] for act in adapters.adapter(CLERK, CODE)["acts"]} == {"disable"}
    adapters.act(CLERK, CODE, ActAsked(act="disable", reason="对方升级"))
    page = adapters.adapter(CLERK, CODE)
    assert {act["act"] for act in page["acts"]} == {"enable"}
    assert page["notice"] == "对方升级"


def test_a_draft_may_be_unfinished_and_is_not_overwritten_by_an_older_page(
    adapted: AdaptedHub, adapters: StoreAdapters
):
    document = a_document()
    del document["routes"][0]["fields"]["caseNo"]
    adapters.create(CLERK, document)
    digest = adapters.draft(CLERK, CODE)["digest"]
    adapters.save_draft(CLERK, CODE, a_document(), digest)
    with pytest.raises(RejectedError) as refused:
        adapters.save_draft(CLERK, CODE, document, digest)
    assert refused.value.code == "HUB-5004"
    assert adapters.draft(CLERK, CODE)["document"] == a_document()


def test_an_unfinished_draft_does_not_leave_the_desk(adapted: AdaptedHub, adapters: StoreAdapters):
    document = a_document()
    del document["routes"][0]["fields"]["caseNo"]
    adapters.create(CLERK, document)
    with pytest.raises(RejectedError) as refused:
        adapters.act(CLERK, CODE, ActAsked(act="sandbox"))
    assert (refused.value.code, refused.value.path) == ("HUB-3001", "routes/0/fields/caseNo")


def test_without_a_draft_the_version_in_force_is_what_one_starts_from(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.put(a_document())
    draft = adapters.draft(CLERK, CODE)
    assert (draft["number"], draft["digest"], draft["document"]) == (1, "", a_document())
    adapters.save_draft(CLERK, CODE, a_document(title="改过"), "")
    assert adapters.draft(CLERK, CODE)["number"] == 2
    assert adapters.adapter(CLERK, CODE)["draft"] == 2


def test_a_known_adapter_is_not_created_again(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.put(a_document())
    with pytest.raises(RejectedError) as refused:
        adapters.create(CLERK, a_document(title="另一个"))
    assert refused.value.code == "HUB-6003"


def test_a_shadow_is_told_by_field(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.put(a_document())
    other = with_field(a_document(), "officerName", {"constant": "经办人丁"})
    adapted.save(other)
    adapted.act("shadow")
    adapted.seconds.at += 10
    adapted.push(a_unit())
    shadow = adapters.adapter(CLERK, CODE)["shadow"]
    assert (shadow["version"], shadow["compared"], shadow["different"]) == (2, 1, 1)
    found = adapters.shadow_differences(CLERK, CODE)
    assert [(row["target"], row["kind"], row["count"]) for row in found] == [("officerName", "不同", 1)]


def test_a_dry_run_counts_and_shows_no_values(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.put(a_document())
    adapted.push(a_unit())
    adapters.save_draft(CLERK, CODE, with_field(a_document(), "officerName", {"constant": "经办人丁"}), "")
    outcome = adapters.dry_run(CLERK, CODE, 20)
    assert (outcome["messages"], outcome["units"], outcome["changedMessages"]) == (1, 1, 1)
    assert [row["target"] for row in outcome["byTarget"]] == ["officerName"]
    assert "申请人甲" not in str(outcome)


def test_a_code_is_mapped_and_the_messages_that_had_it_are_replayed(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.put(a_document())
    adapted.push(a_unit(HJZT="77"))
    entry = adapters.unmapped(CLERK, UnmappedSearch()).items[0]
    assert (entry["value"], entry["codeList"], entry["targetTitle"]) == ("77", "stepStatus", "环节状态")
    mapped = adapters.map_code(CLERK, str(entry["id"]), "RUNNING")
    assert (mapped["version"], mapped["activated"]) == (2, True)
    assert mapped["replayJob"] is not None
    assert adapters.unmapped(CLERK, UnmappedSearch()).items == []


def test_new_columns_are_told_as_drift(adapted: AdaptedHub, adapters: StoreAdapters):
    adapted.put(a_document())
    for number in range(30):
        adapted.push(a_unit(XH=f"o-{number}", BJBH=f"GS20260302-{number:04}"))
    assert adapters.drift(CLERK, CODE) == []
    for number in range(20):
        adapted.push(a_unit(XH=f"n-{number}", BJBH=f"GS20260303-{number:04}", XZLX="1"))
    assert [(row["title"], row["path"]) for row in adapters.drift(CLERK, CODE)] == [("新出现的字段", "XZLX")]


@pytest.mark.parametrize("entry_id", ["x", "0", "9" * 30])
def test_a_code_that_is_not_there_is_not_found(adapters: StoreAdapters, entry_id: str):
    with pytest.raises(NotFoundError):
        adapters.map_code(CLERK, entry_id, "RUNNING")


def test_the_department_of_the_harness_is_known_by_name(senders: StoreSenders, hub: SmallHub):
    row = senders.sender(CLERK, hub.sender.code)
    assert ORG_CODE in [each["code"] for each in row["departments"]]
