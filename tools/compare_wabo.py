"""Compares the WABO log's own deadlines with the hub's clock, case by case, and lists its dirty records.

    python tools/compare_wabo.py wabo_receipt.xes.gz [--json] [--dirty-records FILE.csv] [--other-readings]

The figures and tables of docs/wabo.md come from here.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.event_log import LogCase, read_log
from adapters.log_mapping import LogMapping, MappedCase, shipped_mapping
from adapters.log_values import DEFAULT_ZONE, TimeReading
from hub.domain.errors import RejectedError
from supervision.judging.calendar import Calendar, shipped_calendar
from supervision.judging.clock import ClockFacts, ClockPolicy, read_clock
from supervision.judging.counting import Limit

_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Ending:
    """How one case ended, by the log and by the hub's clock. Times of the log as written, `due` in local time."""

    case: str
    startdate: str
    deadline: str
    enddate: str
    limit_calendar_days: int
    due: str
    late_by_log: bool
    late_by_hub: bool
    why: str


@dataclass(frozen=True)
class DirtyRecord:
    """A step whose time contradicts its case. `finding` is the rule that reports it, empty where none does."""

    record_id: str
    step: str
    handled_at: str
    contradiction: str
    reference_time: str
    finding: str


def endings(cases: Iterable[tuple[LogCase, MappedCase]], calendar: Calendar) -> Iterator[Ending]:
    for case, mapped in cases:
        application = mapped.process[0].application if mapped.process else None
        if mapped.result is None or application is None or application.promised_limit is None:
            continue
        clock = read_clock(ClockFacts(accepted_at=application.accepted_at), ClockPolicy(), calendar)
        due = clock.due(Limit(application.promised_limit, "CALENDAR_DAY")) if clock else None
        if clock is None or due is None or due.at is None:
            continue
        written = case.attributes
        start = calendar.local(clock.start).date()
        yield Ending(
            case=mapped.result.case_no,
            startdate=written["startdate"],
            deadline=written["deadline"],
            enddate=written["enddate"],
            limit_calendar_days=application.promised_limit,
            due=calendar.local(due.at).isoformat(timespec="minutes"),
            late_by_log=_moment(written["enddate"]) > _moment(written["deadline"]),
            late_by_hub=mapped.result.finished_at > due.at,
            why=_why_start_moved(start.toordinal(), clock.start_day.toordinal(), calendar),
        )


def _why_start_moved(reported: int, first: int, calendar: Calendar) -> str:
    """Chinese words for the days between the reported start and the day the clock takes as the first."""
    rest = [datetime.fromordinal(day).date() for day in range(reported, first)]
    if not rest:
        return ""
    names = Counter(calendar.names.get(day) or f"周{_WEEKDAYS[day.weekday()]}" for day in rest)
    moved_to = datetime.fromordinal(first).date()
    return f"受理于休息日（{'、'.join(names)}），顺延 {first - reported} 天至 {moved_to}，期限随之顺延"


def dirty_records(cases: Iterable[tuple[LogCase, MappedCase]]) -> Iterator[DirtyRecord]:
    for case, mapped in cases:
        for record in mapped.process:
            event = case.events[record.step_seq - 1]
            for contradiction, reference in _contradictions(case.attributes, event["time:timestamp"]):
                yield DirtyRecord(
                    record.record_id,
                    record.step_name,
                    event["time:timestamp"],
                    contradiction,
                    reference,
                    _finding(contradiction, event["time:timestamp"], reference),
                )


def _contradictions(case: Mapping[str, str], written: str) -> Iterator[tuple[str, str]]:
    happened_at = _moment(written)
    if happened_at < _moment(case["startdate"]):
        yield "before_start", case["startdate"]
    if "enddate" in case and happened_at > _moment(case["enddate"]):
        yield "after_end", case["enddate"]
    if happened_at > _moment(case["deadline"]):
        yield "after_deadline", case["deadline"]


def _finding(contradiction: str, written: str, reference: str) -> str:
    """P01 and P02 compare whole seconds. A step after the deadline is no fault of the step: T04 judges the case."""
    if _moment(written).replace(microsecond=0) == _moment(reference).replace(microsecond=0):
        return ""
    return {"before_start": "P01", "after_end": "P02"}.get(contradiction, "")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def readings(cases: list[tuple[LogCase, MappedCase]], calendar: Calendar) -> Iterator[dict[str, object]]:
    """How far other ways to map the log would be from its own deadlines: one line per way."""
    for keep_wall_clock, days, accepted in product((True, False), _LIMITS, _ACCEPTED):
        times = TimeReading(keep_wall_clock, ZoneInfo(DEFAULT_ZONE))
        verdicts = [
            _verdicts(case, times, days, accepted, calendar) for case, _ in cases if "enddate" in case.attributes
        ]
        yield {
            "times": "keep_wall_clock" if keep_wall_clock else "keep_offset",
            "limit": days,
            "acceptedAt": accepted,
            "lateByHub": sum(by_hub for by_hub, _ in verdicts),
            "differing": sum(by_hub != by_log for by_hub, by_log in verdicts),
        }


