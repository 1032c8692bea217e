"""The demo county: five departments and what they do, read from county.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from hub.domain.records import Fee, ItemMaterial, ItemStep, Risk, ServiceItem

AREA_CODE = "330324"
COUNTY_NAME = "样例县"
SUPERVISION_PHONE = "000-20010000"
OFFICE_HOURS = "工作日 9:00–12:00，13:30–17:30"


@dataclass(frozen=True, slots=True)
class Department:
    """A department and the one system with which it pushes."""

    code: str
    name: str
    sender: str
    system: str
    office: str
    address: str
    phone: str

    @property
    def letters(self) -> str:
        return self.code[-2:]


@dataclass(frozen=True, slots=True)
class County:
    """Departments by code, and their items."""

    departments: Mapping[str, Department]
    items: tuple[ServiceItem, ...]


@cache
def demo_county() -> County:
    document = yaml.safe_load(files("hub.demo").joinpath("county.yaml").read_text(encoding="utf-8"))
    departments = {entry["code"]: Department(**entry) for entry in document["departments"]}
    return County(departments, tuple(_item(entry, departments) for entry in document["items"]))


def _item(entry: Mapping[str, Any], departments: Mapping[str, Department]) -> ServiceItem:
    department = departments[entry["itemCode"][:10]]
    promised, statutory = entry["limit"]
    promised_unit, statutory_unit = entry.get("units", ("WORKING_DAY", "WORKING_DAY"))
    fees = tuple(Fee(**fee | {"amount": Decimal(fee["amount"])}) for fee in entry.get("fee", ()))
    return ServiceItem(
        item_code=entry["itemCode"],
        item_name=entry["itemName"],
        item_type=entry["itemType"],
        handling_class=entry.get("handlingClass", "PROMISE"),
        org_code=department.code,
        org_name=department.name,
        org_nature="STATUTORY",
        office=department.office,
        legal_basis=entry["legalBasis"],
        accept_conditions=entry["acceptConditions"],
        is_charged=bool(fees),
        fee_basis=fees[0].basis if fees else None,
        fee_standard="、".join(f"{fee.name}每件 {fee.amount} 元" for fee in fees) or None,
        fee=fees,
        statutory_limit=statutory,
        statutory_limit_unit=statutory_unit,
        promised_limit=promised,
        promised_limit_unit=promised_unit,
        special_procedure=tuple(entry.get("specialProcedure", ())),
        address=department.address,
        office_hours=OFFICE_HOURS,
        phone=department.phone,
        supervision_phone=SUPERVISION_PHONE,
        step=_steps(entry["steps"]),
        material=tuple(ItemMaterial(name=name, kind="原件", copies=1, required=True) for name in entry["material"]),
        form=(entry["material"][0],),
        faq=(f"问：办理{entry['itemName']}需要多久？答：承诺期限见本指南，补正和依法不计入期限的环节除外。",),
        risk=(Risk(type="审批环节", description="不按规定时限办结", control="电子监察自动计时，超期发牌"),),
    )


def _steps(names: list[str]) -> tuple[ItemStep, ...]:
    last = len(names) - 1
    return tuple(
        ItemStep(
            step_code=f"{place + 1:02d}",
            step_name=name,
            post=f"{name}岗",
            starts_clock=place == 0,
            is_risk=name in ("审查", "决定", "审批"),
            is_start=place == 0,
            is_end=place == last,
            next=() if place == last else (f"{place + 2:02d}",),
        )
        for place, name in enumerate(names)
    )
