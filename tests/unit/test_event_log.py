import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.event_log import LogCase, read_log, read_stream
from hub.domain.errors import NotFoundError, RejectedError

EXCERPT = Path(__file__).parents[1] / "samples" / "wabo_excerpt.xes"
XES_NS = "http://www.xes-standard.org/"


def a_log(*traces: str, namespace: str = XES_NS) -> bytes:
    declared = f' xmlns="{namespace}"' if namespace else ""
    return f"<log{declared}>{''.join(traces)}</log>".encode()


def a_trace(name: str = "case-1", events: int = 1) -> str:
    event = '<event><string key="concept:name" value="step"/></event>'
    return f'<trace><string key="concept:name" value="{name}"/>{event * events}</trace>'


def cases_of(document: bytes) -> list[LogCase]:
    return list(read_stream(io.BytesIO(document)))


def test_excerpt_gives_every_case_with_its_events_in_file_order():
    cases = list(read_log(EXCERPT))
    assert len(cases) == 25
    assert sum(len(case.events) for case in cases) == 143
    first = cases[0]
    assert first.number == 1
    assert first.attributes["startdate"] == "2011-10-11T13:42:22.688+02:00"
    assert [event["concept:instance"] for event in first.events][:2] == ["task-42933", "task-42935"]


def test_default_values_of_the_log_are_not_values_of_a_case():
    # The log declares 1970-01-01 as default enddate: a case without enddate is simply not finished.
    unfinished = [case for case in read_log(EXCERPT) if "enddate" not in case.attributes]
    assert [case.attributes["concept:name"] for case in unfinished] == ["case-10011", "case-10102"]


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    misnamed = tmp_path / "log.xes"
    misnamed.write_bytes(gzip.compress(a_log(a_trace())))
    assert [case.attributes["concept:name"] for case in read_log(misnamed)] == ["case-1"]


@pytest.mark.parametrize("namespace", ["", XES_NS, "http://code.deckfour.org/xes"])
def test_namespace_of_the_log_does_not_matter(namespace):
    assert len(cases_of(a_log(a_trace(), namespace=namespace))) == 1


def test_trace_attributes_after_the_events_are_read():
    (case,) = cases_of(a_log("<trace><event/><string key='late' value='1'/></trace>"))
    assert case.attributes == {"late": "1"}


def test_nested_attributes_lists_and_events_outside_a_trace_are_passed_over():
    nested = '<string key="a" value="1"><string key="b" value="2"/></string><list key="c"><values/></list>'
    (case,) = cases_of(a_log("<event><string key='x' value='y'/></event>", f"<trace>{nested}</trace>"))
    assert case.attributes == {"a": "1"}
    assert case.events == ()


def test_log_without_traces_has_no_cases():
    assert cases_of(a_log()) == []


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "HUB-1001"),
        (b"   ", "HUB-1002"),
        (b"case,step\n1,2\n", "HUB-1002"),
        (b"<pnml/>", "HUB-1001"),
        (b"<log><trace></log>", "HUB-1001"),
        (b"<log><trace><event>", "HUB-1013"),
        (b'<!DOCTYPE log [<!ENTITY a "b">]><log>&a;</log>', "HUB-1005"),
        (b'<!DOCTYPE log SYSTEM "http://127.0.0.1:9/x.dtd"><log/>', "HUB-1005"),
        (b"<log>&undefined;</log>", "HUB-1001"),
        (b'<?xml version="1.0" encoding="no-such"?><log/>', "HUB-1001"),
        (b"<log>\xff</log>", "HUB-1001"),
    ],
)
def test_broken_file_is_refused_with_its_code(document, code):
    with pytest.raises(RejectedError) as refused:
        cases_of(document)
    assert refused.value.code == code


def test_refusal_names_the_line_and_quotes_nothing():
    with pytest.raises(RejectedError) as refused:
        cases_of(b"<log>\n<trace>\n<secret-name></wrong>")
    assert "第 3 行" in refused.value.message
    assert "secret-name" not in str(refused.value)


def test_cases_before_the_broken_place_are_handed_out():
    cases = read_stream(io.BytesIO(a_log(a_trace("whole"))[: -len("</log>")] + b"<trace>"))
    assert next(cases).attributes["concept:name"] == "whole"
    with pytest.raises(RejectedError):
        next(cases)


@pytest.mark.parametrize("cut", [11, 60])
def test_truncated_gzip_is_refused(tmp_path, cut):
    path = tmp_path / "cut.xes.gz"
    path.write_bytes(gzip.compress(a_log(*[a_trace(f"case-{n}") for n in range(200)]))[:cut])
    with pytest.raises(RejectedError) as refused:
        list(read_log(path))
    assert refused.value.code == "HUB-1013"


def test_damaged_gzip_is_refused(tmp_path):
    path = tmp_path / "damaged.xes.gz"
    path.write_bytes(gzip.compress(a_log(a_trace()))[:12] + b"\xff" * 40)
    with pytest.raises(RejectedError) as refused:
        list(read_log(path))
    assert refused.value.code == "HUB-1001"


def test_absent_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        list(read_log(tmp_path / "absent.xes"))


class EndlessLog(io.RawIOBase):
    """A log that is made while it is read."""

    def __init__(self, traces: int) -> None:
        self._parts = self._made(traces)

    @staticmethod
    def _made(traces: int) -> Iterator[bytes]:
        yield b"<log>"
        for number in range(traces):
            yield a_trace(f"case-{number}", events=5).encode()
        yield b"</log>"

    def read(self, size: int = -1) -> bytes:
        return next(self._parts, b"")


def resident_bytes() -> int:
    # The tree lives in libxml2's memory, which tracemalloc does not see.
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to see memory outside Python")
def test_memory_does_not_grow_with_the_number_of_cases():
    sizes = [resident_bytes() for case in read_stream(EndlessLog(12_000)) if case.number % 2_000 == 0]
    assert sizes[-1] - sizes[0] < 4_000_000


def test_one_case_with_too_many_events_is_refused(monkeypatch):
    monkeypatch.setattr("adapters.event_log.MAX_EVENTS_PER_CASE", 3)
    with pytest.raises(RejectedError) as refused:
        cases_of(a_log(a_trace(events=4)))
    assert refused.value.code == "HUB-1007"


XML_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"))
ATTRIBUTES = st.dictionaries(XML_TEXT.filter(bool), XML_TEXT, max_size=4)


@given(st.lists(st.tuples(ATTRIBUTES, st.lists(ATTRIBUTES, max_size=3)), max_size=4))
def test_what_was_written_is_read(traces):
    root = etree.Element("log")
    for attributes, events in traces:
        trace = etree.SubElement(root, "trace")
        for parent, values in [(trace, attributes), *((etree.SubElement(trace, "event"), event) for event in events)]:
            for key, value in values.items():
                etree.SubElement(parent, "string", key=key, value=value)
    read = cases_of(etree.tostring(root))
    assert [(case.attributes, list(case.events)) for case in read] == [(a, e) for a, e in traces]
