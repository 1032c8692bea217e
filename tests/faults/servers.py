"""Private servers on loopback ports: started by us, ended by us by process group, whatever happened in between."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 90  # generous: a shared machine may be busy
STOP_SECONDS = 40


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Polls until it is so. Raises TimeoutError naming `what` when it takes too long."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


@contextmanager
def open_folder(name: str) -> Iterator[Path]:
    """A folder that server users may enter, removed afterwards unless HUB_FAULTS_KEEP is set."""
    folder = Path(tempfile.mkdtemp(prefix=f"hub-faults-{name}-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        if "HUB_FAULTS_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Child:
    """A server process in a process group of its own; `user` is whom it runs as when we are root."""

    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    user: str | None = None
    cwd: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        owner = {"user": self.user, "group": self.user, "extra_groups": []} if self.user and os.getuid() == 0 else {}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, env=dict(self.env), cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, **owner,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, sign: signal.Signals) -> None:
        """To the process itself."""
        if self.is_running:
            os.kill(self.pid, sign)

    def kill_group(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """To the process and what it started in its group."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                return

    def destroy(self) -> None:
        """Nothing of it is left, whatever state it was in."""
        if self.process is not None:
            self.kill_group()  # a stopped process dies of it as well
            self.wait()

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        assert self.process is not None
        return self.process.wait(seconds)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end, waits, and kills its group when it does not; its exit code."""
        if self.process is None:
            return 0
        self.kill_group(signal.SIGCONT)
        self.send(sign)
        return self.finish()

    def finish(self) -> int:
        """Waits for the end of what was told to end, and kills its group when it does not; its exit code."""
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.kill_group()
            code = self.wait()
        self.kill_group()
        return code


def children_of(pid: int) -> list[int]:
    """Direct children of a process, read from /proc."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(word) for word in path.read_text().split()]
    except FileNotFoundError:
        return []
