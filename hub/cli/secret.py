"""`hub secret`: what the hub needs towards departments' systems; shown to nobody, named in documents."""

import getpass
import sys
from typing import Annotated

import typer

from hub.cli.desk import actor, open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write_json, write_rows
from hub.stores import secrets
from hub.stores.secrets import LONGEST_SECRET

noun = Noun("密钥：中心访问部门系统用的密码和令牌，加密保存，不再显示")

Name = Annotated[str, typer.Argument(metavar="NAME", help="密钥名，适配器文档中引用它")]


@noun.verb("set")
def set_(name: Name) -> None:
    """保存或更换一个密钥；从标准输入读取，末尾的换行不算。

    \b
    示例：
      hub secret set gs-database < 密码文件
      printf %s "$TOKEN" | hub secret set hr-token
    """
    value = _read()
    with open_desk() as desk, desk.database.unit() as unit:
        secrets.keep_secret(unit, desk.sealer, name, value, actor(), desk.now())
        desk.record(unit, "secret.set", ("secret", name))
    say(f"已保存：{name}")


def _read() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("密钥（不回显）：")
    return sys.stdin.read(LONGEST_SECRET + 3).removesuffix("\n").removesuffix("\r")


@noun.verb("list")
def list_(as_json: JsonFlag = False) -> None:
    """列出密钥名；内容从不显示。

    \b
    示例：
      hub secret list
      hub secret list --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        rows = secrets.list_secrets(unit)
    if as_json:
        write_json(rows)
    else:
        write_rows(rows, (("name", "密钥名"), ("changedAt", "更换时间"), ("changedBy", "更换人")))


@noun.verb()
def remove(name: Name) -> None:
    """删除一个密钥；引用它的适配器从此不能拉取。

    \b
    示例：
      hub secret remove gs-database
      hub secret remove hr-token
    """
    with open_desk() as desk, desk.database.unit() as unit:
        secrets.remove_secret(unit, name)
        desk.record(unit, "secret.remove", ("secret", name))
    say(f"已删除：{name}")
