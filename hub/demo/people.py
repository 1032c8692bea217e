"""Invented applicants. Their numbers carry serial 000 and a right check digit, so nobody real can own them."""

import random
from dataclasses import dataclass

from hub.demo.county import AREA_CODE
from hub.domain.identifiers import credit_code_check_digit, organisation_code_check_digit, resident_id_check_digit

_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_TRADES = ("商贸", "建设", "餐饮", "物流", "科技", "置业", "人力资源", "机械")


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who applies; a person or an enterprise."""

    name: str
    applicant_type: str
    id_type: str
    id_no: str


def some_applicant(chance: random.Random) -> Applicant:
    return _enterprise(chance) if chance.random() < 0.5 else _person(chance)


def _mark(chance: random.Random) -> str:
    return chance.choice(_STEMS) + chance.choice(_BRANCHES)


def _person(chance: random.Random) -> Applicant:
    body = f"{AREA_CODE}{chance.randint(1960, 2004)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}000"
    return Applicant(f"申请人{_mark(chance)}", "PERSON", "111", body + resident_id_check_digit(body))


def _enterprise(chance: random.Random) -> Applicant:
    subject = f"DEM0{chance.randint(0, 9999):04d}"
    body = f"91{AREA_CODE}{subject}{organisation_code_check_digit(subject)}"
    name = f"样例{_mark(chance)}{chance.choice(_TRADES)}有限公司"
    return Applicant(name, "ENTERPRISE", "001", body + credit_code_check_digit(body))
