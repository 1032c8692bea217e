"""What the hub does at present: a state that its staff set, for all processes, with a reason that callers can read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from hub.domain.errors import RetryableError

RETRY_AFTER_SECONDS = 60  # states last for minutes or hours


class ServiceState(StrEnum):
    """A state of the whole hub."""

    NORMAL = "NORMAL"
    INTAKE_ONLY = "INTAKE_ONLY"
    READ_ONLY = "READ_ONLY"
    MAINTENANCE = "MAINTENANCE"


SERVICE_STATES: Mapping[str, str] = MappingProxyType(
    {"NORMAL": "正常", "INTAKE_ONLY": "只收不办", "READ_ONLY": "只读", "MAINTENANCE": "维护"}
)


class Activity(StrEnum):
    """What a state lets happen or not."""

    INTAKE = "INTAKE"  # messages and numbers at the doors
    WORK = "WORK"  # workers and timers
    CHANGE = "CHANGE"  # by staff: replay, discard
    QUERY = "QUERY"  # at the doors and on the pages


_ALLOWED: Mapping[ServiceState, frozenset[Activity]] = MappingProxyType({
    ServiceState.NORMAL: frozenset(Activity),
    ServiceState.INTAKE_ONLY: frozenset({Activity.INTAKE, Activity.QUERY}),
    ServiceState.READ_ONLY: frozenset({Activity.QUERY}),
    ServiceState.MAINTENANCE: frozenset(),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Service:
    """The state in force; `since` and `by` are None where nobody ever set one."""

    state: ServiceState = ServiceState.NORMAL
    since: datetime | None = None
    by: str | None = None
    reason: str = ""

    @property
    def title(self) -> str:
        return SERVICE_STATES[self.state]

    def allows(self, activity: Activity) -> bool:
        return activity in _ALLOWED[self.state]

    def require(self, activity: Activity) -> None:
        """Raises RetryableError HUB-9021 with the reason."""
        if not self.allows(activity):
            text = f"中心现处于“{self.title}”状态：{self.reason}"
            raise RetryableError("HUB-9021", text, retry_after_seconds=RETRY_AFTER_SECONDS)
