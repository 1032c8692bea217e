"""PostgreSQL crashes, is cut off in COMMIT, runs out of disk, fails over."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from tests.faults.postgres import Postgres, postgres_running
from tests.faults.proxy import Cut, proxy_running
from tests.faults.rabbitmq import brokers_running
from tests.faults.scenarios.scenario import Scale, Scenario
from tests.faults.servers import open_folder
from tests.faults.world import Plan, World, build_world

_STEADY = 300.0


def crash_loop(world: World, scale: Scale) -> None:
    """Immediate stops, SIGKILL of all, SIGKILL of one backend, in random order."""
    random = Random(scale.seed)
    for _ in range(scale.of(15)):
        kind = random.choice(("crash", "kill", "backend"))
        if kind == "backend":
            world.pg.kill_backend(random.randrange(20))
        else:
            world.pg.crash() if kind == "crash" else world.pg.kill()
        world.pg.start()
        world.push(60)


def cut_in_commit(world: World, scale: Scale) -> None:
    """Connections end between COMMIT and its answer; half of the time the server has heard it."""
    proxy = world.proxies[0]
    wanted = scale.of(250)
    done = 0
    for is_delivered in (True, False):
        cut = Cut(b"COMMIT", is_delivered, every=7, times=wanted)
        proxy.cut = cut
        until = time.monotonic() + 60 + 120 * scale.factor
        while cut.done < wanted and time.monotonic() < until:
            time.sleep(0.1)
        proxy.cut = None
        done += cut.done
        world.demand(cut.done >= wanted, f"only {cut.done} of {wanted} commits cut in time")
    world.notes["cut_commits"] = done
    world.push(200)


@contextmanager
def open_behind_proxy(name: str, seed: int, plan: Plan) -> Iterator[World]:
    """The hub reaches PostgreSQL through a proxy, the checker directly."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(name))
        postgres = stack.enter_context(postgres_running(folder, **plan.server_settings))
        brokers = stack.enter_context(brokers_running(folder, plan.brokers)) if plan.brokers else []
        proxy = stack.enter_context(proxy_running(postgres.port))
        address = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"
        world = stack.enter_context(build_world(folder, seed, plan, postgres, brokers, database_url=address))
        world.proxies.append(proxy)
        yield world


def disk_full(world: World, scale: Scale) -> None:
    """A file takes all the space that is left; the door says 503; space returns and everything is there."""
    for _ in range(scale.of(1)):
        world.push(200)
        ballast = world.folder / "small" / "ballast"
        _fill(ballast)
        time.sleep(8)
        world.demand(world.is_refused(3), "the door accepted although the disk was full")
        ballast.unlink()
        if world.postgres is not None and not world.postgres.answers():
            world.postgres.start()
        world.push(200)


def _fill(ballast: Path) -> None:
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        except OSError:
            return


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A tmpfs of its own: needs root."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def open_postgres_on_small_disk(name: str, seed: int, plan: Plan) -> Iterator[World]:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(name))
        small = stack.enter_context(small_disk(folder / "small", 400))
        postgres = stack.enter_context(postgres_running(small, max_wal_size="64MB", min_wal_size="32MB"))
        brokers = stack.enter_context(brokers_running(folder, plan.brokers)) if plan.brokers else []
        yield stack.enter_context(build_world(folder, seed, plan, postgres, brokers))


@contextmanager
def open_sqlite_on_small_disk(name: str, seed: int, plan: Plan) -> Iterator[World]:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(name))
        small = stack.enter_context(small_disk(folder / "small", 120))
        address = f"sqlite:///{small / 'hub.db'}"
        yield stack.enter_context(build_world(folder, seed, plan, None, [], database_url=address))


def fail_over(world: World, scale: Scale) -> None:
    """The primary is killed under load; the synchronous standby is promoted; the hub finds it by itself."""
    world.push(500)
    began = time.monotonic()
    world.pg.kill()
    _promote(world)
    world.push(300)
    world.notes["accepting_again_s"] = round(time.monotonic() - began, 1)


def fail_over_behind(world: World, scale: Scale) -> None:
    """The standby lags a second behind when the primary dies: that second is lost, and receipts tell what it held."""
    world.push(500)
    world.proxies[0].toxics.is_silent = True
    time.sleep(1)
    world.pg.kill()
    _promote(world)
    world.push(300)


def _promote(world: World) -> None:
    world.standby.promote()
    world.postgres, world.standbys[0] = world.standby, world.pg
    world.database_url = world.pg.url


@contextmanager
def open_with_lagging_standby(name: str, seed: int, plan: Plan) -> Iterator[World]:
    """A primary that does not wait for its standby."""
    with _open_with_standby(name, seed, plan, is_synchronous=False) as world:
        yield world


@contextmanager
def open_with_standby(name: str, seed: int, plan: Plan) -> Iterator[World]:
    """A primary whose commits wait for its standby."""
    with _open_with_standby(name, seed, plan, is_synchronous=True) as world:
        yield world


@contextmanager
def _open_with_standby(name: str, seed: int, plan: Plan, *, is_synchronous: bool) -> Iterator[World]:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(name))
        primary = stack.enter_context(postgres_running(folder, **plan.server_settings))
        standby = Postgres(folder / "standby")
        stack.callback(standby.end)
        line = stack.enter_context(proxy_running(primary.port))
        standby.create_standby_of(line.port)
        standby.start()
        if is_synchronous:
            primary.run(f"ALTER SYSTEM SET synchronous_standby_names = 'standby{standby.port}'")
            primary.run("SELECT pg_reload_conf()")
        brokers = stack.enter_context(brokers_running(folder, plan.brokers)) if plan.brokers else []
        hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in (primary, standby))
        address = f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write"
        world = stack.enter_context(build_world(folder, seed, plan, primary, brokers, database_url=address))
        world.standbys.append(standby)
        world.proxies.append(line)
        yield world


_PLAN = Plan(records_per_second=_STEADY)

SCENARIOS = (
    Scenario(
        "postgres-crash", "PostgreSQL 立即停机、kill -9、单个后端被杀", "503 后重试，不丢、不重",
        crash_loop, _PLAN,
    ),
    Scenario(
        "commit-cut", "COMMIT 发出后连接中断（已达、未达各半）", "不误报，不丢、不重",
        cut_in_commit, _PLAN, open_behind_proxy,
    ),
    Scenario(
        "postgres-disk-full", "PostgreSQL 磁盘写满", "503；腾出空间后继续，不丢、不重",
        disk_full, Plan(brokers=0, records_per_second=_STEADY), open_postgres_on_small_disk, needs_root=True,
    ),
    Scenario(
        "sqlite-disk-full", "SQLite 磁盘写满", "503；腾出空间后继续，不丢、不重",
        disk_full, Plan(brokers=0, postgres=False, records_per_second=_STEADY), open_sqlite_on_small_disk,
        needs_root=True,
    ),
    Scenario(
        "fail-over", "PostgreSQL 主机被杀，同步备机接替", "不丢、不重，自动找到新主机",
        fail_over, _PLAN, open_with_standby,
    ),
    Scenario(
        "fail-over-behind", "PostgreSQL 主机被杀，异步备机落后一秒",
        "会丢：丢了哪些由回执查明，不算不符",
        fail_over_behind, _PLAN, open_with_lagging_standby, is_measured=True,
    ),
)  # fmt: skip
