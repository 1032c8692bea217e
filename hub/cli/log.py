"""`hub log`: event logs replayed as pushed records."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from adapters.event_log import read_log
from adapters.log_import import ImportPlan, ImportSummary, import_log
from adapters.log_mapping import LogMapping, load_mapping
from adapters.transports.exchange_client import ExchangeClient
from hub.cli.failures import ExitCode
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write_fields, write_json
from hub.cli.send import Secret, Sender, Url
from hub.domain.errors import NotFoundError

noun = Noun("事件日志：把 XES 日志按映射文件重放为报送")

_FIELDS = (
    ("cases", "办件"), ("records", "记录"), ("messages", "报文"), ("accepted", "接收"), ("rejected", "退回"),
    ("alreadyThere", "此前已有"), ("duplicateMessages", "重复报文"), ("unmapped", "不能映射"), ("codes", "错误代码"),
)  # fmt: skip


class Order(StrEnum):
    """In which order the records go out."""

    LOG = "log"
    RANDOM = "random"


@noun.verb("import")
def import_(  # noqa: PLR0913 - one parameter per option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="事件日志，.xes 或 .xes.gz")],
    mapping: Annotated[Path, typer.Option(help="映射文件（YAML）")],
    sender: Sender,
    secret: Secret,
    url: Url = "http://127.0.0.1:8080",
    order: Annotated[Order, typer.Option(help="log：按事件时间；random：打乱")] = Order.LOG,
    seed: Annotated[int, typer.Option(help="打乱与重复所用的随机种子")] = 0,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="重复报送的比例，0 至 1")] = 0.0,
    as_json: JsonFlag = False,
) -> None:
    """把事件日志经 SOAP 报送到中心；再次导入同一日志时，每个报文都回 DUPLICATE。

    \b
    示例：
      hub log import receipt.xes.gz --mapping wabo_receipt.yaml --sender wb --secret …
      hub log import receipt.xes --mapping wabo_receipt.yaml --sender wb --secret … --order random --seed 7
    """
    if not file.is_file():
        raise NotFoundError("HUB-4043", "日志文件不存在")
    plan = ImportPlan(order.value, seed, duplicates)
    with ExchangeClient(url, sender, secret) as client:
        summary = _import(file, _mapping(mapping), client, plan)
    _report(summary, as_json)


def _mapping(path: Path) -> LogMapping:
    try:
        return load_mapping(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise NotFoundError("HUB-4043", "映射文件不存在") from exc


def _import(file: Path, mapping: LogMapping, client: ExchangeClient, plan: ImportPlan) -> ImportSummary:
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task: TaskID = bar.add_task("报送", total=None)
        return import_log(
            read_log(file), mapping, client, plan=plan,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip


def _report(summary: ImportSummary, as_json: bool) -> None:
    figures = summary.as_json()
    if as_json:
        write_json(figures)
    else:
        write_fields(figures, _FIELDS)
    for error in summary.errors_shown:
        say(f"[{error.code}] {error.record_id or ''} {error.path}：{error.message}")
    if summary.rejected or summary.unmapped:
        raise typer.Exit(ExitCode.DATA_FAILED)
