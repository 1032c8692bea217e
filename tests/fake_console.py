"""ConsoleServices over a made-up county, for tests of the pages; `python -m tests.fake_console` serves it."""

import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from hub.console.routes import create_console
from hub.console.services import CardSearch, CaseSearch, ConsoleUser, MessageSearch, QuarantineSearch, ReplayAsked
from hub.domain.codes import CARD_LEVELS, RECEIPT_STATES, RECORD_STATES, ROLES
from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.service_states import SERVICE_STATES, Service, ServiceState
from hub.stores.message_views import MESSAGE_STATES, QUARANTINE_STATES
from hub.stores.replay import ITEM_STATES, JOB_STATES
from supervision.judging.judge import recompute
from tests.fake_adapters import FakeAdapters, FakeSenders
from tests.fake_county import DEPARTMENTS, NOW, POLICY, RULES, calendar
from tests.fake_quality import FakeQuality
from tests.fake_read_models import county

PASSWORD = "a made-up password"
ERRORS = tomllib.loads((Path(__file__).parents[1] / "schemas" / "errors.toml").read_text("utf-8"))
SENDERS = {"SCJG": "市场监管审批系统", "ZGH": "自然资源审批系统", "WJW": "卫健审批系统", "ZJJ": "住建审批系统"}
BODY = '<?xml version="1.0"?><pushProcess><applicantIdNo>330324199001010003</applicantIdNo></pushProcess>'
Row = dict[str, Any]


@dataclass(frozen=True)
class FakePage:
    items: Sequence[Row]
    next: str | None


def a_user(role: str = "it_staff", org_codes: frozenset[str] | None = None) -> ConsoleUser:
    return ConsoleUser(role, f"测试{ROLES[role]}", role, org_codes)


def users() -> dict[str, ConsoleUser]:
    """One of each role, named as it; the department user belongs to the first department."""
    own = frozenset({next(iter(DEPARTMENTS))})
    return {role: a_user(role, own if role == "department" else None) for role in ROLES}


