"""Data quality and reconciliation as staff and programs see them: rows ready for JSON."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from adapters.record_list import Listed
from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.receipts import RecordState
from hub.domain.times import as_json, china_day, day_bounds
from hub.stores import quality, reconciliation, registry
from hub.stores.base import AnyRow
from hub.stores.quality import BehindQuery, QualityQuery
from hub.stores.quality_measures import MEASURES
from hub.stores.reconciliation import HeldRecord
from hub.stores.session import Connection, Database
from supervision.law import Law
from supervision.quality import numbering
from supervision.quality.comparison import MOST_NAMED, Comparison, compare
from supervision.quality.listening import Listener
from supervision.quality.numbering import Gaps
from supervision.quality.rhythm import silent_days
from supervision.quality.score import PARTS, Score, score

LONGEST_SPAN = timedelta(days=366)
NUMBERS_FROM = timedelta(days=14)
_PAUSES_FROM = timedelta(days=42)
_SERIES = {"caseNo": "办件编号", "processRecordId": "过程记录标识", "resultRecordId": "结果记录标识"}


@dataclass(frozen=True, slots=True)
class QualityDesk:
    """Thread-safe; one per process. What comes more than `late_after` after the act itself is late."""

    database: Database
    law: Callable[[], Law]
    now: Callable[[], datetime]
    listener: Listener
    late_after: timedelta = timedelta(hours=24)

    def refresh_once(self) -> int:
        """Makes the figures of one day anew; 0 when all are fresh."""
        return int(quality.refresh_one(self.database, self.now(), self.late_after) is not None)

    def today(self) -> date:
        return china_day(self.now())

    # --- quality --------------------------------------------------------------------------------------------------

    def senders(self, first_day: date, last_day: date) -> Sequence[Mapping[str, Any]]:
        """Every sender with its score, the worst first, and those of which nothing came last.

        Raises RejectedError HUB-4037 on days that are no span.
        """
        days = self._days(QualityQuery(first_day, last_day))
        voices = {row["sender"]: row for row in self.listener.silences()}
        with self.database.read() as unit:
            listed = registry.list_senders(unit)
        rows = [
            _judged(days.within(each["sender"], first_day), _silence_counts(days, each["sender"]))
            | {"sender": each["sender"], "senderName": each["name"], "silence": voices.get(each["sender"])}
            | {"trend": days.trend(each["sender"])}
            for each in listed
        ]
        return sorted(rows, key=lambda row: (row["score"] is None, row["score"] or 0, row["sender"]))

    def sender(self, code: str, first_day: date, last_day: date) -> Mapping[str, Any]:
        """One sender: as in `senders`, and `days` and `codes`. Raises NotFoundError HUB-4043, and as `senders`."""
        with self.database.read() as unit:
            named = next((each for each in registry.list_senders(unit) if each["sender"] == code), None)
        if named is None:
            raise NotFoundError("HUB-4043", "没有这个报送方")
        days = self._days(QualityQuery(first_day, last_day, code))
        voice = next((row for row in self.listener.silences() if row["sender"] == code), None)
        counts = days.within(code, first_day)
        return _judged(counts, _silence_counts(days, code)) | {
            "sender": code, "senderName": named["name"], "silence": voice, "codes": counts.codes(),
            "days": _day_rows(days, counts, days.silent(code)), "trend": days.trend(code),
        }  # fmt: skip

    def behind(self, wanted: BehindQuery) -> Mapping[str, Any]:
        """`figure`, and a page of the rows that make it. Raises RejectedError HUB-3004, HUB-4037."""
        _check_span(wanted.first_day, wanted.last_day)
        with self.database.read() as unit:
            figure, page = quality.behind(unit, wanted, self.late_after)
        return {"figure": figure, "title": MEASURES[wanted.measure].title, "items": page.items, "next": page.next}

    def silences(self) -> Sequence[Mapping[str, Any]]:
        """Every sender in use with its state, the silent ones first."""
        return self.listener.silences()

    def _days(self, wanted: QualityQuery) -> "_Days":
        _check_span(wanted.first_day, wanted.last_day)
        earlier = QualityQuery(wanted.first_day - _PAUSES_FROM, wanted.last_day, wanted.sender)
        with self.database.read() as unit:
            rows = quality.daily(unit, earlier)
        last_over = min(wanted.last_day, self.today() - timedelta(days=1))
        return _Days(_Counts(rows), wanted.first_day, wanted.last_day, last_over, self.law())

    # --- reconciliation -------------------------------------------------------------------------------------------

    def reconciliation(self, code: str, day: date) -> Mapping[str, Any]:
        """What the hub holds of a sender for a day, and the numbers missing in it. Raises NotFoundError HUB-4043."""
        with self.database.read() as unit:
            sender_id = registry.id_of(unit, code)
            held = reconciliation.reconcile(unit, sender_id, day)
            gaps = list(self._gaps(unit, sender_id, day))
        counts = [{"kind": each.kind, "state": each.state, "count": each.count} for each in held.counts]
        return {"sender": code, "day": day.isoformat(), "digest": held.digest, "counts": counts, "gaps": gaps}

    def _gaps(self, unit: Connection, sender_id: int, day: date) -> Iterable[Mapping[str, Any]]:
        start, end = day_bounds(day)
        numbers = reconciliation.numbers_received(unit, sender_id, start - NUMBERS_FROM, end + NUMBERS_FROM)
        not_stored = {
            held.record_id: held.code for held in reconciliation.held_of_day(unit, sender_id, day) if held.code
        }
        for series, received in numbers.items():
            of_the_day = [number for number, at in received if start <= at < end]
            for learned in numbering.learn([number for number, _ in received]):
                gaps = learned.gaps(day, of_the_day)
                if gaps is not None and gaps.count:
                    known = reconciliation.known_numbers(unit, sender_id, series, gaps.names)
                    yield _gap_row(series, gaps, known, not_stored)

    def compare(self, code: str, day: date, entries: Sequence[Listed]) -> Mapping[str, Any]:
        """The sender's own list of a day against what came in.

        Raises NotFoundError HUB-4043, RejectedError HUB-4037 on a day to come.
        """
        if day > self.today():
            raise RejectedError("HUB-4037", "对账日期还没有到", "date")
        with self.database.read() as unit:
            sender_id = registry.id_of(unit, code)
            compared = compare(entries, reconciliation.held_of_day(unit, sender_id, day))
            stored = reconciliation.stored_days(unit, sender_id, compared.missing_here)
        return {"sender": code, "day": day.isoformat(), **_comparison_row(compared, stored)}


class _Counts:
    """Figures by sender, day and measure."""

    def __init__(self, rows: Iterable[AnyRow]) -> None:
        self.rows = list(rows)

    def totals(self) -> Mapping[str, int]:
        totals: dict[str, int] = defaultdict(int)
        for row in self.rows:
            totals[row.measure] += row.amount
        return totals

    def of_day(self, day: date) -> Mapping[str, int]:
        return dict(_Counts(row for row in self.rows if row.day == day).totals())

    def codes(self) -> list[dict[str, Any]]:
        """Amounts by measure and code, the largest first."""
        amounts: dict[tuple[str, str], int] = defaultdict(int)
        for row in self.rows:
            if row.code:
                amounts[row.measure, row.code] += row.amount
        ranked = sorted(amounts.items(), key=lambda each: (-each[1], each[0]))
        return [
            {"measure": measure, "title": MEASURES[measure].title, "codeTitle": MEASURES[measure].code_title}
            | {"code": code, "amount": amount}
            for (measure, code), amount in ranked
        ]


@dataclass(frozen=True, slots=True)
class _Days:
    """The days asked for, and those before from which a sender's pauses are learned."""

    counts: _Counts
    first_day: date
    last_day: date
    last_over: date
    law: Law

    def listed(self) -> list[date]:
        return [self.first_day + timedelta(days=n) for n in range((self.last_day - self.first_day).days + 1)]

    def within(self, code: str, first_day: date) -> _Counts:
        return _Counts(row for row in self.counts.rows if row.sender == code and row.day >= first_day)

    def trend(self, code: str) -> list[dict[str, Any]]:
        """The score of every day of the span; None where nothing came."""
        by_day: dict[date, list[AnyRow]] = defaultdict(list)
        for row in self.counts.rows:
            if row.sender == code:
                by_day[row.day].append(row)
        return [
            {"day": day.isoformat(), "score": score(_Counts(by_day.get(day, ())).totals()).total}
            for day in self.listed()
        ]

    def silent(self, code: str) -> frozenset[date]:
        """Working days of the span on which the sender should have been heard."""
        calendar = self.law.calendar
        spoken = [calendar.working_days_before(day.toordinal()) for day in self._spoken(code)]
        until = calendar.working_days_before(self.last_over.toordinal() + 1) - 1
        found = (date.fromordinal(calendar.working_ordinal(position)) for position in silent_days(spoken, until))
        return frozenset(day for day in found if self.first_day <= day)

    def working(self, code: str) -> int:
        """Working days of the span that are over, from the day on which the sender was first heard."""
        spoken = self._spoken(code)
        if len(spoken) == 0:
            return 0
        days = (day for day in self.listed() if min(spoken) <= day <= self.last_over)
        return sum(1 for day in days if self.law.calendar.is_working(day))

    def _spoken(self, code: str) -> set[date]:
        return {row.day for row in self.counts.rows if row.sender == code and row.measure == "MESSAGES"}


