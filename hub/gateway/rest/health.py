"""Whether this process lives, and whether it can do its work."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.domain.errors import RetryableError
from hub.domain.times import china_day
from hub.gateway.rest.context import RestContext
from hub.stores.upgrade import is_current
from supervision.law import Law

CALENDAR_AHEAD = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Health:
    """Probes for whoever runs the processes; no credential needed, nothing told but fit or unfit."""

    context: RestContext

    def live(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    def ready(self, request: Request) -> Response:
        """Raises RetryableError HUB-9002 when the database is away, behind, or was never set up."""
        if not is_current(self.context.database):
            raise RetryableError("HUB-9002", "数据库结构不是本程序要求的版本，请运行 hub init")
        warnings = calendar_warnings(self._law(), self.context.now())
        return JSONResponse({"status": "ready", "warnings": warnings})

    def _law(self) -> Law:
        try:
            return self.context.law()
        except RuntimeError as exc:
            raise RetryableError("HUB-9002", "数据库尚未初始化，请运行 hub init") from exc


def calendar_warnings(law: Law, now: datetime) -> list[dict[str, Any]]:
    """Empty while the published calendar reaches far enough for the limits of today's cases."""
    until = law.calendar.published_until
    if until >= china_day(now + CALENDAR_AHEAD):
        return []
    return [
        {
            "name": "calendar",
            "publishedUntil": until.isoformat(),
            "message": "工作日历即将用完，其后的期限只能暂算，请导入新一年的放假安排",
        }
    ]
