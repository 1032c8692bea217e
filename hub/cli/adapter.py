"""`hub adapter`: departments' own formats, from the first sample to the version in force."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.document import load_document
from adapters.engine import compile_adapter
from adapters.library import shipped, shipped_document
from adapters.sample_runs import run_samples
from hub.adapting import views
from hub.adapting.keeper import AdapterKeeper
from hub.adapting.mapping_desk import map_and_replay
from hub.adapting.office import AdapterOffice, Asked
from hub.adapting.rehearsal import MOST_MESSAGES, rehearse
from hub.cli import adapter_draft
from hub.cli.desk import Desk, actor, open_desk
from hub.cli.failures import ExitCode
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write, write_fields, write_json, write_page, write_rows
from hub.domain.errors import NotFoundError, RejectedError
from hub.parts import adapter_office
from hub.stores import adapters, unmapped_codes
from hub.stores.adapters import ADAPTER_STATES, AdapterQuery
from hub.stores.paging import LARGEST_PAGE
from hub.stores.unmapped_codes import UNMAPPED_STATES, UnmappedQuery

noun = Noun("适配器：部门自己的报文格式，起草、试用、启用、回退、停用")

Code = Annotated[str, typer.Argument(metavar="CODE", help="适配器代码")]
Number = Annotated[int | None, typer.Option("--version", min=1, help="版本号；省略则取可以办理的那一版")]
Reason = Annotated[str, typer.Option(help="理由，写入审计")]
_COLUMNS = (
    ("adapter", "代码"), ("title", "名称"), ("stateTitle", "状态"), ("sender", "报送方"), ("transport", "传输方式"),
)  # fmt: skip
_FIELDS = (*_COLUMNS, ("version", "运行的版本"), ("notice", "停用说明"), ("openUnmapped", "未对照代码"))
_VERSIONS = (
    ("number", "版本"), ("stateTitle", "状态"), ("author", "编写"), ("createdAt", "建立时间"),
    ("activatedBy", "启用人"), ("activatedAt", "启用时间"),
)  # fmt: skip
_CHANGES = (("kindTitle", "变化"), ("area", "部分"), ("subject", "项目"), ("before", "原来"), ("after", "现在"))
_CODES = (
    ("id", "编号"), ("adapter", "适配器"), ("codeMap", "对照表"), ("value", "代码"), ("target", "字段"),
    ("count", "次数"), ("stateTitle", "状态"), ("lastSeenAt", "最近出现"),
)  # fmt: skip
_REHEARSAL = (
    ("messages", "报文"), ("units", "记录"), ("accepted", "可以接收"), ("refusedMessages", "整个不能读的报文"),
    ("changedMessages", "与运行版本不同的报文"),
)  # fmt: skip


@noun.verb("list")
def list_(
    state: Annotated[str, typer.Option(help="、".join(ADAPTER_STATES))] = "",
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="最多显示几个")] = 50,
    library: Annotated[bool, typer.Option("--library", help="列出随产品提供的适配器")] = False,
    as_json: JsonFlag = False,
) -> None:
    """列出适配器。

    \b
    示例：
      hub adapter list
      hub adapter list --library
    """
    if library:
        rows = [{"adapter": code, "title": title} for code, title in shipped().items()]
        write_json({"items": rows, "next": None}) if as_json else write_rows(rows, _COLUMNS[:2])
        return
    with open_desk() as desk, desk.database.read() as unit:
        page = adapters.search(unit, AdapterQuery(state=state, limit=limit))
    write_page(page, _COLUMNS, as_json=as_json)


@noun.verb()
def show(code: Code, as_json: JsonFlag = False) -> None:
    """显示一个适配器：状态、版本、可以办理的事、试运行的差异。

    \b
    示例：
      hub adapter show inf-gs
      hub adapter show inf-gs --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        detail = views.adapter_detail(unit, code)
    if as_json:
        write_json(detail)
        return
    write_fields(detail, _FIELDS)
    write_rows(detail["versions"], _VERSIONS)
    for act in detail["acts"]:
        say(f"可以：{act['title']}" + (f"（第 {act['version']} 版）" if act["version"] else ""))


