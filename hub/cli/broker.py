"""`hub broker`: what the message broker must be told once."""

from typing import Annotated

import typer

from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, write, write_json
from ingest.topology import policy_commands

noun = Noun("消息队列：上线前要在 RabbitMQ 上设置什么")


@noun.verb()
def policies(vhost: Annotated[str, typer.Option(help="虚拟主机")] = "/", as_json: JsonFlag = False) -> None:
    """输出设置队列策略的 rabbitmqctl 命令；可重复执行。

    \b
    示例：
      hub broker policies --vhost hub
      hub broker policies | sh
    """
    commands = policy_commands(vhost)
    if as_json:
        write_json(commands)
        return
    for command in commands:
        write(command)
