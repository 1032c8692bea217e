"""National numbers with their check digits, the hub's own case number, and how they are masked.

Every check reads a number as people type it: surrounding blanks, full-width signs and lower case make no
difference. `tidy` gives the form to store and compare.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from string import ascii_lowercase, ascii_uppercase, digits

_ALPHANUMERIC = digits + ascii_uppercase

# str.upper() and unicodedata would also turn signs such as "ı" or "①" into plain ones: only these are meant.
_TYPED_SIGNS = {0xFF01 + n: chr(0x21 + n).upper() for n in range(94)} | {ord(c): c.upper() for c in ascii_lowercase}


def tidy(text: str) -> str:
    return text.strip().translate(_TYPED_SIGNS)


def _weighted_sum(body: str, alphabet: str, weights: Sequence[int]) -> int:
    return sum(alphabet.index(sign) * weight for sign, weight in zip(body, weights, strict=True))


# --- areas: GB/T 2260 and GB/T 10114 ---------------------------------------------------------------------------

# fmt: off
PROVINCES = frozenset({
    "11", "12", "13", "14", "15",  # north
    "21", "22", "23",  # north-east
    "31", "32", "33", "34", "35", "36", "37",  # east
    "41", "42", "43", "44", "45", "46",  # centre and south
    "50", "51", "52", "53", "54",  # south-west
    "61", "62", "63", "64", "65",  # north-west
    "71", "81", "82",  # Taiwan, Hong Kong, Macao
})
# fmt: on


def is_area_code(code: str) -> bool:
    """True for six digits that begin with a province of GB/T 2260.

    The county part is not looked up: abolished codes stay valid in old records.
    """
    return bool(re.fullmatch("[0-9]{6}", tidy(code))) and tidy(code)[:2] in PROVINCES


def is_subcounty_area_code(code: str) -> bool:
    """True for twelve digits: area (GB/T 2260), township and village (GB/T 10114, 000 = the county itself)."""
    return bool(re.fullmatch("[0-9]{12}", tidy(code))) and is_area_code(tidy(code)[:6])


# --- organisation code GB 11714 and unified social credit code GB 32100 ----------------------------------------

_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_CHECK_DIGITS = "0X987654321"  # by sum mod 11: 11 - 1 = 10 is written X, 11 - 0 = 11 is written 0

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I O S V Z
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_CREDIT_SHAPE = re.compile(f"[{_CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{_CREDIT_ALPHABET}]{{10}}")


def organisation_code_check_digit(body: str) -> str:
    """Ninth sign of an organisation code (GB 11714). Raises ValueError unless `body` is 8 of 0–9 A–Z."""
    return _ORGANISATION_CHECK_DIGITS[_weighted_sum(body, _ALPHANUMERIC, _ORGANISATION_WEIGHTS) % 11]


def is_organisation_code(code: str) -> bool:
    """True for 8 signs and their check digit (GB 11714), with or without a dash between them."""
    match = re.fullmatch("([0-9A-Z]{8})-?([0-9X])", tidy(code))
    return match is not None and organisation_code_check_digit(match[1]) == match[2]


def credit_code_check_digit(body: str) -> str:
    """Eighteenth sign of a credit code (GB 32100). Raises ValueError unless `body` is 17 signs of its alphabet."""
    return _CREDIT_ALPHABET[-_weighted_sum(body, _CREDIT_ALPHABET, _CREDIT_WEIGHTS) % 31]


def is_credit_code(code: str) -> bool:
    number = tidy(code)
    return bool(_CREDIT_SHAPE.fullmatch(number)) and credit_code_check_digit(number[:17]) == number[17]


# --- resident identity number GB 11643 -------------------------------------------------------------------------

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECK_DIGITS = "10X98765432"  # by sum mod 11
_RESIDENT_SHAPE = re.compile("[0-9]{17}[0-9X]")
_LEGACY_RESIDENT_SHAPE = re.compile("[0-9]{15}")
# Residence permits of Hong Kong, Macao and Taiwan residents carry 810000, 820000, 830000; GB/T 2260 has no 83.
_RESIDENT_PROVINCES = PROVINCES | {"83"}


class ResidentIdProblem(StrEnum):
    SHAPE = "SHAPE"
    AREA = "AREA"
    BIRTH_DATE = "BIRTH_DATE"
    CHECK_DIGIT = "CHECK_DIGIT"


@dataclass(frozen=True)
class ResidentIdCheck:
    """`legacy`: a number of 15 digits, as issued before October 1999; it has no check digit."""

    number: str = field(repr=False)
    legacy: bool
    problem: ResidentIdProblem | None


def resident_id_check_digit(body: str) -> str:
    """Eighteenth sign of a resident number (GB 11643). Raises ValueError unless `body` is 17 digits."""
    return _RESIDENT_CHECK_DIGITS[_weighted_sum(body, digits, _RESIDENT_WEIGHTS) % 11]


def check_resident_id(text: str) -> ResidentIdCheck:
    """The first thing wrong with a resident number of 18 or 15 signs; a birth in the future is not noticed."""
    number = tidy(text)
    legacy = bool(_LEGACY_RESIDENT_SHAPE.fullmatch(number))
    return ResidentIdCheck(number, legacy, _resident_id_problem(number, legacy))


def is_resident_id(text: str) -> bool:
    return check_resident_id(text).problem is None


def _resident_id_problem(number: str, legacy: bool) -> ResidentIdProblem | None:
    if not legacy and not _RESIDENT_SHAPE.fullmatch(number):
        return ResidentIdProblem.SHAPE
    if number[:2] not in _RESIDENT_PROVINCES:
        return ResidentIdProblem.AREA
    birth = _existing_day("19" + number[6:12] if legacy else number[6:14])
    if birth is None or not 1800 <= birth.year <= 2099:
        return ResidentIdProblem.BIRTH_DATE
    if not legacy and resident_id_check_digit(number[:17]) != number[17]:
        return ResidentIdProblem.CHECK_DIGIT
    return None


def _existing_day(yyyymmdd: str) -> date | None:
    try:
        return date(int(yyyymmdd[:4]), int(yyyymmdd[4:6]), int(yyyymmdd[6:]))
    except ValueError:
        return None


# --- unified case number ---------------------------------------------------------------------------------------

_UNIFIED_SHAPE = re.compile("([0-9]{6})([A-Z]{2})([0-9]{8})([0-9]{6})([0-9A-Z])")
_LAST_SERIAL = 999_999


@dataclass(frozen=True)
class UnifiedNo:
    text: str
    area: str
    letters: str
    day: date
    serial: int


def mod_37_36_check_digit(body: str) -> str:
    """ISO 7064 MOD 37,36 check sign. Raises ValueError for a sign other than 0–9 A–Z."""
    product = 36
    for sign in body:
        product = ((product + _ALPHANUMERIC.index(sign)) % 36 or 36) * 2 % 37
    return _ALPHANUMERIC[(1 - product) % 36]


def make_unified_no(area: str, letters: str, day: date, serial: int) -> str:
    """The 23 characters of a unified case number: area 6, subject letters 2, day 8, serial 6, check 1.

    Raises ValueError when a part does not fit: no such province, not two letters A–Z, serial not 1–999999.
    """
    area_fits = re.fullmatch("[0-9]{6}", area) and area[:2] in PROVINCES
    if not (area_fits and re.fullmatch("[A-Z]{2}", letters) and 1 <= serial <= _LAST_SERIAL):
        raise ValueError("a unified case number needs a 6-digit area, 2 letters A-Z and a serial from 1 to 999999")
    body = f"{area}{letters}{day.year:04}{day.month:02}{day.day:02}{serial:06}"
    return body + mod_37_36_check_digit(body)


def parse_unified_no(text: str) -> UnifiedNo | None:
    """The parts of a unified case number, None if it is not one."""
    match = _UNIFIED_SHAPE.fullmatch(tidy(text))
    if match is None or mod_37_36_check_digit(match[0][:-1]) != match[5]:
        return None
    day, serial = _existing_day(match[3]), int(match[4])
    if day is None or serial == 0 or not is_area_code(match[1]):
        return None
    return UnifiedNo(match[0], match[1], match[2], day, serial)


def is_unified_no(text: str) -> bool:
    return parse_unified_no(text) is not None


# --- masking ---------------------------------------------------------------------------------------------------

_SHORTEST_RESIDENT_ID = 15
_SHORTEST_MOBILE_NO = 11


def mask_id_no(number: str) -> str:
    """First 6 and last 4 signs of a resident-sized number; of a shorter one (a passport) the first and last."""
    text = number.strip()
    return _keep_ends(text, 6, 4) if len(text) >= _SHORTEST_RESIDENT_ID else _keep_outermost(text)


def mask_phone(number: str) -> str:
    """First 3 and last 4 signs; of a number shorter than a mobile one the first and last."""
    text = number.strip()
    return _keep_ends(text, 3, 4) if len(text) >= _SHORTEST_MOBILE_NO else _keep_outermost(text)


def mask_name(name: str) -> str:
    """First character of a person's name, however long. Organisations' names are public and need no mask."""
    return _keep_ends(name.strip(), 1, 0)


def _keep_outermost(text: str) -> str:
    if len(text) <= 2:  # both ends would be the whole value
        return _keep_ends(text, len(text) // 2, 0)
    return _keep_ends(text, 1, 1)


def _keep_ends(text: str, head: int, tail: int) -> str:
    hidden = max(len(text) - head - tail, 0)
    return text[:head] + "*" * hidden + text[head + hidden :]
