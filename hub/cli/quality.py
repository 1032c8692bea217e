"""`hub quality`: data quality of the senders, silence, and reconciling with a sender's own list."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.record_list import read_record_list
from hub.cli.desk import open_desk
from hub.cli.failures import ExitCode
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write, write_fields, write_json, write_rows
from hub.domain.errors import RejectedError
from hub.parts import quality_desk
from hub.stores.quality import BehindQuery
from hub.stores.quality_measures import MEASURES
from supervision.law import LawKeeper
from supervision.quality.desk import QualityDesk

noun = Noun("数据质量：评分、静默的报送方，与报送方的清单对账")

_USUAL_DAYS = 30
_MOST_DAYS = 366
Code = Annotated[str, typer.Argument(metavar="CODE", help="报送方代码")]
Days = Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="统计最近多少天，含今天")]
DayOption = Annotated[
    datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], metavar="DATE", help="收到日（北京时间）；不写为今天")
]
_SENDERS = (
    ("sender", "报送方"), ("senderName", "名称"), ("score", "总分"), ("timeliness", "及时"), ("completeness", "完整"),
    ("validity", "合规"), ("uniqueness", "不重复"), ("silence", "不中断"), ("voiceTitle", "节奏"),
)  # fmt: skip
_PARTS = (("title", "分项"), ("weight", "权重"), ("faults", "问题"), ("of", "总数"), ("score", "得分"))
_CODES = (("title", "指标"), ("code", "代码或字段"), ("amount", "数量"))
_RECORDS = (
    ("receivedAt", "收到时间"), ("sender", "报送方"), ("kindTitle", "种类"), ("recordId", "记录标识"),
    ("code", "代码或字段"), ("amount", "数量"), ("receiptNo", "回执"),
)  # fmt: skip
_VOICES = (
    ("sender", "报送方"), ("senderName", "名称"), ("voiceTitle", "状态"), ("since", "自"),
    ("lastReceivedAt", "最近收到"), ("expectedUntil", "应不晚于"),
)  # fmt: skip
_COUNTS = (("kind", "种类"), ("state", "状态"), ("count", "条数"))
_GAPS = (("title", "编号"), ("pattern", "样式"), ("confidence", "把握"), ("count", "缺"), ("missing", "缺的编号"))
_LISTS = {
    "missingHere": "中心没有", "otherDay": "中心在另一天收到", "missingThere": "清单中没有",
    "differing": "所在报文不同", "refused": "收到过但被退回",
}  # fmt: skip
_NAMED = (
    ("recordId", "记录标识"),
    ("kind", "种类"),
    ("receiptNo", "回执"),
    ("code", "代码"),
    ("receivedAt", "收到时间"),
)


@contextmanager
def _quality() -> Iterator[QualityDesk]:
    with open_desk() as desk:
        law = LawKeeper(desk.database, desk.now)
        yield quality_desk(desk.settings, desk.database, law, desk.now)


@noun.verb()
def show(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="报送方代码；不写则列出各报送方")] = None,
    days: Days = _USUAL_DAYS,
    as_json: JsonFlag = False,
) -> None:
    """显示数据质量：各报送方的评分，或一个报送方的分项与问题。

    \b
    示例：
      hub quality show
      hub quality show gs --days 7 --json
    """
    with _quality() as desk:
        last_day = desk.today()
        span = (last_day - timedelta(days=days - 1), last_day)
        if code is None:
            _show_senders(desk, span, as_json=as_json)
        else:
            _show_sender(desk.sender(code, *span), as_json=as_json)


def _show_senders(desk: QualityDesk, span: tuple[date, date], *, as_json: bool) -> None:
    rows = desk.senders(*span)
    if as_json:
        write_json({"items": rows})
        return
    write_rows([_in_columns(row) for row in rows], _SENDERS)
    say(f"{span[0]} 至 {span[1]}，共 {len(rows)} 个报送方")


def _in_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    parts = {part["name"]: part["score"] for part in row["parts"]}
    return {**row, **parts, "voiceTitle": (row["silence"] or {}).get("voiceTitle")}


def _show_sender(row: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(row)
        return
    write_fields(
        _in_columns(row), (("sender", "报送方"), ("senderName", "名称"), ("score", "总分"), ("voiceTitle", "节奏"))
    )
    write("\n分项")
    write_rows(row["parts"], _PARTS)
    write("\n问题")
    write_rows(row["codes"], _CODES)


@noun.verb()
def records(
    measure: Annotated[str, typer.Argument(metavar="MEASURE", help="指标：" + "、".join(MEASURES))],
    sender: Annotated[str | None, typer.Option(help="报送方代码")] = None,
    code: Annotated[str | None, typer.Option(help="错误代码或字段")] = None,
    days: Days = _USUAL_DAYS,
    limit: Annotated[int, typer.Option(min=1, max=200, help="最多显示几条")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """列出一个指标背后的记录；条数与指标相等。

    \b
    示例：
      hub quality records LATE --sender gs
      hub quality records MISSING --code application/summary --json
    """
    if measure not in MEASURES:
        raise RejectedError("HUB-4006", f"没有这个指标；可用：{'、'.join(MEASURES)}")
    with _quality() as desk:
        last_day = desk.today()
        first_day = last_day - timedelta(days=days - 1)
        found = desk.behind(BehindQuery(measure, first_day, last_day, sender, None, code, limit))
    if as_json:
        write_json(found)
        return
    write_rows(found["items"], _RECORDS)
    say(f"{found['title']} {found['figure']}" + ("，还有更多" if found["next"] else ""))


@noun.verb()
def silent(
    everyone: Annotated[bool, typer.Option("--all", help="也列出正常的")] = False, as_json: JsonFlag = False
) -> None:
    """列出按其节奏偏静或静默的报送方；有静默的以 3 结束。

    \b
    示例：
      hub quality silent
      hub quality silent --all --json
    """
    with _quality() as desk:
        rows = desk.listener.silences()
    shown = [row for row in rows if everyone or row["voice"] in ("SILENT", "QUIET")]
    if as_json:
        write_json({"items": shown})
    else:
        write_rows(shown, _VOICES)
        say(f"偏静或静默 {sum(row['voice'] in ('SILENT', 'QUIET') for row in rows)} 个，共 {len(rows)} 个报送方")
    if any(row["voice"] == "SILENT" for row in rows):
        raise typer.Exit(ExitCode.DATA_FAILED)


@noun.verb()
def reconcile(
    code: Code,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="报送方自己的清单（JSON 或 CSV）")] = None,
    day: DayOption = None,
    as_json: JsonFlag = False,
) -> None:
    """对账：显示中心某日收到的条数、摘要与缺号；给了清单则逐条核对，对不上以 3 结束。

    \b
    示例：
      hub quality reconcile gs --date 2026-03-02
      hub quality reconcile gs 清单.csv --date 2026-03-02 --json
    """
    asked = day.date() if day else None
    with _quality() as desk:
        if file is None:
            _show_held(desk.reconciliation(code, asked or desk.today()), as_json=as_json)
            return
        listed = read_record_list(_content(file))
        compared = desk.compare(code, asked or listed.day or desk.today(), listed.entries)
    _show_comparison(compared, as_json=as_json)
    if compared["equal"] != compared["listed"] or compared["missingThere"]["count"]:
        raise typer.Exit(ExitCode.DATA_FAILED)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise RejectedError("HUB-4006", f"读不到文件 {file}") from exc


def _show_held(held: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(held)
        return
    write_fields(held, (("sender", "报送方"), ("day", "日期"), ("digest", "摘要")))
    write("\n条数")
    write_rows(held["counts"], _COUNTS)
    write("\n缺号")
    write_rows(held["gaps"], _GAPS)


def _show_comparison(compared: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(compared)
        return
    write_fields(
        compared, (("sender", "报送方"), ("day", "日期"), ("listed", "清单"), ("held", "中心"), ("equal", "一致"))
    )
    for name, title in _LISTS.items():
        if compared[name]["count"]:
            write(f"\n{title}（{compared[name]['count']}）")
            write_rows(compared[name]["items"], _NAMED)
