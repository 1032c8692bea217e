"""`hub state`: what the whole hub does at present, and why."""

from typing import Annotated

import typer

from hub.cli.desk import actor, open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write_fields, write_json
from hub.domain.service_states import SERVICE_STATES
from hub.stores import service_state

noun = Noun("服务状态：正常、只收不办、只读、维护；对所有进程生效")

_STATES = "、".join(f"{token} {title}" for token, title in SERVICE_STATES.items())
_COLUMNS = (("state", "状态"), ("title", "含义"), ("since", "自"), ("by", "设置人"), ("reason", "理由"))


@noun.verb()
def show(as_json: JsonFlag = False) -> None:
    """显示现在的服务状态。

    \b
    示例：
      hub state show
      hub state show --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        row = service_state.as_row(service_state.current(unit))
    if as_json:
        write_json(row)
    else:
        write_fields(row, _COLUMNS)


@noun.verb("set")
def set_(
    state: Annotated[str, typer.Argument(metavar="STATE", help=_STATES)],
    reason: Annotated[str, typer.Option(help="理由；报送方和页面上都会看到")],
) -> None:
    """设置服务状态；各进程在 2 秒内生效，写入审计。

    \b
    示例：
      hub state set READ_ONLY --reason 数据库切换，预计 20 分钟
      hub state set NORMAL --reason 切换完成
    """
    with open_desk() as desk, desk.database.unit() as unit:
        changed = service_state.change(unit, service_state.Change(state, reason, actor()), desk.now())
    say(f"服务状态：{changed.title}")
