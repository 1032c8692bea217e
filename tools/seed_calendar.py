"""Writes the shipped calendar from two independent libraries, or refuses when they disagree on a day.

    python tools/seed_calendar.py           writes supervision/library/calendar-cn.csv
    python tools/seed_calendar.py --check   only compares with the file

Both libraries follow the yearly notice of the State Council. Raise LAST_DAY when a new notice is in both of them.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path

import chinese_calendar
import holidays
from chinese_calendar import Holiday, constants

FIRST_DAY = date(2009, 1, 1)
LAST_DAY = date(2026, 12, 31)
TARGET = Path(__file__).parents[1] / "supervision" / "library" / "calendar-cn.csv"

IsWorking = Callable[[date], bool]


class CalendarsDisagreeError(Exception):
    """The two libraries give different answers for some days."""


def days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def disagreements(first: IsWorking, second: IsWorking) -> list[date]:
    return [day for day in days(FIRST_DAY, LAST_DAY) if first(day) != second(day)]


def day_name(day: date) -> str:
    """Chinese name of the holiday that makes this day differ from its weekday."""
    if day in constants.workdays:
        return f"{Holiday(constants.workdays[day]).chinese}调休上班"
    name = Holiday(constants.holidays[day]).chinese
    return f"{name}调休" if day in constants.in_lieu_days else name


def calendar_text() -> str:
    """The file's text. Raises CalendarsDisagreeError."""
    china = holidays.country_holidays("CN", years=range(FIRST_DAY.year, LAST_DAY.year + 1))
    different = disagreements(chinese_calendar.is_workday, china.is_working_day)
    if different:
        raise CalendarsDisagreeError(", ".join(day.isoformat() for day in different))
    lines = [header(), "day,working,name"]
    for day in days(FIRST_DAY, LAST_DAY):
        working = chinese_calendar.is_workday(day)
        if working != (day.weekday() < 5):
            lines.append(f"{day},{int(working)},{day_name(day)}")
    return "\n".join(lines) + "\n"


def header() -> str:
    libraries = " = ".join(f"{name} {version(name)}" for name in ("chinesecalendar", "holidays"))
    return (
        f"# version=cn-{FIRST_DAY.year}-{LAST_DAY.year} first_day={FIRST_DAY} published_until={LAST_DAY} "
        f"source=国务院办公厅节假日安排 ({libraries})"
    )


def body(text: str) -> str:
    """The text without its header, which names library versions and may lawfully differ."""
    return text.partition("\n")[2]


def main() -> int:
    parser = argparse.ArgumentParser(description="写出随程序附带的工作日历")
    parser.add_argument("--check", action="store_true", help="只比较，不写文件")
    arguments = parser.parse_args()
    try:
        text = calendar_text()
    except CalendarsDisagreeError as error:
        sys.stderr.write(f"两个来源不一致，拒绝生成：{error}\n")
        return 3
    if arguments.check:
        same = body(TARGET.read_text(encoding="utf-8")) == body(text)
        sys.stderr.write("一致\n" if same else "与文件不一致\n")
        return 0 if same else 3
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
