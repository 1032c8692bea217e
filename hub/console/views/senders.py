"""Systems that may push: the list, registering one, and the life of its secrets."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from hub.console.pages import Console, Visit
from hub.console.services import AdapterSearch, Registration, Row, SenderAsked
from hub.console.session import Right
from hub.domain.envelopes import Quota
from hub.domain.errors import NotFoundError, RejectedError

_LONGEST = {"code": 100, "name": 200, "notice": 500}
_MOST_DEPARTMENTS = 20
STATES = {"ENABLED": "启用", "SILENT": "超过一天无报送", "NEVER": "从未报送", "DISABLED": "停用"}
_SILENT_SECONDS = 86_400
QUOTA_FIELDS = {
    "messages_per_second": "每秒报文数", "burst_messages": "突发报文数", "message_bytes": "一个报文的字节数",
    "message_records": "一个报文的记录条数",
}  # fmt: skip
REGISTRATION_FIELDS = {
    "vendor": "开发厂商", "contact": "联系人", "phone": "联系电话", "networks": "来源网段", "access": "接入方式",
    "daily_messages": "预计每日报文数", "remark": "备注",
}  # fmt: skip
_LONGEST_REGISTRATION = 300


def register(console: Console) -> None:
    console.page("/senders", Right.ADAPTERS, lambda visit: _list(console, visit))
    console.action("/senders", Right.CHANGE_ADAPTERS, lambda visit: _register(console, visit))
    console.page("/sender-registration", Right.CHANGE_ADAPTERS, lambda visit: _form(console, visit))
    console.page("/senders/{code}", Right.ADAPTERS, lambda visit: _show(console, visit))
    console.page("/senders/{code}/registration", Right.CHANGE_ADAPTERS, lambda visit: _printable(console, visit))
    console.action("/senders/{code}/{act}", Right.CHANGE_ADAPTERS, lambda visit: _act(console, visit))


def state_of(sender: Row) -> str:
    if sender["disabledNotice"] is not None:
        return "DISABLED"
    if sender["silentSeconds"] is None:
        return "NEVER"
    return "SILENT" if sender["silentSeconds"] > _SILENT_SECONDS else "ENABLED"


def _list(console: Console, visit: Visit) -> Response:
    rows = console.services.registry.senders(visit.user)
    wanted = visit.query("state")
    shown = [row for row in rows if wanted not in STATES or state_of(row) == wanted]
    return console.render(
        visit, "senders/index.html", senders=shown, state_of=state_of, states=STATES, wanted=wanted,
        counts={state: sum(state_of(row) == state for row in rows) for state in STATES}, total=len(rows),
    )  # fmt: skip


def _form(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    departments = console.services.departments(visit.user)
    return console.render(
        visit, "senders/new.html", status, departments=departments, problem=problem, fields=REGISTRATION_FIELDS,
        form=visit.form,
    )  # fmt: skip


def _register(console: Console, visit: Visit) -> Response:
    try:
        asked = _asked(visit)
        secret = console.services.registry.register(visit.user, asked)
    except RejectedError as refusal:
        return _form(console, visit, refusal.message, HTTPStatus.UNPROCESSABLE_ENTITY)
    return _secret(console, visit, asked.code, secret, "已登记")


def _asked(visit: Visit) -> SenderAsked:
    """Raises RejectedError HUB-3001 and HUB-3005 on what the form lacks or has too much of."""
    code, name = _must(visit, "code", "报送方代码"), _must(visit, "name", "系统名称")
    departments = _departments(visit.field("departments"), name)
    return SenderAsked(code=code, name=name, departments=departments, registration=_registration(visit))


def _must(visit: Visit, name: str, title: str) -> str:
    text = visit.field(name)
    if not text:
        raise RejectedError("HUB-3001", f"请填写{title}", name)
    if len(text) > _LONGEST[name]:
        raise RejectedError("HUB-3005", f"{title}不超过 {_LONGEST[name]} 字", name)
    return text


def _departments(text: str, otherwise: str) -> Mapping[str, str]:
    """One a line: organisation code, then its name; without a name it has the sender's."""
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    if not lines:
        raise RejectedError("HUB-3001", "请填写它代表的部门，每行一个：部门编码 部门名称", "departments")
    if len(lines) > _MOST_DEPARTMENTS:
        raise RejectedError("HUB-3005", f"部门不超过 {_MOST_DEPARTMENTS} 个", "departments")
    return {line[0][:18]: (line[1].strip() if len(line) > 1 else otherwise)[:200] for line in lines}


