"""A loop outlives outages, and is not taken for alive when it is not."""

import threading

import pytest

from hub.domain.errors import RetryableError
from hub.gateway.probes import LONGEST_STEP_SECONDS, Probes, connected
from hub.stores.session import Database
from ingest.loops import Loop
from tests.builders import MONDAY_MORNING


def probes(*loops: Loop) -> Probes:
    return Probes(Database("sqlite:///unused.db"), lambda: None, lambda: MONDAY_MORNING, loops=list(loops))  # type: ignore[arg-type,return-value]


def test_an_outage_of_days_does_not_end_a_loop():
    loop = Loop("work", int, 0.0)
    assert 0 < loop._pause(100_000) <= 10


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_died_is_reported():
    def fail() -> int:
        raise ValueError

    loop = Loop("work", fail, 0.0)
    loop.start()
    assert loop._thread is not None
    loop._thread.join()
    with pytest.raises(RetryableError) as refusal:
        probes(loop).live()
    assert refusal.value.code == "HUB-9025"


def test_a_step_that_hangs_is_reported():
    loop = Loop("work", int, 0.0)
    loop._last_step -= LONGEST_STEP_SECONDS + 1
    with pytest.raises(RetryableError):
        probes(loop).live()


def test_a_loop_that_was_stopped_or_idles_is_well():
    begun = threading.Event()
    loop = Loop("work", lambda: begun.set() or 0, 60.0)  # type: ignore[func-returns-value]
    loop.start()
    begun.wait(10)
    assert probes(loop).live() == {"status": "ok"}
    loop.stop()
    assert not loop.has_died


def test_a_missing_broker_is_a_missing_need():
    with pytest.raises(RetryableError) as refusal:
        connected("work", lambda: False)()
    assert refusal.value.code == "HUB-9008"
    connected("work", lambda: True)()