@noun.verb()
def validate(file: Annotated[Path, typer.Argument(metavar="FILE", help="适配器文档，YAML 或 JSON")]) -> None:
    """检查一份文档并运行其中的样例；不需要数据库。

    \b
    示例：
      hub adapter validate inf-gs.yaml
      hub adapter validate adapters/library/inf-tables.yaml
    """
    compiled = compile_adapter(load_document(_text(file)))
    outcomes = run_samples(compiled)
    for outcome in outcomes:
        write(f"{'通过' if outcome.passed else '不符'}\t{outcome.name}")
        for line in outcome.differences:
            write(f"\t{line}")
    failing = sum(not outcome.passed for outcome in outcomes)
    say(f"文档正确；样例 {len(outcomes)} 个，不符 {failing} 个")
    if failing:
        raise typer.Exit(ExitCode.DATA_FAILED)


@noun.verb("import")
def import_(  # noqa: PLR0913 - one parameter per option
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="适配器文档，YAML 或 JSON")] = None,
    from_library: Annotated[str | None, typer.Option("--shipped", help="随产品提供的适配器的代码")] = None,
    code: Annotated[str | None, typer.Option(help="另取的代码")] = None,
    sender: Annotated[str | None, typer.Option(help="属于哪个报送方")] = None,
    org: Annotated[str | None, typer.Option(help="部门编码")] = None,
    org_name: Annotated[str | None, typer.Option(help="部门名称")] = None,
    push: Annotated[bool, typer.Option("--push", help="改为由对方推送或上传，不拉取")] = False,
) -> None:
    """存为草稿；已有草稿的被替换。

    \b
    示例：
      hub adapter import inf-gs.yaml --sender gs
      hub adapter import --shipped inf-tables --code inf-gs --sender gs --org 33032400GS --push
    """
    if (file is None) == (from_library is None):
        raise RejectedError("HUB-4006", "写一个文档文件，或用 --shipped 写随产品提供的适配器代码，二者取一")
    document = shipped_document(from_library) if from_library else load_document(_text(file or Path()))
    changed = document | {name: value for name, value in (("adapter", code), ("sender", sender)) if value}
    if org:
        changed["department"] = {"orgCode": org} | ({"orgName": org_name} if org_name else {})
    if push:
        changed["transport"] = {"kind": "push"}
    with open_desk() as desk:
        row = _office(desk).save(changed, actor())
    say(f"已存为 {changed['adapter']} 第 {row.number} 版草稿")


@noun.verb()
def export(
    code: Code, number: Annotated[int | None, typer.Option("--version", min=1, help="版本号；省略则为最新")] = None
) -> None:
    """输出文档（YAML），可以改后再 import。

    \b
    示例：
      hub adapter export inf-gs > inf-gs.yaml
      hub adapter export inf-gs --version 1
    """
    with open_desk() as desk, desk.database.read() as unit:
        write(views.version_detail(unit, code, number)["text"].rstrip("\n"))


