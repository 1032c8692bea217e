"""The clock of a case as JSON: a short form that goes with every judgement, and the explanation for the case page."""

from datetime import datetime, timedelta
from typing import Any

from hub.domain.history import CaseHistory
from supervision.judging.calendar import Calendar
from supervision.judging.case_reading import PROMISED, STATUTORY, CaseReading, LimitReading, read_case
from supervision.judging.clock import Clock, ClockPolicy, Stop
from supervision.judging.history_json import instant_text
from supervision.judging.segments import REST, DayRow, Segment, day_rows, segments

LONGEST_EXPLANATION = timedelta(days=800)
"""Longer tables explain nothing to anybody, and a limit may be stated as 9999 years."""


def clock_json(case: CaseReading) -> dict[str, Any]:
    """What stays true until another fact arrives. Runs, days and what is counted so far: see `explain_clock`."""
    promised, statutory, clock = case.limits[PROMISED], case.limits[STATUTORY], case.clock
    return {
        "start": _text(clock.start if clock else None),
        "startSource": clock.start_source if clock else None,
        **limit_json(promised),
        "statutory": limit_json(statutory),
        "provisional": promised.due.provisional or statutory.due.provisional,
        "stops": [stop_json(stop) for stop in clock.stops] if clock else [],
        "calendarVersion": case.calendar.version,
        "policyVersion": case.policy.version,
    }


def explain_clock(history: CaseHistory, *, calendar: Calendar, policy: ClockPolicy, as_of: datetime) -> dict[str, Any]:
    """The clock with what is counted so far, its runs (`segments`) and days.

    They end with the result, else with the due day or `as_of`, whichever is later.
    """
    case = read_case(history, calendar=calendar, policy=policy, as_of=as_of)
    rows = _explained_rows(case)
    return {
        **clock_json(case),
        "counted": _counted(case, case.limits[PROMISED]),
        "segments": [segment_json(run) for run in segments(rows)],
        "days": [_day_json(row) for row in rows],
    }


def limit_json(reading: LimitReading) -> dict[str, Any]:
    return {
        "limit": reading.limit.amount if reading.limit else None,
        "unit": reading.limit.unit if reading.limit else None,
        "limitSource": reading.source,
        "dueAt": _text(reading.due.at),
    }


def stop_json(stop: Stop) -> dict[str, Any]:
    return {"from": instant_text(stop.start), "to": _text(stop.end), "reason": stop.reason, "capped": stop.capped}


def segment_json(run: Segment) -> dict[str, Any]:
    return {
        "from": run.first_day.isoformat(),
        "to": run.last_day.isoformat(),
        "kind": run.kind,
        "days": run.days,
        "counted": float(run.counted),
        "note": run.note,
    }


def segments_without_rest(clock: Clock, reading: LimitReading, until: datetime) -> tuple[list[dict[str, Any]], int]:
    """Runs up to an instant, joined over rest days, and how many rest days there were. Short even for a long limit."""
    rows = bounded_rows(clock, reading, until)
    worked = tuple(row for row in rows if row.kind != REST)
    return [segment_json(run) for run in segments(worked)], len(rows) - len(worked)


def bounded_rows(clock: Clock, reading: LimitReading, until: datetime) -> tuple[DayRow, ...]:
    if reading.limit is None:
        return ()
    return day_rows(clock, reading.limit, min(until, clock.start + LONGEST_EXPLANATION))


def _explained_rows(case: CaseReading) -> tuple[DayRow, ...]:
    reading = case.limits[PROMISED]
    if reading.limit is None:
        reading = case.limits[STATUTORY]
    if case.clock is None:
        return ()
    until = case.finished_at or max(case.as_of, reading.due.at or case.as_of)
    return bounded_rows(case.clock, reading, until)


def _day_json(row: DayRow) -> dict[str, Any]:
    counted = float(row.counted_so_far)
    return {"day": row.day.isoformat(), "kind": row.kind, "counted": counted, "note": row.note}


def _counted(case: CaseReading, reading: LimitReading) -> float | None:
    if case.clock is None or reading.limit is None:
        return None
    return case.clock.counted(reading.limit.unit, case.finished_at or case.as_of)


def _text(instant: datetime | None) -> str | None:
    return instant_text(instant) if instant else None