def _silence_counts(days: _Days, code: str) -> Mapping[str, int]:
    return {"SILENT_DAYS": len(days.silent(code)), "WORKING_DAYS": days.working(code)}


def _judged(counts: _Counts, silence: Mapping[str, int]) -> dict[str, Any]:
    totals = {**counts.totals(), **silence}
    return _score_row(score(totals)) | {"totals": totals}


def _score_row(judged: Score) -> dict[str, Any]:
    parts = [
        {"name": part.name, "title": part.title, "weight": part.weight, "faults": part.faults, "of": part.of}
        | {"score": part.score, "faultMeasures": PARTS[part.name].faults, "ofMeasures": PARTS[part.name].of}
        for part in judged.parts
    ]
    return {"score": judged.total, "parts": parts}


def _day_rows(days: _Days, counts: _Counts, silent: frozenset[date]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for day in days.listed():
        totals = counts.of_day(day)
        rows.append({"day": day.isoformat(), "score": score(totals).total, "totals": totals, "isSilent": day in silent})
    return rows


def _gap_row(
    series: str, gaps: Gaps, known: set[str], not_stored: Mapping[str | None, str | None]
) -> Mapping[str, Any]:
    missing = [name for name in gaps.names if name not in known]
    return {
        "series": series,
        "title": _SERIES[series],
        "pattern": gaps.numbering.pattern,
        "count": gaps.count - len(known),
        "missing": missing,
        "refused": {name: not_stored[name] for name in missing if name in not_stored},
        "confidence": gaps.confidence,
    }


def _comparison_row(compared: Comparison, stored: Mapping[str, datetime]) -> Mapping[str, Any]:
    missing = [record_id for record_id in compared.missing_here if record_id not in stored]
    elsewhere = [{"recordId": record_id, "receivedAt": as_json(stored[record_id])} for record_id in stored]
    return {
        "listed": compared.listed,
        "held": compared.held,
        "equal": compared.equal,
        "missingHere": _named([{"recordId": record_id} for record_id in missing]),
        "otherDay": _named(elsewhere),
        "missingThere": _named([_held_row(each) for each in compared.missing_there]),
        "differing": _named([_held_row(each) for each in compared.differing]),
        "refused": _named([_held_row(each) for each in compared.refused]),
    }


def _named(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {"count": len(rows), "items": list(rows[:MOST_NAMED])}


def _held_row(held: HeldRecord) -> Mapping[str, Any]:
    row = {"recordId": held.record_id, "kind": held.kind, "receiptNo": held.receipt_no, "state": held.state.value}
    return row | {"code": held.code} if held.state is not RecordState.STORED else row


def _check_span(first_day: date, last_day: date) -> None:
    if not timedelta(0) <= last_day - first_day <= LONGEST_SPAN:
        raise RejectedError("HUB-4037", "起止日期应先后有序，相隔不超过一年", "from")
