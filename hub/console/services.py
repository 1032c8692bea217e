"""What the console needs of the hub. The composition root supplies it; the browser tests supply a fake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Protocol

from hub.domain.service_states import Service

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """Who is signed in. `org_codes` None: the whole county; otherwise only these departments' cases and cards."""

    name: str
    display_name: str
    role: str
    org_codes: frozenset[str] | None = None


PROGRESS = MappingProxyType({"RUNNING": "未办结", "DUE_SOON": "两个工作日内到期", "FINISHED_TODAY": "今日办结"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSearch:
    """`from_day` and `to_day` bound the day of application, both included; `progress` is a key of PROGRESS."""

    q: str = ""
    org_code: str = ""
    item_code: str = ""
    state: str = ""
    card: str = ""
    progress: str = ""
    from_day: date | None = None
    to_day: date | None = None
    limit: int = 20
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSearch:
    level: str = ""
    state: str = ""
    org_code: str = ""
    rule_code: str = ""
    limit: int = 20
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSearch:
    q: str = ""
    sender: str = ""
    status: str = ""
    state: str = ""
    today: bool = False
    limit: int = 20
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineSearch:
    state: str = ""
    code: str = ""
    limit: int = 20
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayAsked:
    """Quarantined records named one by one, or, with none named, every open one of an error code or of all codes.

    `page_key` is of the page that asked: the same question from the same page is the same job.
    """

    quarantine_ids: Sequence[int] = ()
    code: str = ""
    page_key: str


class Page(Protocol):
    """One page of a list; `next` is the cursor of the page that follows."""

    @property
    def items(self) -> Sequence[Row]: ...

    @property
    def next(self) -> str | None: ...


class ReplayServices(Protocol):
    """A job that does not exist raises NotFoundError HUB-4044."""

    def create(self, user: ConsoleUser, asked: ReplayAsked) -> int:
        """The number of a job that is being rehearsed. Raises NotFoundError when nothing is open any more."""

    def jobs(self, state: str, limit: int, after: str | None) -> Page: ...

    def job(self, job_id: str) -> Row: ...

    def items(self, job_id: str, state: str, limit: int, after: str | None) -> Page: ...

    def turn(self, user: ConsoleUser, job_id: str, act: str) -> None:
        """Raises RejectedError HUB-5003 when the state of the job does not allow the act."""


class ConsoleServices(Protocol):
    """Rows are the JSON-ready dictionaries that REST answers with.

    Whatever is asked for by number and does not exist, or not within the user's departments, raises NotFoundError.
    """

    def now(self) -> datetime: ...

    def service(self) -> Service:
        """What the hub does at present. Raises RetryableError when the database is away."""

    def change_service(self, user: ConsoleUser, state: str, reason: str, address: str) -> None:
        """Raises RejectedError HUB-4006 on an unknown state or a missing reason."""

    def sign_in(self, name: str, password: str, address: str) -> str:
        """A new session token. Raises RejectedError HUB-2006, with one message whatever was wrong."""

    def user_of(self, token: str) -> ConsoleUser | None:
        """None when the session is unknown, ended or timed out."""

    def sign_out(self, token: str) -> None: ...

    def figures(self, user: ConsoleUser) -> Row: ...

    def departments(self, user: ConsoleUser) -> Sequence[Row]:
        """`code` and `name` of the departments that the user may see."""

    def senders(self, user: ConsoleUser) -> Sequence[Row]:
        """`code` and `name` of the registered senders."""

    def search_cases(self, user: ConsoleUser, search: CaseSearch) -> Page: ...

    def case(self, user: ConsoleUser, unified_no: str) -> Row: ...

    def search_cards(self, user: ConsoleUser, search: CardSearch) -> Page: ...

    def card(self, user: ConsoleUser, card_id: str) -> Row: ...

    def recompute_card(self, user: ConsoleUser, card_id: str) -> bool | None:
        """Whether judging the kept inputs again gives the same finding; None when they can no longer be judged."""

    def search_messages(self, user: ConsoleUser, search: MessageSearch) -> Page: ...

    def message(self, user: ConsoleUser, receipt_no: str) -> Row: ...

    def message_body(self, user: ConsoleUser, receipt_no: str, reason: str) -> str:
        """The body as text; who looked and why is recorded with it."""

    def search_quarantine(self, user: ConsoleUser, search: QuarantineSearch) -> Page: ...

    def quarantined(self, user: ConsoleUser, entry_id: str) -> Row: ...

    def discard(self, user: ConsoleUser, entry_id: str, reason: str) -> None:
        """Raises RejectedError when the record is no longer open."""

    def replay(self, user: ConsoleUser, entry_id: str) -> None:
        """Raises RejectedError when the record is no longer open or cannot be taken now either."""

    @property
    def replays(self) -> ReplayServices: ...

    def error_catalogue(self) -> Sequence[Row]:
        """Every code of `schemas/errors.toml`: `code, title, cause, remedy, retryable, httpStatus`."""
