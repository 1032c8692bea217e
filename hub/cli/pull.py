"""`hub pull`: departments' systems that are asked for what is new."""

from collections.abc import Mapping
from typing import Any

import typer

from hub.cli.desk import open_desk
from hub.cli.loops import Once, run_role
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write_json, write_rows
from hub.parts import open_hub
from hub.roles import Roles
from hub.stores import pull as pull_store
from ingest.pulling.puller import PullReport

noun = Noun("拉取：按时向部门系统取数据；不带动词时常驻运行")

_COLUMNS = (
    ("adapter", "适配器"), ("words", "状态"), ("lastSuccessAt", "上次成功"), ("nextAt", "下次"), ("messages", "报文"),
    ("records", "记录"), ("refused", "退回"),
)  # fmt: skip


@noun.alone
def pull(context: typer.Context, once: Once = False, as_json: JsonFlag = False) -> None:
    """按各适配器的时间向部门系统取数据；SIGTERM 或 Ctrl-C 结束。

    \b
    示例：
      hub pull
      hub pull --once --json
    """
    if context.invoked_subcommand is None:
        run_role("pull", once, as_json)


@noun.verb("once")
def once_(code: str = typer.Argument(metavar="CODE", help="适配器代码"), as_json: JsonFlag = False) -> None:
    """立即拉取一个适配器一次，不管时间到了没有。

    \b
    示例：
      hub pull once inf-tables
      hub pull once inf-tables --json
    """
    with open_desk() as desk:
        desk.require_secret()
        hub = open_hub(desk.settings, role="pull")
    try:
        report = Roles(hub).puller().pull_once(code)
    finally:
        hub.database.dispose()
    _tell(report, as_json)
    if report.problem is not None:
        raise report.problem


def _tell(report: PullReport, as_json: bool) -> None:
    problem = report.problem and {"code": report.problem.code, "text": report.problem.message}
    if as_json:
        values = {"adapter": report.adapter, "messages": report.messages, "records": report.records}
        write_json(values | {"problem": problem})
    else:
        say(f"{report.adapter}：取得 {report.messages} 个报文，{report.records} 条记录")


@noun.verb()
def status(as_json: JsonFlag = False) -> None:
    """各来源拉取得怎样：上次成功、下次时间、现有的问题。

    \b
    示例：
      hub pull status
      hub pull status --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        states = list(pull_store.pull_states(unit).values())
    if as_json:
        write_json(states)
    else:
        write_rows([state | {"words": _words(state)} for state in states], _COLUMNS)


def _words(state: Mapping[str, Any]) -> str:
    problem = state["problem"]
    if problem is None:
        return "正常" if state["lastSuccessAt"] else "尚未拉取"
    return f"{problem['code']} {problem['text']}（{problem['since'][:16].replace('T', ' ')} 起）"
