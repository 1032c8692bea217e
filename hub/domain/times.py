"""China time: the county's days begin at midnight in Asia/Shanghai, whatever zone a server runs in."""

from datetime import UTC, date, datetime, time, timedelta, timezone

CHINA_TIME = timezone(timedelta(hours=8), "Asia/Shanghai")


def china_day(moment: datetime) -> date:
    return moment.astimezone(CHINA_TIME).date()


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """First instant of a day in China and of the next one, in UTC."""
    start = datetime.combine(day, time(), CHINA_TIME).astimezone(UTC)
    return start, start + timedelta(days=1)


def as_json(moment: datetime | None) -> str | None:
    """ISO 8601 with the offset of China."""
    return None if moment is None else moment.astimezone(CHINA_TIME).isoformat(timespec="milliseconds")
