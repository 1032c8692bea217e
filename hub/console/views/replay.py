"""Replay jobs: made from the quarantine list, rehearsed, started, watched, paused, cancelled."""

from http import HTTPStatus

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.services import ReplayAsked
from hub.console.session import Right
from hub.console.views.lists import Filter, page_size, read_filters, show_list
from hub.domain.errors import NotFoundError, RejectedError
from hub.stores.replay import ITEM_STATES, JOB_STATES, TURNS

_LONGEST_NUMBER = 18
_ACTS_BY_STATE = {
    "REHEARSING": ("cancel",), "DRAFT": ("start", "cancel"), "RUNNING": ("pause", "cancel"),
    "PAUSED": ("resume", "cancel"),
}  # fmt: skip
_ACT_TITLES = {"start": "开始重放", "pause": "暂停", "resume": "继续", "cancel": "取消任务"}


def register(console: Console) -> None:
    console.page("/replays", Right.REPLAYS, lambda visit: _list(console, visit))
    console.action("/replays", Right.RUN_REPLAYS, lambda visit: _create(console, visit))
    console.page("/replays/{job_id}", Right.REPLAYS, lambda visit: _show(console, visit))
    console.action("/replays/{job_id}/{act}", Right.RUN_REPLAYS, lambda visit: _turn(console, visit))


def _list(console: Console, visit: Visit) -> Response:
    filters = (Filter("state", "状态", JOB_STATES),)
    values = read_filters(visit, filters)
    page = console.services.replays.jobs(values.get("state", ""), page_size(visit), visit.query("after") or None)
    return show_list(console, visit, "replays", filters, values, page)


def _show(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    job_id, state = visit.path("job_id"), visit.query("state")
    state = state if state in ITEM_STATES else ""
    job = console.services.replays.job(job_id)
    items = console.services.replays.items(job_id, state, page_size(visit), visit.query("after") or None)
    acts = {act: _ACT_TITLES[act] for act in _ACTS_BY_STATE.get(job["state"], ())}
    return console.render(
        visit, "replays/job.html", status, job=job, items=items, state=state, acts=acts, item_states=ITEM_STATES,
        problem=problem,
    )  # fmt: skip


def _create(console: Console, visit: Visit) -> Response:
    everything = visit.field("scope") == "found"
    ids = [] if everything else _ticked(visit)
    # the list brings the field with it: without a list there is nothing that was meant
    if not ids and not (everything and "code" in visit.form):
        raise RejectedError("HUB-3001", "请先勾选要重放的隔离记录")
    asked = ReplayAsked(quarantine_ids=ids, code=visit.field("code"), page_key=visit.field("page_key")[:100])
    return console.done(f"/replays/{console.services.replays.create(visit.user, asked)}", "replay_created")


def _ticked(visit: Visit) -> list[int]:
    """Numbers of the ticked records: fields named `entry-12`."""
    numbers = [name.removeprefix("entry-") for name in visit.form if name.startswith("entry-")]
    return sorted(int(text) for text in numbers if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER)


def _turn(console: Console, visit: Visit) -> Response:
    act = visit.path("act")
    if act not in TURNS:
        raise NotFoundError("HUB-4043", "没有这个页面")
    try:
        console.services.replays.turn(visit.user, visit.path("job_id"), act)
    except NotFoundError:
        raise
    except RejectedError as refusal:
        return _show(console, visit, f"未成功：{refusal.message}", HTTPStatus.UNPROCESSABLE_ENTITY)
    return console.done(f"/replays/{visit.path('job_id')}", f"replay_{act}")
