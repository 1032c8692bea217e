"""What a column's values look like, judged value by value, and how one may be shown to people."""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum

from hub.domain.identifiers import (
    is_credit_code,
    is_organisation_code,
    is_resident_id,
    mask_id_no,
    mask_name,
    mask_phone,
)
from hub.domain.item_codes import check_item_code

LONGEST_JUDGED = 200
NULL_WORDS = frozenset({"null", "NULL", "Null", "(null)", "暂无"})


class ValueKind(StrEnum):
    """The narrowest kind that a value fits."""

    RESIDENT_ID = "RESIDENT_ID"
    CREDIT_CODE = "CREDIT_CODE"
    ITEM_CODE = "ITEM_CODE"
    ORG_CODE = "ORG_CODE"
    PHONE = "PHONE"
    INSTANT = "INSTANT"
    DAY = "DAY"
    FLAG = "FLAG"
    WHOLE = "WHOLE"
    DECIMAL = "DECIMAL"
    TOKEN = "TOKEN"  # noqa: S105 - letters and digits without blanks: a number, a code
    TEXT = "TEXT"


KIND_TITLES = {
    ValueKind.RESIDENT_ID: "居民身份证号码", ValueKind.CREDIT_CODE: "统一社会信用代码", ValueKind.ITEM_CODE: "事项编码",
    ValueKind.ORG_CODE: "部门编码", ValueKind.PHONE: "电话号码", ValueKind.INSTANT: "日期时间", ValueKind.DAY: "日期",
    ValueKind.FLAG: "真假值", ValueKind.WHOLE: "整数", ValueKind.DECIMAL: "小数", ValueKind.TOKEN: "编号或代码",
    ValueKind.TEXT: "文本",
}  # fmt: skip

# Some form of year, month and day, and a time of day or none; the converter `datetime` reads all of them.
_MONTHS, _DAYS = "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
_TWO_DIGIT_DAY = "(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_DAY = f"(?:19|20)[0-9]{{2}}(?:[-/.年]{_MONTHS}[-/.月]{_DAYS}日?|{_TWO_DIGIT_DAY})"
_SECONDS = r"(?:[:分](?:[0-5]?[0-9](?:\.[0-9]{1,9})?秒?)?)?"
_CLOCK = f"(?:[ T]?(?:上午|下午)? ?[0-2]?[0-9][:时点][0-5]?[0-9]{_SECONDS}|T?[0-2][0-9][0-5][0-9][0-5][0-9])"
_OFFSET = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_JAVA_DATE = (
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-3][0-9] "
    r"[0-2][0-9]:[0-5][0-9]:[0-5][0-9] [A-Z]{3,4} [0-9]{4}"
)
_CHINESE_DAY = "[〇零一二三四五六七八九]{4}年[一二三四五六七八九十]{1,2}月[一二三四五六七八九十]{1,3}日"
_INSTANT_SHAPE = re.compile(f"{_DAY}{_CLOCK}{_OFFSET}|{_JAVA_DATE}")
_DAY_SHAPE = re.compile(f"{_DAY}|{_CHINESE_DAY}")
_FLAGS = frozenset({"true", "false", "是", "否", "有", "无", "Y", "N", "yes", "no"})
_PHONE = re.compile(r"(?:\+?86)?1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8}(?:-[0-9]{1,6})?|[2-8][0-9]{2,3}-[0-9]{7,8}")
_ORG_SHAPE = re.compile(r"[0-9]{8}[A-Z]{2}")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,16}\.[0-9]{1,6}")
_TOKEN_SHAPE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_\-./:〔〕\[\]()（）]{0,99}")

_TESTS: Sequence[tuple[ValueKind, Callable[[str], object]]] = (
    (ValueKind.RESIDENT_ID, lambda text: len(text) == 18 and is_resident_id(text)),
    (ValueKind.CREDIT_CODE, lambda text: len(text) == 18 and is_credit_code(text)),
    (ValueKind.ITEM_CODE, lambda text: len(text) >= 18 and check_item_code(text).problem is None),
    (
        ValueKind.ORG_CODE,
        lambda text: _ORG_SHAPE.fullmatch(text) or (not text.isdigit() and is_organisation_code(text)),
    ),
    (ValueKind.PHONE, _PHONE.fullmatch),
    (ValueKind.INSTANT, _INSTANT_SHAPE.fullmatch),
    (ValueKind.DAY, _DAY_SHAPE.fullmatch),
    (ValueKind.FLAG, _FLAGS.__contains__),
    (ValueKind.WHOLE, _WHOLE.fullmatch),
    (ValueKind.DECIMAL, _DECIMAL.fullmatch),
    (ValueKind.TOKEN, _TOKEN_SHAPE.fullmatch),
)


def is_empty(text: str) -> bool:
    """Blank, or one of the words with which systems write that there is nothing."""
    return not text or text.isspace() or text.strip() in NULL_WORDS


def kind_of(text: str) -> ValueKind:
    """The narrowest kind of one value that is not empty."""
    tidied = text.strip()
    if len(tidied) > LONGEST_JUDGED:
        return ValueKind.TEXT
    return next((kind for kind, fits in _TESTS if fits(tidied)), ValueKind.TEXT)


_SHOWN_WHOLE = frozenset({
    ValueKind.ITEM_CODE, ValueKind.ORG_CODE, ValueKind.INSTANT, ValueKind.DAY, ValueKind.FLAG, ValueKind.DECIMAL,
})  # fmt: skip
_LONGEST_CODE = 8
_MASKS: dict[ValueKind, Callable[[str], str]] = {
    ValueKind.RESIDENT_ID: mask_id_no,
    ValueKind.CREDIT_CODE: mask_id_no,
    ValueKind.PHONE: mask_phone,
}


def shown(text: str) -> str:
    """An example for the screen: numbers of persons and free text are masked, codes and dates are not."""
    tidied, kind = text.strip(), kind_of(text)
    if kind in _MASKS:
        return _MASKS[kind](tidied)
    if kind in _SHOWN_WHOLE or (kind is not ValueKind.TEXT and len(tidied) <= _LONGEST_CODE):
        return tidied
    if kind is ValueKind.TEXT:
        return mask_name(tidied)[:4] + f"（{len(tidied)} 字）"
    return mask_id_no(tidied)
