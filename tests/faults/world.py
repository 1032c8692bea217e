"""Everything one scenario runs against: servers, a prepared hub, its processes, a client, and the verdict."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hub import setup
from hub.stores import registry
from hub.stores.sealing import Sealer
from hub.stores.session import Database
from tests.faults.checker import Verdict, check
from tests.faults.client import Client
from tests.faults.journal import Journal, Outcome
from tests.faults.postgres import Postgres, postgres_running
from tests.faults.power import Disk
from tests.faults.processes import ROLES, Fleet, fleet_running, hub_environment
from tests.faults.proxy import Proxy
from tests.faults.rabbitmq import Broker, brokers_running
from tests.faults.servers import open_folder
from tests.faults.traffic import SENDERS, Traffic

SECRET = "a secret of the fault harness"
_migrating = threading.Lock()  # Alembic's context belongs to the process, and two scenarios may run side by side


def prepare(database: Database) -> dict[str, str]:
    """A hub with the senders of the traffic; their secrets by sender."""
    now, sealer = datetime.now(UTC), Sealer(SECRET.encode())
    with _migrating:
        setup.prepare(database, now)
    secrets = {}
    with database.unit() as unit:
        for code, org_code in SENDERS.items():
            setup.register_department(unit, org_code, f"样例局{code[-1]}", "330324", now)
            secrets[code] = registry.add_sender(unit, sealer, code, f"样例系统{code[-1]}", [org_code], now)
    return secrets


@dataclass(frozen=True, slots=True)
class Plan:
    """What a world is made of. `brokers` 0: the outbox table is the queue, in SQLite when `postgres` is False."""

    brokers: int = 1
    postgres: bool = True
    roles: Mapping[str, int] = field(default_factory=lambda: dict(ROLES))
    lanes: int = 4
    records_per_second: float = 0.0
    settings: Mapping[str, str] = field(default_factory=dict)
    drain_seconds: float = 240.0  # by then the queue must be empty
    server_settings: Mapping[str, str] = field(default_factory=dict)
    launchers: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """One running hub under test."""

    folder: Path
    plan: Plan
    database_url: str
    fleet: Fleet
    client: Client
    traffic: Traffic
    postgres: Postgres | None = None
    brokers: Sequence[Broker] = ()
    notes: dict[str, object] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    disks: list[Disk] = field(default_factory=list)
    standbys: list[Postgres] = field(default_factory=list)
    poisoned: set[int] = field(default_factory=set)  # numbers of messages that must end in quarantine

    @property
    def pg(self) -> Postgres:
        assert self.postgres is not None
        return self.postgres

    @property
    def broker(self) -> Broker:
        return self.brokers[0]

    @property
    def standby(self) -> Postgres:
        return self.standbys[0]

    def push(self, records: int, seconds: float = 300.0) -> None:
        """Lets the client push until so many more records are acknowledged."""
        wanted = self.client.pushed_records + records
        if not self.client.wait_for_records(wanted, seconds):
            self.notes["slow"] = f"only {self.client.pushed_records} of {wanted} records in {seconds:.0f} s"

    def execute(self, sql: str) -> None:
        """Straight into the database, as an operator might."""
        with self._opened() as database, database.unit() as unit:
            unit.exec_driver_sql(sql)

    def number(self, sql: str) -> int:
        """One number straight from the database."""
        with self._opened() as database, database.read() as unit:
            return int(unit.exec_driver_sql(sql).scalar_one())

    @contextmanager
    def _opened(self) -> Iterator[Database]:
        database = Database(self.database_url)
        try:
            yield database
        finally:
            database.dispose()

    def is_refused(self, seconds: float = 10.0) -> bool:
        """Whether the newest answers of the door are refusals for now: none of the last seconds was a receipt."""
        since = time.time() - seconds
        late = [attempt for attempt in self.client.journal if attempt.at >= since]
        return bool(late) and all(attempt.outcome is not Outcome.OK for attempt in late)

    def demand(self, is_so: bool, what: str) -> None:
        """A promise beyond the invariants."""
        if not is_so:
            self.complaints.append(what)

    def settle(self) -> None:
        """The faults are over: every message gets its receipt, the queue empties, due timers fire."""
        self.fleet.revive()
        for member in self.fleet.members:
            member.wait_until_ready()
        self.client.finish()
        began = time.monotonic()
        with self._opened() as database:
            while time.monotonic() - began < self.plan.drain_seconds and _is_busy(database):
                time.sleep(0.2)
        self.notes["drained_in_s"] = round(time.monotonic() - began, 1)

    def verdict(self) -> Verdict:
        sealer, path = Sealer(SECRET.encode()), self.folder / "reference.db"
        with self._opened() as database:
            return check(database, sealer, self.client, path, prepare, self.poisoned)


def _is_busy(database: Database) -> bool:
    now = datetime.now(UTC)
    with database.read() as unit:
        waiting = unit.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one()
        due = unit.exec_driver_sql("SELECT due_at FROM timer ORDER BY due_at LIMIT 1").scalar()
    if isinstance(due, str):
        due = datetime.fromisoformat(due)
    if due is not None and due.tzinfo is None:
        due = due.replace(tzinfo=UTC)
    return bool(waiting) or (due is not None and due <= now)


@contextmanager
def open_world(name: str, seed: int, plan: Plan) -> Iterator[World]:
    """Servers, hub and client are running; everything ends with the block."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(name))
        postgres = stack.enter_context(postgres_running(folder, **plan.server_settings)) if plan.postgres else None
        brokers = stack.enter_context(brokers_running(folder, plan.brokers)) if plan.brokers else []
        yield stack.enter_context(build_world(folder, seed, plan, postgres, brokers))


@contextmanager
def build_world(
    folder: Path,
    seed: int,
    plan: Plan,
    postgres: Postgres | None,
    brokers: Sequence[Broker],
    *,
    database_url: str = "",
    broker_url: str = "",
) -> Iterator[World]:
    """The hub and its client over servers that run already; addresses are given where the hub takes another way."""
    url = postgres.url if postgres else database_url or f"sqlite:///{folder / 'hub.db'}"
    database = Database(url)
    secrets = prepare(database)
    database.dispose()
    broker_url = broker_url or ",".join(broker.url for broker in brokers) or "db://"
    addresses = {"HUB_DATABASE_URL": database_url or url, "HUB_BROKER_URL": broker_url}
    env = hub_environment(folder, HUB_SECRET_KEY=SECRET, **addresses, **plan.settings)
    roles = {role: count for role, count in plan.roles.items() if role != "relay" or brokers}
    traffic = Traffic(seed)
    journal = Journal(folder / "journal.jsonl")
    with fleet_running(folder, env, roles, plan.launchers) as fleet:
        client = Client(
            fleet.ports, secrets, journal, traffic.messages(), plan.lanes, plan.records_per_second
        )  # fmt: skip
        client.start()
        try:
            yield World(folder, plan, url, fleet, client, traffic, postgres, brokers)
        finally:
            client.finish(0)
            journal.close()
