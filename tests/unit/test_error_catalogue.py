import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from hub.domain.errors import RetryableError
from hub.gateway.catalogue import ErrorEntry, catalogue

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("adapters", "hub", "ingest", "supervision")
CODE = re.compile(r"HUB-[0-9]{4}")
RETRYABLE_RAISE = re.compile(rf'{RetryableError.__name__}\(\s*"({CODE.pattern})"')


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        for suffix in ("*.py", "*.html", "*.yaml"):
            yield from (ROOT / package).rglob(suffix)


def codes_in_sources() -> dict[str, str]:
    return {code: path.name for path in sources() for code in CODE.findall(path.read_text(encoding="utf-8"))}


def test_every_code_in_the_sources_is_in_the_catalogue():
    missing = {code: where for code, where in codes_in_sources().items() if code not in catalogue()}
    assert missing == {}


def test_every_code_of_the_catalogue_is_given_out():
    assert set(catalogue()) - set(codes_in_sources()) == set()


def test_codes_stand_in_ascending_order():
    assert list(catalogue()) == sorted(catalogue())


def test_failures_raised_as_retryable_are_catalogued_as_retryable():
    raised = {code for path in sources() for code in RETRYABLE_RAISE.findall(path.read_text(encoding="utf-8"))}
    assert [code for code in sorted(raised) if not catalogue()[code].retryable] == []


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.code)
def test_entry_tells_in_chinese_what_to_mend(entry: ErrorEntry):
    for text in (entry.title, entry.cause, entry.remedy):
        assert re.search(r"[\u4e00-\u9fff]", text), "not Chinese"
    assert entry.cause.endswith("。")
    assert entry.remedy.endswith("。")
    assert len(entry.title) <= 20
    assert HTTPStatus(entry.http_status)
