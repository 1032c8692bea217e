"""The hub's own processes, as a county runs them: started, killed, stopped and started again."""

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults.servers import Child, free_port, is_listening, wait_until

ROOT = Path(__file__).resolve().parents[2]
HUB = (sys.executable, "-m", "hub")
ROLES: Mapping[str, int] = {"serve": 2, "relay": 1, "work": 2, "watch": 1}
_DOORS = frozenset({"serve"})


@dataclass(slots=True)
class Member:
    """One process of the hub. What kills it from outside is counted by the fleet, what it does itself is not."""

    role: str
    number: int
    env: Mapping[str, str]
    log: Path
    launcher: Sequence[str] = HUB
    port: int = 0
    child: Child = field(init=False)

    def __post_init__(self) -> None:
        if self.role in _DOORS:
            self.port = free_port()
        self.child = self._child({})

    @property
    def name(self) -> str:
        return f"{self.role}{self.number}"

    def _child(self, more: Mapping[str, str]) -> Child:
        arguments = [self.role, "--no-workers", "--port", str(self.port)] if self.role in _DOORS else [self.role]
        return Child([*self.launcher, *arguments], {**self.env, **more}, self.log, cwd=ROOT)

    def start(self, **more: str) -> None:
        """`more` is environment for this one life."""
        self.child = self._child(more)
        self.child.start()

    def wait_until_ready(self) -> None:
        if self.port:
            wait_until(lambda: is_listening(self.port) or not self.child.is_running, f"{self.name} answering")
            if not self.child.is_running:
                raise RuntimeError(f"{self.name} ended by itself: {self.log.read_text(errors='replace')[-2000:]}")

    def died_of(self, sign: signal.Signals) -> bool:
        return not self.child.is_running and self.child.process is not None and self.child.process.returncode == -sign


@dataclass(slots=True)
class Fleet:
    """All processes of one hub."""

    folder: Path
    env: Mapping[str, str]
    launchers: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of roles that do not run as `hub`
    members: list[Member] = field(default_factory=list)
    deaths: Counter[str] = field(default_factory=Counter)

    def start(self, roles: Mapping[str, int]) -> None:
        for role, count in roles.items():
            for number in range(count):
                launcher = self.launchers.get(role, HUB)
                log = self.folder / f"{role}{number}.log"
                self.members.append(Member(role, number, self.env, log, launcher))
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait_until_ready()

    @property
    def ports(self) -> list[int]:
        return [member.port for member in self.members if member.port]

    def of(self, role: str) -> list[Member]:
        return [member for member in self.members if member.role == role]

    def kill(self, member: Member, sign: signal.Signals = signal.SIGKILL) -> None:
        """Ends the process by a signal and starts it again."""
        self.deaths[f"{sign.name} {member.role}"] += 1
        if sign is signal.SIGTERM:
            member.child.end()
        else:
            member.child.kill_group(sign)
            member.child.wait()
        member.start()

    def revive(self) -> None:
        """Starts what has ended."""
        for member in self.members:
            if not member.child.is_running:
                member.start()

    def end(self) -> dict[str, int]:
        """SIGTERM to all; exit codes by name. Clean ends are 0."""
        for member in self.members:
            member.child.kill_group(signal.SIGCONT)
            member.child.send(signal.SIGTERM)
        return {member.name: member.child.finish() for member in self.members}

    @property
    def kills(self) -> int:
        return sum(count for what, count in self.deaths.items() if what.startswith("SIGKILL"))

    def logs(self) -> str:
        return "\n".join(member.log.read_text(errors="replace") for member in self.members if member.log.exists())


@contextmanager
def fleet_running(
    folder: Path, env: Mapping[str, str], roles: Mapping[str, int], launchers: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Fleet]:
    fleet = Fleet(folder, env, launchers or {})
    try:
        fleet.start(roles)
        yield fleet
    finally:
        for member in fleet.members:
            member.child.destroy()


def hub_environment(folder: Path, **settings: str) -> dict[str, str]:
    """The caller's environment without its own hub settings."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return mine | {
        "HUB_DATA_DIR": str(folder),
        "HUB_POLL_SECONDS": "0.05",
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "OPENBLAS_NUM_THREADS": "1",
    } | settings  # fmt: skip


@dataclass(slots=True)
class Reaper:
    """Kills members of a fleet at random, from a recorded seed, until told to end."""

    fleet: Fleet
    seed: int
    pause_seconds: float = 0.5
    frozen_seconds: float = 3.0
    roles: Sequence[str] = ("serve", "relay", "work", "watch")
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - a repeatable run, not a secret

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(60)
        self.fleet.revive()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.strike()
            self._stop.wait(self._random.uniform(0, 2 * self.pause_seconds))

    def strike(self) -> None:
        """Something happens to one process: mostly SIGKILL, sometimes a freeze, sometimes a polite end."""
        members = [member for member in self.fleet.members if member.role in self.roles]
        member = self._random.choice(members)
        kind = self._random.choices(("kill", "freeze", "term"), (8, 1, 1))[0]
        if kind == "kill":
            self.fleet.kill(member)
        elif kind == "term":
            self.fleet.kill(member, signal.SIGTERM)
        else:
            self._freeze(member)
        self.fleet.revive()

    def _freeze(self, member: Member) -> None:
        self.fleet.deaths[f"SIGSTOP {member.role}"] += 1
        member.child.kill_group(signal.SIGSTOP)
        self._stop.wait(self._random.uniform(0.2, self.frozen_seconds))
        member.child.kill_group(signal.SIGCONT)


def die_at(member: Member, fleet: Fleet, failpoint: str, seconds: float) -> bool:
    """One life of the process armed to die at a failpoint, the next unarmed; False when it never got there."""
    fleet.deaths[f"SIGKILL {member.role}"] += 1
    member.child.kill_group()
    member.child.wait()
    member.start(HUB_FAILPOINTS=failpoint)
    until = time.monotonic() + seconds
    while member.child.is_running and time.monotonic() < until:
        time.sleep(0.02)
    died = member.died_of(signal.SIGKILL)
    if died:
        fleet.deaths[f"SIGKILL {member.role}"] += 1
    else:
        member.child.end()
    member.start()
    return died
