"""What every command that works on the database needs: settings, database, clock, and the name of who acts."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from hub.cli.logs import configure_logs
from hub.cli.output import say
from hub.config import Settings, unknown_variables
from hub.domain.errors import RejectedError, RetryableError
from hub.stores import audit
from hub.stores.audit import Act
from hub.stores.sealing import Sealer
from hub.stores.session import Connection, Database
from hub.stores.upgrade import is_current


@dataclass(frozen=True, slots=True)
class Desk:
    """One opened hub for the length of one command."""

    settings: Settings
    database: Database

    @property
    def sealer(self) -> Sealer:
        """Raises as `require_secret`."""
        return Sealer(self.require_secret())

    def require_secret(self) -> bytes:
        """Raises RetryableError HUB-9007 when `hub init` never ran here."""
        try:
            return self.settings.secret()
        except FileNotFoundError as exc:
            raise RetryableError("HUB-9007", "没有找到密钥文件：请先运行 hub init，或设置 HUB_SECRET_KEY") from exc

    def now(self) -> datetime:
        return datetime.now(UTC)

    def record(self, unit: Connection, action: str, about: tuple[str, str], **detail: Any) -> None:
        """Audits a change in the change's own unit; `about` is the kind and the name of what was changed."""
        audit.record(unit, Act(actor(), action, *about, detail=detail), self.now())


def actor() -> str:
    """Who is at the command line, for the audit: `cli:` and the user of the operating system."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError, ImportError):  # a container's user may have no name; 3.11 also looks for `pwd`
        return "cli:unknown"


def read_settings(**overrides: Any) -> Settings:
    """The settings; logs as they say. Raises RejectedError HUB-4006 that names the variable, never its value."""
    try:
        settings = Settings(**overrides)
    except ValidationError as exc:
        raise RejectedError("HUB-4006", "；".join(_setting_problem(problem) for problem in exc.errors())) from exc
    configure_logs(settings.log_level)
    for name in unknown_variables():
        say(f"注意：没有 {name} 这个设置，已忽略")
    return settings


def _setting_problem(problem: Any) -> str:
    if not problem["loc"]:
        return str(problem["ctx"]["error"])  # a rule over several settings, in our own words
    return f"设置 HUB_{str(problem['loc'][0]).upper()} 的值不合规"


@contextmanager
def open_desk() -> Iterator[Desk]:
    """The hub named by the settings. Raises RetryableError HUB-9007 when its database was never prepared."""
    settings = read_settings()
    if missing_file(settings):
        raise _unprepared()
    with opened(settings) as desk:
        if not is_current(desk.database):
            raise _unprepared()
        yield desk


@contextmanager
def opened(settings: Settings) -> Iterator[Desk]:
    database = Database(settings.database())
    try:
        yield Desk(settings, database)
    finally:
        database.dispose()


def missing_file(settings: Settings) -> bool:
    """True when the embedded database has no file yet: opening it would leave an empty one behind."""
    return not settings.database_url and not (settings.data_dir / "hub.db").exists()


def _unprepared() -> RetryableError:
    return RetryableError("HUB-9007", "数据库还没有初始化，或版本与程序不符：请先运行 hub init")
