"""The acts of an adapter's life: into the sandbox, under trial, into force, back, stopped."""

from datetime import date
from http import HTTPStatus

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.services import ActAsked
from hub.console.session import Right
from hub.console.views.adapters import show_adapter, version_number
from hub.console.views.lists import as_day
from hub.domain.errors import NotFoundError, RejectedError

_LONGEST_REASON = 500


def register(console: Console) -> None:
    console.action("/adapters/{code}/acts", Right.CHANGE_ADAPTERS, lambda visit: _act(console, visit))


def _act(console: Console, visit: Visit) -> Response:
    try:
        console.services.adapters.act(visit.user, visit.path("code"), _asked(visit))
    except NotFoundError:
        raise
    except RejectedError as refusal:
        return show_adapter(console, visit, f"未成功：{refusal.message}", HTTPStatus.UNPROCESSABLE_ENTITY)
    return console.done(f"/adapters/{visit.path('code')}", "adapter_changed")


def _asked(visit: Visit) -> ActAsked:
    """Raises RejectedError HUB-3005 on a reason that is too long, HUB-3007 on a day that does not exist."""
    reason = visit.field("reason")
    if len(reason) > _LONGEST_REASON:
        raise RejectedError("HUB-3005", f"理由不超过 {_LONGEST_REASON} 字", "reason")
    version = version_number(visit.field("version")) if visit.field("version") else None
    return ActAsked(
        act=visit.field("act"), version=version, reason=reason, fingerprint=visit.field("fingerprint"),
        planned_end=_planned_end(visit.field("planned_end")),
    )  # fmt: skip


def _planned_end(text: str) -> date | None:
    day = as_day(text)
    if text and day is None:
        raise RejectedError("HUB-3007", "预计恢复日期不是真实存在的日期", "planned_end")
    return day
