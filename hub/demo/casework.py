"""How one department works one case: the records that its system would push, step by step."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.demo.people import Applicant
from hub.domain.records import Application, ApplicationMaterial, ProcessRecord, ResultRecord, ServiceItem, Special

_OFFICERS = ("经办人丙", "经办人丁", "经办人戊")
_LONGEST_DESK_MINUTES = 40


@dataclass(slots=True)
class Casework:
    """One case on its way. Each call gives the next record; nothing is sent here."""

    item: ServiceItem
    case_no: str
    applicant: Applicant
    accepted_at: datetime
    chance: random.Random
    pushed_steps: int = 0
    _officer: str = field(init=False)

    def __post_init__(self) -> None:
        self._officer = self.chance.choice(_OFFICERS)

    @property
    def remaining_steps(self) -> int:
        return len(self.item.step) - self.pushed_steps

    def acceptance(self) -> ProcessRecord:
        """The first step with the application on it."""
        return self.step(
            self.accepted_at, "ACCEPTED", application=self.application(), opinion="材料齐全，符合法定形式，予以受理"
        )

    def application(self) -> Application:
        item, applicant = self.item, self.applicant
        return Application(
            title=f"{applicant.name}{item.item_name}申请",
            summary=f"申请办理{item.item_name}",
            apply_method=self.chance.choice(("COUNTER", "ONLINE")),
            material=tuple(
                ApplicationMaterial(name=held.name, kind=held.kind, copies=1, received=True) for held in item.material
            ),
            applied_at=self.accepted_at - timedelta(minutes=self.chance.randint(5, _LONGEST_DESK_MINUTES)),
            accepted_at=self.accepted_at,
            applicant_type=applicant.applicant_type,
            applicant_name=applicant.name,
            applicant_id_type=applicant.id_type,
            applicant_id_no=applicant.id_no,
            handling_class=item.handling_class,
            promised_limit=item.promised_limit,
            limit_unit=item.promised_limit_unit,
            statutory_limit=item.statutory_limit,
            statutory_limit_unit=item.statutory_limit_unit,
        )

    def step(
        self,
        handled_at: datetime,
        status: str = "PASSED",
        *,
        application: Application | None = None,
        special: Special | None = None,
        opinion: str = "同意",
    ) -> ProcessRecord:
        """The next step of the item's flow; beyond its end the last one again."""
        step = self.item.step[min(self.pushed_steps, len(self.item.step) - 1)]
        self.pushed_steps += 1
        return ProcessRecord(
            record_id=f"{self.case_no}-{self.pushed_steps:02d}",
            case_no=self.case_no,
            item_code=self.item.item_code,
            org_code=self.item.org_code,
            org_name=self.item.org_name,
            office=self.item.office,
            step_seq=self.pushed_steps,
            step_code=step.step_code,
            step_name=step.step_name,
            post=step.post,
            officer_id=f"{self.item.org_code[-2:]}{_OFFICERS.index(self._officer) + 1:03d}",
            officer_name=self._officer,
            step_status=status,
            handled_at=handled_at,
            opinion=opinion,
            application=application,
            special=special,
        )

    def steps_until(self, last: datetime) -> list[ProcessRecord]:
        """All steps that are left, evenly between acceptance and `last`."""
        share = (last - self.accepted_at) / (self.remaining_steps + 1)
        return [self.step(self.accepted_at + share * (place + 1)) for place in range(self.remaining_steps)]

    def result(self, finished_at: datetime, status: str = "GRANTED", **extra: object) -> ResultRecord:
        fees: Sequence[object] = [fee.amount for fee in self.item.fee] or [None]
        values: dict[str, object] = {
            "opinion": "准予许可" if status == "GRANTED" else "不符合法定条件，不予许可",
            "receivable": fees[0],
            "paid": fees[0],
            "certificate_name": self.item.item_name if status == "GRANTED" else None,
            "certificate_no": f"样例证字{self.case_no}" if status == "GRANTED" else None,
        }
        return ResultRecord(
            record_id=f"{self.case_no}-R",
            case_no=self.case_no,
            item_code=self.item.item_code,
            org_code=self.item.org_code,
            result_status=status,
            finished_at=finished_at,
            **(values | extra),  # type: ignore[arg-type]
        )
