"""The threads behind the doors: bounded waiting, and nothing kept of what is done."""

import asyncio
import gc
import threading

import pytest

from hub.domain.errors import RejectedError, RetryableError
from hub.gateway.door_threads import LARGE_BYTES, DoorThreads


class Body:
    """Stands for the bytes of a message; can be counted."""


def bodies() -> int:
    return sum(isinstance(held, Body) for held in gc.get_objects())


async def blocked(threads: DoorThreads, release: threading.Event) -> "asyncio.Task[bool]":
    entered = threading.Event()

    def hold() -> bool:
        entered.set()
        return release.wait(20)

    task = asyncio.ensure_future(threads.run(hold))
    while not entered.is_set():  # noqa: ASYNC110 - set by a thread
        await asyncio.sleep(0.01)
    return task


def test_call_that_waits_too_long_is_sent_away_and_its_body_let_go() -> None:
    async def scenario() -> tuple[int, bool]:
        threads, release = DoorThreads(1, longest_wait_seconds=0.2), threading.Event()
        holding = await blocked(threads, release)
        with pytest.raises(RetryableError, match="HUB-9003"):
            await threads.run(id, Body())
        left = bodies()
        release.set()
        finished = await holding  # itself longer under way than the longest wait for a thread
        threads.close()
        return left, finished

    assert asyncio.run(scenario()) == (0, True)


def test_small_calls_do_not_wait_behind_large_ones() -> None:
    async def scenario() -> str:
        threads, release = DoorThreads(1), threading.Event()
        large = asyncio.ensure_future(threads.run(release.wait, 20, body_bytes=LARGE_BYTES + 1))
        small = await threads.run(str.upper, "small")
        release.set()
        assert await large
        threads.close()
        return small

    assert asyncio.run(scenario()) == "SMALL"


def test_failed_call_leaves_no_garbage_that_holds_its_body() -> None:
    def refuse(body: Body) -> None:
        raise RejectedError("HUB-1001", "不是 XML")

    async def scenario() -> int:
        threads = DoorThreads(1)
        with pytest.raises(RejectedError):
            await threads.run(refuse, Body())
        threads.close()
        return bodies()

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(scenario()) == 0
    finally:
        gc.enable()


def test_unforeseen_failure_tells_nothing() -> None:
    async def scenario() -> None:
        threads = DoorThreads(1)
        with pytest.raises(RetryableError, match="HUB-9001"):
            await threads.run(int, "canary")
        threads.close()
        with pytest.raises(RetryableError, match="HUB-9003"):
            await threads.run(int, "1")

    asyncio.run(scenario())
