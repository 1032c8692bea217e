"""Every way in which departments were seen to write a time, read as an instant.

A time without offset is China time, and so is what Java calls CST: these systems stand in China.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone

from hub.domain.times import CHINA_TIME

EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
_LONGEST = 60

_DATE = r"(?P<Y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*日?"
_HALF = r"(?P<half>凌晨|早上|上午|中午|下午|晚上|AM|PM|am|pm)?"
_CLOCK = (
    rf"{_HALF}\s*(?P<H>\d{{1,2}})\s*[:时点：]\s*(?:(?P<M>\d{{1,2}})\s*分?)?\s*"
    r"(?:[:：]?\s*(?P<S>\d{1,2})(?:[.,](?P<f>\d{1,9}))?\s*秒?)?"
)
_OFFSET = r"\s*(?P<z>Z|[+-]\d{2}:?\d{2})?"
_WRITTEN = re.compile(rf"{_DATE}(?:[T\s]*{_CLOCK})?{_OFFSET}")
_PACKED = re.compile(
    r"(?P<Y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:T?(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})(?P<f>\d{3})?)?" + _OFFSET
)
_JAVA = re.compile(
    r"[A-Z][a-z]{2} (?P<b>[A-Z][a-z]{2}) (?P<d>\d{1,2}) (?P<H>\d{2}):(?P<M>\d{2}):(?P<S>\d{2}) "
    r"(?:CST|(?P<utc>GMT|UTC)(?P<z>[+-]\d\d:\d\d)?) (?P<Y>\d{4})"
)
_PLAIN_LENGTH = len("2026-03-02 10:00:00")
_EPOCH_MILLISECONDS = re.compile(r"1\d{12}")
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11,
    "Dec": 12,
}  # fmt: skip
_DIGITS = str.maketrans("〇零一二三四五六七八九０１２３４５６７８９", "00123456789" + "0123456789")
_TENS = re.compile(r"([一二三四五六七八九]?)十([一二三四五六七八九]?)")
_CHINESE_DIGIT = re.compile("[〇零一二三四五六七八九十０-９]")
_AFTERNOON = frozenset({"下午", "晚上", "PM", "pm"})
_FORENOON = frozenset({"凌晨", "早上", "上午", "AM", "am"})
_EXCEL_BEGINNING = datetime(1899, 12, 30, tzinfo=CHINA_TIME)
_LAST_EXCEL_SERIAL = 109_574  # 2199-12-31


def read_time(text: str) -> datetime | None:
    """The instant in UTC, or None for what is no time, or a day that does not exist. A mere day is its midnight."""
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    if len(text) == _PLAIN_LENGTH and text[4] == "-" and text[5] in "01":
        return _plainly(text) or _written(text)
    return _written(text)


def _plainly(text: str) -> datetime | None:
    """`2026-03-02 10:00:00` and `2026-03-02T10:00:00`, as most departments write."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo else _in_range(moment.replace(tzinfo=CHINA_TIME))


def _written(text: str) -> datetime | None:
    if _CHINESE_DIGIT.search(text):
        text = _with_digits(text)
    for pattern in (_WRITTEN, _PACKED, _JAVA):
        found = pattern.fullmatch(text)
        if found:
            return _instant(found.groupdict())
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return None


def from_excel_serial(serial: float) -> datetime | None:
    """Days since 1899-12-30 in China, as spreadsheets count them; to the second."""
    if not 1 <= serial <= _LAST_EXCEL_SERIAL:
        return None
    return (_EXCEL_BEGINNING + timedelta(seconds=round(serial * 86_400))).astimezone(UTC)


def read_by_format(text: str, formats: Sequence[str]) -> datetime | None:
    """By the first of the forms that fits: `yyyyMMddHHmmss` as departments write them, or those of `strptime`."""
    for form in formats:
        try:
            moment = datetime.strptime(text.strip(), _strptime_form(form))  # noqa: DTZ007 - the next line gives it its zone
        except ValueError:
            continue
        return _in_range(moment if moment.tzinfo else moment.replace(tzinfo=CHINA_TIME))
    return None


def check_format(form: str) -> None:
    """Raises ValueError for a form that cannot be read by."""
    if not _STRPTIME_FORM.fullmatch(_strptime_form(form)):
        raise ValueError("not a form of times")
    try:
        datetime.strptime("", _strptime_form(form))  # noqa: DTZ007 - only whether the form is one
    except re.error as exc:
        raise ValueError("names a part twice") from exc
    except ValueError:
        return  # the empty text is no time


_STRPTIME_FORM = re.compile("(?:[^%]|%[YymdHIMSfpzbBaA%])+")
_FORM_PARTS = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d", "HH": "%H", "H": "%H", "hh": "%I",
    "mm": "%M", "m": "%M", "ss": "%S", "s": "%S", "SSS": "%f", "a": "%p",
}  # fmt: skip
_FORM_PART = re.compile(r"'([^']*)'|(y+|M+|d+|H+|h+|m+|s+|S+|a)")


def _strptime_form(form: str) -> str:
    if "%" in form:
        return form
    return _FORM_PART.sub(lambda part: part[1] if part[2] is None else _FORM_PARTS.get(part[2], "%?"), form)


def as_china_text(moment: datetime) -> str:
    return moment.astimezone(CHINA_TIME).isoformat()


def china_day(moment: datetime) -> date:
    return moment.astimezone(CHINA_TIME).date()


def _with_digits(text: str) -> str:
    """二〇二六年三月十二日 → 2026年3月12日."""
    return _TENS.sub(lambda tens: f"{tens[1] or '一'}{tens[2] or '〇'}", text).translate(_DIGITS)


def _instant(part: Mapping[str, str | None]) -> datetime | None:
    month = _MONTHS.get(part["b"] or "", 0) if "b" in part else int(part["m"] or 0)
    hour = _hour(int(part.get("H") or 0), part.get("half"))
    fraction = (part.get("f") or "").ljust(6, "0")[:6]
    try:
        zone = _zone(part.get("z") or ("Z" if part.get("utc") else None))
        moment = datetime(
            int(part["Y"] or 0), month, int(part["d"] or 0), hour % 24, int(part.get("M") or 0),
            int(part.get("S") or 0), int(fraction or 0), tzinfo=zone,
        )  # fmt: skip
    except ValueError:
        return None
    if hour == 24 and (moment.minute or moment.second):
        return None
    return _in_range(moment + timedelta(days=hour == 24)) if hour <= 24 else None


def _hour(hour: int, half: str | None) -> int:
    if half in _AFTERNOON and hour < 12:
        return hour + 12
    if half in _FORENOON and hour == 12:
        return 0
    return hour


def _zone(text: str | None) -> timezone:
    if not text:
        return CHINA_TIME
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if text[0] == "-" else span)


def _in_range(moment: datetime) -> datetime | None:
    return moment.astimezone(UTC) if EARLIEST_YEAR <= moment.year <= LATEST_YEAR else None
