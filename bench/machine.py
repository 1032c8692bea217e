"""What processes cost: CPU seconds and resident memory, read from /proc."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024
_SAMPLE_SECONDS = 1.0

Roles = Mapping[str, Iterable[int]]
"""Process ids by the role that they play; one role may be played by several, and they may come and go."""


def cpu_seconds(pid: int) -> float:
    """User and system time so far. Raises OSError when the process is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def resident_mib(pid: int) -> float:
    """Raises OSError when the process is gone."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / _MIB


def busy_seconds() -> float:
    """CPU seconds that all cores of the machine have worked, whoever for; what the host took away counts too."""
    user, nice, system, _idle, _waiting, *rest = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(map(int, (user, nice, system, *rest[:3]))) / _TICKS_PER_SECOND


def pids_named(name: str) -> list[int]:
    """Processes by their short name, such as `beam.smp`; other users of the machine are among them."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == name:
                found.append(int(entry.name))
    return found


@dataclass(slots=True)
class Meter:
    """Samples processes once a second until told to stop; costs nothing worth counting itself.

    `others_cores` tells afterwards how many cores everybody else kept busy meanwhile: a figure is only as good as that.
    """

    roles: Callable[[], Roles]
    cpu: dict[str, dict[int, tuple[float, float]]] = field(default_factory=dict)
    most_mib: dict[str, float] = field(default_factory=dict)
    others_cores: float = 0.0
    _started: float = 0.0
    _busy_before: float = 0.0
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Meter":
        self._started, self._busy_before = time.perf_counter(), busy_seconds()
        self.sample()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()
        self.sample()
        others = busy_seconds() - self._busy_before - sum(self.cpu_spent().values())
        self.others_cores = max(0.0, others / (time.perf_counter() - self._started))

    def _run(self) -> None:
        while not self._end.wait(_SAMPLE_SECONDS):
            self.sample()

    def sample(self) -> None:
        for role, pids in self.roles().items():
            for pid in pids:
                with suppress(OSError):
                    self._note(role, pid, cpu_seconds(pid), resident_mib(pid))

    def _note(self, role: str, pid: int, cpu: float, mib: float) -> None:
        first, _ = self.cpu.setdefault(role, {}).get(pid, (cpu, cpu))
        self.cpu[role][pid] = (first, cpu)
        self.most_mib[role] = max(mib, self.most_mib.get(role, 0))

    def cpu_spent(self) -> dict[str, float]:
        """CPU seconds of each role since the meter started; of a process that ended, up to its last sample."""
        return {role: sum(last - first for first, last in pids.values()) for role, pids in self.cpu.items()}
