"""What reaches the log of what others say, and what a log that takes nothing does to us."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog

from hub.cli.logs import Sink, configure_logs

CANARY = "金丝雀丙"


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    before = list(logging.getLogger().handlers)
    configure_logs("INFO")
    yield
    logging.getLogger().handlers[:] = before
    structlog.reset_defaults()


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_of_a_foreign_line_only_the_fixed_part_is_written(capsys: pytest.CaptureFixture[str]):
    logging.getLogger("zeep.transports").warning("HTTP Post to %s:\n%s", "http://x", CANARY)
    (line,) = told(capsys)
    assert (line["event"], line["logger"], line["level"]) == ("HTTP Post to %s:", "zeep.transports", "warning")


def test_of_a_foreign_error_kind_and_place_are_written_but_not_its_text(capsys: pytest.CaptureFixture[str]):
    try:
        int(CANARY)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    (line,) = told(capsys)
    assert line["error"] == "ValueError"
    assert "test_logs.py" in str(line["frames"])
    assert CANARY not in json.dumps(line, ensure_ascii=False)


def test_chatter_of_libraries_is_never_written(capsys: pytest.CaptureFixture[str]):
    configure_logs("DEBUG")
    logging.getLogger("urllib3.connectionpool").debug(CANARY)
    logging.getLogger("pika.connection").info(CANARY)
    assert told(capsys) == []


def test_our_own_lines_come_whole(capsys: pytest.CaptureFixture[str]):
    logging.getLogger("hub.gateway.somewhere").error("call failed: %s", "ValueError")
    assert told(capsys)[0]["event"] == "call failed: ValueError"


def test_what_looks_like_a_person_s_number_is_masked(capsys: pytest.CaptureFixture[str]):
    trace_id = "13800000000aaaaaaaaaaaaaaaaaaaaa"
    structlog.get_logger().warning("x", said="330324199001010003 13800000000", trace_id=trace_id, count=1_234_567)
    (line,) = told(capsys)
    assert (line["said"], line["trace_id"], line["count"]) == ("*** ***", trace_id, 1_234_567)


def test_an_object_is_named_by_its_kind_only(capsys: pytest.CaptureFixture[str]):
    structlog.get_logger().warning("x", error=ValueError(CANARY))
    assert told(capsys)[0]["error"] == "ValueError"


def test_a_closed_stderr_costs_a_line_and_nothing_else(monkeypatch: pytest.MonkeyPatch):
    sink = Sink()
    closed = open(os.devnull, "w")  # noqa: SIM115 - closed at once
    closed.close()
    for stderr in (closed, None):
        monkeypatch.setattr(sys, "stderr", stderr)
        sink.msg("line")
    assert sink.dropped == 2


def test_lines_that_nobody_takes_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch):
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        sink = Sink(most_waiting=2)
        sink.start()
        for _ in range(10):
            sink.msg("x" * 100_000)  # more than a pipe holds
        assert sink.dropped >= 7
        drained = threading.Thread(target=_drain, args=(read_end,))
        drained.start()
        sink.stop()
    drained.join()


def _drain(descriptor: int) -> None:
    while os.read(descriptor, 65536):
        pass
    os.close(descriptor)
