from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from adapters.contract import read_element, write_element
from adapters.event_log import LogCase, read_log
from adapters.log_import import ImportPlan, batches, happened_at, import_log
from adapters.log_mapping import LogMapping, load_mapping, shipped_mapping
from hub.domain.errors import RejectedError
from hub.domain.receipts import Receipt, ReceiptStatus, RecordError
from hub.domain.records import PROCESS, RESULT, ProcessRecord, RecordKind, ResultRecord

EXCERPT = Path(__file__).parents[1] / "samples" / "wabo_excerpt.xes"
NOON = "2011-03-01T12:00:00+01:00"


def a_document(**changes: object) -> dict[str, object]:
    key = {"caseNo": {"attribute": "case"}, "itemCode": {"constant": "X-1"}, "orgCode": {"constant": "ORG"}}
    document: dict[str, object] = {
        "mapping": "a-log",
        "title": "日志",
        "source": {"author": "A. Author"},
        "times": {"read": "keep_offset"},
        "case": {"attribute": "case.id"},
        "process": {
            **key,
            "recordId": {"pattern": "{case}-{seq}"},
            "stepSeq": {"attribute": "seq"},
            "stepName": {"attribute": "event.name"},
            "stepStatus": {"constant": "PASSED"},
            "handledAt": {"attribute": "event.at"},
        },
        "application": {
            "title": {"attribute": "case"},
            "appliedAt": {"attribute": "case.begin"},
            "applicantName": {"constant": "某企业"},
        },
        "result": {
            "ended_by": {"attribute": "case.end"},
            "fields": {
                **key,
                "recordId": {"pattern": "{case}-result"},
                "resultStatus": {"constant": "GRANTED"},
                "finishedAt": {"attribute": "case.end"},
            },
        },
    }
    return {**document, **changes}


def a_mapping(**changes: object) -> LogMapping:
    return load_mapping(yaml.safe_dump(a_document(**changes), allow_unicode=True))


def an_application(**changes: object) -> dict[str, object]:
    application = a_document()["application"]
    assert isinstance(application, dict)
    return {**application, **changes}


def a_case(*events: dict[str, str], number: int = 1, **attributes: str) -> LogCase:
    return LogCase(number, {"id": f"c{number}", "begin": NOON, **attributes}, events or (an_event(),))


def an_event(**changes: str) -> dict[str, str]:
    return {"name": "check", "at": NOON, **changes}


def test_application_travels_with_the_first_record_only():
    mapped = a_mapping().map_case(a_case(an_event(), an_event()))
    assert [record.application is not None for record in mapped.process] == [True, False]


def test_case_without_the_ending_attribute_has_no_result():
    assert a_mapping().map_case(a_case()).result is None
    assert a_mapping().map_case(a_case(end=NOON)).result is not None


def test_result_can_be_read_from_the_last_event_that_ends_the_case():
    fields = a_document()["result"]["fields"] | {"finishedAt": {"attribute": "event.at"}}
    ended_by = {"attribute": "event.name", "values": ["paid"]}
    mapping = a_mapping(result={"ended_by": ended_by, "fields": fields})
    later = "2011-03-05T12:00:00+01:00"
    mapped = mapping.map_case(a_case(an_event(name="paid"), an_event(name="paid", at=later), an_event()))
    assert mapped.result.finished_at == datetime.fromisoformat(later)
    assert mapping.map_case(a_case(an_event())).result is None


def test_offset_of_the_log_is_kept_when_asked():
    (record,) = a_mapping().map_case(a_case()).process
    assert record.handled_at == datetime(2011, 3, 1, 11, tzinfo=UTC)


def test_wall_clock_of_the_log_is_kept_when_asked():
    mapping = a_mapping(times={"read": "keep_wall_clock", "zone": "Asia/Shanghai"})
    (record,) = mapping.map_case(a_case()).process
    assert record.handled_at == datetime(2011, 3, 1, 4, tzinfo=UTC)


