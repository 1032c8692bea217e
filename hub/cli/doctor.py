"""`hub doctor`: is this hub fit to run, and if not, what to mend."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path

import typer

from hub.cli import doctor_surroundings as surroundings
from hub.cli.desk import Desk, missing_file, opened, read_settings
from hub.cli.failures import ExitCode
from hub.cli.findings import FAILED, OK, SHOWN, WARNING, Finding
from hub.cli.output import JsonFlag, coloured, write, write_json
from hub.config import Settings
from hub.domain.errors import HubError
from hub.domain.times import china_day
from hub.stores import audit
from hub.stores.gauges import read_gauges
from hub.stores.message_views import MessageQuery, search_messages
from hub.stores.rules import active_calendar
from hub.stores.upgrade import is_current

CALENDAR_AHEAD = timedelta(days=90)
QUEUE_TOO_OLD_SECONDS = 300
CLOCK_TOLERANCE = timedelta(minutes=5)


def doctor(as_json: JsonFlag = False) -> None:
    """体检：设置、密钥、数据库、磁盘、时钟、日历、消息队列、积压、审计、备份；有异常时退出码为 6。

    \b
    示例：
      hub doctor
      hub doctor --json
    """
    findings = list(examine(read_settings()))
    if as_json:
        write_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            write(f"{coloured(*SHOWN[finding.state])} {finding.name}：{finding.message}")
    if any(finding.state == FAILED for finding in findings):
        raise typer.Exit(ExitCode.UNAVAILABLE)


def examine(settings: Settings) -> Iterator[Finding]:
    """Checks in the order in which they depend on each other; stops where the next would have nothing to stand on."""
    yield from surroundings.settings_findings(settings)
    yield _key_file(settings)
    if missing_file(settings):
        yield Finding("数据库", FAILED, "还没有数据库：请运行 hub init")
        return
    with opened(settings) as desk:
        database = _database(desk)
        yield database
        if database.state == OK:
            yield from surroundings.engine(desk)
            yield from (check(desk) for check in _CHECKS)


def _key_file(settings: Settings) -> Finding:
    if settings.secret_key is not None:
        return Finding("密钥", OK, "由环境变量给出")
    path = settings.secret_key_file or settings.data_dir / "secret.key"
    if not path.exists():
        return Finding("密钥", FAILED, "没有密钥文件：请运行 hub init")
    return _permissions(path)


def _permissions(path: Path) -> Finding:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding("密钥", WARNING, "密钥文件可被其他用户读取，请执行 chmod 600")
    return Finding("密钥", OK, "只有本用户可读")


def _database(desk: Desk) -> Finding:
    try:
        current = is_current(desk.database)
    except HubError as exc:
        return Finding("数据库", FAILED, f"[{exc.code}] {exc.message}")
    if not current:
        return Finding("数据库", FAILED, "结构版本与程序不符：请运行 hub init")
    return Finding("数据库", OK, "可以连接，结构版本与程序一致")


def _calendar(desk: Desk) -> Finding:
    with desk.database.read() as unit:
        stored = active_calendar(unit)
    if stored is None:
        return Finding("日历", FAILED, "没有生效的日历：请运行 hub init")
    until: date = stored[0]["published_until"]
    if until - china_day(desk.now()) < CALENDAR_AHEAD:
        return Finding("日历", WARNING, f"只公布到 {until}，其后的到期时间为暂定；新的放假安排公布后请导入")
    return Finding("日历", OK, f"公布至 {until}")


def _clock(desk: Desk) -> Finding:
    """The clock must not stand before what was already received."""
    with desk.database.read() as unit:
        newest = search_messages(unit, MessageQuery(limit=1)).items
    if newest and datetime.fromisoformat(newest[0]["receivedAt"]) > desk.now() + CLOCK_TOLERANCE:
        return Finding("时钟", FAILED, "系统时间早于最近一次收到报文的时间，请校准")
    return Finding("时钟", OK, desk.now().astimezone().isoformat(timespec="seconds"))


def _queue(desk: Desk) -> Finding:
    with desk.database.read() as unit:
        figures = read_gauges(unit, desk.now())
    waited_seconds = figures.outbox_oldest_seconds
    waiting = sum(figures.outbox.values())
    said = f"待处理 {waiting} 个报文，最早的已等 {waited_seconds:.0f} 秒；隔离 {figures.quarantined} 条"
    return Finding("队列", WARNING if waited_seconds > QUEUE_TOO_OLD_SECONDS else OK, said)


def _audit(desk: Desk) -> Finding:
    with desk.database.read() as unit:
        broken = next(audit.broken_links(unit), None)
    if broken is not None:
        return Finding("审计", FAILED, f"第 {broken} 行与前一行接不上：有记录被改动或删除")
    return Finding("审计", OK, "链条完整")


_CHECKS: tuple[Callable[[Desk], Finding], ...] = (
    _calendar, _clock, surroundings.disk, surroundings.service, surroundings.brokers, surroundings.unpublished,
    _queue, _audit, surroundings.last_backup,
)  # fmt: skip
