"""Senders and adapters of a made-up county, for tests of their pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from adapters.library import shipped_document
from hub.adapting.office import ACTS
from hub.console.services import (
    ActAsked,
    AdapterSearch,
    ConsoleUser,
    Registration,
    SenderAsked,
    UnmappedSearch,
)
from hub.domain.envelopes import Quota
from hub.domain.errors import NotFoundError, RejectedError
from hub.stores.paging import Page
from tests.fake_county import NOW
from tests.fake_drafts import FakeDrafts

Row = dict[str, Any]
SECRET = "made-up-secret-shown-once"
TODAY = {"received": 12, "accepted": 40, "rejected": 2, "quarantined": 1}
_QUOTA = {"messagesPerSecond": 5.0, "burstMessages": None, "messageBytes": None, "messageRecords": None}


class FakeSenders:
    """The first sender is in use, the second stopped, the third silent, the fourth was never heard."""

    def __init__(self, senders: Mapping[str, str], change: Callable[[Any], Any]) -> None:
        heard = [NOW - timedelta(minutes=3), NOW - timedelta(hours=1), NOW - timedelta(days=3), None]
        self.rows = [change(_sender(code, name)) for code, name in senders.items()]
        for number, row in enumerate(self.rows):
            last = heard[number % len(heard)]
            row["lastReceivedAt"] = last.isoformat() if last else None
            row["silentSeconds"] = (NOW - last).total_seconds() if last else None
            row["disabledNotice"] = change({"x": "系统升级中"})["x"] if number == 1 else None
        self.done: list[tuple[str, str, Any]] = []

    def senders(self, user: ConsoleUser) -> Sequence[Row]:
        return self.rows

    def sender(self, user: ConsoleUser, code: str) -> Row:
        found = next((row for row in self.rows if row["code"] == code), None)
        if found is None:
            raise NotFoundError("HUB-4043", f"没有登记报送方 {code}")
        return found

    def register(self, user: ConsoleUser, asked: SenderAsked) -> str:
        if any(row["code"] == asked.code for row in self.rows):
            raise RejectedError("HUB-6003", f"报送方 {asked.code} 已经登记")
        self.rows.append(_sender(asked.code, asked.name))
        self.done.append(("register", asked.code, asked))
        return SECRET

    def change_registration(self, user: ConsoleUser, code: str, registration: Registration) -> None:
        self.sender(user, code)["registration"] = asdict(registration)

    def rotate(self, user: ConsoleUser, code: str) -> str:
        held = self.sender(user, code)["credentials"]
        if len(held) > 1:
            raise RejectedError("HUB-5022", "新旧两个密钥都还有效；请先作废旧密钥，再更换")
        held.insert(0, _credential(len(held) + 1))
        return SECRET

    def revoke(self, user: ConsoleUser, code: str, credential_id: str) -> None:
        held = self.sender(user, code)["credentials"]
        if len(held) < 2:
            raise RejectedError("HUB-5023", "这是唯一有效的密钥；要停止报送请停用报送方")
        next(row for row in held if str(row["id"]) == credential_id)["revokedAt"] = NOW.isoformat()

    def disable(self, user: ConsoleUser, code: str, notice: str) -> None:
        self.sender(user, code)["disabledNotice"] = notice

    def enable(self, user: ConsoleUser, code: str) -> None:
        self.sender(user, code)["disabledNotice"] = None

    def change_quota(self, user: ConsoleUser, code: str, quota: Quota) -> None:
        self.done.append(("quota", code, quota))


def _sender(code: str, name: str) -> Row:
    return {
        "code": code,
        "name": name,
        "orgCodes": ["33032400GS"],
        "departments": [{"code": "33032400GS", "name": "样例县市场监督管理局"}],
        "createdAt": NOW.isoformat(),
        "disabledNotice": None,
        "lastReceivedAt": None,
        "silentSeconds": None,
        "today": {"received": 12, "accepted": 40, "rejected": 2},
        "quota": dict(_QUOTA),
        "credentials": [_credential(1)],
        "registration": asdict(Registration(vendor="样例软件")),
        "problems": [
            {
                "receiptNo": "R20260318-00001", "receivedAt": NOW.isoformat(), "rejectedCount": 2,
                "quarantinedCount": 1, "code": "HUB-3001", "path": "record[1]/caseNo", "message": "缺少必填项",
            }
        ],
    }  # fmt: skip


def _credential(number: int) -> Row:
    return {"id": number, "createdAt": NOW.isoformat(), "lastUsedAt": None, "revokedAt": None}


class FakeAdapters(FakeDrafts):
    """Two versions of one adapter in force and a third on trial beside it; one that is stopped."""

    def __init__(self, senders: Mapping[str, str], change: Callable[[Any], Any]) -> None:
        super().__init__()
        sender = next(iter(senders))
        self.rows = [
            change(_adapter("package", "市场监管交换包", sender, "ACTIVE", "运行")),
            change(_adapter("old-tables", "旧前置机表", "", "DISABLED", "停用")),
        ]
        for row, code, state in zip(self.rows, ("package", "old-tables"), ("ACTIVE", "DISABLED"), strict=True):
            row |= {"adapter": code, "state": state}
        self.codes = [change(_unmapped(number)) for number in range(1, 4)]
        for number, row in enumerate(self.codes, start=1):
            row |= {"id": number, "adapter": "package", "state": "OPEN", "codeList": "stepStatus"}
        self.versions = [change(_version(number)) | {"number": number} for number in (3, 2, 1)]
        self._change = change
        self.acts: list[tuple[str, str, ActAsked]] = []
        self.ignored: list[tuple[str, str]] = []

    def adapters(self, user: ConsoleUser, search: AdapterSearch) -> Page:
        found = [
            row
            for row in self.rows
            if search.state in ("", row["state"]) and search.sender in ("", row["sender"]) and search.q in row["title"]
        ]
        return Page(found, None)

    def adapter(self, user: ConsoleUser, code: str) -> Row:
        return {
            **self._row(code),
            "notice": None,
            "acts": [_act("activate", 3), _act("disable", None), _act("rollback", 1)],
            "versions": self.versions,
            "events": self._change([{"at": NOW.isoformat(), "actor": "it_staff", "act": "save", "version": 3,
                                     "reason": "", "title": "保存草稿"}]),
            "days": [{"day": "2026-03-18", **TODAY}],
            "topErrors": [{"code": "HUB-3007", "path": "handledAt", "count": 3}],
            "pull": None,
            "shadow": {"version": 3, "state": "SHADOW", "since": NOW.isoformat(), "compared": 12, "different": 1,
                       "units": 40, "refused": 1, "issues": self._change([
                           {"code": "HUB-3007", "path": "handledAt", "message": "时间写法不对"}])},
            "draft": None,
        }  # fmt: skip

    def _row(self, code: str) -> Row:
        found = next((row for row in self.rows if row["adapter"] == code), None)
        if found is None:
            raise NotFoundError("HUB-4045", "没有登记这个适配器")
        return found

    def version(self, user: ConsoleUser, code: str, number: int) -> Row:
        row = next((row for row in self.versions if row["number"] == number), None)
        if row is None:
            raise NotFoundError("HUB-4045", "这个适配器没有这个版本")
        document = shipped_document("package")
        words = self._change({"title": f"交换包 {number}", "description": "说明"})
        return {**row, "document": document | words, "acts": [_act("rollback", 1)]}

    def drift(self, user: ConsoleUser, code: str) -> Sequence[Row]:
        row = {"unit": "record", "title": "新出现的字段", "path": "NEWCOL", "message": "此前的报文没有这个字段"}
        return [self._change(row)]

    def act(self, user: ConsoleUser, code: str, asked: ActAsked) -> None:
        if asked.act == "activate" and asked.fingerprint != "f" * 64:
            raise RejectedError("HUB-5004", "这个版本的内容已经改变，请重新查看后再办")
        self.acts.append((user.name, code, asked))

    def shadow_differences(self, user: ConsoleUser, code: str) -> Sequence[Row]:
        return [self._change({"target": "opinion", "title": "处理意见", "kind": "不同", "count": 2})]

    def unmapped(self, user: ConsoleUser, search: UnmappedSearch) -> Page:
        found = [row for row in self.codes if search.state in ("", row["state"])]
        return Page([row for row in found if search.adapter in ("", row["adapter"])], None)

    def map_code(self, user: ConsoleUser, entry_id: str, token: str) -> Row:
        row = self._code(entry_id)
        if token not in ("PASSED", "RUNNING"):
            raise RejectedError("HUB-3006", "标准代码表里没有这个值", "token")
        row["state"] = "MAPPED"
        return {"adapter": "package", "version": 4, "activated": True, "replayJob": 1}

    def ignore_code(self, user: ConsoleUser, entry_id: str, reason: str) -> None:
        self._code(entry_id)["state"] = "IGNORED"
        self.ignored.append((entry_id, reason))

    def _code(self, entry_id: str) -> Row:
        found = next((row for row in self.codes if str(row["id"]) == entry_id), None)
        if found is None:
            raise NotFoundError("HUB-4045", "没有这个未对照代码")
        return found


def _adapter(code: str, title: str, sender: str, state: str, state_title: str) -> Row:
    return {
        "adapter": code, "title": title, "state": state, "stateTitle": state_title, "version": 2, "sender": sender,
        "senderName": "市场监管审批系统", "lastReceivedAt": NOW.isoformat(), "silentSeconds": 30.0, "isSilent": False,
        "today": dict(TODAY), "openQuarantine": 1, "openUnmapped": 3, "problem": None,
    }  # fmt: skip


def _act(name: str, version: int | None) -> Row:
    act = ACTS[name]
    return {
        "act": name, "title": act.title, "hint": "", "needsReason": act.needs_reason, "version": version,
        "fingerprint": "f" * 64 if version else "",
    }  # fmt: skip


def _version(number: int) -> Row:
    state, title = {3: ("SHADOW", "试运行"), 2: ("ACTIVE", "运行"), 1: ("RETIRED", "已替换")}[number]
    return {
        "number": number, "state": state, "stateTitle": title, "author": "it_staff", "createdAt": NOW.isoformat(),
        "changedAt": NOW.isoformat(), "activatedBy": None, "activatedAt": None, "fingerprint": "f" * 64,
        "digest": "d" * 64,
    }  # fmt: skip


def _unmapped(number: int) -> Row:
    return {
        "id": number, "adapter": "package", "adapterTitle": "市场监管交换包", "codeMap": "hjzt", "value": f"X{number}",
        "target": "stepStatus", "targetTitle": "环节状态", "codeList": "stepStatus", "count": 7,
        "firstSeenAt": NOW.isoformat(), "lastSeenAt": NOW.isoformat(), "state": "OPEN", "stateTitle": "待对照",
        "settledBy": None, "reason": None,
    }  # fmt: skip