@noun.verb()
def diff(
    code: Code,
    old: Annotated[int, typer.Argument(metavar="OLD", help="原来的版本号")],
    new: Annotated[int, typer.Argument(metavar="NEW", help="现在的版本号")],
    as_json: JsonFlag = False,
) -> None:
    """两个版本按含义比较：字段、代码、条件、约定。

    \b
    示例：
      hub adapter diff inf-gs 1 2
      hub adapter diff inf-gs 1 2 --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        rows = views.differences(unit, code, old, new)
    write_json(rows) if as_json else write_rows(rows, _CHANGES)


@noun.verb("dry-run")
def dry_run(
    code: Code,
    number: Annotated[int | None, typer.Option("--version", min=1, help="版本号；省略则为最新")] = None,
    messages: Annotated[int, typer.Option(min=1, max=MOST_MESSAGES, help="最近多少个报文")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """用最近收到的报文试读一个版本，与运行的版本逐字段比较；什么也不写。

    \b
    示例：
      hub adapter dry-run inf-gs --messages 200
      hub adapter dry-run inf-gs --version 2 --json
    """
    with open_desk() as desk:
        row = rehearse(desk.database, desk.sealer, code, number, messages).row()
    if as_json:
        write_json(row)
        return
    write_fields(row, _REHEARSAL)
    write_rows(row["byTarget"], (("target", "字段"), ("kindTitle", "变化"), ("count", "次数")))
    write_rows(row["byIssue"], (("code", "代码"), ("path", "位置"), ("count", "次数")))


@noun.verb()
def sandbox(code: Code, number: Number = None) -> None:
    """草稿进入沙箱：样例须全部通过；推来的报文只试读，不入库。

    \b
    示例：
      hub adapter sandbox inf-gs
      hub adapter sandbox inf-gs --version 2
    """
    _act("sandbox", code, number)


@noun.verb()
def shadow(code: Code, number: Number = None) -> None:
    """开始试运行：在运行版本旁边用同样的报文试读，列出差异。

    \b
    示例：
      hub adapter shadow inf-gs
      hub adapter shadow inf-gs --version 2
    """
    _act("shadow", code, number)


@noun.verb()
def withdraw(code: Code, number: Number = None) -> None:
    """从沙箱或试运行退回草稿。

    \b
    示例：
      hub adapter withdraw inf-gs
      hub adapter withdraw inf-gs --version 2
    """
    _act("withdraw", code, number)


@noun.verb()
def activate(code: Code, number: Number = None, reason: Reason = "") -> None:
    """启用：从此报文按这一版入库。

    \b
    示例：
      hub adapter activate inf-gs
      hub adapter activate inf-gs --version 2 --reason 试运行三天没有差异
    """
    _act("activate", code, number, reason)


@noun.verb()
def rollback(
    code: Code, number: Annotated[int, typer.Option("--version", min=1, help="回到哪一版")], reason: Reason
) -> None:
    """回到以前的版本：以它的内容建立新的一版并启用。

    \b
    示例：
      hub adapter rollback inf-gs --version 1 --reason 新版把受理时间读错了
      hub adapter rollback inf-gs --version 3 --reason 部门退回旧系统
    """
    _act("rollback", code, number, reason)


@noun.verb()
def disable(
    code: Code,
    reason: Annotated[str, typer.Option(help="停用说明，调用方会读到")],
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="预计恢复的日期")] = None,
) -> None:
    """停用：推来的报文被退回，附上说明。

    \b
    示例：
      hub adapter disable inf-gs --reason 对方系统升级 --until 2026-07-01
      hub adapter disable shuili-banjie --reason 改由省厅统一报送
    """
    _act("disable", code, None, reason, until and until.date())


@noun.verb()
def enable(code: Code) -> None:
    """恢复使用。

    \b
    示例：
      hub adapter enable inf-gs
      hub adapter enable shuili-banjie
    """
    _act("enable", code, None)


@noun.verb()
def unmapped(
    code: Annotated[str, typer.Argument(metavar="[CODE]", help="适配器代码；省略则全部")] = "",
    state: Annotated[str, typer.Option(help="、".join(UNMAPPED_STATES))] = "OPEN",
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="最多显示几个")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """列出没有对照的代码。

    \b
    示例：
      hub adapter unmapped inf-gs
      hub adapter unmapped --state MAPPED --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        page = unmapped_codes.search(unit, UnmappedQuery(code, state, limit))
    write_page(page, _CODES, as_json=as_json)


@noun.verb("map")
def map_(
    entry_id: Annotated[int, typer.Argument(metavar="ID", help="未对照代码的编号")],
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="标准代码，例如 PASSED")],
    replay_all: Annotated[bool, typer.Option("--replay/--no-replay", help="随后重放这个适配器已收到的报文")] = True,
) -> None:
    """对照一次：建立新的一版；适配器在运行时即启用，并把已收到的报文重放一遍。

    \b
    示例：
      hub adapter map 3 PASSED
      hub adapter map 3 PASSED --no-replay
    """
    with open_desk() as desk:
        mapped = map_and_replay(_office(desk), entry_id, token, actor(), replays=replay_all)
    say(f"已写入 {mapped['adapter']} 第 {mapped['version']} 版" + ("，已启用" if mapped["activated"] else "（草稿）"))
    if mapped["replayJob"]:
        say(f"重放任务 {mapped['replayJob']} 已开始：hub replay show {mapped['replayJob']}")


def _act(act: str, code: str, number: int | None, reason: str = "", until: date | None = None) -> None:
    with open_desk() as desk:
        row = _office(desk).act(code, Asked(act, actor(), number, reason, until=until))
    say(f"{code}：{ADAPTER_STATES[row.state]}")


def _office(desk: Desk) -> AdapterOffice:
    return adapter_office(desk.settings, desk.database, AdapterKeeper(desk.database), desk.now)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise NotFoundError("HUB-4043", "文档文件不存在或不能读取") from exc
    except UnicodeDecodeError as exc:
        raise RejectedError("HUB-3020", "适配器文档应为 UTF-8 编码") from exc


adapter_draft.add_to(noun)