class FakeConsole:
    def __init__(self, change: Callable[[Any], Any] = lambda value: value) -> None:
        self._cases = change(county())
        self._messages = change([_message(number) for number in range(30)])
        self._bodies = change({row["receiptNo"]: BODY for row in self._messages})
        self._quarantine = change([_set_aside(number) for number in range(9)])
        self._replays = FakeReplays(change([_replay(number) for number in range(7)]), self)
        self.quality = FakeQuality(
            change({"senders": SENDERS})["senders"], NOW.date(), change({"recordId": ""})["recordId"]
        )
        self.registry = FakeSenders(SENDERS, change)
        self.adapters = FakeAdapters(SENDERS, change)
        self.sessions: dict[str, ConsoleUser] = {}
        self.audit: list[tuple[str, str, str]] = []
        self.in_force = Service()

    def search_everything(self) -> list[Row]:
        """All cases, for tests that look for one of a kind."""
        return list(self._cases)

    def now(self) -> datetime:
        return NOW

    def service(self) -> Service:
        return self.in_force

    def change_service(self, user: ConsoleUser, state: str, reason: str, address: str) -> None:
        if state not in SERVICE_STATES or not reason:
            raise RejectedError("HUB-4006", "须写明理由")
        self.in_force = Service(ServiceState(state), NOW, user.name, reason)
        self.audit.append((user.name, state, reason))

    def sign_in(self, name: str, password: str, address: str) -> str:
        user = users().get(name)
        if user is None or password != PASSWORD:
            raise RejectedError("HUB-2006", "用户名或口令不正确")
        token = f"session-{len(self.sessions)}-of-{name}"
        self.sessions[token] = user
        return token

    def user_of(self, token: str) -> ConsoleUser | None:
        return self.sessions.get(token)

    def sign_out(self, token: str) -> None:
        self.sessions.pop(token, None)

    def figures(self, user: ConsoleUser) -> Row:
        cards = [card for case in self._cases for card in case["cards"]]
        by_level = {level: sum(card["level"] == level for card in cards) for level in CARD_LEVELS}
        return {
            "day": "2026-03-18",
            "received": 1284,
            "accepted": 15230,
            "rejected": 37,
            "quarantined": 6,
            "waiting": 3,
            "oldestWaitingSeconds": 42,
            "openCards": by_level,
            "cardsToday": {"REMINDER": 2, "YELLOW": 1},
            "openCases": sum(case["finishedAt"] is None for case in self._cases),
            "finishedToday": 4,
            "dueSoon": 3,
            "senders": [_contact(number, code, name) for number, (code, name) in enumerate(SENDERS.items())],
        }

    def departments(self, user: ConsoleUser) -> list[Row]:
        return [{"code": code, "name": name} for code, name in DEPARTMENTS.items() if _sees(user, code)]

    def senders(self, user: ConsoleUser) -> list[Row]:
        return [{"code": code, "name": name} for code, name in SENDERS.items()]

    def search_cases(self, user: ConsoleUser, search: CaseSearch) -> FakePage:
        wanted = {"orgCode": search.org_code, "itemCode": search.item_code, "state": search.state, "card": search.card}
        columns = ("unifiedNo", "caseNo", "title", "applicantName", "itemName")
        found = [
            case
            for case in _matching(self._visible(user), wanted)
            if any(search.q in (case[column] or "") for column in columns)
            and (search.from_day is None or (case["acceptedAt"] or "")[:10] >= search.from_day.isoformat())
            and (search.to_day is None or (case["acceptedAt"] or "")[:10] <= search.to_day.isoformat())
        ]
        return _page(found, search.limit, search.after)

    def case(self, user: ConsoleUser, unified_no: str) -> Row:
        return _one(self._visible(user), "unifiedNo", unified_no, "HUB-4042")

    def search_cards(self, user: ConsoleUser, search: CardSearch) -> FakePage:
        wanted = {
            "level": search.level,
            "state": search.state,
            "orgCode": search.org_code,
            "ruleCode": search.rule_code,
        }
        cards = sorted(self._cards(user), key=lambda card: card["raisedAt"], reverse=True)
        return _page(_matching(cards, wanted), search.limit, search.after)

    def card(self, user: ConsoleUser, card_id: str) -> Row:
        return _one(self._cards(user), "id", card_id, "HUB-4043")

    def recompute_card(self, user: ConsoleUser, card_id: str) -> bool | None:
        evidence = self.card(user, card_id)["evidence"]
        finding = recompute(evidence, calendar(), POLICY, RULES)
        return finding is not None and finding.evidence == evidence

    def search_messages(self, user: ConsoleUser, search: MessageSearch) -> FakePage:
        wanted = {"sender": search.sender, "state": search.state, "status": search.status}
        found = _matching(self._messages, wanted)
        found = [row for row in found if search.q in ("", row["receiptNo"], row["messageId"])]
        return _page(found, search.limit, search.after)

    def message(self, user: ConsoleUser, receipt_no: str) -> Row:
        return _one(self._messages, "receiptNo", receipt_no, "HUB-4041")

    def message_body(self, user: ConsoleUser, receipt_no: str, reason: str) -> str:
        self.audit.append((user.name, receipt_no, reason))
        return str(self._bodies[receipt_no])

    def search_quarantine(self, user: ConsoleUser, search: QuarantineSearch) -> FakePage:
        found = _matching(self._quarantine, {"state": search.state, "code": search.code})
        return _page(found, search.limit, search.after)

    def quarantined(self, user: ConsoleUser, entry_id: str) -> Row:
        return _one(self._quarantine, "id", int(entry_id), "HUB-4043")

    def discard(self, user: ConsoleUser, entry_id: str, reason: str) -> None:
        self._open_entry(user, entry_id)["state"] = "DISCARDED"
        self.audit.append((user.name, entry_id, reason))

    def replay(self, user: ConsoleUser, entry_id: str) -> None:
        entry = self._open_entry(user, entry_id)
        if entry["id"] == 2:
            raise RejectedError("HUB-5001", "办件仍属于另一个部门")
        entry["state"] = "REPLAYED"

    @property
    def replays(self) -> "FakeReplays":
        return self._replays

    def error_catalogue(self) -> list[Row]:
        return [
            {
                "code": code,
                "title": entry["title"],
                "cause": entry["cause"],
                "remedy": entry["remedy"],
                "retryable": entry["retryable"],
                "httpStatus": entry["http_status"],
            }
            for code, entry in ERRORS.items()
        ]

    def _open_entry(self, user: ConsoleUser, entry_id: str) -> Row:
        entry = self.quarantined(user, entry_id)
        if entry["state"] != "OPEN":
            raise RejectedError("HUB-4043", "该记录已处理")
        return entry

    def _visible(self, user: ConsoleUser) -> list[Row]:
        return [case for case in self._cases if _sees(user, case["orgCode"])]

    def _cards(self, user: ConsoleUser) -> list[Row]:
        return [card for case in self._visible(user) for card in case["cards"]]