def _verdicts(case: LogCase, times: TimeReading, days: str, accepted: str, calendar: Calendar) -> tuple[bool, bool]:
    """Late by the hub, late by the log."""
    written = case.attributes
    clock = read_clock(ClockFacts(accepted_at=times.instant(_ACCEPTED[accepted](case))), ClockPolicy(), calendar)
    amount = _LIMITS[days](written["startdate"], written["deadline"])
    due, end = clock.due(Limit(amount, "CALENDAR_DAY")).at if clock else None, times.instant(written["enddate"])
    late = due is not None and end is not None and end > due
    return late, _moment(written["enddate"]) > _moment(written["deadline"])


_LIMITS: Mapping[str, Callable[[str, str], int]] = {
    "by wall clock": lambda begin, end: (_moment(end).replace(tzinfo=UTC) - _moment(begin).replace(tzinfo=UTC)).days,
    "by instant": lambda begin, end: (_moment(end) - _moment(begin)).days,
    "by date": lambda begin, end: (_moment(end).date() - _moment(begin).date()).days,
}
_ACCEPTED: Mapping[str, Callable[[LogCase], str]] = {
    "startdate": lambda case: case.attributes["startdate"],
    "first event": lambda case: case.events[0]["time:timestamp"],
}


def figures(
    cases: list[tuple[LogCase, MappedCase]], ended: list[Ending], dirty: list[DirtyRecord]
) -> dict[str, object]:
    found = Counter(record.finding for record in dirty if record.finding)
    return {
        "cases": len(cases),
        "events": sum(len(case.events) for case, _ in cases),
        "ended": len(ended),
        "lateByLog": sum(ending.late_by_log for ending in ended),
        "lateByHub": sum(ending.late_by_hub for ending in ended),
        "differing": [asdict(ending) for ending in ended if ending.late_by_log != ending.late_by_hub],
        "dirty": dict(Counter(record.contradiction for record in dirty)),
        "findings": dict(sorted(found.items())),
        "unmapped": sum(len(mapped.issues) for _, mapped in cases),
    }


def as_text(result: Mapping[str, object], differing: Iterable[Ending]) -> str:
    lines = [f"{name}: {value}" for name, value in result.items() if name != "differing"]
    lines += ["", "| 案例 | startdate | deadline | enddate | 承诺（自然日） | 枢纽的期限 | 为什么不同 |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for row in differing:
        limit = row.limit_calendar_days
        lines.append(
            f"| {row.case} | {row.startdate} | {row.deadline} | {row.enddate} | {limit} | {row.due} | {row.why} |"
        )
    return "\n".join(lines)


def write_dirty_records(path: Path, dirty: Iterable[DirtyRecord]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(DirtyRecord.__dataclass_fields__)
        writer.writerows(asdict(record).values() for record in dirty)


def load(path: Path, mapping: LogMapping) -> list[tuple[LogCase, MappedCase]]:
    return [(case, mapping.map_case(case)) for case in read_log(path)]


def main() -> int:
    parser = argparse.ArgumentParser(description="WABO 日志自带期限与枢纽时钟逐案比较")
    parser.add_argument("log", type=Path, help=".xes 或 .xes.gz")
    parser.add_argument("--json", action="store_true", help="输出 JSON")
    parser.add_argument("--dirty-records", type=Path, metavar="FILE.csv", help="把每条脏记录写入 CSV")
    parser.add_argument("--other-readings", action="store_true", help="另比较其他映射方法，每行一个 JSON")
    arguments = parser.parse_args()
    try:
        cases = load(arguments.log, shipped_mapping("wabo_receipt"))
    except RejectedError as exc:
        print(exc, file=sys.stderr)
        return 3
    ended, dirty = list(endings(cases, shipped_calendar())), list(dirty_records(cases))
    if arguments.dirty_records:
        write_dirty_records(arguments.dirty_records, dirty)
    if arguments.other_readings:
        for reading in readings(cases, shipped_calendar()):
            print(json.dumps(reading))
        return 0
    result = figures(cases, ended, dirty)
    differing = [ending for ending in ended if ending.late_by_log != ending.late_by_hub]
    print(json.dumps(result, ensure_ascii=False, indent=2) if arguments.json else as_text(result, differing))
    return 0


if __name__ == "__main__":
    sys.exit(main())
