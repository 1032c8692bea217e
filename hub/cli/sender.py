"""`hub sender`: department systems that may push, and their secrets."""

from dataclasses import asdict, replace
from itertools import zip_longest
from typing import Annotated

import typer

from hub.cli.desk import Desk, open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write, write_fields, write_json, write_rows
from hub.domain.envelopes import Quota
from hub.setup import register_department
from hub.stores import registry

noun = Noun("报送方：登记部门系统，发放、更换密钥，停用与启用")

Code = Annotated[str, typer.Argument(metavar="CODE", help="报送方代码")]


@noun.verb()
def add(
    code: Code,
    name: Annotated[str, typer.Option(help="报送方名称，例如“市场监管局审批系统”")],
    org: Annotated[list[str], typer.Option(help="可以代表的部门编码；可重复")],
    more_orgs: Annotated[list[str] | None, typer.Argument(metavar="[ORG]...", help="更多部门编码")] = None,
    org_name: Annotated[list[str] | None, typer.Option(help="部门名称，与 --org 次序相同；省略则用报送方名称")] = None,
    as_json: JsonFlag = False,
) -> None:
    """登记报送方并发放密钥；密钥只显示这一次。

    \b
    示例：
      hub sender add gs --name 市场监管局审批系统 --org 33032400GS
      hub sender add wb --name 联合审批系统 --org 33032400GS --org 33032400GA --json
    """
    with open_desk() as desk:
        secret = add_sender(desk, code, name, _departments([*org, *(more_orgs or [])], org_name or [], name))
    _show_secret(code, secret, as_json)


def _departments(org_codes: list[str], org_names: list[str], otherwise: str) -> dict[str, str]:
    """Code → name, in the order given; a department without a name of its own gets the sender's."""
    return dict(zip_longest(org_codes, org_names[: len(org_codes)], fillvalue=otherwise))


def add_sender(desk: Desk, code: str, name: str, departments: dict[str, str]) -> str:
    """Registers the departments (code → name) and the sender; its secret. Raises RejectedError HUB-6003."""
    now, area_code = desk.now(), desk.settings.area_code
    with desk.database.unit() as unit:
        for org_code, org_name in departments.items():
            register_department(unit, org_code, org_name, area_code, now)
        secret = registry.add_sender(unit, desk.sealer, code, name, departments, now)
        desk.record(unit, "sender.add", ("sender", code), orgCodes=sorted(departments))
    return secret


@noun.verb("list")
def list_(as_json: JsonFlag = False) -> None:
    """列出报送方。

    \b
    示例：
      hub sender list
      hub sender list --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        rows = registry.list_senders(unit)
    if as_json:
        write_json(rows)
        return
    write_rows(rows, (("sender", "代码"), ("name", "名称"), ("orgCodes", "部门"), ("disabledNotice", "停用说明")))


@noun.verb()
def rotate(
    code: Code,
    revoke_old: Annotated[bool, typer.Option("--revoke-old", help="旧密钥立即失效；不加则新旧并存")] = False,
    as_json: JsonFlag = False,
) -> None:
    """发放新密钥；旧密钥在对方切换前继续有效，除非加 --revoke-old。

    \b
    示例：
      hub sender rotate gs
      hub sender rotate gs --revoke-old --json
    """
    with open_desk() as desk, desk.database.unit() as unit:
        secret = registry.rotate_secret(unit, desk.sealer, code, desk.now(), revoke_old=revoke_old)
        desk.record(unit, "sender.rotate", ("sender", code), revokedOld=revoke_old)
    _show_secret(code, secret, as_json)


@noun.verb()
def disable(code: Code, notice: Annotated[str, typer.Option(help="停用说明，对方会在应答中看到")]) -> None:
    """停用报送方；它的报文会收到 HUB-2002 和停用说明。

    \b
    示例：
      hub sender disable gs --notice 系统升级中，请于周一后恢复报送
      hub sender disable gs --notice 已并入统一审批系统
    """
    _set_disabled(code, notice, "sender.disable")
    say(f"已停用：{code}")


@noun.verb()
def enable(code: Code) -> None:
    """恢复报送方。

    \b
    示例：
      hub sender enable gs
      hub sender enable sb
    """
    _set_disabled(code, None, "sender.enable")
    say(f"已启用：{code}")


@noun.verb()
def quota(
    code: Code,
    rate: Annotated[float | None, typer.Option(help="每秒报文数", min=0)] = None,
    burst: Annotated[int | None, typer.Option(help="可以突发的报文数", min=0)] = None,
    max_bytes: Annotated[int | None, typer.Option(help="一个报文的字节数", min=0)] = None,
    max_records: Annotated[int | None, typer.Option(help="一个报文的记录条数", min=0)] = None,
    as_json: JsonFlag = False,
) -> None:
    """查看或调整一个报送方的配额，5 秒内生效；没有规定的各项按全县的设置，写 0 恢复为全县的设置。

    \b
    示例：
      hub sender quota gs
      hub sender quota gs --rate 20 --burst 100 --max-records 200
      hub sender quota gs --rate 0 --json
    """
    wanted = Quota(rate, burst, max_bytes, max_records)
    with open_desk() as desk, desk.database.unit() as unit:
        held = registry.quota_of(unit, code)
        if wanted != Quota():
            held = _over(held, wanted)
            registry.set_quota(unit, code, held)
            desk.record(unit, "sender.quota", ("sender", code), **asdict(held))
    row = {"sender": code} | {name: getattr(held, field) for name, field in _QUOTA_FIELDS.items()}
    if as_json:
        write_json(row)
    else:
        write_fields(row, _QUOTA_COLUMNS)


def _over(held: Quota, wanted: Quota) -> Quota:
    return replace(held, **{name: value or None for name, value in asdict(wanted).items() if value is not None})


_QUOTA_FIELDS = {
    "rate": "messages_per_second", "burst": "burst_messages", "maxBytes": "message_bytes",
    "maxRecords": "message_records",
}  # fmt: skip
_QUOTA_COLUMNS = (
    ("sender", "代码"), ("rate", "每秒报文数"), ("burst", "突发报文数"), ("maxBytes", "报文字节数"),
    ("maxRecords", "报文记录条数"),
)  # fmt: skip


def _set_disabled(code: str, notice: str | None, action: str) -> None:
    with open_desk() as desk, desk.database.unit() as unit:
        registry.set_disabled(unit, code, notice)
        desk.record(unit, action, ("sender", code), notice=notice)


def _show_secret(code: str, secret: str, as_json: bool) -> None:
    if as_json:
        write_json({"sender": code, "secret": secret})
        return
    say("密钥只显示这一次，请妥善保存：")
    write(f"{code}\t{secret}")
