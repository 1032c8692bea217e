"""The threads behind the doors: everything that computes or waits for the database runs here.

Large messages go one after the other through a thread of their own: a tree takes many times the memory of its text,
and small messages need not wait behind it.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, TypeVar

from hub.domain.errors import HubError, RetryableError
from hub.gateway.heap import give_back

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

LARGE_BYTES = 256 * 1024
LONGEST_WAIT_SECONDS = 10.0


class DoorThreads:
    """A bounded pool; whoever submits has been admitted, so its queue is bounded too."""

    def __init__(self, threads: int = 4, longest_wait_seconds: float = LONGEST_WAIT_SECONDS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="door")
        self._large = ThreadPoolExecutor(1, thread_name_prefix="door-large")
        self._longest_wait_seconds = longest_wait_seconds
        self._under_way: set[Future[Any]] = set()
        self._closing = False

    async def run(self, work: Callable[..., _T], *arguments: Any, body_bytes: int = 0) -> _T:
        """Runs `work` in a thread. Raises RetryableError HUB-9003 when none came free in time or the process ends,
        HUB-9001 for what nobody foresaw."""
        if self._closing:
            raise RetryableError("HUB-9003", "本进程正在停止")
        job = _Job(work, arguments)
        is_large = body_bytes > LARGE_BYTES
        future: Future[_T] = (self._large if is_large else self._pool).submit(copy_context().run, job)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        try:
            await self._finished(future, job)
            return _outcome(future)
        finally:
            if is_large and not self._closing:
                self._large.submit(give_back)
            # A failure holds this frame; held by it in turn, the body would stay until the garbage is collected.
            del future, job

    async def _finished(self, future: Future[Any], job: "_Job") -> None:
        """Waits without wrapping the future: asyncio logs the text of an exception that nobody came back for."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
        try:
            async with asyncio.timeout(self._longest_wait_seconds):
                await done.wait()
        except TimeoutError:
            if future.cancel():
                job.forget()
                raise RetryableError("HUB-9003", "等待处理的时间过长") from None
            await done.wait()

    def close(self, grace_seconds: float = 20.0) -> None:
        """Refuses new calls and waits for those under way."""
        self._closing = True
        wait(list(self._under_way), timeout=grace_seconds)
        for pool in (self._pool, self._large):
            pool.shutdown(wait=False, cancel_futures=True)


class _Job:
    """A call whose arguments can be let go of: a cancelled one stays in the pool's queue until a thread comes by."""

    def __init__(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._work = work
        self._arguments = arguments

    def __call__(self) -> Any:
        return self._work(*self._arguments)

    def forget(self) -> None:
        self._arguments = ()


def _outcome(future: "Future[_T]") -> _T:
    error = future.exception()
    try:
        if error is None:
            return future.result()
        if isinstance(error, HubError):
            raise error
        # The text of a foreign error may hold values of the message; where it happened does not.
        _log.error("door call failed: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        raise RetryableError("HUB-9001", "中心内部错误") from error
    finally:
        del future, error
