"""Item codes (事项编码): which published scheme a code follows, and whether it keeps that scheme's rules."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.identifiers import is_area_code, is_credit_code, is_organisation_code, tidy


class ItemScheme(StrEnum):
    YONGJIA = "YONGJIA"  # 永嘉 2013: 33032400AJ-CF-0003
    TIANZHU = "TIANZHU"  # 天祝 2015: 22 characters of the subject, a dash, 10 of the item
    NATIONAL_31 = "NATIONAL_31"  # 实施编码: credit code 18, level 1, basic code 12
    NATIONAL_33 = "NATIONAL_33"  # 业务办理项编码: the 31 and 2 more


class ItemCodeProblem(StrEnum):
    UNKNOWN_SCHEME = "UNKNOWN_SCHEME"
    UNKNOWN_PROVINCE = "UNKNOWN_PROVINCE"
    ORG_CODE_CHECK = "ORG_CODE_CHECK"
    CREDIT_CODE_CHECK = "CREDIT_CODE_CHECK"
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    SERIAL_ZERO = "SERIAL_ZERO"


@dataclass(frozen=True)
class ItemCodeParts:
    """What a code says about its item; None where its scheme does not say it.

    `area` is GB/T 2260; the area inside a credit code is that of the registering authority and not given here.
    """

    area: str | None = None
    township: str | None = None
    village: str | None = None
    letters: str | None = None
    organisation_code: str | None = None
    credit_code: str | None = None
    level: str | None = None
    item_type: str | None = None
    serial: str | None = None
    sub_item: str | None = None
    basic_code: str | None = None
    handling_item: str | None = None


@dataclass(frozen=True)
class ItemCodeCheck:
    """`code` is the form to store: tidied if the scheme is known, else only without its surrounding blanks."""

    code: str
    scheme: ItemScheme | None
    problem: ItemCodeProblem | None
    parts: ItemCodeParts = ItemCodeParts()


# The 2015 document prints the connector as a dash and once as the character 一; the others are look-alikes.
_CONNECTORS = dict.fromkeys(map(ord, "—–一‐‑−"), "-")

_NATIONAL = "(?P<credit_code>[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10})(?P<level>[0-9A-Z])(?P<basic_code>[0-9A-Z]{12})"

# Shapes are wider than the rules, so that a mistyped code is told what is wrong with it.
_SHAPES = {
    ItemScheme.YONGJIA: re.compile(
        "(?P<area>[0-9]{6})(?P<township>[0-9]{2})(?P<letters>[A-Z]{2})-(?P<item_type>[A-Z]{2})-(?P<serial>[0-9]{4})"
    ),
    ItemScheme.TIANZHU: re.compile(
        "(?P<area>[0-9]{6})(?P<township>[0-9]{3})(?P<village>[0-9]{3})(?P<organisation_code>[0-9A-Z]{9})[0-9A-Z]"
        "-?(?P<item_type>[A-Z]{2})(?P<serial>[0-9]{5})(?P<sub_item>[0-9]{3})"
    ),
    ItemScheme.NATIONAL_31: re.compile(_NATIONAL),
    ItemScheme.NATIONAL_33: re.compile(_NATIONAL + "(?P<handling_item>[0-9A-Z]{2})"),
}

_YONGJIA_TYPES = frozenset(("XK", "SP", "CF", "QZ", "ZS", "GF", "JL", "QR", "ZY", "CJ", "JG", "DL", "FW", "QT"))
_TIANZHU_TYPES = frozenset(("XK", "CF", "QZ", "ZS", "GF", "CJ", "QR", "JL", "JD", "QT"))


def _is_counted(serial: str) -> bool:
    return int(serial) > 0


_Rule = tuple[str, Callable[[str], bool], ItemCodeProblem]
_AREA_RULE: _Rule = ("area", is_area_code, ItemCodeProblem.UNKNOWN_PROVINCE)
_SERIAL_RULE: _Rule = ("serial", _is_counted, ItemCodeProblem.SERIAL_ZERO)
_CREDIT_RULE: _Rule = ("credit_code", is_credit_code, ItemCodeProblem.CREDIT_CODE_CHECK)

_RULES: dict[ItemScheme, tuple[_Rule, ...]] = {
    ItemScheme.YONGJIA: (
        _AREA_RULE,
        ("item_type", _YONGJIA_TYPES.__contains__, ItemCodeProblem.UNKNOWN_TYPE),
        _SERIAL_RULE,
    ),
    ItemScheme.TIANZHU: (
        _AREA_RULE,
        ("organisation_code", is_organisation_code, ItemCodeProblem.ORG_CODE_CHECK),
        ("item_type", _TIANZHU_TYPES.__contains__, ItemCodeProblem.UNKNOWN_TYPE),
        _SERIAL_RULE,
    ),
    # The level is not judged: codes with a letter there are in use.
    ItemScheme.NATIONAL_31: (_CREDIT_RULE,),
    ItemScheme.NATIONAL_33: (_CREDIT_RULE,),
}

_SUBJECT_SHAPE = re.compile("(?P<area>[0-9]{6})[0-9]{2}(?P<letters>[A-Z]{2})")


def item_scheme(code: str) -> ItemScheme | None:
    """The scheme whose shape the code has, be its content right or wrong."""
    normalised = _normalised(code)
    return next((scheme for scheme, shape in _SHAPES.items() if shape.fullmatch(normalised)), None)


def check_item_code(code: str) -> ItemCodeCheck:
    """Reads a code as typed and names the first rule of its scheme that it breaks.

    A code of no known scheme is acceptable too; `UNKNOWN_SCHEME` flags it.
    """
    scheme, normalised = item_scheme(code), _normalised(code)
    match = _SHAPES[scheme].fullmatch(normalised) if scheme else None
    if scheme is None or match is None:
        return ItemCodeCheck(code.strip(), None, ItemCodeProblem.UNKNOWN_SCHEME)
    part = match.groupdict()
    problem = next((problem for name, holds, problem in _RULES[scheme] if not holds(part[name])), None)
    return ItemCodeCheck(_stored(normalised, scheme), scheme, problem, ItemCodeParts(**part))


def subject_of(org_code: str, item_code: str) -> tuple[str, str] | None:
    """Area (6 digits) and subject letters (2), from an organisation like 33032400GS, else from a 2013 item code.

    None when neither tells, or when the area belongs to no province.
    """
    item = _SHAPES[ItemScheme.YONGJIA].fullmatch(_normalised(item_code))
    for subject in (_SUBJECT_SHAPE.fullmatch(tidy(org_code)), item):
        if subject and is_area_code(subject["area"]):
            return subject["area"], subject["letters"]
    return None


def _normalised(code: str) -> str:
    return tidy(code).translate(_CONNECTORS)


def _stored(normalised: str, scheme: ItemScheme) -> str:
    return f"{normalised[:22]}-{normalised[-10:]}" if scheme is ItemScheme.TIANZHU else normalised
