"""`hub backup`: everything a hub keeps in one file, except the key."""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.desk import Desk, actor, open_desk, opened, read_settings
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write, write_json
from hub.domain.times import as_json
from hub.stores import backup, backup_engines
from hub.stores.audit import Act
from hub.stores.backup_file import BackupFile

noun = Noun("备份：运行中生成、核对、恢复")

MADE = "backup.create"
RESTORED = "backup.restore"

Source = Annotated[Path, typer.Argument(metavar="FILE", help="hub backup create 生成的文件")]

_KEY_NOT_INSIDE = (
    "注意：备份里没有密钥。密钥文件（data 目录下 secret.key，或 HUB_SECRET_KEY 所给的）必须另外保管在别处，"
    "丢了密钥，备份中的报文、证件号码和报送方密码都解不开"
)


@noun.verb()
def create(
    target: Annotated[Path, typer.Argument(metavar="DIR|FILE", help="目录（自动取名）或新文件名")],
    as_json: JsonFlag = False,
) -> None:
    """生成备份：中心可以照常运行；得到一个文件，只有本用户可读，不含密钥。

    \b
    示例：
      hub backup create /srv/backup
      hub backup create /srv/backup/before-upgrade.tar --json
    """
    with open_desk() as desk:
        sealer, now = desk.sealer, desk.now()
        path = target / f"hub-{now:%Y%m%dT%H%M%SZ}.tar" if target.is_dir() else target
        made = backup.create(desk.database, desk.settings.database(), sealer, path, now)
        with desk.database.unit() as unit:
            desk.record(unit, MADE, ("backup", path.name[:100]), **_summary(made))
    _show(made, as_json)
    say(_KEY_NOT_INSIDE)


@noun.verb()
def verify(
    file: Source,
    deep: Annotated[bool, typer.Option("--deep", help="再恢复到临时库，逐表数行、核对审计链、试解密文")] = False,
    scratch_url: Annotated[
        str, typer.Option(help="PostgreSQL 备份深度核对用的空库地址；缺省在当前服务器上建一个，用完删除")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """核对备份：每个字节的校验值、清单、密钥是否相符；不改动任何数据。

    \b
    示例：
      hub backup verify /srv/backup/hub-20261123T020000Z.tar
      hub backup verify /srv/backup/hub-20261123T020000Z.tar --deep --json
    """
    with opened(read_settings()) as desk:
        sealer = desk.sealer
        held = backup.verify(file, sealer)
        if deep:
            with _scratch(held, scratch_url, desk) as url:
                backup.rehearse(held, sealer, url, file.parent)
    _show(held, as_json)
    say("备份完好" + ("，恢复演练通过" if deep else ""))


def _scratch(held: BackupFile, scratch_url: str, desk: Desk) -> Any:
    """The address of an empty database; the hub's own server is used only when none is named."""
    if held.engine != "postgresql":
        return nullcontext("")
    if scratch_url:
        backup_engines.require_empty(scratch_url)
        return nullcontext(scratch_url)
    return backup_engines.scratch_postgres(desk.settings.database())


@noun.verb()
def restore(file: Source, as_json: JsonFlag = False) -> None:
    """恢复到空库：先放回当时的密钥；核对全部通过才算恢复，并说明哪段时间的回执需要与报送方对账。

    \b
    示例：
      hub backup restore /srv/backup/hub-20261123T020000Z.tar
      HUB_DATA_DIR=/srv/hub-new hub backup restore hub-20261123T020000Z.tar --json
    """
    settings = read_settings()
    with opened(settings) as desk:
        sealer, now = desk.sealer, desk.now()
        held = backup.verify(file, sealer)
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        act = Act(actor(), RESTORED, "backup", file.name[:100], detail=_summary(held))
        restored = backup.restore(held, settings.database(), sealer, act, now)
    if as_json:
        write_json(_restored_json(restored))
    else:
        _tell_restored(restored)


def _summary(held: BackupFile) -> dict[str, Any]:
    return {
        "createdAt": held.manifest["createdAt"],
        "engine": held.engine,
        "bytes": held.path.stat().st_size,
        "manifestSha256": held.manifest_sha256,
    }


def _show(held: BackupFile, as_json: bool) -> None:
    manifest = held.manifest
    if as_json:
        write_json({"file": str(held.path)} | _summary(held) | {"manifest": dict(manifest)})
        return
    last = manifest["lastReceipt"]
    write(f"文件：{held.path}（{held.path.stat().st_size / 1e6:.1f} MB，{manifest['engine']}）")
    write(f"时点：{_minute(manifest['createdAt'])}，结构版本 {manifest['schemaRevision']}")
    write(f"内容：{manifest['rows']['envelope']} 个报文，{manifest['rows']['process_record']} 条办理过程")
    write(f"最后回执：{last['receiptNo'] if last else '无'}")


def _restored_json(restored: backup.Restored) -> dict[str, Any]:
    return {
        "createdAt": restored.manifest["createdAt"],
        "restoredAt": as_json(restored.restored_at),
        "lostSince": as_json(restored.lost_since),
        "highestReceipt": restored.highest_receipt,
        "waitingMessages": restored.unsent_messages,
        "senders": restored.manifest["senders"],
    }


def _tell_restored(restored: backup.Restored) -> None:
    since, until = _minute(as_json(restored.lost_since)), _minute(as_json(restored.restored_at))
    write(f"已恢复到 {_minute(restored.manifest['createdAt'])} 的状态，{restored.unsent_messages} 个报文待处理")
    write(f"{since} 至 {until} 之间发出的回执，本中心已不认得；最后认得的回执是 {restored.highest_receipt or '无'}")
    write("请各报送方对这几天逐日对账（reconcile），把缺少的报文用原报文标识重发；重复的不会再次入库：")
    for sender in restored.manifest["senders"]:
        write(_sender_line(sender))
    say("这段时间里停用的账号、轮换的密钥、导入的日历和规则也已退回原样，须重做；接着运行 hub doctor")


def _sender_line(sender: Mapping[str, Any]) -> str:
    return f"  {sender['sender']}：最后一个报文 {sender['lastMessageId']}，{_minute(sender['lastReceivedAt'])}"


def _minute(moment: str | None) -> str:
    return f"{datetime.fromisoformat(moment or ''):%Y-%m-%d %H:%M}"
