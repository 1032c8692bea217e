"""Whether a process lives, whether it can do its work, and its figures: for whoever runs the processes.

No credential is needed and nothing is told of any case or person; the front proxy keeps these addresses inside.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from hub.domain.errors import RetryableError
from hub.domain.service_states import Activity, Service
from hub.domain.times import china_day
from hub.stores.session import Database
from hub.stores.upgrade import is_current
from supervision.law import Law

CALENDAR_AHEAD = timedelta(days=90)
LONGEST_STEP_SECONDS = 180.0  # a batch takes seconds; one tried message by message against locks, a minute or two
METRICS_MEDIA_TYPE = "text/plain; version=1.0.0; charset=utf-8"


class Beating(Protocol):
    """A loop that somebody watches."""

    name: str

    @property
    def has_died(self) -> bool: ...

    def silent_seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Probes:
    """`loops` are the ones this process runs; each of `needs` raises RetryableError while something is away."""

    database: Database
    law: Callable[[], Law]
    now: Callable[[], datetime]
    service: Callable[[], Service] = Service
    loops: list[Beating] = field(default_factory=list)
    needs: list[Callable[[], None]] = field(default_factory=list)
    exposition: Callable[[], bytes] = bytes

    def live(self) -> dict[str, Any]:
        """Raises RetryableError HUB-9025 when a loop has ended or hangs: only a restart helps."""
        for loop in self.loops:
            if loop.has_died or loop.silent_seconds() > LONGEST_STEP_SECONDS:
                raise RetryableError("HUB-9025", f"{loop.name} 循环已停摆，请重启本进程")
        return {"status": "ok"}

    def ready(self) -> dict[str, Any]:
        """Raises RetryableError HUB-9002 when the database is away, behind or was never set up, HUB-9021 under
        maintenance, and what `live` and `needs` raise."""
        self.live()
        if not is_current(self.database):
            raise RetryableError("HUB-9002", "数据库结构不是本程序要求的版本，请运行 hub init")
        law, service = self._law(), self.service()
        service.require(Activity.QUERY)
        for need in self.needs:
            need()
        return {"status": "ready", "warnings": calendar_warnings(law, self.now()) + _state_warnings(service)}

    def _law(self) -> Law:
        try:
            return self.law()
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


def _state_warnings(service: Service) -> list[dict[str, Any]]:
    if service.allows(Activity.INTAKE) and service.allows(Activity.WORK):
        return []
    return [{"name": "service", "message": f"服务状态：{service.title}"}]


def connected(name: str, is_up: Callable[[], bool]) -> Callable[[], None]:
    """A need: a link to the broker that stands."""

    def check() -> None:
        if not is_up():
            raise RetryableError("HUB-9008", f"没有连上消息队列（{name}）")

    return check