class FakeReplays:
    def __init__(self, jobs: list[Row], console: FakeConsole) -> None:
        self._jobs = jobs
        self._console = console

    def create(self, user: ConsoleUser, asked: ReplayAsked) -> int:
        ids = [str(id_) for id_ in asked.quarantine_ids]
        self._console.audit.append((user.name, "replay", ",".join(ids) or asked.code))
        self._jobs.append(_replay(0) | {"id": len(self._jobs) + 1, "state": "REHEARSING", "stateTitle": "试运行中"})
        return len(self._jobs)

    def jobs(self, state: str, limit: int, after: str | None) -> FakePage:
        return _page(_matching(self._jobs, {"state": state}), limit, after)

    def job(self, job_id: str) -> Row:
        return _one(self._jobs, "id", int(job_id) if job_id.isdecimal() else 0, "HUB-4044")

    def items(self, job_id: str, state: str, limit: int, after: str | None) -> FakePage:
        return _page(_matching([_replayed(number) for number in range(5)], {"state": state}), limit, after)

    def turn(self, user: ConsoleUser, job_id: str, act: str) -> None:
        job = self.job(job_id)
        if act == "pause" and job["state"] != "RUNNING":
            raise RejectedError("HUB-5003", "任务待启动，不能这样操作")
        state = {"start": "RUNNING", "pause": "PAUSED", "resume": "RUNNING", "cancel": "CANCELLED"}[act]
        job |= {"state": state, "stateTitle": JOB_STATES[state]}
        self._console.audit.append((user.name, job_id, act))


def fake_app(services: FakeConsole | None = None, public_url: str = "") -> FastAPI:
    app = FastAPI()
    app.include_router(create_console(services or FakeConsole(), public_url=public_url).router)
    return app


def _sees(user: ConsoleUser, org_code: str) -> bool:
    return user.org_codes is None or org_code in user.org_codes


def _matching(rows: Sequence[Row], wanted: dict[str, str]) -> list[Row]:
    return [row for row in rows if all(not value or row[name] == value for name, value in wanted.items())]


def _page(rows: Sequence[Row], limit: int, after: str | None) -> FakePage:
    start = int(after) if after and after.isdecimal() else 0
    end = start + limit
    return FakePage(rows[start:end], str(end) if end < len(rows) else None)


def _one(rows: Sequence[Row], column: str, sought: object, code: str) -> Row:
    found = next((row for row in rows if row[column] == sought), None)
    if found is None:
        raise NotFoundError(code, "没有这个编号，或不在您的查看范围内")
    return found


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _contact(number: int, code: str, name: str) -> Row:
    return {
        "code": code,
        "name": name,
        "lastReceivedAt": _text(NOW - timedelta(minutes=3 + 97 * number)) if number < 3 else None,
        "acceptedToday": 6200 - 1900 * number if number < 3 else 0,
        "rejectedToday": 37 if number == 1 else 0,
    }


