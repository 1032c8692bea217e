"""`hub relay`, `hub work` and `hub watch`: one role of a hub in a process of its own."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer

from hub.app import settle_memory
from hub.cli.desk import open_desk
from hub.cli.logs import SINK, log_as_service
from hub.cli.output import JsonFlag, say, write_json
from hub.domain.errors import RetryableError
from hub.parts import Hub, open_hub
from hub.roles import Roles, monitor

_LOOK_SECONDS = 2.0

Once = Annotated[bool, typer.Option("--once", help="做完眼前的就结束，用于定时任务和检查")]


def work(once: Once = False, as_json: JsonFlag = False) -> None:
    """处理队列中的报文：入库、评判、发牌；SIGTERM 或 Ctrl-C 结束。

    \b
    示例：
      hub work
      hub work --once --json
    """
    run_role("work", once, as_json)


def watch(once: Once = False, as_json: JsonFlag = False) -> None:
    """到时唤醒办件：没有新记录到达也按时发牌；SIGTERM 或 Ctrl-C 结束。

    \b
    示例：
      hub watch
      hub watch --once --json
    """
    run_role("watch", once, as_json)


def relay(once: Once = False, as_json: JsonFlag = False) -> None:
    """把已接收的报文送到消息队列（HUB_BROKER_URL=amqp://…）；SIGTERM 或 Ctrl-C 结束。

    \b
    示例：
      hub relay
      hub relay --once --json
    """
    run_role("relay", once, as_json)


def run_role(name: str, once: bool, as_json: bool) -> None:
    """Until told to stop or, with `once`, until nothing is left to do."""
    hub = _open(name)
    try:
        if once:
            with Roles(hub).once(name) as step:
                total = _until_idle(step)
            _report(total, as_json)
        else:
            _run_until_told(hub, name)
    finally:
        hub.database.dispose()


def _open(role: str) -> Hub:
    with open_desk() as desk:
        desk.require_secret()
        return open_hub(desk.settings, role=role)


def _until_idle(step: Callable[[], int]) -> int:
    total = 0
    while did := step():
        total += did
    return total


def _report(total: int, as_json: bool) -> None:
    if as_json:
        write_json({"processed": total})
    else:
        say(f"已处理 {total}")


def _run_until_told(hub: Hub, name: str) -> None:
    """Raises RetryableError HUB-9025 when a loop ends by itself: whoever runs this process has to start it again."""
    log_as_service()
    hub.metrics.watch_dropped_lines(lambda: SINK.dropped)
    role, told = Roles(hub).named(name), threading.Event()
    probing = monitor(hub, role)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        told.set()

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, stop)
    settle_memory()
    role.start()
    say(f"{name} 已启动，按 Ctrl-C 结束")
    while not told.wait(_LOOK_SECONDS) and not any(loop.has_died for loop in role.loops):
        pass
    role.stop()
    if probing is not None:
        probing.close()
    if told.is_set():
        say("已结束")
    SINK.stop()
    if not told.is_set():
        raise RetryableError("HUB-9025", "循环意外结束，见日志")
