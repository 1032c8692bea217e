"""Figures of data quality, on both engines."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from adapters.record_list import Listed
from hub.domain.errors import FieldIssue, NotFoundError, RejectedError
from hub.domain.records import ITEM, PROCESS, RESULT
from hub.stores import quality, quarantine_acts, registry
from hub.stores.adapters import adapter, adapter_version
from hub.stores.quality import BehindQuery, QualityQuery
from hub.stores.quality_measures import MEASURES
from hub.stores.rhythm import kept_voices
from supervision.quality.desk import QualityDesk
from supervision.quality.listening import Expectation, Listener, declared_by_adapters
from tests.builders import (
    DAY,
    MONDAY_MORNING,
    SmallHub,
    a_result,
    a_special,
    a_step,
    an_acceptance,
    an_application,
    an_item,
)

LIMIT = timedelta(hours=24)
MONDAY = date(2026, 3, 2)


def live(hub: SmallHub, day: date = MONDAY) -> dict[tuple[str, str, str], int]:
    """Amount by kind, measure and code."""
    with hub.database.read() as unit:
        return {(kind, name, code): amount for _, kind, name, code, amount in quality.live(unit, day, LIMIT)}


def kept(hub: SmallHub, day: date = MONDAY) -> dict[tuple[str, str, str], int]:
    with hub.database.read() as unit:
        rows = quality.daily(unit, QualityQuery(day, day))
    return {(row.kind, row.measure, row.code): row.amount for row in rows}


def behind(hub: SmallHub, measure: str, **narrowed: Any) -> tuple[int, list[dict[str, Any]]]:
    with hub.database.read() as unit:
        figure, page = quality.behind(unit, BehindQuery(measure, MONDAY, MONDAY, limit=200, **narrowed), LIMIT)
    return figure, page.items


def refused(hub: SmallHub, *seqs: int, **more: Any) -> None:
    """A message of three records of which some were refused, each for two reasons."""
    envelope = hub.envelope(PROCESS, [a_step(**more) for _ in range(3)])
    issues = (FieldIssue("HUB-3001", "handledAt", "缺少必填项"), FieldIssue("HUB-3005", "opinion", "文本过长"))
    arrivals = [replace(each, issues=issues if each.seq in seqs else ()) for each in envelope.arrivals]
    hub.exchange.receive(replace(envelope, arrivals=arrivals))


def a_busy_day(hub: SmallHub) -> None:
    """Something of everything that is measured."""
    hub.push(ITEM, [an_item(statutory_limit=None, statutory_limit_unit=None)])
    hub.push(PROCESS, [an_acceptance(record_id="s1", office=None, special=a_special(approver=None))], "m-1")
    hub.push(PROCESS, [an_acceptance(record_id="s1", revision=2, item_code="no-scheme")])
    hub.push(PROCESS, [a_step(record_id="s2", handled_at=MONDAY_MORNING - timedelta(days=1, seconds=1))])
    hub.push(PROCESS, [a_step(record_id="s3", handled_at=MONDAY_MORNING - timedelta(days=1))])
    hub.push(RESULT, [a_result(record_id="r1", finished_at=MONDAY_MORNING - 9 * DAY, opinion=None)])
    refused(hub, 2, 3)
    hub.work()
    hub.push(PROCESS, [a_step(record_id="s2", step_name="另一名称")])
    hub.push(PROCESS, [a_step(record_id="s3", step_name="另一名称")])
    hub.work()


def test_every_measure_counts_what_it_says(hub: SmallHub):
    a_busy_day(hub)
    [(entry,)] = hub.rows("SELECT max(id) FROM quarantine")
    with hub.database.unit() as unit:
        quarantine_acts.discard(unit, entry, "经办人丙", "重复录入", hub.clock())
    told = live(hub)
    assert told["PROCESS", "MESSAGES", ""] == 7
    assert told["PROCESS", "RECEIVED", ""] == 9
    assert told["PROCESS", "ACCEPTED", ""] == 7
    assert told["PROCESS", "REJECTED", "HUB-3001"] == 2
    assert ("PROCESS", "REJECTED", "HUB-3005") not in told
    assert told["PROCESS", "QUARANTINED", "HUB-6002"] == told["PROCESS", "DISCARDED", "HUB-6002"] == 1
    assert told["PROCESS", "STORED", ""] == 5
    assert told["PROCESS", "CORRECTED", ""] == 1
    assert (told["PROCESS", "LATE", ""], told["RESULT", "LATE", ""]) == (1, 1)
    assert told["PROCESS", "FLAGGED", "HUB-4101"] == 1
    assert told["PROCESS", "MISSING", "office"] == told["PROCESS", "MISSING", "special/approver"] == 1
    assert told["RESULT", "MISSING", "opinion"] == told["ITEM", "MISSING", "statutoryLimit"] == 1
    assert ("PROCESS", "MISSING", "application/applicantIdNo") not in told
    assert told["PROCESS", "WANTED", ""] == 5 * 4 + 2 * 7 + 1 * 2
    assert (told["RESULT", "WANTED", ""], told["ITEM", "WANTED", ""]) == (1, 2)


def test_a_missing_id_number_is_counted_though_it_is_sealed(hub: SmallHub):
    hub.push_case(an_acceptance(application=an_application(applicant_id_no=None)))
    assert live(hub)["PROCESS", "MISSING", "application/applicantIdNo"] == 1


def test_a_repeated_message_counts_as_duplicate_and_other_content_does_not(hub: SmallHub):
    first = hub.envelope(PROCESS, [a_step(record_id="s1")], "m-1")
    for _ in range(3):
        hub.exchange.receive(first)
    assert live(hub)["PROCESS", "DUPLICATE", ""] == 2
    assert live(hub)["PROCESS", "MESSAGES", ""] == 1


def test_kept_figures_equal_those_counted_anew(hub: SmallHub):
    a_busy_day(hub)
    for _ in range(2):
        with hub.database.unit() as unit:
            quality.put(unit, MONDAY, quality.live(unit, MONDAY, LIMIT))
    assert kept(hub) == live(hub)
    assert len(kept(hub)) > 15


def test_every_figure_equals_the_list_behind_it(hub: SmallHub):
    a_busy_day(hub)
    for (kind, measure, code), amount in live(hub).items():
        figure, rows = behind(hub, measure, kind=kind, code=code, sender="gs-system")
        assert (measure, figure, sum(row["amount"] for row in rows)) == (measure, amount, amount)
        assert {row["kind"] for row in rows} == {kind}


def test_the_list_behind_a_figure_is_read_page_by_page(hub: SmallHub):
    hub.push(PROCESS, [a_step(record_id=f"s{number}", handled_at=MONDAY_MORNING - 5 * DAY) for number in range(5)])
    hub.work()
    seen, after = [], None
    for _ in range(3):
        with hub.database.read() as unit:
            figure, page = quality.behind(unit, BehindQuery("LATE", MONDAY, MONDAY, limit=2, after=after), LIMIT)
        assert figure == 5
        seen += [row["recordId"] for row in page.items]
        after = page.next
    assert (sorted(seen), after) == ([f"s{number}" for number in range(5)], None)


def test_a_day_ends_at_midnight_in_china(hub: SmallHub):
    hub.push(PROCESS, [a_step()])
    hub.clock.move_to(MONDAY_MORNING.replace(hour=15, minute=59))
    hub.push(PROCESS, [a_step()])
    hub.clock.move_to(MONDAY_MORNING.replace(hour=16, minute=0))
    hub.push(PROCESS, [a_step()])
    assert live(hub)["PROCESS", "MESSAGES", ""] == 2
    assert live(hub, date(2026, 3, 3))["PROCESS", "MESSAGES", ""] == 1


def test_today_is_kept_fresh_and_older_days_in_turn(hub: SmallHub):
    def refresh() -> date | None:
        return quality.refresh_one(hub.database, hub.clock(), LIMIT)

    hub.push_case(a_step())
    assert refresh() == MONDAY
    hub.push_case(a_step())
    older = [refresh() for _ in range(quality.REFRESHED_DAYS - 1)]
    assert sorted(day for day in older if day) == [MONDAY - back * DAY for back in range(34, 0, -1)]
    assert refresh() is None
    assert kept(hub)["PROCESS", "STORED", ""] == 1
    hub.clock.move_to(hub.clock() + quality.FRESH_FOR)
    assert refresh() == MONDAY
    assert kept(hub)["PROCESS", "STORED", ""] == 2


def test_a_replay_of_an_older_day_reaches_its_figures(hub: SmallHub):
    hub.push_case(a_step(record_id="s1"))
    hub.push_case(a_step(record_id="s1", step_name="另一名称"))
    quality.refresh_one(hub.database, hub.clock(), LIMIT)
    assert kept(hub)["PROCESS", "QUARANTINED", "HUB-6002"] == 1
    hub.clock.move_to(hub.clock() + DAY)
    with hub.database.unit() as unit:
        quarantine_acts.discard(unit, 1, "经办人丙", "重复录入", hub.clock())
    for _ in range(quality.REFRESHED_DAYS + 1):
        quality.refresh_one(hub.database, hub.clock(), LIMIT)
    assert ("PROCESS", "QUARANTINED", "HUB-6002") not in kept(hub)
    assert kept(hub)["PROCESS", "DISCARDED", "HUB-6002"] == 1


def test_every_measure_can_be_counted_of_an_empty_hub(hub: SmallHub):
    assert live(hub) == {}
    assert {measure: behind(hub, measure) for measure in MEASURES} == dict.fromkeys(MEASURES, (0, []))


@pytest.mark.parametrize("cursor", ["x", "-1", "１", "9999999"])
def test_a_foreign_cursor_is_refused(hub: SmallHub, cursor: str):
    with hub.database.read() as unit, pytest.raises(RejectedError, match="HUB-3004"):
        quality.behind(unit, BehindQuery("LATE", MONDAY, MONDAY, after=cursor), LIMIT)


# --- listening to senders, and reconciling ------------------------------------------------------------------------


def speak_for_weeks(hub: SmallHub, days: int = 28) -> None:
    """A message at ten and at three of every working day; the clock stands after the last one."""
    for number in range(days):
        start = MONDAY_MORNING + number * DAY
        for hours in (0.5, 5.5):
            hub.clock.move_to(start + timedelta(hours=hours))
            if hub.law().calendar.is_working(hub.clock().date()):
                hub.push(PROCESS, [a_step()])


def voice(desk: QualityDesk) -> tuple[str, Any]:
    desk.listener.listen_once()
    [row] = desk.listener.silences()
    return row["voice"], row["since"]


def test_a_sender_that_stops_speaking_becomes_quiet_and_then_silent(hub: SmallHub):
    desk = hub.quality()
    assert voice(desk)[0] == "UNKNOWN"
    speak_for_weeks(hub)
    assert voice(desk)[0] == "NORMAL"
    told = []
    for _ in range(3 * 24 * 6):
        hub.clock.move_to(hub.clock() + timedelta(minutes=10))
        told.append(voice(desk)[0])
    assert [name for number, name in enumerate(told) if number == 0 or told[number - 1] != name] == [
        "NORMAL", "QUIET", "SILENT",
    ]  # fmt: skip
    with hub.database.read() as unit:
        assert kept_voices(unit, 10) == {"gs-system": "SILENT"}


def test_after_an_outage_of_the_hub_nobody_is_blamed(hub: SmallHub):
    desk = hub.quality()
    speak_for_weeks(hub)
    voice(desk)
    hub.clock.move_to(hub.clock() + timedelta(days=7))  # nothing ran: no sign of life
    assert voice(desk)[0] == "NORMAL"


def test_a_disabled_sender_is_not_listened_to(hub: SmallHub):
    with hub.database.unit() as unit:
        registry.set_disabled(unit, "gs-system", "停用")
    assert hub.quality().listener.silences() == []


def test_what_was_declared_counts_without_anything_learned(hub: SmallHub):
    listener = Listener(hub.database, hub.law, hub.clock, lambda _: {"gs-system": Expectation(60)})
    hub.push(PROCESS, [a_step()])
    hub.clock.move_to(hub.clock() + timedelta(minutes=90))
    [row] = listener.silences()
    assert (row["voice"], row["declaredMinutes"]) == ("QUIET", 60)


def test_senders_are_scored_by_their_parts(hub: SmallHub):
    desk = hub.quality()
    a_busy_day(hub)
    while desk.refresh_once():
        pass
    [row] = desk.senders(MONDAY, MONDAY)
    parts = {part["name"]: (part["faults"], part["of"]) for part in row["parts"]}
    assert parts["timeliness"] == (2, 7)
    assert parts["validity"] == (2 + 2, 11)
    assert 0 < row["score"] < 100
    shown = desk.sender("gs-system", MONDAY, MONDAY)
    assert shown["days"][0]["totals"]["LATE"] == 2
    assert ("REJECTED", "HUB-3001", 2) in {(row["measure"], row["code"], row["amount"]) for row in shown["codes"]}
    for part in row["parts"]:
        listed = [behind(hub, name)[0] for name in part["faultMeasures"] if name in MEASURES]
        assert sum(listed) == part["faults"]


def test_silent_working_days_are_counted_and_named(hub: SmallHub):
    desk = hub.quality()
    for day in (*range(5), *range(7, 11), *range(14, 19)):  # the Friday of the second week is missing
        hub.clock.move_to(MONDAY_MORNING + day * DAY)
        hub.push(PROCESS, [a_step()])
    hub.clock.move_to(MONDAY_MORNING + 19 * DAY)
    while desk.refresh_once():
        pass
    shown = desk.sender("gs-system", MONDAY, MONDAY + 18 * DAY)
    assert [day["day"] for day in shown["days"] if day["isSilent"]] == ["2026-03-13"]
    assert (shown["totals"]["SILENT_DAYS"], shown["totals"]["WORKING_DAYS"]) == (1, 15)


@pytest.mark.parametrize(("first", "last"), [(1, 0), (0, 400)])
def test_days_that_are_no_span_are_refused(hub: SmallHub, first: int, last: int):
    with pytest.raises(RejectedError, match="HUB-4037"):
        hub.quality().senders(MONDAY + first * DAY, MONDAY + last * DAY)


def test_reconciling_names_the_number_that_is_missing(hub: SmallHub):
    for day in range(3):
        hub.clock.move_to(MONDAY_MORNING + day * DAY)
        serials = [serial for serial in range(1, 11) if (day, serial) != (0, 3)]
        names = [f"GS{hub.clock():%Y%m%d}-{serial:04d}" for serial in serials]
        hub.push_case(*(a_step(record_id=f"{name}-SL", case_no=name) for name in names))
    told = hub.quality().reconciliation("gs-system", MONDAY)
    assert told["counts"] == [{"kind": "PROCESS", "state": "STORED", "count": 9}]
    assert [(gap["series"], gap["pattern"], gap["missing"]) for gap in told["gaps"]] == [
        ("caseNo", "GS{yyyyMMdd}-{0001}", ["GS20260302-0003"]),
        ("processRecordId", "GS{yyyyMMdd}-{0001}-SL", ["GS20260302-0003-SL"]),
    ]
    assert hub.quality().reconciliation("gs-system", MONDAY + DAY)["gaps"] == []


def test_a_list_is_compared_with_what_came(hub: SmallHub):
    hub.push_case(a_step(record_id="s1"), a_step(record_id="s2"))
    digest = hub.rows("SELECT digest FROM envelope")[0][0]
    hub.clock.move_to(MONDAY_MORNING + DAY)
    hub.push_case(a_step(record_id="tomorrow"))
    entries = [Listed("s1", digest), Listed("s2", "0" * 64), Listed("tomorrow"), Listed("lost")]
    told = hub.quality().compare("gs-system", MONDAY, entries)
    assert (told["listed"], told["held"], told["equal"]) == (4, 2, 1)
    assert told["missingHere"] == {"count": 1, "items": [{"recordId": "lost"}]}
    assert [row["recordId"] for row in told["otherDay"]["items"]] == ["tomorrow"]
    assert [row["recordId"] for row in told["differing"]["items"]] == ["s2"]
    assert told["missingThere"]["count"] == told["refused"]["count"] == 0


def test_a_list_of_a_day_to_come_is_refused(hub: SmallHub):
    with pytest.raises(RejectedError, match="HUB-4037"):
        hub.quality().compare("gs-system", MONDAY + DAY, [])


def test_nobody_reconciles_for_a_sender_that_is_not_there(hub: SmallHub):
    with pytest.raises(NotFoundError, match="HUB-4043"):
        hub.quality().reconciliation("nobody", MONDAY)


def test_what_the_adapter_in_force_says_of_its_rhythm_counts(hub: SmallHub):
    version = {"number": 1, "state": "ACTIVE", "fingerprint": "f", "content_digest": "d", "author": "经办人丙"}
    document = {"rhythm": {"expectEvery": 90, "days": "all"}}
    now = hub.clock()
    values = {"code": "a", "title": "a", "sender_code": "gs-system", "transport": "push", "state": "ACTIVE"}
    with hub.database.unit() as unit:
        unit.execute(insert(adapter).values(id=1001, created_at=now, active_version_id=1001, **values))
        times = {"created_at": now, "changed_at": now}
        unit.execute(insert(adapter_version).values(id=1001, adapter_id=1001, document=document, **version, **times))
    with hub.database.read() as unit:
        assert declared_by_adapters(unit) == {"gs-system": Expectation(90, every_day=True)}
    with hub.database.unit() as unit:
        unit.execute(update(adapter_version).values(document={"rhythm": {"expectEvery": "auto"}}))
    with hub.database.read() as unit:
        assert declared_by_adapters(unit) == {}


def test_a_missing_number_that_was_refused_is_told_apart_from_one_that_never_came(hub: SmallHub):
    names = [f"GS20260302-{serial:04d}" for serial in range(1, 25)]
    gone, refused_one = names.pop(2), names.pop(5)
    hub.push_case(*(a_step(record_id=name) for name in names))
    envelope = hub.envelope(PROCESS, [a_step(record_id=refused_one)])
    issues = (FieldIssue("HUB-3001", "handledAt", "缺少必填项"),)
    hub.exchange.receive(replace(envelope, arrivals=[replace(each, issues=issues) for each in envelope.arrivals]))
    [gap] = hub.quality().reconciliation("gs-system", MONDAY)["gaps"]
    assert gap["missing"] == [gone, refused_one]
    assert gap["refused"] == {refused_one: "HUB-3001"}
