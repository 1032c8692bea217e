"""A private PostgreSQL: initdb, crashes of several kinds, a standby and its promotion."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.faults.servers import START_SECONDS, Child, children_of, free_port, wait_until

_USER = "postgres"  # the server refuses to run as root
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "max_wal_senders": "5",
    "hot_standby": "on",
    "restart_after_crash": "on",
    "log_min_messages": "error",
    "log_min_error_statement": "panic",  # no statement: it might hold a value
}


def binaries() -> Path | None:
    """Where the server programs are; None when PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    named = shutil.which("postgres")
    return Path(named).parent if named else None


@dataclass(slots=True)
class Postgres:
    """One server. `crash` and `kill` leave the data as a crash leaves it; `start` recovers."""

    folder: Path
    port: int = field(default_factory=free_port)
    settings: Mapping[str, str] = field(default_factory=dict)
    kills: int = field(default=0, init=False)
    _child: Child = field(init=False)

    def __post_init__(self) -> None:
        settings = {**_SETTINGS, **self.settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(_program("postgres")), "-D", str(self.data), *options]
        self._child = Child(command, _environment(), self.folder / "log", _USER, self.folder)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        self._own_folder()
        _run(
            "initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--pgdata", str(self.data)
        )

    def create_standby_of(self, primary_port: int) -> None:
        """A copy that follows the primary by streaming, named by its port as `application_name`."""
        self._own_folder()
        source = f"host=127.0.0.1 port={primary_port} user=postgres application_name=standby{self.port}"
        _run("pg_basebackup", "-d", source, "-D", str(self.data), "-R", "-X", "stream", "-c", "fast")

    def _own_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        if os.getuid() == 0:
            shutil.chown(self.folder, _USER, _USER)

    def start(self) -> None:
        """Returns when it takes connections. The postmaster may have to wait for the dead one's shared memory."""
        until = time.monotonic() + START_SECONDS
        while not self.answers():
            if not self._child.is_running:
                self._child.start()
            if time.monotonic() > until:
                raise TimeoutError(f"PostgreSQL on {self.port} does not start; see {self._child.log}")
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def pid(self) -> int:
        return self._child.pid

    def crash(self) -> None:
        """Immediate stop: every backend dies at once, nothing is flushed, recovery at the next start."""
        self.kills += 1
        self._child.send(signal.SIGQUIT)
        self._child.wait()

    def kill(self) -> None:
        """SIGKILL to the postmaster and all its children."""
        self.kills += 1
        pids = [self.pid, *children_of(self.pid)]
        for pid in pids:
            _kill(pid)
        self._child.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "end of the backends")

    def kill_backend(self, nth: int = 0) -> bool:
        """SIGKILL to one connection's process: the postmaster restarts all backends. False when there is none."""
        pids = [row[0] for row in self.rows("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                                            " AND pid <> pg_backend_pid() ORDER BY pid")]  # fmt: skip
        if not pids:
            return False
        self.kills += 1
        _kill(pids[nth % len(pids)])
        return True

    def pause(self) -> None:
        for pid in [self.pid, *children_of(self.pid)]:
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in [*children_of(self.pid), self.pid]:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        self._child.end(signal.SIGINT)

    def end(self) -> None:
        """For good; nothing of it is left running."""
        if self._child.is_running:
            self.resume()
            self.crash()

    def promote(self) -> None:
        """Makes a standby the primary; returns when it takes writes."""
        self.rows("SELECT pg_promote(true, 60)")
        wait_until(lambda: self.rows("SELECT pg_is_in_recovery()") == [(False,)], "promotion")

    def rows(self, sql: str) -> list[tuple]:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(sql).fetchall()

    def run(self, sql: str) -> None:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _program(name: str) -> Path:
    folder = binaries()
    if folder is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    return folder / name


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def _run(program: str, *arguments: str) -> None:
    owner = {"user": _USER, "group": _USER, "extra_groups": []} if os.getuid() == 0 else {}
    command = [str(_program(program)), *arguments]
    done = subprocess.run(command, env=_environment(), cwd="/", capture_output=True, text=True, check=False, **owner)
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr}")


@contextmanager
def postgres_running(folder: Path, **settings: str) -> Iterator[Postgres]:
    """A fresh server; gone afterwards."""
    server = Postgres(folder / "postgres", settings=settings)
    server.create()
    try:
        server.start()
        yield server
    finally:
        server.end()
