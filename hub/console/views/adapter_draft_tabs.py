"""The editor's other tabs: code maps, settings and routes, samples, the document itself, a trial on stored messages."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from adapters.document import dump_document, dump_part, load_document
from adapters.engine import CompiledAdapter
from adapters.sample_runs import result_of, run_sample
from hub.console import draft_edits
from hub.console.adapter_words import CORRECTIONS, FORMATS, POLICIES, STORES
from hub.console.document_lines import line_of
from hub.console.draft_edits import Document
from hub.console.draft_view import masked_content, view_sample
from hub.console.pages import Console, FormLimits, Visit
from hub.console.session import Right
from hub.console.target_fields import TargetField, target_fields
from hub.console.views.adapter_start import uploaded
from hub.console.views.drafts import OpenDraft, open_draft, place_in, render_tab, saved
from hub.domain.codes import CODE_LISTS, CodeList
from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.records import RECORD_KINDS

_CODES_FORM = FormLimits(total_bytes=512 * 1024, fields=4_200)
_DOCUMENT_FORM = FormLimits(total_bytes=4 * 1024 * 1024)
_SAMPLES_FORM = FormLimits(total_bytes=4 * 1024 * 1024, files=10)
_TRIED_MESSAGES = {"20": "最近 20 个", "100": "最近 100 个", "500": "最近 500 个"}
_BLANK_LINES = 3

Change = Callable[[Visit, OpenDraft], Document]


def register(console: Console) -> None:
    path, right = "/adapters/{code}/draft", Right.CHANGE_ADAPTERS
    for tab, show in _SHOWN.items():
        console.page(f"{path}/{tab}", right, partial(show, console))
    for name, (tab, change, limits) in _CHANGES.items():
        _add_change(console, f"{path}/{name}", tab, change, limits)
    console.page(f"{path}/file", right, lambda visit: _file(console, visit))


def _add_change(console: Console, path: str, tab: str, change: Change, limits: FormLimits) -> None:
    def handle(visit: Visit) -> Response:
        return saved(
            console, visit, lambda draft: change(visit, draft), lambda *said: _SHOWN[tab](console, visit, *said)
        )

    console.action(path, Right.CHANGE_ADAPTERS, handle, limits)


# --- code maps ----------------------------------------------------------------------------------------------------


def _codes(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    draft = open_draft(console, visit)
    seen = _unmapped_in_samples(draft)
    maps = [_code_map(name, entry, seen.get(name, {})) for name, entry in draft.document.get("codeMaps", {}).items()]
    return render_tab(
        console, visit, draft, "codes", status, maps=maps, problem=problem, code_lists=CODE_LISTS,
        blank=range(_BLANK_LINES), list_titles=_list_titles(),
    )  # fmt: skip


def _unmapped_in_samples(draft: OpenDraft) -> dict[str, dict[str, int]]:
    """By code map, the codes of the samples that it does not know, with how often they stand there."""
    found: dict[str, dict[str, int]] = {}
    for sample in draft.document.get("samples", ()):
        reading = view_sample(draft.tried, sample, 1).reading
        for unit in reading.units if reading else ():
            for code in unit.unmapped:
                counts = found.setdefault(code.code_map, {})
                counts[code.value] = counts.get(code.value, 0) + 1
    return found


def _code_map(name: str, entry: Mapping[str, Any], unmapped: Mapping[str, int]) -> dict[str, Any]:
    codes = code_list_of(entry["target"])
    return {
        "name": name, "target": entry["target"], "values": entry["values"], "otherwise": entry.get("otherwise", "keep"),
        "unmapped": unmapped, "titles": codes.titles if codes else {}, "title": _list_title(entry["target"]),
    }  # fmt: skip


def code_list_of(target: str) -> CodeList | None:
    """The list that a code map leads to: `target` names the list, or a field that has it."""
    if target in CODE_LISTS:
        return CODE_LISTS[target]
    last = target.replace("/", ".").rpartition(".")[2]
    field = next((field for field in _code_fields() if field.spec.wire == last), None)
    return CODE_LISTS[field.code_list] if field else None


def _code_fields() -> Iterator[TargetField]:
    return (field for store in RECORD_KINDS for field in target_fields(store) if field.code_list)


def _list_titles() -> dict[str, str]:
    return {name: _list_title(name) for name in CODE_LISTS}


def _list_title(target: str) -> str:
    codes = code_list_of(target)
    fields = (field.title for field in _code_fields() if codes and field.code_list == codes.name)
    return next(fields, target)


def _change_codes(visit: Visit, draft: OpenDraft) -> Document:
    name = visit.field("map")
    if visit.field("op") == "remove":
        return draft_edits.remove_code_map(draft.document, name)
    if visit.field("op") == "add":
        return draft_edits.add_code_map(draft.document, name, visit.field("target"))
    return draft_edits.with_codes(draft.document, name, visit.form)


# --- settings and routes ------------------------------------------------------------------------------------------


def _settings(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    draft = open_draft(console, visit)
    whens = [dump_part(route["when"]).strip() if "when" in route else "" for route in draft.document["routes"]]
    return render_tab(
        console, visit, draft, "settings", status, problem=problem, formats=FORMATS, policies=POLICIES, stores=STORES,
        corrections=CORRECTIONS, whens=whens, senders=console.services.senders(visit.user),
        transport=dump_part(draft.document.get("transport", {"kind": "push"})),
    )  # fmt: skip


def _change_settings(visit: Visit, draft: OpenDraft) -> Document:
    return draft_edits.with_settings(draft.document, visit.form)


def _change_route(visit: Visit, draft: OpenDraft) -> Document:
    place = place_in(visit.form, "place")
    if visit.field("op") == "remove":
        return draft_edits.remove_route(draft.document, place)
    if visit.field("op") == "add":
        return draft_edits.add_route(draft.document, visit.form)
    return draft_edits.change_route(draft.document, place, visit.form)


# --- samples ------------------------------------------------------------------------------------------------------


def _samples(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    draft = open_draft(console, visit)
    compiled = draft.tried.compiled
    samples = [_sample(compiled, sample) for sample in draft.document.get("samples", ())]
    return render_tab(
        console, visit, draft, "samples", status, samples=samples, problem=problem,
        failing=sum(not row["passed"] for row in samples), units=draft.document["intake"].get("units", ()),
    )  # fmt: skip


def _sample(compiled: CompiledAdapter | None, sample: Mapping[str, Any]) -> dict[str, Any]:
    outcome = run_sample(compiled, sample) if compiled else None
    return {
        "name": sample["name"],
        "passed": outcome is not None and outcome.passed,
        "differences": outcome.differences if outcome else ["草稿还不能运行，先补齐映射"],
        "expected": _masked_result(sample["expect"]),
        "present": _masked_result(result_of(compiled, sample)) if compiled else {},
    }


def _masked_result(result: Mapping[str, Any]) -> dict[str, Any]:
    if "records" not in result:
        return dict(result)
    return {**result, "records": [_masked_record(record) for record in result["records"]]}


def _masked_record(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, "content": masked_content(record["store"], record["content"])}


def _change_samples(visit: Visit, draft: OpenDraft) -> Document:
    if visit.field("op") == "add":
        document = draft.document
        for file in uploaded(visit):
            document = draft_edits.add_sample(document, file.name, file.body, visit.field("unit"))
        return document
    if visit.field("op") == "remove":
        return draft_edits.remove_sample(draft.document, place_in(visit.form, "place"))
    return _expect_present(visit, draft)


def _expect_present(visit: Visit, draft: OpenDraft) -> Document:
    """Of one sample, or of all that fail. Not while the mapping is unfinished: it would expect its own gaps."""
    compiled = draft.tried.compiled
    if compiled is None or draft.tried.problems:
        raise RejectedError("HUB-3001", "映射还没有补齐，现在的结果不能作为预期")
    if visit.field("op") == "accept":
        return draft_edits.expect_present(draft.document, compiled, [place_in(visit.form, "place")])
    samples = draft.document.get("samples", ())
    failing = [place for place, sample in enumerate(samples) if not run_sample(compiled, sample).passed]
    return draft_edits.expect_present(draft.document, compiled, failing)


# --- the document itself ------------------------------------------------------------------------------------------


def _document(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    draft = open_draft(console, visit)
    text = visit.form["text"] if problem and "text" in visit.form else dump_document(draft.document)
    lines = {issue: line_of(text, issue.path) for issue in draft.tried.problems} if not problem else {}
    return render_tab(console, visit, draft, "document", status, text=text, problem=problem, lines=lines)


def _change_document(visit: Visit, draft: OpenDraft) -> Document:
    text = visit.form.get("text", "").replace("\r\n", "\n")
    try:
        document = load_document(text)
    except RejectedError as refusal:
        line = line_of(text, refusal.path) if refusal.path else None
        where = f"第 {line} 行：" if line else ""
        raise RejectedError(refusal.code, f"{refusal.code} {where}{refusal.message}", refusal.path) from refusal
    if document["adapter"] != draft.code:
        raise RejectedError("HUB-3004", f"适配器代码不能改，应为 {draft.code}", "adapter")
    return document


def _file(console: Console, visit: Visit) -> Response:
    draft = open_draft(console, visit)
    headers = {"Content-Disposition": f'attachment; filename="{draft.document["adapter"]}.yaml"'}
    return Response(dump_document(draft.document), media_type="application/yaml", headers=headers)


# --- a trial on what came in --------------------------------------------------------------------------------------


def _trial(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    draft = open_draft(console, visit)
    asked = visit.query("limit")
    outcome = None
    if asked in _TRIED_MESSAGES:
        try:
            outcome = console.services.adapters.dry_run(visit.user, draft.code, int(asked))
        except NotFoundError:
            raise
        except RejectedError as refusal:
            problem, status = refusal.message, HTTPStatus.UNPROCESSABLE_ENTITY
    return render_tab(
        console, visit, draft, "trial", status, outcome=outcome, problem=problem, choices=_TRIED_MESSAGES, asked=asked
    )  # fmt: skip


_SHOWN: Mapping[str, Callable[..., Response]] = {
    "codes": _codes, "settings": _settings, "samples": _samples, "document": _document, "trial": _trial,
}  # fmt: skip
_CHANGES: Mapping[str, tuple[str, Change, FormLimits]] = {
    "codes": ("codes", _change_codes, _CODES_FORM),
    "settings": ("settings", _change_settings, FormLimits()),
    "routes": ("settings", _change_route, FormLimits()),
    "samples": ("samples", _change_samples, _SAMPLES_FORM),
    "document": ("document", _change_document, _DOCUMENT_FORM),
}
