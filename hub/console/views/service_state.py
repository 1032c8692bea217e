"""What the hub does at present: the state of the service, and changing it."""

from http import HTTPStatus

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.session import Right
from hub.domain.errors import RejectedError
from hub.domain.service_states import SERVICE_STATES

_PATH = "/service-state"
_EFFECTS = {
    "NORMAL": "一切照常",
    "INTAKE_ONLY": "照常接收报文；处理、计时和工作人员的改动暂停，页面可以查看",
    "READ_ONLY": "不接收报文（对方收到 503 和理由，稍后自行重发）；处理、计时和改动暂停，可以查询",
    "MAINTENANCE": "除本页外，接口和页面一律回 503",
}


def register(console: Console) -> None:
    console.page(_PATH, Right.SERVICE_STATE, lambda visit: _show(console, visit))
    console.action(_PATH, Right.SERVICE_STATE, lambda visit: _change(console, visit))


def _show(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    return console.render(
        visit, "service_state.html", status, states=SERVICE_STATES, effects=_EFFECTS, problem=problem,
        wanted=visit.field("state"), reason=visit.field("reason"),
    )  # fmt: skip


def _change(console: Console, visit: Visit) -> Response:
    client = visit.request.client
    address = client.host if client else ""
    try:
        console.services.change_service(visit.user, visit.field("state"), visit.field("reason"), address)
    except RejectedError as refusal:
        return _show(console, visit, refusal.message, HTTPStatus.UNPROCESSABLE_ENTITY)
    return console.done(_PATH, "service_changed")
