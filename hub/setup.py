"""Prepares a database: schema, calendar and rules that come with the program. Safe to repeat."""

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any

from hub.adapting.office import install_package
from hub.domain.errors import RejectedError
from hub.domain.item_codes import subject_of
from hub.stores import registry, rules
from hub.stores.case_library import NO_SUBJECT
from hub.stores.session import Connection, Database
from hub.stores.supervision import wake_unsettled_cases
from hub.stores.upgrade import upgrade, wait_for_turn
from supervision.judging.calendar import Calendar, shipped_calendar
from supervision.judging.clock import ClockPolicy
from supervision.judging.rule_documents import examples_that_fail, shipped_documents
from supervision.law import RECHECK_AFTER


def prepare(database: Database, now: datetime) -> None:
    """Creates or upgrades the schema and adds shipped versions that are not there yet."""
    upgrade(database)
    with database.unit() as unit:
        wait_for_turn(unit)
        _seed_calendar(unit, now)
        schema = json.loads(files("schemas").joinpath("rule.schema.json").read_text(encoding="utf-8"))
        for document in shipped_documents(schema):
            activate_rule(unit, document, now)
        install_package(unit, now)


def activate_rule(unit: Connection, document: Mapping[str, Any], now: datetime) -> None:
    """Puts a rule version into force. Raises RejectedError HUB-4005 when it contradicts its own examples."""
    problems = examples_that_fail(document, shipped_calendar(), ClockPolicy())
    if problems:
        raise RejectedError("HUB-4005", "；".join(problem.message for problem in problems), problems[0].path)
    rules.add_rule_version(unit, document, now)


def _seed_calendar(unit: Connection, now: datetime) -> None:
    """Only the first calendar: a county that imported its own keeps it through upgrades."""
    if rules.active_calendar(unit) is None:
        add_calendar(unit, shipped_calendar(), "chinesecalendar 与 holidays 两个公开数据源逐日一致", now)


def add_calendar(unit: Connection, calendar: Calendar, source: str, now: datetime) -> bool:
    """Puts a calendar version into force and has cases judged by it; False when that version is there already."""
    hours = [[start.strftime("%H:%M"), end.strftime("%H:%M")] for start, end in calendar.hours.spans]
    version = {
        "version": calendar.version,
        "source": source,
        "first_day": calendar.first_day,
        "published_until": calendar.published_until,
        "hours": hours,
    }
    days = [(day, working, calendar.names.get(day, "")) for day, working in sorted(calendar.exceptions.items())]
    added = rules.add_calendar(unit, version, days, now)
    if added:
        # Not before every process has noticed the new version, or a case would be judged by the old one again.
        wake_unsettled_cases(unit, now + 2 * RECHECK_AFTER)
    return added


def register_department(unit: Connection, org_code: str, name: str, area_code: str, now: datetime) -> None:
    """Registers a department; area and letters come from its code, else from the county's area code."""
    subject = subject_of(org_code, "") or (area_code, NO_SUBJECT[1])
    registry.ensure_department(unit, org_code, name, subject, now)
