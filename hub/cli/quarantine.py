"""`hub quarantine`: records set aside, to be replayed or discarded."""

from typing import Annotated

import typer

from hub.cli.desk import actor, open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write_json, write_page
from hub.cli.replay import DryRun, MessageLimit, place
from hub.domain.errors import RejectedError
from hub.stores import quarantine_acts
from hub.stores.message_views import QuarantineQuery, search_quarantine
from hub.stores.paging import LARGEST_PAGE
from hub.stores.replay import LARGEST_JOB, Selection

noun = Noun("隔离区：不能入库的记录，重放或作废")

EntryId = Annotated[int, typer.Argument(metavar="ID", help="隔离记录的编号")]
_ALL = "ALL"
_COLUMNS = (
    ("id", "编号"), ("sender", "报送方"), ("recordId", "记录标识"), ("code", "代码"), ("path", "位置"),
    ("message", "原因"), ("stateTitle", "状态"), ("quarantinedAt", "隔离时间"),
)  # fmt: skip


@noun.verb("list")
def list_(
    state: Annotated[str, typer.Option(help="状态：OPEN、REPLAYED、DISCARDED、ALL")] = "OPEN",
    code: Annotated[str | None, typer.Option(help="错误代码")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="最多显示几条")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """列出隔离的记录；样本中的个人信息已遮盖。

    \b
    示例：
      hub quarantine list
      hub quarantine list --code HUB-6002 --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        page = search_quarantine(unit, QuarantineQuery(None if state == _ALL else state, code, limit))
    write_page(page, _COLUMNS, as_json=as_json)


@noun.verb()
def replay(
    entry_ids: Annotated[list[int] | None, typer.Argument(metavar="ID", help="隔离记录的编号")] = None,
    code: Annotated[str | None, typer.Option(help="这个错误代码的全部待处理记录")] = None,
    sender: Annotated[str | None, typer.Option(help="这个报送方的全部待处理记录")] = None,
    limit: MessageLimit = LARGEST_JOB,
    dry_run: DryRun = False,
    as_json: JsonFlag = False,
) -> None:
    """重放：把所在报文再处理一次；已入库的不会重复，已作废的仍作废。多条或按条件时成为一个重放任务。

    \b
    示例：
      hub quarantine replay 3
      hub quarantine replay 3 7 12 --json
      hub quarantine replay --code HUB-4003 --sender gs --dry-run
    """
    ids = entry_ids or []
    if ids and (code or sender):
        raise RejectedError("HUB-4006", "编号与筛选条件不能同时使用")
    if len(ids) == 1 and not dry_run:
        with open_desk() as desk, desk.database.unit() as unit:
            quarantine_acts.replay(unit, ids[0], actor(), desk.now())
        _tell(ids[0], "QUEUED", "已放回队列", as_json)
        return
    selection = Selection(quarantine_ids=ids, limit=limit)
    if not ids:
        if not (code or sender):
            raise RejectedError("HUB-4006", "请写明隔离记录的编号，或 --code、--sender")
        selection = Selection(state="QUARANTINED", code=code, sender=sender, limit=limit)
    place(selection, dry_run=dry_run, as_json=as_json)


@noun.verb()
def discard(
    entry_id: EntryId, reason: Annotated[str, typer.Option(help="作废理由，写入审计")], as_json: JsonFlag = False
) -> None:
    """作废：记录不再处理，报文原样保留。

    \b
    示例：
      hub quarantine discard 3 --reason 部门确认为测试数据
      hub quarantine discard 3 --reason 重复报送 --json
    """
    with open_desk() as desk, desk.database.unit() as unit:
        quarantine_acts.discard(unit, entry_id, actor(), reason, desk.now())
    _tell(entry_id, "DISCARDED", "已作废", as_json)


def _tell(entry_id: int, state: str, words: str, as_json: bool) -> None:
    if as_json:
        write_json({"id": entry_id, "state": state})
    else:
        say(f"{words}：{entry_id}")
