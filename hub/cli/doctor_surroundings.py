"""What `hub doctor` looks at around the hub: database server or file, disk, broker, backups, settings."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from hub.cli.backup import MADE
from hub.cli.desk import Desk
from hub.cli.findings import FAILED, OK, WARNING, Finding
from hub.config import Settings, unknown_variables
from hub.stores import audit, backup_engines, condition
from hub.stores.condition import PostgresCondition
from hub.stores.service_state import current
from ingest.broker.link import addresses
from ingest.broker.probe import BrokerState, probe
from ingest.topology import DEAD_QUEUE

OLDEST_POSTGRES = 15
OLDEST_SAFE_SQLITE = (3, 51, 3)
CLOCK_SKEW_WARNING_SECONDS = 2
CLOCK_SKEW_FAILED_SECONDS = 60
UNPUBLISHED_TOO_OLD_SECONDS = 60
BACKUP_TOO_OLD = timedelta(days=2)
_MIB = 1 << 20
_DISK_WARNING_FACTOR = 4


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """What can be said before any database is opened."""
    yield Finding("设置", OK, f"数据目录 {settings.data_dir}")
    unknown = unknown_variables()
    if unknown:
        yield Finding("设置", WARNING, f"没有这些设置，已忽略：{'、'.join(unknown)}")
    if settings.failpoints:
        yield Finding("故障注入", FAILED, "HUB_FAILPOINTS 不为空：它只供测试，会让进程中途退出，请清除后重启")


def disk(desk: Desk) -> Finding:
    """Of the data directory; a database server's disk is its own monitor's business."""
    folder = desk.settings.data_dir
    folder = folder if folder.exists() else Path.cwd()
    free_mb = shutil.disk_usage(folder).free // _MIB
    least = desk.settings.min_free_mb
    said = f"数据目录所在磁盘可用 {free_mb} MiB"
    if desk.database.is_sqlite and free_mb < least:
        return Finding("磁盘", FAILED, f"{said}，低于 HUB_MIN_FREE_MB={least}：中心已停止接收报文，请腾出空间")
    if free_mb < _DISK_WARNING_FACTOR * least:
        return Finding("磁盘", WARNING, f"{said}，快满了")
    return Finding("磁盘", OK, said)


def engine(desk: Desk) -> Iterator[Finding]:
    return _sqlite(desk) if desk.database.is_sqlite else _postgres(desk)


def _sqlite(desk: Desk) -> Iterator[Finding]:
    with desk.database.read() as unit:
        held = condition.sqlite_condition(unit)
    if not held.is_synced or not held.is_wal:
        yield Finding("SQLite", FAILED, "没有按 WAL、synchronous=FULL 打开：断电会丢失已发回执的报文")
    others = _processes_with(backup_engines.sqlite_path(desk.settings.database()))
    is_old = tuple(map(int, held.version.split("."))) < OLDEST_SAFE_SQLITE
    if is_old and len(others) > 1:
        yield Finding(
            "SQLite", WARNING,
            f"{held.version} 有 WAL 重置缺陷（3.51.3 修复）：几个进程同时写和做检查点时，极少数情况下会损坏数据库；"
            f"现有 {len(others)} 个进程打开着它，请只运行一个 hub serve，或升级 SQLite，或改用 PostgreSQL",
        )  # fmt: skip
        return
    yield Finding("SQLite", OK, f"{held.version}，WAL，synchronous=FULL" + ("；只宜一个进程写" if is_old else ""))


def _processes_with(path: Path) -> set[int]:
    """Other processes that have the file open, where the system tells us of them."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):  # ended meanwhile, or somebody else's
            if os.readlink(link) == str(path.resolve()):
                found.add(int(link.parts[2]))
    return found - {os.getpid()}


def _postgres(desk: Desk) -> Iterator[Finding]:
    with desk.database.read() as unit:
        held = condition.postgres_condition(unit, desk.now())
    yield _durability(held)
    yield _database_clock(held.clock_ahead_seconds)