def _message(number: int) -> Row:
    sender, received = list(SENDERS)[number % 4], NOW - timedelta(minutes=7 * number)
    status = "PARTIAL" if number % 7 == 1 else "REJECTED" if number % 11 == 5 else "ACCEPTED"
    state = "WAITING" if number < 2 else "PROCESSED"
    kind = ("PROCESS", "办理过程") if number % 3 else ("RESULT", "办理结果")
    rejected = {"PARTIAL": 1, "REJECTED": 3, "ACCEPTED": 0}[status]
    return {
        "receiptNo": f"R20260318-{number:05}",
        "messageId": f"{sender}-20260318-{number:04}",
        "sender": sender,
        "senderName": SENDERS[sender],
        "kind": kind[0],
        "kindTitle": kind[1],
        "status": status,
        "statusTitle": RECEIPT_STATES[status],
        "state": state,
        "stateTitle": MESSAGE_STATES[state],
        "receivedAt": _text(received),
        "processedAt": _text(received + timedelta(seconds=2)) if state == "PROCESSED" else None,
        "acceptedCount": 3 - rejected,
        "rejectedCount": rejected,
        "quarantinedCount": 1 if number % 6 == 2 else 0,
        "size": 5120 + 97 * number,
        "digest": "9f2c" * 16,
        "traceId": f"trace{number:04}",
        "errors": [_error(seq) for seq in range(1, rejected + 1)],
        "records": [_record(seq, rejected, state) for seq in range(1, 4)],
    }


def _error(seq: int) -> Row:
    return {
        "seq": seq,
        "recordId": f"P-{seq}",
        "code": "HUB-3001",
        "path": f"record[{seq}]/handledAt",
        "message": "缺少必填字段：办理时间",
    }


def _record(seq: int, rejected: int, message_state: str) -> Row:
    taken = "STORED" if message_state == "PROCESSED" else "QUEUED"
    state = "REJECTED" if seq <= rejected else taken
    code = "HUB-3001" if state == "REJECTED" else None
    return {
        "seq": seq,
        "recordId": f"P-{seq}",
        "state": state,
        "stateTitle": RECORD_STATES[state],
        "code": code,
        "message": None,
    }


def _set_aside(number: int) -> Row:
    state = ("OPEN", "OPEN", "OPEN", "REPLAYED", "DISCARDED")[number % 5]
    code = ("HUB-5001", "HUB-6002", "HUB-4002")[number % 3]
    sender = list(SENDERS)[number % 4]
    return {
        "id": number + 1,
        "receiptNo": f"R20260318-{number:05}",
        "messageId": f"{sender}-20260318-{number:04}",
        "sender": sender,
        "seq": 2,
        "recordId": f"P{number + 1:04}-9",
        "code": code,
        "path": "record[2]/itemCode",
        "message": "办件已登记在另一个事项之下",
        "state": state,
        "stateTitle": QUARANTINE_STATES[state],
        "senderName": SENDERS[sender],
        "quarantinedAt": _text(NOW - timedelta(hours=number)),
        "sample": "<applicantName>王**</applicantName>\n<applicantIdNo>330324********0003</applicantIdNo>\n",
    }


def _replay(number: int) -> Row:
    state = list(JOB_STATES)[(number + 1) % len(JOB_STATES)]
    forecast = {
        "messages": 12, "skipped": 1, "failingMessages": 2, "newRecords": 30, "unchangedRecords": 4,
        "failingRecords": {"HUB-6002": 2}, "cardsRaised": 1, "cardsRestated": 0, "cardsCleared": 0,
    }  # fmt: skip
    return {
        "id": number + 1,
        "state": state,
        "stateTitle": JOB_STATES[state],
        "selection": {"state": "QUARANTINED", "code": "HUB-6002"},
        "matchedCount": 15,
        "itemCount": 12,
        "counts": {"WAITING": 3, "QUEUED": 2, "STORED": 4, "QUARANTINED": 2, "SKIPPED": 1, "CANCELLED": 0},
        "batchSize": 50,
        "ratePerSecond": 5 if number % 2 else None,
        "forecast": forecast if number != 3 else None,
        "createdAt": _text(NOW - timedelta(hours=number)),
        "createdBy": "it_staff",
        "startedAt": _text(NOW),
        "finishedAt": None,
    }


def _replayed(number: int) -> Row:
    state = list(ITEM_STATES)[number]
    return {
        "receiptNo": f"R20260318-{number:05}",
        "sender": "ZJJ",
        "senderName": SENDERS["ZJJ"],
        "state": state,
        "stateTitle": ITEM_STATES[state],
        "heldCount": 1 if state == "QUARANTINED" else None,
        "queuedAt": _text(NOW),
        "settledAt": None,
        "forecast": None,
    }


if __name__ == "__main__":
    uvicorn.run(fake_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8099)