def test_time_without_offset_is_beijing_time():
    (record,) = a_mapping().map_case(a_case(an_event(at="2011-03-01T12:00:00"))).process
    assert record.handled_at == datetime(2011, 3, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read", "days"),
    [("keep_offset", 56), ("keep_wall_clock", 55)],
)
def test_whole_days_follow_the_reading_of_times(read, days):
    # The end of summer time lies between: 56 days and 59 minutes have passed, while the hands show 20 ms less than 56.
    limit = {"whole_days": {"from": "case.begin", "to": "case.deadline"}}
    mapping = a_mapping(times={"read": read}, application=an_application(promisedLimit=limit))
    case = a_case(begin="2011-10-10T01:06:40.020+02:00", deadline="2011-12-05T01:06:40.000+01:00")
    assert mapping.map_case(case).process[0].application.promised_limit == days


@pytest.mark.parametrize("deadline", ["", "2011-02-28T12:00:00+01:00", "soon"])
def test_limit_that_cannot_be_measured_is_absent(deadline):
    limit = {"whole_days": {"from": "case.begin", "to": "case.deadline"}}
    mapping = a_mapping(application=an_application(promisedLimit=limit))
    assert mapping.map_case(a_case(deadline=deadline)).process[0].application.promised_limit is None


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, "Intern"),
        ({"otherwise": "keep"}, "Intern"),
        ({"otherwise": "drop"}, None),
        ({"default": "OTHER"}, "OTHER"),
        ({"absent": ["Intern"]}, None),
    ],
)
def test_code_that_the_table_does_not_know(rules, expected):
    value = {"attribute": "case.channel", "codes": {"Desk": "COUNTER"}, **rules}
    mapping = a_mapping(application=an_application(applyMethod=value))
    assert mapping.map_case(a_case(channel="Intern")).process[0].application.apply_method == expected
    assert mapping.map_case(a_case(channel="Desk")).process[0].application.apply_method == "COUNTER"


def test_first_value_that_is_there_is_taken():
    value = {"first_of": [{"pattern": "{case.unit} {case.group}"}, {"attribute": "case.unit"}]}
    mapping = a_mapping(application=an_application(title=value))
    mapped = [mapping.map_case(a_case(unit="A", group="1")), mapping.map_case(a_case(unit="A"))]
    assert [case.process[0].application.title for case in mapped] == ["A 1", "A"]


def test_only_events_that_match_become_records_and_keep_their_place():
    mapping = a_mapping(events={"attribute": "event.phase", "values": ["complete"]})
    mapped = mapping.map_case(a_case(an_event(phase="start"), an_event(phase="complete")))
    assert [(record.step_seq, record.application is not None) for record in mapped.process] == [(2, True)]


def test_event_that_makes_no_record_is_named_and_its_neighbours_stay():
    mapped = a_mapping().map_case(a_case(an_event(at="31 February"), an_event(), number=7))
    assert [record.step_seq for record in mapped.process] == [2]
    assert [(issue.code, issue.path) for issue in mapped.issues] == [("HUB-3007", "trace[7]/event[1]/handledAt")]
    assert mapped.process[0].application is not None


def test_missing_required_value_is_named_without_quoting_the_log():
    mapped = a_mapping().map_case(LogCase(3, {"begin": NOON}, (an_event(name="secret"),)))
    assert {issue.code for issue in mapped.issues} == {"HUB-3001"}
    assert "secret" not in str(mapped.issues)


