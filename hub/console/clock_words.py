"""The clock of a case told in Chinese."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from hub.console.services import Row
from hub.domain.codes import SPECIAL_KIND, STEP_STATUS
from hub.domain.times import CHINA_TIME

UNIT_WORDS: Mapping[str, str] = MappingProxyType({
    "WORKING_DAY": "个工作日", "CALENDAR_DAY": "个自然日", "WORKING_HOUR": "个工作小时", "MONTH": "个月", "YEAR": "年",
})  # fmt: skip
_DAYS = frozenset({"WORKING_DAY", "CALENDAR_DAY"})
_SOURCES = {
    "acceptedAt": "受理时间",
    "ACCEPTED step": "首个“受理”环节的时间",
    "appliedAt": "申请时间（部门未报受理时间）",
}
DAY_KINDS: Mapping[str, str] = MappingProxyType({
    "BEFORE": "尚未起算", "START_DAY": "受理当日，不计", "COUNTED": "计入", "STOPPED": "停止计时",
    "REST": "休息日，不计", "OVER": "超期",
})  # fmt: skip
_NOTES = {**STEP_STATUS.titles, **SPECIAL_KIND.titles}


@dataclass(frozen=True, slots=True)
class Remaining:
    """`amount` in the units of the limit, below zero when overdue; `text` says it."""

    amount: float
    text: str
    tone: str


def sentence(clock: Row, *, finished_at: str | None) -> str:
    """The whole calculation in one sentence, empty when there is no limit to count against."""
    if not clock.get("start") or clock.get("limit") is None:
        return ""
    parts = [
        f"承诺 {_amount(clock['limit'], clock.get('unit'))}",
        f"自 {_local(clock['start'])}（{_SOURCES.get(clock.get('startSource', ''), '受理时间')}）受理，次日起计",
        _extension(clock),
        *_left_out(clock),
        f"到期 {_local(clock['dueAt'])}" if clock.get("dueAt") else "停止计时中，到期时间待恢复后确定",
        _used(clock, finished_at),
    ]
    return "，".join(part for part in parts if part) + "。"


def remaining(clock: Row, *, finished_at: str | None, now: datetime) -> Remaining | None:
    """None when the case is finished or has no limit."""
    if finished_at or clock.get("limit") is None or clock.get("counted") is None:
        return None
    whole = _whole_limit(clock)
    left = whole - float(clock["counted"])
    unit = clock.get("unit")
    if left < 0:
        return Remaining(left, f"已超 {_amount(_begun(-left, unit), unit)}", "red")
    if clock.get("dueAt") and datetime.fromisoformat(clock["dueAt"]) < now:  # over, and no business hour since
        return Remaining(left, "已过期限", "red")
    tone = "yellow" if left <= whole / 5 else "calm"
    if unit in _DAYS and left < 1:
        return Remaining(left, "最后一天", tone)
    return Remaining(left, f"还剩 {_amount(_whole(left, unit), unit)}", tone)


def day_note(note: str | None) -> str:
    """Holiday names as they are; tokens of procedures and statuses by their titles."""
    return "、".join(_NOTES.get(word.strip(), word.strip()) for word in (note or "").split(",") if word.strip())


def _whole_limit(clock: Row) -> float:
    """The limit with what an extension added: what will have been counted on the due day."""
    limit, due = float(clock["limit"]), clock.get("dueAt")
    if not due or clock.get("unit") not in _DAYS | {"WORKING_HOUR"}:
        return limit
    due_day = _local(due)[:10]
    return next((float(row["counted"]) for row in clock.get("days") or () if row["day"] == due_day), limit)


def _extension(clock: Row) -> str:
    added = _whole_limit(clock) - float(clock["limit"])
    return f"依法延长 {_amount(added, clock.get('unit'))}" if added > 0 else ""


def _whole(amount: float, unit: str | None) -> float:
    """Days left: the running one is no longer whole. Hours are told exactly."""
    return math.floor(amount) if unit in _DAYS else amount


def _begun(amount: float, unit: str | None) -> float:
    """Days used or overdue: a day counts from its first minute."""
    return math.ceil(amount) if unit in _DAYS else amount


def _left_out(clock: Row) -> list[str]:
    days: dict[str, float] = {}
    for segment in clock.get("segments") or ():
        if segment.get("kind") == "STOPPED":
            reason = day_note(segment.get("note")) or "停止计时"
            days[reason] = days.get(reason, 0) + float(segment.get("days") or 0)
    return [f"扣除{reason} {_plain(count)} 天" for reason, count in days.items()]


def _used(clock: Row, finished_at: str | None) -> str:
    if clock.get("counted") is None:
        return ""
    word = "办结时已用" if finished_at else "至今已用"
    return f"{word} {_amount(_begun(float(clock['counted']), clock.get('unit')), clock.get('unit'))}"


def _amount(value: Any, unit: str | None) -> str:
    return f"{_plain(float(value))} {UNIT_WORDS.get(unit or '', '（单位不明）')}"


def _plain(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _local(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(CHINA_TIME):%Y-%m-%d %H:%M}"
