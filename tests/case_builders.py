"""Case histories with defaults: accepted on Monday 2026-03-02, promise 5 and statute 10 working days, nothing wrong.

Promise ends 2026-03-09 17:30, statute 2026-03-16 17:30; two working days before the promise is 2026-03-05 17:30.
"""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from hub.domain.findings import RuleInForce
from hub.domain.history import ApplicationFact, CaseHistory, ItemFact, ResultFact, SpecialFact, StepFact
from supervision.judging.history_json import CHINA_TIME
from supervision.judging.rule_documents import rule_in_force, shipped_documents

SCHEMA_FILE = Path(__file__).parents[1] / "schemas" / "rule.schema.json"


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA_TIME)


@cache
def rule_schema() -> dict[str, Any]:
    return json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


@cache
def shipped_rules() -> tuple[RuleInForce, ...]:
    return tuple(rule_in_force(document) for document in shipped_documents(rule_schema()))


def an_item(**changes: Any) -> ItemFact:
    defaults = {
        "item_code": "33032400AJ-XK-0001",
        "item_name": "示例事项",
        "revision": 1,
        "is_charged": True,
        "promised_limit": 5,
        "promised_limit_unit": "WORKING_DAY",
        "statutory_limit": 10,
        "statutory_limit_unit": "WORKING_DAY",
    }
    return ItemFact(**(defaults | changes))


def an_application(**changes: Any) -> ApplicationFact:
    defaults = {
        "title": "示例办件",
        "applied_at": china("2026-03-02 09:00"),
        "accepted_at": china("2026-03-02 10:00"),
        "applicant_name": "示例申请人",
    }
    return ApplicationFact(**(defaults | changes))


def a_step(handled_at: str | None, status: str = "PASSED", record_id: str = "R1", **changes: Any) -> StepFact:
    at = china(handled_at) if handled_at else None
    defaults = {
        "record_id": record_id,
        "step_seq": 1,
        "step_name": "审查",
        "status": status,
        "handled_at": at,
        "received_at": at or china("2026-03-02 12:00"),
        "officer_id": "A01",
        "post": "承办",
    }
    return StepFact(**(defaults | changes))


def a_special(kind: str, started_at: str, ended_at: str | None = None, **changes: Any) -> SpecialFact:
    ended = china(ended_at) if ended_at else None
    return SpecialFact(kind=kind, started_at=china(started_at), ended_at=ended, approver="示例审批人", **changes)


def a_result(finished_at: str, status: str = "GRANTED", **changes: Any) -> ResultFact:
    at = china(finished_at)
    return ResultFact(record_id="J1", result_status=status, finished_at=at, received_at=at, **changes)


def a_case(**changes: Any) -> CaseHistory:
    defaults = {
        "org_code": "11330324000000001X",
        "case_no": "2026-0001",
        "item_code": "33032400AJ-XK-0001",
        "application": an_application(),
        "item": an_item(),
    }
    return CaseHistory(**(defaults | changes))