def test_case_without_events_still_gives_its_result():
    mapped = a_mapping().map_case(LogCase(1, {"id": "c1", "end": NOON}, ()))
    assert mapped.process == ()
    assert mapped.result is not None


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"times": {"read": "as_it_is"}}, "HUB-3006", "times/read"),
        ({"times": {"read": "keep_offset", "zone": "Asia/Nowhere"}}, "HUB-3006", "times/zone"),
        ({"process": {"colour": {"constant": "red"}}}, "HUB-3002", "process/colour"),
        ({"process": {"recordId": {"constant": "1"}}}, "HUB-3001", "process/caseNo"),
        ({"process": {"recordId": {"constante": "1"}}}, "HUB-3004", "process/recordId"),
        ({"application": {"title": {"pattern": "{titel}"}}}, "HUB-3001", "application/applicantName"),
        ({"messages": {"id": "same-every-time"}}, "HUB-3004", "messages/id"),
        ({"messages": {"id": "{digest}{number}"}}, "HUB-3004", "messages/id"),
        ({"messages": {"batch": 1001}}, "HUB-3006", "messages/batch"),
        ({"surprise": 1}, "HUB-3002", None),
        ({"case": {"attribute": "trace.id"}}, "HUB-3004", "case"),
    ],
)
def test_wrong_document_is_refused_with_its_place(changes, code, path):
    with pytest.raises(RejectedError) as refused:
        a_mapping(**changes)
    assert (refused.value.code, refused.value.path) == (code, path)


@pytest.mark.parametrize("text", ["", "- a", "a: [", "just text", "\t"])
def test_text_that_is_no_document_is_refused(text):
    with pytest.raises(RejectedError):
        load_mapping(text)


def test_unknown_placeholder_is_refused():
    with pytest.raises(RejectedError):
        a_mapping(application=an_application(title={"pattern": "{titel}"}))


def test_shipped_mapping_cites_the_author_and_maps_the_excerpt_without_issues():
    text = files("adapters").joinpath("library/logs/wabo_receipt.yaml").read_text(encoding="utf-8")
    assert "J.C.A.M. Buijs" in text
    assert "10.4121/uuid:a07386a5-7be3-4367-9535-70bc9e77dbe6" in text
    mapping = shipped_mapping("wabo_receipt")
    mapped = [mapping.map_case(case) for case in read_log(EXCERPT)]
    assert sum(len(case.process) for case in mapped) == 143
    assert sum(case.result is not None for case in mapped) == 23
    assert not [issue for case in mapped for issue in case.issues]


def test_records_of_the_shipped_mapping_pass_the_contract_and_only_the_one_unknown_channel_is_flagged():
    mapping = shipped_mapping("wabo_receipt")
    notes: Counter[str] = Counter()
    for case in read_log(EXCERPT):
        mapped = mapping.map_case(case)
        readings = [read_element(PROCESS, write_element(record, "record")) for record in mapped.process]
        if mapped.result:
            readings.append(read_element(RESULT, write_element(mapped.result, "record")))
        assert not [reading.issues for reading in readings if reading.issues]
        notes.update(note.raw for reading in readings for note in reading.notes)
    assert notes == {"Intern": 1}


def test_shipped_mapping_keeps_dutch_office_hours():
    mapped = shipped_mapping("wabo_receipt").map_case(next(iter(read_log(EXCERPT))))
    assert mapped.process[0].handled_at.isoformat() == "2011-10-11T05:45:40.276000+00:00"  # 13:45 in Shanghai


# --- import -----------------------------------------------------------------------------------------------------


class FakeHub:
    """Takes messages as the contract says: same id again is a duplicate, `refused` record ids are rejected."""

    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        self.messages: dict[str, list[str]] = {}
        self.kinds: list[RecordKind] = []
        self.deliveries: list[str] = []
        self._refused = refused

    def push(self, kind: RecordKind, message_id: str, records: Sequence[ProcessRecord | ResultRecord], /) -> Receipt:
        ids = [record.record_id for record in records]
        assert self.messages.setdefault(message_id, ids) == ids
        self.deliveries.append(message_id)
        self.kinds.append(kind)
        errors = tuple(
            RecordError(seq, each, "HUB-2004", f"record[{seq}]/orgCode", "无权")
            for seq, each in enumerate(ids, start=1)
            if each in self._refused
        )
        repeated = self.deliveries.count(message_id) > 1
        status = ReceiptStatus.DUPLICATE if repeated else ReceiptStatus.PARTIAL if errors else ReceiptStatus.ACCEPTED
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return Receipt("R1", message_id, status, at, "0" * 64, len(ids) - len(errors), len(errors), errors)


