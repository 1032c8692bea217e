"""`hub case`: one case reconstructed, and the search for it."""

from typing import Annotated, Any

import typer

from hub.cli.desk import Desk, open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, write, write_fields, write_json, write_page, write_rows
from hub.console.clock_words import DAY_KINDS, day_note, sentence
from hub.stores.case_views import CaseQuery, CaseReader, search_cases
from hub.stores.paging import LARGEST_PAGE
from supervision.law import law_in_force

noun = Noun("办件：查找，以及按时间还原一个办件")

_IDENTITY = (
    ("unifiedNo", "统一办件编号"), ("caseNo", "部门办件编号"), ("title", "办件名称"), ("itemName", "事项"),
    ("orgName", "部门"), ("applicantName", "申请人"), ("stateTitle", "状态"), ("cardTitle", "最高有效牌"),
    ("appliedAt", "申请"), ("acceptedAt", "受理"), ("promisedDueAt", "承诺到期"), ("statutoryDueAt", "法定到期"),
    ("finishedAt", "办结"),
)  # fmt: skip
_STEPS = (
    ("stepSeq", "序"), ("stepName", "环节"), ("stepStatusTitle", "状态"), ("officerName", "经办人"),
    ("handledAt", "业务时间"), ("receivedAt", "收到时间"), ("revision", "版本"),
)  # fmt: skip
_CARDS = (("id", "编号"), ("levelTitle", "级别"), ("stateTitle", "状态"), ("ruleCode", "规则"), ("message", "说明"))
_RUNS = (("from", "自"), ("to", "至"), ("days", "天数"), ("counted", "累计"), ("kindTitle", "计时"), ("note", "说明"))
_LIST = (
    ("unifiedNo", "统一办件编号"), ("orgName", "部门"), ("title", "办件名称"), ("stateTitle", "状态"),
    ("cardTitle", "牌"), ("promisedDueAt", "承诺到期"),
)  # fmt: skip


@noun.verb()
def show(
    number: Annotated[str, typer.Argument(metavar="NO", help="统一办件编号，或“部门编码/部门办件编号”")],
    as_json: JsonFlag = False,
) -> None:
    """显示一个办件：基本情况、环节、特别程序、结果、时限和牌。

    \b
    示例：
      hub case show 330324GS202603020000011
      hub case show 33032400GS/GS-2026-0001 --json
    """
    with open_desk() as desk:
        found = read_case(desk, number)
    if as_json:
        write_json(found)
    else:
        _print_case(found)


def read_case(desk: Desk, number: str) -> dict[str, Any]:
    """Raises NotFoundError HUB-4042."""
    with desk.database.read() as unit:
        law = law_in_force(unit)
        reader = CaseReader(law.calendar, law.policy, desk.sealer, desk.now())
        org_code, slash, case_no = number.partition("/")
        if slash:
            return reader.by_org(unit, org_code, case_no, None)
        return reader.by_unified_no(unit, number, None)


def _print_case(case: dict[str, Any]) -> None:
    write_fields(case, _IDENTITY)
    write("\n环节")
    write_rows(case["steps"], _STEPS)
    if case["specials"]:
        write("\n特别程序")
        write_rows(
            case["specials"], (("kindTitle", "种类"), ("startedAt", "开始"), ("endedAt", "结束"), ("basis", "依据"))
        )
    if case["result"]:
        write("\n结果")
        write_fields(
            case["result"], (("resultStatusTitle", "办结状态"), ("finishedAt", "办结时间"), ("opinion", "意见"))
        )
    _print_clock(case)
    if case["cards"]:
        write("\n监察牌")
        write_rows(case["cards"], _CARDS)


def _print_clock(case: dict[str, Any]) -> None:
    write("\n时限")
    told = sentence(case["clock"], finished_at=case["finishedAt"])
    if told:
        write(told)
    rows = [
        run | {"kindTitle": DAY_KINDS.get(run["kind"], run["kind"]), "note": day_note(run["note"])}
        for run in case["clock"]["segments"]
    ]
    write_rows(rows, _RUNS)


@noun.verb()
def find(
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="编号、事项、办件名称或申请人中的任意文字")],
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="最多显示几条")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """查找办件，汉字一个起。

    \b
    示例：
      hub case find 食品 经营
      hub case find GS-2026 --limit 50 --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        page = search_cases(unit, CaseQuery(q=" ".join(words), limit=limit))
    write_page(page, _LIST, as_json=as_json)
