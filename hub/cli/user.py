"""`hub user`: staff who sign in to the console."""

import secrets
import sys
from typing import Annotated

import typer

from hub.cli.desk import Desk, open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write, write_json
from hub.domain.codes import ROLES
from hub.domain.errors import RejectedError
from hub.stores import users

noun = Noun("用户：登录管理页面的工作人员")

SHORTEST_PASSWORD = 8

Role = Annotated[str, typer.Option(help="角色：" + "、".join(f"{code} {title}" for code, title in ROLES.items()))]
Orgs = Annotated[list[str] | None, typer.Option("--org", help="只看这些部门；可重复，省略则为全县")]


@noun.verb()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="登录名")],
    role: Role,
    org: Orgs = None,
    display_name: Annotated[str, typer.Option(help="显示名称；省略则用角色名称")] = "",
    as_json: JsonFlag = False,
) -> None:
    """添加用户。在终端上询问密码；不在终端上则生成一个，只显示这一次。

    \b
    示例：
      hub user add jiancha --role supervisor
      hub user add gs --role department --org 33032400GS --json
    """
    users.require_role(role)
    with open_desk() as desk:
        asked = _ask_password()
        password = asked or secrets.token_urlsafe(12)
        add_user(desk, name, password, role, display_name=display_name, org_codes=org or ())
    _tell(name, role, None if asked else password, as_json)


def add_user(
    desk: Desk,
    name: str,
    password: str,
    role: str,
    *,
    display_name: str = "",
    org_codes: list[str] | tuple[str, ...] = (),
) -> None:
    """Raises RejectedError HUB-6003 on a known name, HUB-4006 on an unknown role."""
    with desk.database.unit() as unit:
        users.add_user(unit, users.NewUser(name, password, role, display_name, org_codes), desk.now())
        desk.record(unit, "user.add", ("user", name), role=role, orgCodes=sorted(org_codes))


def _ask_password() -> str | None:
    """None when there is nobody to ask, or when they leave it empty."""
    if not sys.stdin.isatty():
        return None
    password: str = typer.prompt(
        "密码（直接回车则自动生成）", default="", hide_input=True, show_default=False, err=True
    )
    if password and len(password) < SHORTEST_PASSWORD:
        raise RejectedError("HUB-4006", f"密码至少 {SHORTEST_PASSWORD} 个字符")
    return password or None


def _tell(name: str, role: str, generated: str | None, as_json: bool) -> None:
    if as_json:
        write_json({"user": name, "role": role, "password": generated})
    elif generated is None:
        say(f"已添加用户 {name}（{ROLES[role]}）")
    else:
        say(f"已添加用户 {name}（{ROLES[role]}）；密码只显示这一次：")
        write(f"{name}\t{generated}")
