"""What the console needs of the hub. The composition root supplies it; the browser tests supply a fake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Protocol

from adapters.record_list import Listed
from hub.domain.envelopes import Quota
from hub.domain.service_states import Service
from hub.stores.quality import BehindQuery

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the registration form of a sender (接入登记表) says beside code, name and departments."""

    vendor: str = ""
    contact: str = ""
    phone: str = ""
    networks: str = ""
    access: str = ""
    daily_messages: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderAsked:
    """A sender to be registered; `departments` maps organisation code to name."""

    code: str
    name: str
    departments: Mapping[str, str]
    registration: Registration = Registration()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSearch:
    """`state` is a key of `adapter_words.STATES`; `sender` a registered sender's code."""

    q: str = ""
    state: str = ""
    sender: str = ""
    limit: int = 20
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedSearch:
    adapter: str = ""
    state: str = "OPEN"
    limit: int = 20
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActAsked:
    """An act of an adapter's life. `fingerprint` is of the version as the page showed it; another one is a conflict."""

    act: str
    version: int | None = None
    reason: str = ""
    fingerprint: str = ""
    planned_end: date | None = None


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


class SenderServices(Protocol):
    """Systems that may push. One that does not exist raises NotFoundError HUB-4043."""

    def senders(self, user: ConsoleUser) -> Sequence[Row]:
        """`code, name, orgCodes, disabledNotice, lastReceivedAt, silentSeconds, quota`, and `today`: `received,
        accepted, rejected`."""

    def sender(self, user: ConsoleUser, code: str) -> Row:
        """As in `senders`, and `departments, credentials, registration, today, adapters, problems`."""

    def register(self, user: ConsoleUser, asked: SenderAsked) -> str:
        """The secret, which nobody can read again. Raises RejectedError HUB-6003 on a known code."""

    def change_registration(self, user: ConsoleUser, code: str, registration: Registration) -> None: ...

    def rotate(self, user: ConsoleUser, code: str) -> str:
        """A new secret; the old ones stay valid. Raises RejectedError HUB-5022 when two are valid already."""

    def revoke(self, user: ConsoleUser, code: str, credential_id: str) -> None:
        """Raises RejectedError HUB-5023 on the last valid secret: a sender is stopped by disabling it."""

    def disable(self, user: ConsoleUser, code: str, notice: str) -> None: ...

    def enable(self, user: ConsoleUser, code: str) -> None: ...

    def change_quota(self, user: ConsoleUser, code: str, quota: Quota) -> None: ...


class AdapterServices(Protocol):
    """Departments' adapters. One that does not exist raises NotFoundError HUB-4045.

    A document that is wrong raises RejectedError with its path; a version that changed since, HUB-5004.
    """

    def adapters(self, user: ConsoleUser, search: AdapterSearch) -> Page:
        """`adapter, title, state, stateTitle, version, sender, senderName, lastReceivedAt, silentSeconds, today,
        openQuarantine, openUnmapped, problem`; `today` holds `received, accepted, rejected, quarantined`."""

    def adapter(self, user: ConsoleUser, code: str) -> Row:
        """As in `adapters`, and `acts, versions, events, days, topErrors, pull, shadow, draft, notice`.

        `acts`: what may be done now, each `act, title, hint, version, fingerprint, needsReason`. `versions`: newest
        first, each `number, state, stateTitle, author, createdAt, activatedBy, activatedAt, fingerprint`. `draft`:
        number or None. `shadow`: the version on trial, `version, state, since, compared, different, units, refused,
        issues`, or None.
        """

    def version(self, user: ConsoleUser, code: str, number: int) -> Row:
        """A row of `versions`, and its `document` and `acts`."""

    def drift(self, user: ConsoleUser, code: str) -> Sequence[Row]:
        """How the last messages are built otherwise than earlier ones: `unit, title, path, message`. No values."""

    def act(self, user: ConsoleUser, code: str, asked: ActAsked) -> None:
        """Raises RejectedError HUB-5005 and on when the state does not allow it or samples fail."""

    def shadow_differences(self, user: ConsoleUser, code: str) -> Sequence[Row]:
        """`target, title, kind, count`: what the version under trial would store otherwise, by target field."""

    def unmapped(self, user: ConsoleUser, search: UnmappedSearch) -> Page:
        """`id, adapter, adapterTitle, codeMap, value, target, targetTitle, codeList, count, firstSeenAt, lastSeenAt,
        state, stateTitle`."""

    def map_code(self, user: ConsoleUser, entry_id: str, token: str) -> Row:
        """A new version that knows the code: `adapter, version, replayJob` (None: nothing to replay)."""

    def ignore_code(self, user: ConsoleUser, entry_id: str, reason: str) -> None: ...

    def create(self, user: ConsoleUser, document: Mapping[str, Any]) -> None:
        """A new adapter with its first draft. Raises RejectedError HUB-6003 on a known code."""

    def draft(self, user: ConsoleUser, code: str) -> Row:
        """`number, document, digest, author, changedAt` of the draft; without one, of the version that a draft would
        start from, and `digest` is empty."""

    def save_draft(self, user: ConsoleUser, code: str, document: Mapping[str, Any], digest: str) -> None:
        """`digest` is of the draft that was changed, empty when there was none; another one raises HUB-5004."""

    def dry_run(self, user: ConsoleUser, code: str, limit: int) -> Row:
        """The draft over the last stored messages, nothing written: `messages, units, accepted, refusedMessages,
        changedMessages, byTarget, byIssue`; the changes are against the version in force."""


class QualityServices(Protocol):
    """Data quality and reconciliation. A sender that does not exist raises NotFoundError HUB-4043."""

    def today(self) -> date: ...

    def senders(self, first_day: date, last_day: date) -> Sequence[Row]:
        """Every sender with its score, the worst first. Raises RejectedError HUB-4037 on days that are no span."""

    def sender(self, code: str, first_day: date, last_day: date) -> Row:
        """As in `senders`, and `days` and `codes`."""

    def behind(self, wanted: BehindQuery) -> Row:
        """`figure`, and a page of the rows that make it. Raises RejectedError HUB-3004, HUB-4037."""

    def silences(self) -> Sequence[Row]:
        """Every sender in use with its state, the silent ones first."""

    def reconciliation(self, code: str, day: date) -> Row:
        """What the hub holds of a sender for a day, and the numbers missing in it."""

    def compare(self, code: str, day: date, entries: Sequence[Listed]) -> Row:
        """The sender's own list of a day against what came in. Raises RejectedError HUB-4037 on a day to come."""


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

    @property
    def registry(self) -> SenderServices: ...

    @property
    def adapters(self) -> AdapterServices: ...

    @property
    def quality(self) -> QualityServices: ...

    def error_catalogue(self) -> Sequence[Row]:
        """Every code of `schemas/errors.toml`: `code, title, cause, remedy, retryable, httpStatus`."""
