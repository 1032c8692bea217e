"""The facts of a made-up county: cases of every state, for the console and its tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from hub.domain.findings import Level, RuleInForce
from hub.domain.history import ApplicationFact, CaseHistory, ItemFact, ResultFact, SpecialFact, StepFact
from hub.domain.times import CHINA_TIME
from supervision.judging.calendar import Calendar, shipped_calendar
from supervision.judging.clock import ClockPolicy

NOW = datetime(2026, 3, 18, 10, 20, tzinfo=CHINA_TIME)
POLICY = ClockPolicy()
DEPARTMENTS = {
    "11330324MB1A00011H": "市场监督管理局",
    "11330324MB1A00022C": "自然资源和规划局",
    "11330324MB1A00033A": "卫生健康局",
    "11330324MB1A00044K": "住房和城乡建设局",
}
ITEMS = {
    "11330324MB1A00011H": ("33032401AJ-XK-0003", "食品经营许可"),
    "11330324MB1A00022C": ("33032402BZ-XK-0011", "建设用地规划许可"),
    "11330324MB1A00033A": ("33032403CW-XK-0007", "公共场所卫生许可"),
    "11330324MB1A00044K": ("33032404DJ-XK-0019", "建筑工程施工许可"),
}
APPLICANTS = ("顺安食品有限公司", "王某某", "和兴建材经营部", "李某", "青禾幼儿园", "远达物流有限公司")
TITLES = {
    "食品经营许可": "新办食品经营许可证",
    "建设用地规划许可": "标准厂房二期用地规划许可",
    "公共场所卫生许可": "旅馆卫生许可延续",
    "建筑工程施工许可": "农贸市场改造施工许可",
}


def _rule(
    code: str, title: str, template: str, level: Level, basis: str, rank: int = 0, **parameters: Any
) -> RuleInForce:
    group = "time_limit" if rank else None
    return RuleInForce(code, 1, title, template, level, basis, parameters, group, rank)


RULES = (
    _rule(
        "T01",
        "承诺时限已用五分之四",
        "limit_share_used",
        Level.REMINDER,
        "部门服务承诺",
        1,
        limit="promised",
        share="4/5",
    ),
    _rule(
        "T02",
        "距承诺到期不足两个工作日",
        "limit_near_due",
        Level.REMINDER,
        "部门服务承诺",
        2,
        limit="promised",
        workingDaysBefore=2,
    ),
    _rule(
        "T04",
        "超过承诺时限",
        "limit_exceeded",
        Level.YELLOW,
        "部门服务承诺；《行政许可法》第四十二条",
        3,
        limit="promised",
    ),
    _rule(
        "T06", "超过法定时限", "limit_exceeded", Level.RED, "《行政许可法》第四十二条、第七十四条", 4, limit="statutory"
    ),
    _rule("P01", "环节早于申请", "step_before_application", Level.REMINDER, "《行政许可法》第三十二条"),
    _rule("P02", "结果早于环节", "step_after_result", Level.REMINDER, "《行政许可法》第三十八条"),
    _rule("C06", "办理结果缺失或不明", "result_status_unknown", Level.REMINDER, "《行政许可法》第三十八条"),
    _rule("F02", "对不收费事项收费", "fee_for_free_item", Level.RED, "《行政许可法》第五十八条"),
)


@dataclass(frozen=True)
class Shape:
    """What happens in one kind of case; days are `MM-DD` or `MM-DD HH:MM` of 2026."""

    applied: str | None
    steps: Sequence[tuple[str, str, str]]
    promised: int = 7
    statutory: int = 20
    specials: Sequence[SpecialFact] = ()
    result: tuple[str, str] | None = None
    paid: str = "0"
    received: Mapping[int, str] = field(default_factory=dict)
    revisions: Mapping[int, int] = field(default_factory=dict)


def at(text: str) -> datetime:
    day, _, clock = text.partition(" ")
    return datetime.fromisoformat(f"2026-{day}T{clock or '09:30'}:00+08:00").astimezone(UTC)


def _special(kind: str, start: str, end: str | None = None, days: int | None = None) -> SpecialFact:
    return SpecialFact(
        kind=kind,
        started_at=at(start),
        ended_at=at(end) if end else None,
        requested_limit=days,
        limit_unit="WORKING_DAY" if days else None,
        basis="现场条件需要核实，依法不计入时限",
        approver="分管负责人",
    )


ACCEPT, REVIEW, DECIDE = "受理", "审核", "决定"
SHAPES = (
    Shape(
        "03-02",
        [(ACCEPT, "ACCEPTED", "03-02"), (REVIEW, "PASSED", "03-04"), (DECIDE, "PASSED", "03-06")],
        result=("GRANTED", "03-06 16:00"),
    ),
    Shape("03-13", [(ACCEPT, "ACCEPTED", "03-13"), (REVIEW, "RUNNING", "03-16")], promised=10),
    Shape("03-05", [(ACCEPT, "ACCEPTED", "03-05"), (REVIEW, "PAUSED", "03-10")]),
    Shape("03-04", [(ACCEPT, "ACCEPTED", "03-04"), (REVIEW, "SUPPLEMENT", "03-09 15:00")]),
    Shape(
        "03-03",
        [(ACCEPT, "ACCEPTED", "03-03"), (REVIEW, "PASSED", "03-06")],
        specials=[_special("EXPERT_REVIEW", "03-09", None, 15)],
    ),
    Shape("02-24", [(ACCEPT, "ACCEPTED", "02-24"), (REVIEW, "PASSED", "03-02")]),
    Shape(
        "01-28",
        [(ACCEPT, "ACCEPTED", "01-28"), (REVIEW, "SUPPLEMENT", "02-03"), (REVIEW, "PASSED", "02-06")],
        promised=5,
        statutory=15,
    ),
    Shape("03-09", [(ACCEPT, "ACCEPTED", "03-09"), (REVIEW, "PASSED", "03-12")]),
    Shape("03-10", [("收件", "RUNNING", "03-10")], result=("NOT_ACCEPTED", "03-11 11:00")),
    Shape("03-03", [(ACCEPT, "ACCEPTED", "03-03")], result=("WITHDRAWN", "03-05 10:00")),
    Shape("03-04", [(ACCEPT, "ACCEPTED", "03-04")], result=("VOIDED", "03-06 10:00")),
    Shape(None, [(ACCEPT, "ACCEPTED", "03-16"), (REVIEW, "RUNNING", "03-17")]),
    Shape(
        "02-26",
        [(ACCEPT, "ACCEPTED", "02-26"), (REVIEW, "PASSED", "03-03 14:20"), (DECIDE, "PASSED", "03-12 10:05")],
        result=("GRANTED", "03-12 16:40"),
        received={1: "03-13 08:10"},
        revisions={2: 2},
    ),
    Shape(
        "03-11 10:00",
        [(ACCEPT, "ACCEPTED", "03-11 10:30"), ("现场核查", "PASSED", "03-09 14:00")],
        promised=15,
        received={2: "03-12 18:00"},
    ),
    Shape(
        "03-03",
        [(ACCEPT, "ACCEPTED", "03-03"), (REVIEW, "PASSED", "03-05")],
        result=("GRANTED", "03-09 09:00"),
        paid="200.00",
    ),
    Shape(
        "03-02",
        [(ACCEPT, "ACCEPTED", "03-02"), (REVIEW, "PASSED", "03-06")],
        specials=[_special("EXTENSION", "03-09", "03-09 17:00", 10)],
    ),
)


@cache
def calendar() -> Calendar:
    return shipped_calendar()


def a_history(number: int, shape: Shape, org_code: str) -> CaseHistory:
    item_code, item_name = ITEMS[org_code]
    steps = [_step_fact(number, shape, seq, *step) for seq, step in enumerate(shape.steps, 1)]
    application = (
        ApplicationFact(
            title=TITLES[item_name],
            applied_at=at(shape.applied),
            accepted_at=at(shape.applied) + timedelta(minutes=20),
            applicant_name=APPLICANTS[number % 6],
            promised_limit=shape.promised,
            limit_unit="WORKING_DAY",
            statutory_limit=shape.statutory,
            statutory_limit_unit="WORKING_DAY",
        )
        if shape.applied
        else None
    )
    return CaseHistory(
        org_code=org_code,
        case_no=f"SL2026-{number + 1:04}",
        item_code=item_code,
        application=application,
        steps=tuple(sorted(steps, key=lambda step: (step.happened_at, step.step_seq))),
        specials=tuple(shape.specials),
        result=_result_fact(number, shape),
        item=ItemFact(
            item_code=item_code,
            item_name=item_name,
            revision=1,
            is_charged=False,
            promised_limit=7,
            promised_limit_unit="WORKING_DAY",
        )
        if shape.applied
        else None,
    )


def _step_fact(number: int, shape: Shape, seq: int, name: str, status: str, when: str) -> StepFact:
    happened = at(when)
    received = at(shape.received[seq]) if seq in shape.received else happened + timedelta(minutes=12)
    is_running = status == "RUNNING"
    return StepFact(
        record_id=f"P{number + 1:04}-{seq}",
        step_seq=seq,
        step_name=name,
        status=status,
        received_at=received,
        post="首席代表" if name == DECIDE else "窗口经办",
        officer_id=f"G{seq:03}",
        revision=shape.revisions.get(seq, 1),
        started_at=happened if is_running else happened - timedelta(hours=1),
        handled_at=None if is_running else happened,
    )


def _result_fact(number: int, shape: Shape) -> ResultFact | None:
    if shape.result is None:
        return None
    status, when = shape.result
    return ResultFact(
        record_id=f"R{number + 1:04}",
        result_status=status,
        finished_at=at(when),
        received_at=at(when) + timedelta(minutes=9),
        paid=Decimal(shape.paid),
        receivable=Decimal(0),
    )
