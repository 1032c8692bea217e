"""Named places at which a test may make a process die, stop or stumble; they do nothing unless armed.

The names are the steps of one record's way: `s1_headers` … `s17_card`, listed in docs/reliability.md. Only the
composition root arms them, from a setting that production never has.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.domain.errors import RetryableError

_HANG_SECONDS = 3600


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise() -> None:
    raise RuntimeError("failpoint")


def _retry() -> None:
    raise RetryableError("HUB-9002", "故障注入")


def _hang() -> None:
    time.sleep(_HANG_SECONDS)


ACTIONS: Mapping[str, Callable[[], None]] = {
    "kill": _kill, "stop": _stop, "raise": _raise, "retry": _retry, "hang": _hang,
}  # fmt: skip


@dataclass(slots=True)
class _Trap:
    act: Callable[[], None]
    passes_left: int


_armed: dict[str, _Trap] = {}


def arm(spec: str) -> None:
    """Arms failpoints: `name=action` or `name=action@n` (at the n-th passage, once), comma-separated.

    Raises ValueError on an unknown action or a number that is none.
    """
    traps = {}
    for entry in filter(None, spec.split(",")):
        name, _, what = entry.partition("=")
        action, _, number = what.partition("@")
        if action not in ACTIONS:
            raise ValueError(f"unknown failpoint action {action!r}")
        traps[name.strip()] = _Trap(ACTIONS[action], int(number or 1))
    _armed.clear()
    _armed.update(traps)


def failpoint(name: str) -> None:
    """Marks a step. Costs a dictionary lookup when nothing is armed."""
    trap = _armed.get(name)
    if trap is None:
        return
    trap.passes_left -= 1
    if trap.passes_left == 0:
        trap.act()
