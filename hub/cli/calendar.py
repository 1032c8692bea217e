"""`hub calendar`: the working days in force."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.desk import open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write_fields, write_json, write_rows
from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.setup import add_calendar
from hub.stores.rules import active_calendar
from supervision.judging.calendar import Calendar, read_calendar

noun = Noun("日历：工作日与节假日，按版本生效")

_FIELDS = (
    ("version", "版本"),
    ("source", "来源"),
    ("firstDay", "自"),
    ("publishedUntil", "公布至"),
    ("hours", "办公时间"),
)
_DAYS = (("day", "日期"), ("working", "上班"), ("name", "名称"))


@noun.verb()
def show(
    year: Annotated[int | None, typer.Option(help="列出这一年与周一至周五不同的日子")] = None, as_json: JsonFlag = False
) -> None:
    """显示生效的日历。

    \b
    示例：
      hub calendar show
      hub calendar show --year 2026 --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        stored = active_calendar(unit)
    if stored is None:
        raise RetryableError("HUB-9007", "没有生效的日历：请先运行 hub init")
    version, days = stored
    shown = _version(version)
    listed = [
        {"day": day.isoformat(), "working": working, "name": name} for day, working, name in days if day.year == year
    ]
    if as_json:
        write_json(shown | {"days": listed})
        return
    write_fields(shown, _FIELDS)
    write_rows(listed, _DAYS)


def _version(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": row["version"],
        "source": row["source"],
        "firstDay": row["first_day"].isoformat(),
        "publishedUntil": row["published_until"].isoformat(),
        "hours": [f"{start}–{end}" for start, end in row["hours"]],
    }


@noun.verb("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="日历文件，格式同 supervision/library/calendar-cn.csv")],
    source: Annotated[str, typer.Option(help="来源，例如国务院办公厅通知的文号")] = "命令行导入",
    as_json: JsonFlag = False,
) -> None:
    """导入一版日历并使其生效；未办结和“暂定”的办件随即按新日历重新评判，旧版本保留供重算证据。

    \b
    示例：
      hub calendar import calendar-2027.csv --source 国办发明电〔2026〕7号
      hub calendar import calendar-2027.csv --json
    """
    calendar = _read(file)
    with open_desk() as desk, desk.database.unit() as unit:
        added = add_calendar(unit, calendar, source, desk.now())
        if not added:
            raise RejectedError("HUB-6003", "这个版本号的日历已经导入；内容有变请换新的版本号")
        desk.record(unit, "calendar.import", ("calendar", calendar.version), source=source)
    if as_json:
        write_json({"version": calendar.version, "publishedUntil": calendar.published_until.isoformat()})
    say(f"日历 {calendar.version} 已生效，公布至 {calendar.published_until}")


def _read(file: Path) -> Calendar:
    try:
        return read_calendar(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise NotFoundError("HUB-4043", "日历文件不存在") from exc
    except ValueError as exc:
        raise RejectedError(
            "HUB-3004", "日历文件的格式不对：首行写版本和起止日期，其后每行“日期,是否上班,名称”"
        ) from exc
