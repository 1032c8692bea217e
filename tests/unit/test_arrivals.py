"""The door's word on records: XML and JSON alike, and never kinder than the reader that processes them later."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.contract import CONTRACT_NS, normalise, read_element
from hub.domain.envelopes import Arrival, Sender
from hub.domain.records import PROCESS, RESULT, RecordKind
from hub.gateway.arrivals import check_elements, check_json

SENDER = Sender(1, "GS-01", "示例系统", frozenset({"33032400GS"}))
STEP = {
    "recordId": "r-1",
    "caseNo": "c-1",
    "itemCode": "33032400GS-XK-0012",
    "orgCode": "33032400GS",
    "office": "审批科",
    "stepSeq": "1",
    "stepCode": "SL",
    "stepName": "受理",
    "stepStatus": "ACCEPTED",
    "startedAt": "2026-03-02T09:00:00",
    "handledAt": "2026-03-02T09:30:00Z",
    "opinion": "同意",
    "revision": "1",
}
RESULT_FIELDS = {
    "recordId": "r-1",
    "caseNo": "c-1",
    "itemCode": "33032400GS-XK-0012",
    "orgCode": "33032400GS",
    "resultStatus": "GRANTED",
    "opinion": "同意",
    "finishedAt": "2026-03-02T09:30:00",
    "paid": "10.00",
    "satisfaction": "5",
}
BLANKS = ["", " ", "\n", "\u3000", "\u00a0", "\u0085"]
TEXTS = ["x", "x" * 33, "x" * 101, "x" * 201, "x" + " " * 200 + "x", " " * 200 + "x", "喆㛃䶮𬭎"]
NUMBERS = ["0", "1", "+1", "01", "-1", "1.0", "1.005", "99999999999", "２"]
TOKENS = ["ACCEPTED", "RUNNING", " RUNNING ", "33032400GS", " 33032400GS", "33032400GS "]
DAYS = ["2028-02-29T00:00:00", "2027-02-29T00:00:00", "0001-01-01T00:00:00", "12026-01-01T00:00:00", "2026-03-02"]
CLOCK_TIMES = ["24:00:00", "23:59:60", "09:00:00.1234567", "09:00:00+15:00", "09:00:00+08:00", "09:00", "9:00:00"]
VALUES = [*BLANKS, *TEXTS, *NUMBERS, *TOKENS, *DAYS, *(f"2026-03-02T{time}" for time in CLOCK_TIMES)]


def element_of(fields: dict[str, str], namespace: str | None = CONTRACT_NS) -> etree._Element:
    prefix = f"{{{namespace}}}" if namespace else ""
    record = etree.Element(f"{prefix}record")
    for name, value in fields.items():
        etree.SubElement(record, prefix + name).text = value
    return record


def arrival_of(kind: RecordKind, element: etree._Element) -> Arrival:
    (arrival,) = check_elements(kind, [element], SENDER)
    return arrival


def reader_accepts(kind: RecordKind, element: etree._Element) -> bool:
    normalise(element)
    return read_element(kind, element).record is not None


@given(
    kind=st.sampled_from([(PROCESS, STEP), (RESULT, RESULT_FIELDS)]),
    changes=st.dictionaries(st.sampled_from([*STEP, *RESULT_FIELDS]), st.sampled_from(VALUES), max_size=3),
    without=st.sets(st.sampled_from([*STEP, *RESULT_FIELDS]), max_size=2),
)
def test_door_takes_what_the_reader_takes(
    kind: tuple[RecordKind, dict[str, str]], changes: dict[str, str], without: set[str]
):
    declared, fields = kind
    values = {name: changes.get(name, value) for name, value in fields.items() if name not in without}
    element = element_of(values)
    arrival = arrival_of(declared, copy.deepcopy(element))
    about_form = [issue for issue in arrival.issues if issue.code != "HUB-2004"]
    assert (not about_form) == reader_accepts(declared, element)


@given(changes=st.dictionaries(st.sampled_from(list(STEP)), st.sampled_from(VALUES), max_size=3))
def test_json_and_xml_are_judged_alike(changes: dict[str, str]):
    values = {name: value for name, value in (STEP | changes).items() if not value or not value.isspace()}
    from_xml = arrival_of(PROCESS, element_of(values))
    (from_json,) = check_json(PROCESS, [values], SENDER)
    assert [(issue.code, issue.path) for issue in from_json.issues] == [
        (issue.code, issue.path) for issue in from_xml.issues
    ]
    assert (from_json.record_id, from_json.org_code) == (from_xml.record_id, from_xml.org_code)


@pytest.mark.parametrize("namespace", [CONTRACT_NS, None])
def test_order_of_fields_is_kept(namespace: str | None):
    backwards = dict(reversed(STEP.items()))
    arrival = arrival_of(PROCESS, element_of(backwards, namespace))
    assert [(issue.code, issue.path) for issue in arrival.issues] == [("HUB-3003", "opinion")]
    assert arrival.record_id == "r-1"


def test_stray_text_between_fields_does_not_matter():
    record = element_of(STEP)
    record[0].tail = "\n  散落的文字\n"
    assert arrival_of(PROCESS, record).issues == ()


def test_schema_location_on_a_record_is_dropped_before_validation():
    record = element_of(STEP)
    record.set("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation", f"{CONTRACT_NS} file:///nowhere.xsd")
    record[0].set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")
    assert arrival_of(PROCESS, record).issues == ()
