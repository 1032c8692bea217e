"""`QualityServices` over made-up figures, for tests of the pages."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from adapters.record_list import Listed
from hub.domain.errors import NotFoundError
from hub.stores.quality import BehindQuery
from hub.stores.quality_measures import MEASURES
from supervision.quality.score import PARTS, score

Row = dict[str, Any]
RECEIVED_AT = "2026-03-18T09:12:00.000+08:00"
_VOICES = (("NORMAL", "正常", None), ("SILENT", "静默", "2026-03-17T15:00:00.000+08:00"), ("UNKNOWN", "节奏未知", None))


class FakeQuality:
    """Senders with the same figures every day; `text` replaces every text of a sender, for hostile ones."""

    def __init__(self, senders: dict[str, str], today: date, text: str = "") -> None:
        self._senders = senders
        self._today = today
        self._text = text

    def today(self) -> date:
        return self._today

    def senders(self, first_day: date, last_day: date) -> Sequence[Row]:
        return [self._row(code, first_day, last_day) for code in self._senders]

    def sender(self, code: str, first_day: date, last_day: date) -> Row:
        row = self._row(code, first_day, last_day)
        days = [
            {"day": each["day"], "score": each["score"], "totals": row["totals"], "isSilent": not number}
            for number, each in enumerate(row["trend"])
        ]
        codes = [
            {"measure": "REJECTED", "title": "退回", "codeTitle": "错误代码", "code": "HUB-3001", "amount": 3},
            {"measure": "MISSING", "title": "缺填项", "codeTitle": "字段", "code": self._text or "office", "amount": 2},
        ]
        return row | {"days": days, "codes": codes}

    def behind(self, wanted: BehindQuery) -> Row:
        row = {
            "receiptNo": "R20260318-00001", "sender": "SCJG", "senderName": self._name("SCJG"), "kind": "PROCESS",
            "kindTitle": "办理过程", "recordId": self._text or "s1", "code": "HUB-3001", "amount": 1,
            "receivedAt": RECEIVED_AT,
        }  # fmt: skip
        return {"figure": 3, "title": MEASURES[wanted.measure].title, "items": [row] * 3, "next": None}

    def silences(self) -> Sequence[Row]:
        return [self._silence(code) for code in self._senders]

    def reconciliation(self, code: str, day: date) -> Row:
        self._name(code)
        gap = {
            "series": "caseNo",
            "title": "办件编号",
            "pattern": "GS{yyyyMMdd}-{0001}",
            "count": 1,
            "confidence": 0.96,
        }
        missing = [self._text or f"GS{day:%Y%m%d}-0003"]
        counts = [{"kind": "PROCESS", "state": "STORED", "count": 9}]
        return {
            "sender": code, "day": day.isoformat(), "digest": "0" * 64, "counts": counts,
            "gaps": [gap | {"missing": missing, "refused": {missing[0]: "HUB-3001"}}],
        }  # fmt: skip

    def compare(self, code: str, day: date, entries: Sequence[Listed]) -> Row:
        """Nothing of the list is held."""
        nothing = {"count": 0, "items": []}
        gone = [{"recordId": entry.record_id} for entry in entries]
        return {
            "sender": code, "day": day.isoformat(), "listed": len(entries), "held": 9, "equal": 0,
            "missingHere": {"count": len(gone), "items": gone}, "otherDay": nothing, "missingThere": nothing,
            "differing": nothing, "refused": nothing,
        }  # fmt: skip

    def _name(self, code: str) -> str:
        if code not in self._senders:
            raise NotFoundError("HUB-4043", "没有这个报送方")
        return self._text or self._senders[code]

    def _row(self, code: str, first_day: date, last_day: date) -> Row:
        totals = {"MESSAGES": 5, "RECEIVED": 10, "REJECTED": 3, "STORED": 7, "LATE": 1, "WANTED": 40, "MISSING": 2}
        judged = score(totals)
        days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
        parts = [
            {"name": part.name, "title": part.title, "weight": part.weight, "faults": part.faults, "of": part.of}
            | {"score": part.score, "faultMeasures": PARTS[part.name].faults, "ofMeasures": PARTS[part.name].of}
            for part in judged.parts
        ]
        trend = [{"day": day.isoformat(), "score": None if day.weekday() > 4 else judged.total} for day in days]
        return {
            "sender": code, "senderName": self._name(code), "score": judged.total, "parts": parts, "totals": totals,
            "silence": self._silence(code), "trend": trend,
        }  # fmt: skip

    def _silence(self, code: str) -> Row:
        voice, title, since = _VOICES[list(self._senders).index(code) % len(_VOICES)]
        return {
            "sender": code, "senderName": self._name(code), "voice": voice, "voiceTitle": title, "since": since,
            "lastReceivedAt": RECEIVED_AT, "expectedUntil": RECEIVED_AT, "learnedDays": 20, "declaredMinutes": None,
        }  # fmt: skip
