"""The made-up county as the read models answer: judged by the real judge, explained by the real clock."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from hub.domain import codes
from hub.domain.findings import Finding, Level, Outcome
from hub.domain.history import CaseHistory, ResultFact, SpecialFact, StepFact
from hub.domain.identifiers import make_unified_no, mask_name
from hub.domain.times import CHINA_TIME
from supervision.judging.clock_view import explain_clock
from supervision.judging.judge import judge
from tests.fake_county import APPLICANTS, DEPARTMENTS, ITEMS, NOW, POLICY, RULES, SHAPES, Shape, a_history, at, calendar

MATERIALS = [
    {"name": "申请书", "kind": "原件", "copies": 1, "received": True},
    {"name": "平面布局图", "kind": "复印件", "copies": 2, "received": False},
]


def county() -> list[dict[str, Any]]:
    """48 cases, the most recently accepted first; built once per call because tests may change them."""
    cases = [_case(number) for number in range(48)]
    return sorted(cases, key=lambda case: (case["acceptedAt"] or "", case["unifiedNo"]), reverse=True)


def _case(number: int) -> dict[str, Any]:
    shape, org_code = SHAPES[number % len(SHAPES)], list(DEPARTMENTS)[number % len(DEPARTMENTS) ^ (number // 16)]
    history = a_history(number, shape, org_code)
    judged = judge(history, calendar=calendar(), policy=POLICY, rules=RULES, as_of=NOW)
    row = _row(number, history, judged)
    cards = [_card(number, row, finding) for finding in judged.findings if finding.outcome is Outcome.VIOLATES]
    row["card"] = max((card["level"] for card in cards), key=list(Level).index, default=None)
    return row | {
        "steps": [_step(step) for step in history.steps],
        "specials": [_special_row(special) for special in history.specials],
        "application": _application(number, shape) if shape.applied else None,
        "result": _result(history.result),
        "materials": MATERIALS,
        "attachments": [],
        "clock": explain_clock(history, calendar=calendar(), policy=POLICY, as_of=NOW),
        "cards": cards,
        "unjudged": [_unjudged(finding) for finding in judged.findings if finding.outcome is Outcome.CANNOT_JUDGE],
        "notes": [{"code": "HUB-3101", "path": "application/applyForm", "message": "代码不在列表中，已按“其他”接收"}]
        if number % 5 == 0
        else [],
        "corrections": [held for step in history.steps if step.revision > 1 for held in _revisions(step)],
    }


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(CHINA_TIME).isoformat() if moment else None


def _row(number: int, history: CaseHistory, judged: Any) -> dict[str, Any]:
    day = date(2026, 3, 1) + timedelta(days=number % 17)
    return {
        "unifiedNo": make_unified_no("330324", "AJ", day, number + 1),
        "orgCode": history.org_code,
        "orgName": DEPARTMENTS[history.org_code],
        "caseNo": history.case_no,
        "itemCode": history.item_code,
        "itemName": ITEMS[history.org_code][1],
        "title": history.application.title if history.application else None,
        "applicantName": mask_name(history.application.applicant_name) if history.application else None,
        "state": judged.state,
        "stateTitle": codes.CASE_STATES[judged.state],
        "appliedAt": _text(history.application.applied_at) if history.application else None,
        "acceptedAt": _text(judged.accepted_at),
        "finishedAt": _text(judged.finished_at),
        "promisedDueAt": _text(judged.promised_due_at),
        "statutoryDueAt": _text(judged.statutory_due_at),
        "provisional": judged.provisional,
        "card": None,
        "lastReceivedAt": _text(max(step.received_at for step in history.steps)),
    }


def _step(step: StepFact) -> dict[str, Any]:
    late = (step.received_at - step.happened_at).total_seconds() / 3600 if step.happened_at else 0
    return {
        "recordId": step.record_id,
        "stepSeq": step.step_seq,
        "stepCode": None,
        "stepName": step.step_name,
        "stepStatus": step.status,
        "stepStatusTitle": codes.STEP_STATUS.title(step.status),
        "post": step.post,
        "office": "行政审批科",
        "officerId": step.officer_id,
        "officerName": "陈*",
        "startedAt": _text(step.started_at),
        "handledAt": _text(step.handled_at),
        "receivedAt": _text(step.received_at),
        "receiptNo": "R20260318-00003",
        "revision": step.revision,
        "opinion": None if step.status in ("ACCEPTED", "RUNNING") else "材料齐全，符合法定条件",
        "lateHours": late,
    }


def _revisions(step: StepFact) -> list[dict[str, Any]]:
    common = {"recordId": step.record_id, "stepName": step.step_name, "stepStatusTitle": "通过"}
    common["handledAt"] = _text(step.handled_at) or ""
    first = {"revision": 1, "isCurrent": False, "receivedAt": _text(step.received_at - timedelta(hours=3))}
    return [common | first, common | {"revision": 2, "isCurrent": True, "receivedAt": _text(step.received_at)}]


def _special_row(special: SpecialFact) -> dict[str, Any]:
    return {
        "kind": special.kind,
        "kindTitle": codes.SPECIAL_KIND.title(special.kind),
        "startedAt": _text(special.started_at),
        "endedAt": _text(special.ended_at),
        "requestedLimit": special.requested_limit,
        "limitUnit": special.limit_unit,
        "basis": special.basis,
        "approver": special.approver,
    }


def _application(number: int, shape: Shape) -> dict[str, Any]:
    return {
        "summary": "经营场所位于县城中心区，首次申请",
        "applyMethod": "COUNTER",
        "applicantType": "ENTERPRISE",
        "applicantIdType": "111",
        "applicantName": mask_name(APPLICANTS[number % 6]),
        "applicantIdGiven": True,
        "applicantPhoneGiven": True,
        "handlingClass": "PROMISE",
        "promisedLimit": shape.promised,
        "limitUnit": "WORKING_DAY",
        "statutoryLimit": shape.statutory,
        "statutoryLimitUnit": "WORKING_DAY",
        "appliedAt": _text(at(shape.applied or "")),
    }


def _result(result: ResultFact | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "resultStatus": result.result_status,
        "resultStatusTitle": codes.RESULT_STATUS.title(result.result_status),
        "finishedAt": _text(result.finished_at),
        "receivedAt": _text(result.received_at),
        "receivable": str(result.receivable),
        "paid": str(result.paid),
        "opinion": "准予许可" if result.result_status == "GRANTED" else "按申请人意见办理",
        "revision": 1,
        "certificateName": "许可证" if result.result_status == "GRANTED" else None,
        "certificateNo": None,
    }


def _unjudged(finding: Finding) -> dict[str, Any]:
    return {"ruleCode": finding.rule_code, "title": _title_of(finding), "message": finding.message}


def _title_of(finding: Finding) -> str:
    return next(rule.title for rule in RULES if rule.code == finding.rule_code)


def _card(number: int, row: Mapping[str, Any], finding: Finding) -> dict[str, Any]:
    assert finding.level is not None
    return {
        "id": f"{number + 1}{finding.rule_code}",
        "ruleCode": finding.rule_code,
        "ruleVersion": finding.rule_version,
        "ruleTitle": _title_of(finding),
        "level": finding.level.value,
        "levelTitle": codes.CARD_LEVELS[finding.level],
        "state": "OPEN",
        "stateTitle": codes.CARD_STATES["OPEN"],
        "subject": finding.subject,
        "orgCode": row["orgCode"],
        "orgName": row["orgName"],
        "caseNo": row["caseNo"],
        "unifiedNo": row["unifiedNo"],
        "title": row["title"],
        "raisedAt": _text(finding.occurred_at),
        "occurredAt": _text(finding.occurred_at),
        "dueAt": _text(finding.due_at),
        "message": finding.message,
        "evidence": finding.evidence,
        "events": [
            {"at": _text(finding.occurred_at), "kind": "RAISED", "kindTitle": "发牌", "actor": None, "reason": None}
        ],
    }
