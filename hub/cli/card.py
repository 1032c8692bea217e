"""`hub card`: cards and their proof."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from hub.cli.desk import open_desk
from hub.cli.failures import ExitCode
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, coloured, shown, write, write_json, write_page
from hub.console.clock_words import DAY_KINDS, day_note
from hub.domain.codes import CARD_LEVELS
from hub.stores.card_views import CardQuery, card_detail, search_cards
from hub.stores.paging import LARGEST_PAGE
from supervision.proof import recomputes_the_same

noun = Noun("监察牌：列出，以及说明一张牌的依据")

_COLUMNS = (
    ("id", "编号"), ("levelTitle", "级别"), ("stateTitle", "状态"), ("ruleCode", "规则"), ("orgName", "部门"),
    ("caseNo", "办件编号"), ("raisedAt", "发牌时间"), ("message", "说明"),
)  # fmt: skip
_VERDICTS = {
    True: ("一致", "GREEN"),
    False: ("不一致", "RED"),
    None: ("不能重算（所用规则或日历版本已不在）", "YELLOW"),
}


@noun.verb("list")
def list_(
    level: Annotated[
        str | None, typer.Option(help="级别：" + "、".join(f"{code} {title}" for code, title in CARD_LEVELS.items()))
    ] = None,
    state: Annotated[str | None, typer.Option(help="状态：OPEN、REPLACED、CLEARED")] = None,
    org: Annotated[str | None, typer.Option(help="部门编码")] = None,
    rule: Annotated[str | None, typer.Option(help="规则代码")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="最多显示几条")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """列出监察牌，新的在前。

    \b
    示例：
      hub card list --level RED
      hub card list --state OPEN --org 33032400GS --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        page = search_cards(unit, CardQuery(level=level, state=state, org_code=org, rule_code=rule, limit=limit))
    write_page(page, _COLUMNS, as_json=as_json)


@noun.verb()
def explain(card_id: Annotated[int, typer.Argument(metavar="ID", help="牌的编号")], as_json: JsonFlag = False) -> None:
    """说明一张牌：规则、依据、时限如何计算，并当场重新计算；不一致时退出码为 3。

    \b
    示例：
      hub card explain 12
      hub card explain 12 --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        card = card_detail(unit, card_id, None)
        same = recomputes_the_same(unit, card["evidence"])
    if as_json:
        write_json(card | {"recomputedTheSame": same})
    else:
        for line in proof_lines(card):
            write(line)
        write(f"重新计算：{coloured(*_VERDICTS[same])}")
    if same is False:
        raise typer.Exit(ExitCode.DATA_FAILED)


def proof_lines(card: Mapping[str, Any]) -> Iterator[str]:
    """The proof of a card, line by line in Chinese."""
    evidence = card["evidence"]
    department = card["orgName"] or card["orgCode"]
    yield f"{card['levelTitle']}（{card['stateTitle']}） {department} {card['caseNo']} {card['title'] or ''}".rstrip()
    yield f"结论：{evidence['sentence']}"
    yield f"规则：{card['ruleCode']} 第 {card['ruleVersion']} 版 {card['ruleTitle']}"
    yield f"依据：{evidence['rule']['legalBasis']}"
    for event in evidence["events"]:
        received = f"（收到 {shown(event['receivedAt'])}）" if event["receivedAt"] else ""
        yield f"事实：{event['stepName'] or event['recordId']} {shown(event['happenedAt'])}{received}"
    if evidence["clock"]:
        yield from _clock_lines(evidence["clock"])
    if evidence["counterfactual"]:
        yield f"反事实：{evidence['counterfactual']}"


def _clock_lines(clock: Mapping[str, Any]) -> Iterator[str]:
    yield f"时限：{clock['limitTitle']}，自 {clock['startDay']} 起算，到期 {shown(clock['dueAt']) or '未定'}"
    for run in clock["segments"]:
        words = "，".join(part for part in (DAY_KINDS.get(run["kind"], run["kind"]), day_note(run["note"])) if part)
        yield f"  {run['from']} 至 {run['to']}：{words}，累计 {run['counted']:g}"
    yield f"日历：{clock['calendarVersion']}" + ("（含未公布的日子，结果为暂定）" if clock["provisional"] else "")
