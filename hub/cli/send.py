"""`hub send`: pushes samples from files, as a department's system would."""

from pathlib import Path
from typing import Annotated

import requests
import typer

from adapters.transports.exchange_client import ExchangeClient
from hub.cli import sample_files
from hub.cli.failures import ExitCode, complain
from hub.cli.output import JsonFlag, say, write, write_json
from hub.domain.codes import RECEIPT_STATES
from hub.domain.errors import HubError

Url = Annotated[str, typer.Option(help="中心地址")]
Sender = Annotated[str, typer.Option(help="报送方代码")]
Secret = Annotated[str, typer.Option(help="报送方密钥")]


def send(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="报文：SOAP 信封、单个 pushX 元素，或 REST 形式的 JSON")
    ],
    sender: Sender,
    secret: Secret,
    url: Url = "http://127.0.0.1:8080",
    as_json: JsonFlag = False,
) -> None:
    """报送样例文件并打印回执；任何一个文件未被全部接收时退出码为 3。

    \b
    示例：
      hub send samples/push-process.xml --url http://127.0.0.1:8080 --sender gs --secret …
      hub send items.json results.json --sender gs --secret … --json
    """
    with ExchangeClient(url, sender, secret) as client:
        codes = [_send_one(client, path, as_json) for path in files]
    worst = max(codes)
    if worst:
        raise typer.Exit(worst)


def _send_one(client: ExchangeClient, path: Path, as_json: bool) -> int:
    """One file's receipt, or what is wrong with it; the others still go."""
    try:
        receipt = sample_files.push(client, path)
    except HubError as exc:
        say(f"{path}：")
        return complain(exc)
    except requests.RequestException:
        say(f"{path}：无法连接中心")
        return ExitCode.UNAVAILABLE
    if as_json:
        write_json(receipt | {"file": str(path)})
    else:
        _print_receipt(path, receipt)
    return ExitCode.DATA_FAILED if receipt["rejectedCount"] else ExitCode.OK


def _print_receipt(path: Path, receipt: sample_files.ReceiptJson) -> None:
    status, accepted, rejected = RECEIPT_STATES[receipt["status"]], receipt["acceptedCount"], receipt["rejectedCount"]
    write(f"{path}：{status}，回执 {receipt['receiptNo']}，接收 {accepted} 条，退回 {rejected} 条")
    for error in receipt["errors"]:
        place = f"第 {error['seq']} 条 {error.get('recordId') or ''}"
        write(f"  {place} [{error['code']}] {error['path']}：{error['message']}")
