"""`hub token`: access of staff programs to the REST interface."""

from typing import Annotated

import typer

from hub.cli.desk import open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write, write_json
from hub.cli.user import Orgs, Role
from hub.stores import users

noun = Noun("令牌：供工作人员的程序访问 REST 接口")


@noun.verb()
def create(
    role: Role,
    org: Orgs = None,
    label: Annotated[str, typer.Option(help="用途，写入审计")] = "cli",
    as_json: JsonFlag = False,
) -> None:
    """发放令牌；只显示这一次。

    \b
    示例：
      hub token create --role supervisor --json
      hub token create --role department --org 33032400GS --label 局内看板
    """
    users.require_role(role)
    with open_desk() as desk, desk.database.unit() as unit:
        created = users.create_token(unit, role, label, desk.now(), org or ())
        desk.record(unit, "token.create", ("token", label), role=role, orgCodes=sorted(org or ()))
    if as_json:
        write_json({"token": created, "role": role, "orgCodes": sorted(org or ())})
        return
    say("令牌只显示这一次，请妥善保存：")
    write(created)