def _durability(held: PostgresCondition) -> Finding:
    if held.is_standby or held.is_read_only:
        return Finding(
            "PostgreSQL", FAILED, "连到了备库或只读库：地址中加 target_session_attrs=read-write，或检查主备切换"
        )
    if held.unsafe:
        harms = "；".join(f"{name} 不安全，{harm}" for name, harm in held.unsafe.items())
        return Finding("PostgreSQL", FAILED, harms)
    if held.major < OLDEST_POSTGRES:
        return Finding("PostgreSQL", WARNING, f"{held.version} 低于要求的 {OLDEST_POSTGRES}")
    notes = [f"{held.version}，提交落盘"]
    notes.append("有同步备库" if held.standbys_waited_for else "没有同步备库：主库磁盘损坏时只能从备份恢复")
    if not held.has_checksums:
        notes.append("没有开数据校验和（initdb --data-checksums）")
    return Finding("PostgreSQL", OK, "；".join(notes))


def _database_clock(ahead_seconds: float) -> Finding:
    skew = abs(ahead_seconds)
    said = f"数据库的时钟{'快' if ahead_seconds > 0 else '慢'} {skew:.1f} 秒"
    if skew >= CLOCK_SKEW_FAILED_SECONDS:
        return Finding("数据库时钟", FAILED, f"{said}，请在各台机器上启用 NTP")
    return Finding("数据库时钟", WARNING if skew >= CLOCK_SKEW_WARNING_SECONDS else OK, said)


def unpublished(desk: Desk) -> Finding:
    """A message that nobody has fetched: the relay, or with `db://` the worker, does not run."""
    with desk.database.read() as unit:
        waited_seconds = condition.oldest_unpublished_seconds(unit, desk.now())
    role = "hub work（或 hub serve）" if desk.settings.queue_is_table else "hub relay"
    if waited_seconds > UNPUBLISHED_TOO_OLD_SECONDS:
        said = f"有报文等了 {waited_seconds:.0f} 秒没有进程来取"
        return Finding("送出", WARNING, f"{said}：{role} 没有运行、忙不过来，或队列不通")
    return Finding("送出", OK, "没有滞留的报文")


def brokers(desk: Desk) -> Finding:
    if desk.settings.queue_is_table:
        return Finding("消息队列", OK, "用数据库作队列（db://）")
    states = probe(addresses(desk.settings.broker()))
    away = [state for state in states if state.problem]
    if len(away) == len(states):
        reasons = "；".join(f"{state.address} {state.problem}" for state in away)
        return Finding("消息队列", FAILED, f"连不上：{reasons}。收报文不受影响，接通后自动继续处理")
    if away:
        return Finding("消息队列", WARNING, f"{'、'.join(state.address for state in away)} 连不上，其余正常")
    return _queues(states[0])


def _queues(state: BrokerState) -> Finding:
    missing = [queue for queue, messages in state.messages.items() if messages is None]
    if missing:
        return Finding("消息队列", WARNING, f"还没有队列 {'、'.join(missing)}：hub relay 或 hub work 启动后会建立")
    said = "，".join(f"{queue} {messages} 条" for queue, messages in state.messages.items())
    if state.messages[DEAD_QUEUE]:
        return Finding("消息队列", WARNING, f"{said}：死信由 hub relay 捡回，请看它是否在运行")
    return Finding("消息队列", OK, f"{said}；策略用 rabbitmqctl list_policies 核对")


def last_backup(desk: Desk) -> Finding:
    with desk.database.read() as unit:
        made = audit.last_of(unit, MADE)
    if made is None:
        return Finding("备份", WARNING, "从未用 hub backup create 备份过")
    hours = (desk.now() - made.at).total_seconds() / 3600
    said = f"最近一次在 {hours:.0f} 小时前：{made.object_id}"
    return Finding("备份", WARNING if desk.now() - made.at > BACKUP_TOO_OLD else OK, said)


def service(desk: Desk) -> Finding:
    with desk.database.read() as unit:
        now_in_force = current(unit)
    is_normal = now_in_force.state.value == "NORMAL"
    reason = f"：{now_in_force.reason}" if now_in_force.reason else ""
    return Finding("服务状态", OK if is_normal else WARNING, now_in_force.title + ("" if is_normal else reason))
