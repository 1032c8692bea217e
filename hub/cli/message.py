"""`hub message`: messages as received and what became of their records."""

from datetime import datetime
from typing import Annotated

import typer

from hub.cli.desk import open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, write, write_fields, write_json, write_page, write_rows
from hub.cli.replay import DryRun, place
from hub.domain.errors import RejectedError
from hub.domain.times import day_bounds
from hub.stores.message_views import MessageQuery, message_detail, search_messages
from hub.stores.paging import LARGEST_PAGE
from hub.stores.replay import Selection

noun = Noun("报文：收到了什么，每条记录到了哪里")

_COLUMNS = (
    ("receiptNo", "回执"), ("sender", "报送方"), ("kindTitle", "种类"), ("statusTitle", "接收"), ("stateTitle", "处理"),
    ("receivedAt", "收到时间"), ("acceptedCount", "接收"), ("rejectedCount", "退回"), ("quarantinedCount", "隔离"),
)  # fmt: skip
_RECORDS = (("seq", "序"), ("recordId", "记录标识"), ("stateTitle", "状态"), ("code", "代码"), ("message", "说明"))


@noun.verb("list")
def list_(
    sender: Annotated[str | None, typer.Option(help="报送方代码")] = None,
    status: Annotated[str | None, typer.Option(help="接收情况：ACCEPTED、PARTIAL、REJECTED")] = None,
    state: Annotated[str | None, typer.Option(help="处理情况：WAITING、PROCESSED")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="最多显示几条")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """列出报文，新的在前。

    \b
    示例：
      hub message list --sender gs
      hub message list --status REJECTED --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        page = search_messages(unit, MessageQuery(sender=sender, status=status, state=state, limit=limit))
    write_page(page, _COLUMNS, as_json=as_json)


@noun.verb()
def show(
    receipt_no: Annotated[str, typer.Argument(metavar="RECEIPT", help="回执编号")], as_json: JsonFlag = False
) -> None:
    """显示一个报文：错误，以及每条记录的状态。

    \b
    示例：
      hub message show R20260302-0123456789AB
      hub message show R20260302-0123456789AB --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        message = message_detail(unit, receipt_no)
    if as_json:
        write_json(message)
        return
    write_fields(message, (*_COLUMNS, ("messageId", "报文标识"), ("traceId", "追踪号"), ("digest", "摘要")))
    write("\n记录")
    write_rows(message["records"], _RECORDS)


@noun.verb()
def replay(
    receipts: Annotated[list[str] | None, typer.Argument(metavar="RECEIPT", help="回执编号")] = None,
    sender: Annotated[str | None, typer.Option(help="这个报送方已处理的报文")] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="收到日不早于")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="收到日不晚于")] = None,
    dry_run: DryRun = False,
    as_json: JsonFlag = False,
) -> None:
    """重放：把报文再处理一次，成为一个重放任务；已入库的记录不会重复。

    \b
    示例：
      hub message replay R20260302-0123456789AB
      hub message replay --sender gs --from 2026-03-02 --to 2026-03-03 --dry-run --json
    """
    is_filtered = any(value is not None for value in (sender, since, until))
    if bool(receipts) == is_filtered:
        raise RejectedError("HUB-4006", "请写明回执编号，或 --sender、--from、--to，二者之一")
    selection = Selection(
        receipt_nos=receipts or [],
        state="PROCESSED" if is_filtered else None,
        sender=sender,
        received_from=since and day_bounds(since.date())[0],
        received_to=until and day_bounds(until.date())[1],
    )
    place(selection, dry_run=dry_run, as_json=as_json)
