"""The promise of the suggestions: the mapped fields of the shipped formats are found without their documents."""

from functools import cache

import pytest

from adapters.library import shipped
from adapters.suggest.report import Report, mapped_routes
from tools.suggest_report import shipped_reports

LEAST_IN_TOTAL = 0.8
LEAST_PER_FORMAT = 0.6


@cache
def reports() -> dict[str, Report]:
    return {report.adapter: report for report in shipped_reports()}


def test_four_fields_of_five_are_suggested_first():
    first = sum(report.first for report in reports().values())
    fields = sum(len(report.outcomes) for report in reports().values())
    assert fields > 300
    assert first / fields >= LEAST_IN_TOTAL


@pytest.mark.parametrize("code", sorted(shipped()))
def test_no_format_falls_far_behind(code: str):
    report = reports()[code]
    assert report.outcomes
    assert report.first / len(report.outcomes) >= LEAST_PER_FORMAT


def test_a_mapped_field_may_have_several_sources():
    document = {
        "intake": {"units": [{"name": "a", "select": "//A"}]},
        "routes": [{
            "unit": "a", "store": "PROCESS",
            "fields": {
                "stepName": {"constant": "申请"},
                "opinion": {"firstOf": [{"from": "../B/NOTE"}, {"from": "content", "xml": "//MEMO"}]},
                "application.material": {"list": {"select": "C/D"}, "of": {"name": {"from": "."}}},
            },
        }],
    }  # fmt: skip
    (route,) = mapped_routes(document)
    assert [(one.unit, one.target, sorted(one.sources)) for one in route] == [
        ("a", "opinion", ["memo", "note"]), ("a", "application.material.name", ["d"]),
    ]  # fmt: skip
