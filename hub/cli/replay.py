"""`hub replay`: jobs that have messages processed again."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hub.cli.desk import Desk, actor, open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write, write_fields, write_json, write_page, write_rows
from hub.domain.errors import RejectedError
from hub.parts import open_hub
from hub.roles import Roles
from hub.stores import replay
from hub.stores.paging import LARGEST_PAGE, Page
from hub.stores.replay import ITEM_STATES, JOB_STATES, LARGEST_JOB, Order, Selection
from hub.stores.replay_views import ItemQuery, ReplayQuery, replay_detail, search_items, search_replays

noun = Noun("重放任务：成组地把报文再处理一次")

JobId = Annotated[int, typer.Argument(metavar="ID", help="任务编号")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="只试运行：算出会改变什么，任务留待 hub replay start")]
MessageLimit = Annotated[int, typer.Option(min=1, max=LARGEST_JOB, help="最多多少个报文，早到的优先")]
_BATCH = 50
_POLL_SECONDS = 0.2
_COLUMNS = (
    ("id", "编号"), ("stateTitle", "状态"), ("itemCount", "报文"), ("accounts", "进度"), ("createdBy", "建立人"),
    ("createdAt", "建立时间"), ("finishedAt", "结束时间"),
)  # fmt: skip
_FIELDS = (
    *_COLUMNS, ("matchedCount", "符合条件"), ("batchSize", "每批"), ("ratePerSecond", "每秒最多"),
    ("startedAt", "启动时间"),
)  # fmt: skip
_FORECAST = (
    ("messages", "报文"), ("skipped", "跳过的报文"), ("failingMessages", "仍有隔离的报文"),
    ("newRecords", "新入库的记录"), ("unchangedRecords", "不变的记录"), ("failingWords", "仍会隔离的记录"),
    ("cardsRaised", "新发或恢复的牌"), ("cardsRestated", "证据更新的牌"), ("cardsCleared", "解除或被取代的牌"),
)  # fmt: skip
_ITEMS = (("receiptNo", "回执"), ("sender", "报送方"), ("stateTitle", "状态"), ("heldCount", "隔离"))


def place(selection: Selection, *, dry_run: bool, as_json: bool) -> None:
    """Makes a job of the selection and starts it; a dry run rehearses it here and leaves it to be started."""
    with open_desk() as desk:
        if dry_run:
            desk.require_secret()
        with desk.database.unit() as unit:
            job_id = replay.create(unit, Order(selection, _BATCH, rehearse=dry_run), actor(), desk.now())
            if not dry_run:
                replay.turn(unit, job_id, "start", actor(), desk.now())
        if dry_run:
            _rehearse(desk, job_id)
        with desk.database.read() as unit:
            job = replay_detail(unit, job_id)
    _tell(job, as_json)
    if dry_run:
        say(f"没有改变任何数据；要照此重放：hub replay start {job_id}")


def _rehearse(desk: Desk, job_id: int) -> None:
    """Until it is done, by this process or by a keeper that runs elsewhere."""
    hub = open_hub(desk.settings)
    try:
        while _state(desk, job_id) == "REHEARSING":
            if not Roles(hub).replay_keeper().rehearse(job_id):
                time.sleep(_POLL_SECONDS)
    finally:
        hub.database.dispose()


def _state(desk: Desk, job_id: int) -> str:
    with desk.database.read() as unit:
        return str(replay_detail(unit, job_id)["state"])


@noun.verb("list")
def list_(
    state: Annotated[str | None, typer.Option(help="状态：" + "、".join(JOB_STATES))] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="最多显示几个")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """列出重放任务，新的在前。

    \b
    示例：
      hub replay list
      hub replay list --state RUNNING --json
    """
    if state is not None and state not in JOB_STATES:
        raise RejectedError("HUB-4006", f"没有这个状态；可用：{'、'.join(JOB_STATES)}")
    with open_desk() as desk, desk.database.read() as unit:
        page = search_replays(unit, ReplayQuery(state, limit))
    shown = page if as_json else Page([_worded(job) for job in page.items], page.next)
    write_page(shown, _COLUMNS, as_json=as_json)


@noun.verb()
def show(
    job_id: JobId,
    state: Annotated[str | None, typer.Option(help="列出这一状态的报文：" + "、".join(ITEM_STATES))] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="最多列出几个报文")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """显示一个重放任务：试运行的结果、进度，以及报文各自的结果。

    \b
    示例：
      hub replay show 3
      hub replay show 3 --state QUARANTINED --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        job = replay_detail(unit, job_id)
        items = search_items(unit, job_id, ItemQuery(state, limit)).items
    if as_json:
        write_json(job | {"items": items})
        return
    _tell(job, as_json=False)
    write("\n报文")
    write_rows(items, _ITEMS)


@noun.verb()
def start(job_id: JobId, as_json: JsonFlag = False) -> None:
    """启动：由处理进程（hub work，或内嵌的 hub serve）逐批重放；重复启动不会重复处理。

    \b
    示例：
      hub replay start 3
      hub replay start 3 --json
    """
    _turn(job_id, "start", as_json)


@noun.verb()
def pause(job_id: JobId, as_json: JsonFlag = False) -> None:
    """暂停：不再放入新的报文，已在队列中的做完。

    \b
    示例：
      hub replay pause 3
      hub replay pause 3 --json
    """
    _turn(job_id, "pause", as_json)


@noun.verb()
def resume(job_id: JobId, as_json: JsonFlag = False) -> None:
    """继续：从暂停处接着重放。

    \b
    示例：
      hub replay resume 3
      hub replay resume 3 --json
    """
    _turn(job_id, "resume", as_json)


@noun.verb()
def cancel(job_id: JobId, as_json: JsonFlag = False) -> None:
    """取消：未放入的报文不再重放，已重放的保留。

    \b
    示例：
      hub replay cancel 3
      hub replay cancel 3 --json
    """
    _turn(job_id, "cancel", as_json)


@noun.verb()
def pace(
    job_id: JobId,
    batch: Annotated[int, typer.Option(help="队列中同时最多多少个本任务的报文")] = _BATCH,
    rate: Annotated[int | None, typer.Option(help="每秒最多放入多少个；不写 = 不另限")] = None,
    as_json: JsonFlag = False,
) -> None:
    """快慢：改变任务每批的大小和每秒的上限，进行中也可以。

    \b
    示例：
      hub replay pace 3 --batch 20 --rate 5
      hub replay pace 3 --batch 200 --json
    """
    with open_desk() as desk, desk.database.unit() as unit:
        replay.set_pace(unit, job_id, Order(Selection(), batch, rate), actor(), desk.now())
        job = replay_detail(unit, job_id)
    _tell(job, as_json)


def _turn(job_id: int, act: str, as_json: bool) -> None:
    with open_desk() as desk, desk.database.unit() as unit:
        replay.turn(unit, job_id, act, actor(), desk.now())
        job = replay_detail(unit, job_id)
    _tell(job, as_json)


def _tell(job: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        write_json(job)
        return
    write_fields(_worded(job), _FIELDS)
    forecast = job["forecast"]
    if forecast is not None:
        write("\n试运行")
        failing = "、".join(f"{code} {count}" for code, count in forecast["failingRecords"].items())
        write_fields({**forecast, "failingWords": failing}, _FORECAST)


def _worded(job: Mapping[str, Any]) -> dict[str, Any]:
    accounts = "、".join(f"{ITEM_STATES[state]} {count}" for state, count in job["counts"].items() if count)
    return {**job, "accounts": accounts}
