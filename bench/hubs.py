"""A hub in processes of its own on a private database (and a private virtual host of the broker), gone afterwards."""

import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import quote, urlsplit

import psycopg
from sqlalchemy import text

from bench.machine import Roles, pids_named
from bench.messages import ORG_CODE, utc_now
from hub import setup
from hub.config import Settings
from hub.parts import open_hub
from hub.stores import registry, users
from hub.stores.session import Database

ROOT = Path(__file__).parents[1]
POSTGRES = os.environ.get("HUB_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
RABBITMQ = os.environ.get("HUB_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
SENDER = "bench"
AREA_CODE = "330324"
_START_SECONDS = 60
_STOP_SECONDS = 40
_SHARED_BACKENDS = "backend_type IN ('walwriter', 'checkpointer', 'background writer')"

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "production": "PostgreSQL + RabbitMQ"}


@dataclass(slots=True)
class BenchHub:
    """A prepared hub of which processes can be started one by one."""

    engine: str
    folder: Path
    settings: Settings
    database: Database
    credential: str
    token: str
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        """Starts `hub <arguments>` under a name; its words go to <name>.log in the hub's folder."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "hub", *arguments], cwd=ROOT, env=self._environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def start_door(self) -> None:
        self.start("serve", "serve", "--no-workers", "--port", str(self.port))
        wait_until_open(self.port, self.processes["serve"])

    def start_behind(self, workers: int) -> None:
        """All that runs behind the door: relay (with a broker), workers, timers."""
        if self.engine == "production":
            self.start("relay", "relay")
        for number in range(workers):
            self.start(f"work-{number + 1}", "work")
        self.start("watch", "watch")

    def end(self, *names: str) -> None:
        """Ends processes, cleanly if they let themselves be ended."""
        ending = [self.processes.pop(name) for name in names]
        for process in ending:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in ending:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop(self) -> None:
        self.end(*self.processes)

    def waiting(self) -> int:
        """Messages accepted and not yet processed."""
        return self.count("SELECT count(*) FROM outbox")

    def count(self, query: str, **parameters: object) -> int:
        with self.database.read() as unit:
            return int(unit.execute(text(query), parameters).scalar_one())

    def roles(self) -> Roles:
        """Processes by role, for a Meter. The client is the measuring process itself."""
        mine: dict[str, list[int]] = {"client": [os.getpid()]}
        for name, process in list(self.processes.items()):
            mine.setdefault(name.partition("-")[0], []).append(process.pid)
        if self.engine != "sqlite":
            mine |= self._backends()
        if self.engine == "production":
            mine["RabbitMQ"] = pids_named("beam.smp")
        return mine

    def _backends(self) -> dict[str, list[int]]:
        query = f"SELECT pid, datname = current_database() AS mine FROM pg_stat_activity WHERE {_SHARED_BACKENDS}"
        query += " OR datname = current_database()"
        with self.database.read() as unit:
            rows = unit.execute(text(query)).all()
        return {
            "PostgreSQL": [row.pid for row in rows if row.mine],
            "PostgreSQL WAL": [row.pid for row in rows if not row.mine],
        }

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        return kept | {
            "HUB_DATA_DIR": str(self.folder), "HUB_DATABASE_URL": self.settings.database_url,
            "HUB_BROKER_URL": self.settings.broker_url, "HUB_AREA_CODE": AREA_CODE, "HUB_LOG_LEVEL": "WARNING",
        }  # fmt: skip


@contextmanager
def prepared_hub(engine: str, **settings: object) -> Iterator[BenchHub]:
    """A hub with one sender, nothing of it running yet. Everything made for it is removed at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-bench-")))
        places: dict[str, object] = {"data_dir": folder, "area_code": AREA_CODE}
        if engine != "sqlite":
            places["database_url"] = stack.enter_context(fresh_database())
        if engine == "production":
            places["broker_url"] = stack.enter_context(fresh_virtual_host())
        hub = _prepare(engine, Settings(**{**places, **settings}))  # type: ignore[arg-type]
        stack.callback(hub.database.dispose)
        stack.callback(hub.stop)
        yield hub


@contextmanager
def running_hub(engine: str, workers: int, **settings: object) -> Iterator[BenchHub]:
    """A hub of which every part runs."""
    with prepared_hub(engine, **settings) as hub:
        hub.start_door()
        hub.start_behind(workers)
        yield hub


def _prepare(engine: str, settings: Settings) -> BenchHub:
    settings.ensure_secret()
    database = Database(settings.database())
    setup.prepare(database, utc_now())
    hub = open_hub(settings)
    with database.unit() as unit:
        setup.register_department(unit, ORG_CODE, "样例局", AREA_CODE, utc_now())
        secret = registry.add_sender(unit, hub.sealer, SENDER, "测量", [ORG_CODE], utc_now())
        token = users.create_token(unit, "supervisor", "测量", utc_now(), [])
    hub.database.dispose()
    credential = "Basic " + base64.b64encode(f"{SENDER}:{secret}".encode()).decode()
    return BenchHub(engine, settings.data_dir, settings, database, credential, token, free_port())


@contextmanager
def fresh_database() -> Iterator[str]:
    """A PostgreSQL database of our own on the server of HUB_TEST_POSTGRES."""
    name = f"hub_bench_{secrets.token_hex(6)}"
    with psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{POSTGRES.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def fresh_virtual_host() -> Iterator[str]:
    """A virtual host of our own on the broker of HUB_TEST_RABBITMQ; needs `rabbitmqctl` and the right to run it."""
    name, parts = f"bench-{secrets.token_hex(6)}", urlsplit(RABBITMQ)
    if shutil.which("rabbitmqctl") is None:
        raise SystemExit("没有 rabbitmqctl，不能建立测量用的虚拟主机")
    _rabbitmqctl("add_vhost", name)
    try:
        _rabbitmqctl("set_permissions", "-p", name, parts.username or "guest", ".*", ".*", ".*")
        yield f"{parts.scheme}://{parts.netloc}/{quote(name, safe='')}"
    finally:
        _rabbitmqctl("delete_vhost", name)


def _rabbitmqctl(*arguments: str) -> None:
    subprocess.run(["rabbitmqctl", "--quiet", *arguments], check=True, stdout=subprocess.DEVNULL, timeout=120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    """Raises RuntimeError when the process ends before it listens, or does not listen in time."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise RuntimeError(f"the process ended with {process.returncode} before it listened")
        time.sleep(0.05)
    raise RuntimeError("the process did not open its port")


def end_cleanly_when_told() -> None:
    """SIGTERM ends a bench as Ctrl-C does, so that databases and processes of its own are removed."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)


def engines_of(names: str) -> Sequence[str]:
    """Comma-separated engine names, or `all`; raises SystemExit on an unknown one."""
    chosen = list(ENGINES) if names == "all" else names.split(",")
    if unknown := [name for name in chosen if name not in ENGINES]:
        raise SystemExit(f"没有这种引擎：{unknown[0]}；可选 {'、'.join(ENGINES)}")
    return chosen


def title_of(engine: str, workers: int, titles: Mapping[str, str] = ENGINES) -> str:
    return f"{titles[engine]}，{workers} 个处理进程"
