"""A new adapter: from a department's sample messages, or from a shipped document."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from adapters.library import shipped_document
from adapters.suggest.drafting import draft_adapter
from adapters.suggest.questions import QUESTION_TITLES
from adapters.suggest.sample_files import SampleFile
from adapters.suggest.values import KIND_TITLES
from hub.console.adapter_words import FORMATS
from hub.console.pages import Console, FormLimits, Visit
from hub.console.session import Right
from hub.domain.errors import RejectedError

MOST_SAMPLES = 50
_UPLOADS = FormLimits(total_bytes=20 * 1024 * 1024, files=MOST_SAMPLES)
_CODE = re.compile(r"[a-z][a-z0-9-]{1,39}")
_PASTED_NAME = "粘贴的样例"


def register(console: Console) -> None:
    console.page("/adapter-start", Right.CHANGE_ADAPTERS, lambda visit: _form(console, visit))
    console.action("/adapter-start", Right.CHANGE_ADAPTERS, lambda visit: _from_samples(console, visit), _UPLOADS)
    console.action("/adapter-start/library", Right.CHANGE_ADAPTERS, lambda visit: _from_library(console, visit))


def uploaded(visit: Visit) -> list[SampleFile]:
    """The files of a form and what was pasted into its field `pasted`. Raises RejectedError HUB-5021."""
    files = [SampleFile(upload.name, upload.content) for upload in visit.files]
    if pasted := visit.field("pasted"):
        files.append(SampleFile(_PASTED_NAME, pasted.encode()))
    if not files:
        raise RejectedError("HUB-5021", "请选择样例文件，或把样例粘贴进来", "files")
    return files


def _form(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    return console.render(
        visit, "adapters/start.html", status, problem=problem, form=visit.form or visit.request.query_params,
        senders=console.services.senders(visit.user), departments=console.services.departments(visit.user),
        most=MOST_SAMPLES,
    )  # fmt: skip


def _from_samples(console: Console, visit: Visit) -> Response:
    try:
        drafted = draft_adapter(uploaded(visit), _code(visit), _title(visit), _department(console, visit))
        console.services.adapters.create(visit.user, _named(visit, drafted.document))
    except RejectedError as refusal:
        where = f"（{refusal.path}）" if refusal.path else ""
        return _form(console, visit, f"{refusal.message}{where}", HTTPStatus.UNPROCESSABLE_ENTITY)
    return console.render(
        visit, "adapters/detected.html", drafted=drafted, code=_code(visit), title=_title(visit), formats=FORMATS,
        kinds=KIND_TITLES, question_titles=QUESTION_TITLES,
    )  # fmt: skip


def _from_library(console: Console, visit: Visit) -> Response:
    try:
        document = shipped_document(visit.field("shipped"))
        named = _named(visit, {**document, "adapter": _code(visit), "title": _title(visit)})
        console.services.adapters.create(visit.user, named)
    except RejectedError as refusal:
        return _form(console, visit, refusal.message, HTTPStatus.UNPROCESSABLE_ENTITY)
    return console.done(f"/adapters/{_code(visit)}/draft", "draft_saved")


def _code(visit: Visit) -> str:
    code = visit.field("code")
    if not _CODE.fullmatch(code):
        text = "适配器代码以小写字母开头，由小写字母、数字和短横组成，2 至 40 位"
        raise RejectedError("HUB-3004", text, "code")
    return code


def _title(visit: Visit) -> str:
    return visit.field("title")[:100] or visit.field("code")


def _department(console: Console, visit: Visit) -> dict[str, str] | None:
    names = {row["code"]: row["name"] for row in console.services.departments(visit.user)}
    chosen = visit.field("org_code")
    return {"orgCode": chosen, "orgName": names[chosen]} if chosen in names else None


def _named(visit: Visit, document: Mapping[str, Any]) -> dict[str, Any]:
    """With the sender that was chosen; the shipped one's is nobody here."""
    sender = visit.field("sender")
    rest = {name: value for name, value in document.items() if name != "sender"}
    return {**rest, "sender": sender} if sender else rest
