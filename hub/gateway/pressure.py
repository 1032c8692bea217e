"""Why the hub takes nothing at present: looked at once a second by a thread of its own, never by a request."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hub.domain.errors import HubError, RetryableError
from hub.stores.load import is_backlog_over, is_read_only
from hub.stores.service_state import ServiceKeeper
from hub.stores.session import Database

LOOK_SECONDS = 1.0
STALE_SECONDS = 5.0  # a look that takes longer hangs in the database, and so would every message
_MIB = 2**20
_BACKLOG_RETRY_SECONDS = 30
_DISK_RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class PressureLimits:
    """`data_dir` is where the embedded database stands; None: it is not ours to watch."""

    backlog_messages: int = 100_000
    free_bytes: int = 500 * _MIB
    data_dir: Path | None = None


class Pressure:
    """Calling it gives the refusal for whoever comes now, or None. Keeps the state of the service fresh on the way."""

    def __init__(
        self,
        database: Database,
        service: ServiceKeeper,
        limits: PressureLimits,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._service = service
        self._limits = limits
        self._monotonic = monotonic
        self._refusal: HubError | None = None
        self._looked_at: float | None = None

    def __call__(self) -> HubError | None:
        if self._looked_at is not None and self._monotonic() - self._looked_at > STALE_SECONDS:
            return RetryableError("HUB-9002", "数据库没有应答")
        return self._refusal

    def look(self) -> int:
        """The step of a loop; never busy."""
        if self._looked_at is None:
            self._looked_at = self._monotonic()
        try:
            self._service()
            self._refusal = self._disk() or self._stores()
        except RetryableError as away:
            self._refusal = away
        self._looked_at = self._monotonic()
        return 0

    def _disk(self) -> HubError | None:
        where = self._limits.data_dir
        if where is None or shutil.disk_usage(where).free >= self._limits.free_bytes:
            return None
        return RetryableError("HUB-9024", "中心磁盘空间不足，暂停接收", retry_after_seconds=_DISK_RETRY_SECONDS)

    def _stores(self) -> HubError | None:
        with self._database.read() as unit:
            if is_read_only(unit):
                return RetryableError("HUB-9002", "数据库现为只读，暂停接收")
            if is_backlog_over(unit, self._limits.backlog_messages):
                return RetryableError(
                    "HUB-9023", "等待处理的报文过多，暂停接收", retry_after_seconds=_BACKLOG_RETRY_SECONDS
                )
        return None