def some_cases(count: int = 30, steps: int = 4) -> list[LogCase]:
    begin = datetime(2011, 3, 1, tzinfo=UTC)
    return [
        a_case(
            *(an_event(at=(begin + timedelta(hours=7 * step - number)).isoformat()) for step in range(steps)),
            number=number,
            end=(begin + timedelta(days=10)).isoformat(),
        )
        for number in range(1, count + 1)
    ]


SMALL_BATCHES = {"messages": {"batch": 10}}


def test_all_records_arrive_once_in_batches_of_one_kind():
    hub = FakeHub()
    summary = import_log(some_cases(), a_mapping(**SMALL_BATCHES), hub)
    arrived = [each for ids in hub.messages.values() for each in ids]
    assert Counter(arrived) == Counter({each: 1 for each in set(arrived)})
    assert (summary.cases, summary.records, summary.accepted, summary.messages) == (30, 150, 150, 15)
    assert max(len(ids) for ids in hub.messages.values()) == 10


def test_second_import_answers_duplicate_and_adds_nothing():
    hub, mapping = FakeHub(), a_mapping(**SMALL_BATCHES)
    import_log(some_cases(), mapping, hub)
    again = import_log(some_cases(), mapping, hub)
    assert (again.accepted, again.duplicate_messages, again.already_there) == (0, 15, 150)


def test_log_order_is_event_time_across_cases():
    hub, mapping = FakeHub(), a_mapping(**SMALL_BATCHES)
    import_log(some_cases(), mapping, hub)
    steps = [record for case in some_cases() for record in mapping.map_case(case).process]
    times = {record.record_id: happened_at(record) for record in steps}
    pushed = [times[each] for ids in hub.messages.values() for each in ids if each in times]
    assert pushed == sorted(pushed)


def test_random_order_is_another_one_and_repeatable():
    mapping = a_mapping(**SMALL_BATCHES)
    first, second, straight = FakeHub(), FakeHub(), FakeHub()
    for hub in (first, second):
        import_log(some_cases(), mapping, hub, plan=ImportPlan(order="random", seed=5))
    import_log(some_cases(), mapping, straight)
    assert first.messages == second.messages
    assert first.messages != straight.messages
    assert sorted(sum(first.messages.values(), [])) == sorted(sum(straight.messages.values(), []))


def test_duplicates_are_whole_messages_again_and_records_in_other_messages():
    hub = FakeHub()
    plan = ImportPlan(order="random", seed=3, duplicates=0.3)
    summary = import_log(some_cases(), a_mapping(**SMALL_BATCHES), hub, plan=plan)
    arrived = Counter(each for ids in hub.messages.values() for each in ids)
    assert summary.repeated_records == sum(arrived.values()) - len(arrived) > 0
    assert summary.repeated_messages == summary.duplicate_messages == len(hub.deliveries) - len(hub.messages) > 0
    assert len(arrived) == 150


def test_no_record_comes_twice_in_one_message():
    records = [record for case in some_cases(3) for record in a_mapping().map_case(case).process]
    for batch in batches([*records, *records], 10):
        assert len({record.record_id for record in batch}) == len(batch)


def test_rejected_records_are_counted_with_their_codes():
    summary = import_log(some_cases(2), a_mapping(), FakeHub(refused=frozenset({"c1-1"})))
    assert (summary.accepted, summary.rejected, summary.codes) == (9, 1, {"HUB-2004": 1})
    assert summary.as_json()["errorsShown"] == [
        {"recordId": "c1-1", "code": "HUB-2004", "path": summary.errors_shown[0].path, "message": "无权"}
    ]


def test_what_cannot_be_mapped_is_counted_and_not_pushed():
    hub = FakeHub()
    summary = import_log([a_case(an_event(at="never"), an_event())], a_mapping(), hub)
    assert (summary.unmapped, summary.records, summary.accepted) == (1, 1, 1)


def test_progress_ends_at_the_number_of_records():
    seen: list[tuple[int, int]] = []
    import_log(some_cases(), a_mapping(), FakeHub(), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (150, 150)
    assert seen == sorted(seen)
