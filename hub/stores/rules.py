"""Store 4, 监察规则信息库: rule versions, clock policies and calendar versions. Versions are added, never changed."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    select,
    update,
)

from hub.stores.base import Document, UtcTime, metadata

rule = Table(
    "rule",
    metadata,
    Column("code", String(20), primary_key=True),
    Column("title", String(100), nullable=False),
)

rule_version = Table(
    "rule_version",
    metadata,
    Column("rule_code", ForeignKey("rule.code"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # ACTIVE or RETIRED
    Column("document", Document, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("rule_code", "version"),
)

clock_policy = Table(
    "clock_policy",
    metadata,
    Column("version", String(50), primary_key=True),
    Column("document", Document, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

calendar_version = Table(
    "calendar_version",
    metadata,
    Column("version", String(50), primary_key=True),
    Column("source", String(500), nullable=False),
    Column("first_day", Date, nullable=False),
    Column("published_until", Date, nullable=False),
    Column("hours", Document, nullable=False),  # [["09:00", "12:00"], ["13:30", "17:30"]], local time
    Column("is_active", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

calendar_day = Table(
    "calendar_day",
    metadata,
    Column("version", ForeignKey("calendar_version.version"), nullable=False),
    Column("day", Date, nullable=False),
    Column("is_working", Boolean, nullable=False),
    Column("name", String(50), nullable=False),
    PrimaryKeyConstraint("version", "day"),
)


StoredCalendar = tuple[dict[str, Any], list[tuple[date, bool, str]]]
"""A version row, and the days that differ from Monday to Friday: day, working, name."""


def add_rule_version(unit: Connection, document: Mapping[str, Any], now: datetime) -> bool:
    """Adds a version that is not there yet and retires the one before; False when it was there."""
    code, version = document["code"], document["version"]
    mine = (rule_version.c.rule_code == code) & (rule_version.c.version == version)
    if unit.execute(select(rule_version.c.version).where(mine)).first():
        return False
    if unit.execute(select(rule.c.code).where(rule.c.code == code)).first() is None:
        unit.execute(insert(rule).values(code=code, title=document["title"]))
    unit.execute(update(rule_version).where(rule_version.c.rule_code == code).values(state="RETIRED"))
    unit.execute(
        insert(rule_version).values(
            rule_code=code, version=version, state="ACTIVE", document=dict(document), created_at=now
        )
    )
    return True


def active_rule_documents(unit: Connection) -> list[dict[str, Any]]:
    query = select(rule_version.c.document).where(rule_version.c.state == "ACTIVE").order_by(rule_version.c.rule_code)
    return list(unit.execute(query).scalars())


def rule_document(unit: Connection, code: str, version: int) -> dict[str, Any] | None:
    mine = (rule_version.c.rule_code == code) & (rule_version.c.version == version)
    return unit.execute(select(rule_version.c.document).where(mine)).scalar()


def versions_in_force(unit: Connection) -> tuple[object, ...]:
    """Changes exactly when a rule or the calendar in force changes."""
    active = select(rule_version.c.rule_code, rule_version.c.version).where(rule_version.c.state == "ACTIVE")
    calendar = select(calendar_version.c.version).where(calendar_version.c.is_active)
    return (unit.execute(calendar).scalar(), *map(tuple, unit.execute(active.order_by(rule_version.c.rule_code))))


def rule_titles(unit: Connection) -> dict[str, str]:
    return {row.code: row.title for row in unit.execute(select(rule).order_by(rule.c.code))}


def add_calendar(
    unit: Connection, version: Mapping[str, Any], days: Iterable[tuple[date, bool, str]], now: datetime
) -> bool:
    """Adds a calendar version and makes it the one in force; False when the version is there already."""
    if unit.execute(select(calendar_version.c.version).where(calendar_version.c.version == version["version"])).first():
        return False
    unit.execute(update(calendar_version).values(is_active=False))
    unit.execute(insert(calendar_version).values(**version, is_active=True, created_at=now))
    rows = [
        {"version": version["version"], "day": day, "is_working": working, "name": name} for day, working, name in days
    ]
    if rows:
        unit.execute(insert(calendar_day), rows)
    return True


def active_calendar(unit: Connection) -> StoredCalendar | None:
    """The calendar in force."""
    return _calendar(unit, calendar_version.c.is_active)


def named_calendar(unit: Connection, version: str) -> StoredCalendar | None:
    """A calendar version by its name, in force or not."""
    return _calendar(unit, calendar_version.c.version == version)


def _calendar(unit: Connection, condition: Any) -> StoredCalendar | None:
    row = unit.execute(select(calendar_version).where(condition)).mappings().first()
    if row is None:
        return None
    query = select(calendar_day).where(calendar_day.c.version == row["version"]).order_by(calendar_day.c.day)
    return dict(row), [(held.day, held.is_working, held.name) for held in unit.execute(query)]
