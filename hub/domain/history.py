"""The facts of one case, as the judge reads them. Facts carry what departments claim and when the hub received it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFact:
    """One process record in its latest revision."""

    record_id: str
    step_seq: int
    step_name: str
    status: str
    received_at: datetime
    step_code: str | None = None
    post: str | None = None
    officer_id: str | None = None
    started_at: datetime | None = None
    handled_at: datetime | None = None
    revision: int = 1

    @property
    def happened_at(self) -> datetime | None:
        """When the step happened as far as it is known: handled, else started."""
        return self.handled_at or self.started_at


def business_order(step: StepFact) -> tuple[bool, datetime, int, str]:
    """Sort key: time, sequence number, record id; steps without a time last. When it was received never decides."""
    at = step.happened_at
    return at is None, at or _UNTIMED, step.step_seq, step.record_id


_UNTIMED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialFact:
    """One special procedure, pieced together from every record that speaks of it (same kind, same start)."""

    kind: str
    started_at: datetime
    ended_at: datetime | None = None
    requested_limit: int | None = None
    limit_unit: str | None = None
    basis: str | None = None
    approver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationFact:
    """What is known of the application, pieced together from every record that carries one."""

    title: str
    applied_at: datetime
    accepted_at: datetime | None = None
    applicant_name: str = ""
    applicant_type: str | None = None
    handling_class: str | None = None
    promised_limit: int | None = None
    limit_unit: str | None = None
    statutory_limit: int | None = None
    statutory_limit_unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFact:
    """The result in its latest revision. `result_status` is the canonical token, `raw_status` a foreign one kept."""

    record_id: str
    result_status: str
    finished_at: datetime
    received_at: datetime
    raw_status: str | None = None
    receivable: Decimal | None = None
    paid: Decimal | None = None
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFact:
    """The version of the service item that the case runs under."""

    item_code: str
    item_name: str
    revision: int
    is_charged: bool
    promised_limit: int
    promised_limit_unit: str
    statutory_limit: int | None = None
    statutory_limit_unit: str | None = None
    valid_from: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHistory:
    """Everything that is known of one case. Steps are in business order: time, sequence, record id."""

    org_code: str
    case_no: str
    item_code: str
    application: ApplicationFact | None = None
    steps: tuple[StepFact, ...] = ()
    specials: tuple[SpecialFact, ...] = ()
    result: ResultFact | None = None
    item: ItemFact | None = None
