"""Problems of RFC 9457: what they say, and that they say nothing of the input."""

import json
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.errors import FieldIssue, RejectedError, RetryableError
from hub.gateway.catalogue import ErrorEntry, catalogue
from hub.gateway.http_bodies import RepeatedHeaderError
from hub.gateway.rest.models import Problem
from hub.gateway.rest.parameters import CaseParameters
from hub.gateway.rest.problems import (
    IssuesError,
    RepeatedParameterError,
    invalid_parameters,
    problem,
    refuse_repeated_parameters,
)


def members(response: Response) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(bytes(response.body))
    return shown


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.code)
def test_every_code_makes_a_problem_of_its_status(entry: ErrorEntry) -> None:
    response = problem(RejectedError(entry.code, "说明"), "t1")
    shown = Problem.model_validate(members(response))
    assert (shown.type, shown.title, shown.status) == (f"/errors/{entry.code}", entry.title, response.status_code)
    assert (shown.retryable, shown.trace_id, response.headers["x-request-id"]) == (entry.retryable, "t1", "t1")


def test_code_outside_the_catalogue_is_an_internal_error() -> None:
    assert members(problem(RejectedError("HUB-0000", "说明"), "t"))["code"] == "HUB-9001"


def test_path_of_an_error_is_told() -> None:
    shown = members(problem(RejectedError("HUB-3004", "翻页标记无效", "after"), "t"))
    assert shown["errors"] == [{"path": "after", "code": "HUB-3004", "message": "翻页标记无效"}]


def test_several_issues_are_one_unprocessable_request_whatever_their_codes() -> None:
    issues = [FieldIssue("HUB-1006", "q", "甲"), FieldIssue("HUB-3006", "limit", "乙")]
    response = problem(IssuesError("查询参数不合规", issues), "t")
    assert (response.status_code, [error["path"] for error in members(response)["errors"]]) == (422, ["q", "limit"])


def test_ambiguous_requests_are_bad_requests_whatever_their_codes() -> None:
    for error in (RepeatedHeaderError("HUB-2001", "重复"), RepeatedParameterError("HUB-3003", "重复")):
        assert problem(error, "t").status_code == 400


def test_status_says_how_to_come_back() -> None:
    assert "retry-after" in problem(RetryableError("HUB-9002", "稍后"), "t").headers
    challenges = problem(RejectedError("HUB-2001", "凭据"), "t").headers.getlist("www-authenticate")
    assert [challenge.split()[0] for challenge in challenges] == ["Basic", "Bearer"]


def refused(**parameters: str) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as found:
        TypeAdapter(CaseParameters).validate_python(parameters)
    error = invalid_parameters(RequestValidationError(found.value.errors()))
    assert not any(value in issue.message for issue in error.issues for value in parameters.values())
    return [(issue.code, issue.path) for issue in error.issues]


def test_every_refused_parameter_is_named_with_its_code() -> None:
    assert refused(state="DONE", limit="0.5", after="x" * 101) == [
        ("HUB-3004", "limit"),
        ("HUB-3005", "after"),
        ("HUB-3004", "state"),
    ]


def test_unknown_parameter_name_is_not_repeated() -> None:
    assert refused(applicantIdNo="330324199001010003") == [("HUB-3002", "")]


def a_request(query: bytes) -> Request:
    return Request({"type": "http", "query_string": query, "headers": []})


def test_parameter_may_stand_once() -> None:
    refuse_repeated_parameters(a_request(b"a=1&b=1"))
    for query in (b"a=1&a=1", b"a=&a", b"a=1&%61=2"):
        with pytest.raises(RepeatedParameterError):
            refuse_repeated_parameters(a_request(query))