def _registration(visit: Visit) -> Registration:
    return Registration(**{name: visit.field(name)[:_LONGEST_REGISTRATION] for name in REGISTRATION_FIELDS})


def _secret(console: Console, visit: Visit, code: str, secret: str, done: str) -> Response:
    """The one page that shows a secret; it is never kept by the browser (no-store) nor by us in plain text."""
    return console.render(
        visit, "senders/secret.html", code=code, secret=secret, done=done, address=console.public_url
    )  # fmt: skip


def _show(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    sender = console.services.registry.sender(visit.user, visit.path("code"))
    adapters = console.services.adapters.adapters(visit.user, AdapterSearch(sender=sender["code"], limit=50))
    return console.render(
        visit, "senders/sender.html", status, sender=sender, state=state_of(sender), states=STATES, problem=problem,
        quota_fields=QUOTA_FIELDS, fields=REGISTRATION_FIELDS, form=visit.form, adapters=adapters.items,
        valid=[row for row in sender["credentials"] if row["revokedAt"] is None],
    )  # fmt: skip


def _printable(console: Console, visit: Visit) -> Response:
    sender = console.services.registry.sender(visit.user, visit.path("code"))
    return console.render(
        visit, "senders/registration.html", sender=sender, fields=REGISTRATION_FIELDS, address=console.public_url
    )  # fmt: skip


# --- what may be done to one ------------------------------------------------------------------------------------


def _act(console: Console, visit: Visit) -> Response:
    act = _ACTS.get(visit.path("act"))
    if act is None:
        raise NotFoundError("HUB-4043", "没有这个页面")
    try:
        return act(console, visit, visit.path("code"))
    except NotFoundError:
        raise
    except RejectedError as refusal:
        return _show(console, visit, refusal.message, HTTPStatus.UNPROCESSABLE_ENTITY)


def _rotate(console: Console, visit: Visit, code: str) -> Response:
    secret = console.services.registry.rotate(visit.user, code)
    return _secret(console, visit, code, secret, "已发放新密钥，旧密钥在对方切换前继续有效")


def _revoke(console: Console, visit: Visit, code: str) -> Response:
    console.services.registry.revoke(visit.user, code, visit.field("credential"))
    return console.done(f"/senders/{code}", "secret_revoked")


def _disable(console: Console, visit: Visit, code: str) -> Response:
    console.services.registry.disable(visit.user, code, _must(visit, "notice", "停用说明"))
    return console.done(f"/senders/{code}", "sender_disabled")


def _enable(console: Console, visit: Visit, code: str) -> Response:
    console.services.registry.enable(visit.user, code)
    return console.done(f"/senders/{code}", "sender_enabled")


def _quota(console: Console, visit: Visit, code: str) -> Response:
    given = {name: _positive(visit.field(name), title) for name, title in QUOTA_FIELDS.items()}
    whole: dict[str, Any] = {name: int(value) if value is not None else None for name, value in given.items()}
    rate = given["messages_per_second"]
    console.services.registry.change_quota(visit.user, code, Quota(**whole | {"messages_per_second": rate}))
    return console.done(f"/senders/{code}", "sender_changed")


def _positive(text: str, title: str) -> float | None:
    """Nothing means: as the county's settings say."""
    if not text:
        return None
    plain = text.replace(".", "", 1)
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 9 and float(text) > 0):
        raise RejectedError("HUB-3004", f"{title}须是大于 0 的数字，或留空")
    return float(text)


def _change_registration(console: Console, visit: Visit, code: str) -> Response:
    console.services.registry.change_registration(visit.user, code, _registration(visit))
    return console.done(f"/senders/{code}", "sender_changed")


_ACTS = {
    "rotate": _rotate, "revoke": _revoke, "disable": _disable, "enable": _enable, "quota": _quota,
    "registration": _change_registration,
}  # fmt: skip
