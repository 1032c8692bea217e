"""Ending on request is success: SIGTERM and Ctrl-C let the server finish, and the command goes on to its own end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ending_on_request() -> Iterator[None]:
    """The server handles both signals itself while it runs, and raises them again when done: that echo is ignored."""
    before = {sign: signal.signal(sign, _ignore) for sign in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    pass
