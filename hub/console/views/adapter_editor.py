"""The editor's main tab: raw message, mapping, canonical record, side by side, each change seen at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from adapters.converters import CONVERTERS
from adapters.expressions import describe
from hub.console.adapter_words import EXPRESSIONS, STORES
from hub.console.draft_edits import Document, route_at, with_field
from hub.console.draft_view import (
    NO_SAMPLE,
    SampleView,
    field_rows,
    masked_content,
    sample_of_route,
    try_document,
    view_sample,
)
from hub.console.expression_forms import ARGUMENT_EXAMPLES, MOST_STEPS, expression_of, form_of
from hub.console.pages import Console, Visit
from hub.console.raw_tree import other_fields, own_fields
from hub.console.rendering import with_query
from hub.console.session import Right
from hub.console.suggestions import suggest
from hub.console.target_fields import TargetField, coverage, target_field
from hub.console.views.drafts import OpenDraft, open_draft, place_in, render_tab, saved
from hub.domain.codes import CODE_LISTS
from hub.domain.errors import NotFoundError, RejectedError


def register(console: Console) -> None:
    path = "/adapters/{code}/draft"
    console.page(path, Right.CHANGE_ADAPTERS, lambda visit: _show(console, visit))
    console.action(f"{path}/field", Right.CHANGE_ADAPTERS, lambda visit: _save_field(console, visit))
    console.action(f"{path}/choose", Right.CHANGE_ADAPTERS, lambda visit: _choose(console, visit))
    console.action(f"{path}/preview", Right.CHANGE_ADAPTERS, lambda visit: _preview(console, visit))


@dataclass(frozen=True, slots=True)
class Place:
    """Where one is in the editor: route, field, sample and unit, all kept in the address."""

    address: str
    route: int
    field: str
    sample: int
    seq: int
    show: str

    def parameters(self, **changed: Any) -> dict[str, Any]:
        here = {"route": self.route, "field": self.field, "sample": self.sample, "seq": self.seq, "show": self.show}
        return {name: value for name, value in {**here, **changed}.items() if value not in ("", None)}

    def at(self, **changed: Any) -> str:
        return with_query(self.address, self.parameters(**changed))


def _place(visit: Visit, draft: OpenDraft) -> Place:
    """As the form or the address says; without a sample, one that the route makes a record of."""
    said: Mapping[str, str] = visit.form or visit.request.query_params
    route = place_in(said, "route")
    route_at(draft.document, route)
    sample, seq = place_in(said, "sample"), max(place_in(said, "seq"), 1)
    if "sample" not in said:
        sample, seq = sample_of_route(draft.document, draft.tried, route)
    show = "all" if said.get("show") == "all" else ""
    return Place(draft.address, route, said.get("field", "")[:100], sample, seq, show)


def _show(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    draft = open_draft(console, visit)
    place = _place(visit, draft)
    route = route_at(draft.document, place.route)
    view = _sample_view(draft, place)
    rows = field_rows(draft.document, place.route, draft.tried, view)
    return render_tab(
        console, visit, draft, "", status, place=place, view=view, rows=rows, problem=problem,
        coverage=coverage(route["store"], route["fields"].keys()), stores=STORES, describe=describe,
        raw=_raw_panes(draft, view, route), records=_records(view),
        editing=_editing(visit, draft, place, problem),
    )  # fmt: skip


def _sample_view(draft: OpenDraft, place: Place) -> SampleView:
    samples = draft.document.get("samples", ())
    return view_sample(draft.tried, samples[place.sample], place.seq) if place.sample < len(samples) else NO_SAMPLE


def _raw_panes(draft: OpenDraft, view: SampleView, route: Mapping[str, Any]) -> dict[str, Any]:
    node = view.unit.raw if view.unit else None
    return {
        "own": own_fields(node, draft.document["intake"]["format"]),
        "other": other_fields(node),
        "used": _used_by(route),
    }


def _used_by(route: Mapping[str, Any]) -> dict[str, list[str]]:
    """Titles of the fields that take a place as it stands."""
    used: dict[str, list[str]] = {}
    for target, expression in route["fields"].items():
        field = target_field(route["store"], target)
        for part in (expression, *expression.get("firstOf", ()), *expression.get("with", {}).values()):
            if field and isinstance(part, Mapping) and "from" in part:
                used.setdefault(part["from"], []).append(field.title)
    return used


def _records(view: SampleView) -> list[dict[str, Any]]:
    outputs = view.unit.outputs if view.unit else ()
    return [
        {"route": output.route, "store": output.kind.title, "content": masked_content(output.kind.name, output.content)}
        for output in outputs
    ]


def _editing(visit: Visit, draft: OpenDraft, place: Place, problem: str) -> dict[str, Any] | None:
    """What the form of the chosen field shows: what was just typed if that was refused, else what is saved."""
    if not place.field:
        return None
    route = route_at(draft.document, place.route)
    field = _field(route, place)
    held = route["fields"].get(place.field)
    form = dict(visit.form) if problem else form_of(held)
    kind = visit.query("kind")
    if kind in EXPRESSIONS and kind != form["kind"]:
        form = {"kind": kind}
    return {
        "field": field, "form": form, "is_mapped": held is not None, "expressions": EXPRESSIONS,
        "suggestions": suggest(draft.document, place.route, place.field), "converters": CONVERTERS,
        "examples": ARGUMENT_EXAMPLES, "steps": range(1, MOST_STEPS + 1), "maps": _fitting_maps(draft.document, field),
        "titles": CODE_LISTS[field.code_list].titles if field.code_list else {},
    }  # fmt: skip


def _fitting_maps(document: Mapping[str, Any], field: TargetField) -> list[str]:
    """Code maps that lead to the field's list; of any field, when it is no code."""
    wanted = {field.spec.wire, field.path, field.code_list}
    maps: Mapping[str, Any] = document.get("codeMaps", {})
    return sorted(maps, key=lambda name: (maps[name]["target"] not in wanted, name))


def _field(route: Mapping[str, Any], place: Place) -> TargetField:
    field = target_field(route["store"], place.field)
    if field is None:
        raise NotFoundError("HUB-4043", "标准记录中没有这个字段")
    return field


# --- changing one field -------------------------------------------------------------------------------------------


def _save_field(console: Console, visit: Visit) -> Response:
    return saved(console, visit, lambda draft: _changed(visit, draft), lambda *said: _show(console, visit, *said))


def _changed(visit: Visit, draft: OpenDraft) -> Document:
    place = _place(visit, draft)
    field = _field(route_at(draft.document, place.route), place)
    removing = visit.field("op") == "remove"
    expression = None if removing else expression_of(visit.form, field.spec.kind)
    document = with_field(draft.document, place.route, place.field, expression)
    if expression is not None:
        _refuse_wrong(document, place)
    return document


def _refuse_wrong(document: Document, place: Place) -> None:
    """What cannot be meant is said at once, to whoever has just typed it; a gap may stay for later."""
    problem = try_document(document).problem_at(place.route, place.field)
    if problem is not None:
        raise RejectedError(problem.code, problem.message)


def _choose(console: Console, visit: Visit) -> Response:
    """A source chosen in the raw pane or among the suggestions; what is done to the value afterwards stays."""
    return saved(console, visit, lambda draft: _chosen(visit, draft), lambda *said: _show(console, visit, *said))


def _chosen(visit: Visit, draft: OpenDraft) -> Document:
    place = _place(visit, draft)
    route = route_at(draft.document, place.route)
    _field(route, place)
    held = route["fields"].get(place.field, {})
    selector, _, inner = visit.field("selector").partition("\t")
    if not selector:
        raise RejectedError("HUB-3001", "请选择来源", "selector")
    after = {name: held[name] for name in ("convert", "codes", "default") if name in held}
    source = {"from": selector} | ({"xml": inner} if inner else {})
    return with_field(draft.document, place.route, place.field, source | after)


def _preview(console: Console, visit: Visit) -> Response:
    """What the form would give for the sample, without saving it."""
    draft = open_draft(console, visit)
    place = _place(visit, draft)
    try:
        document = _changed(visit, draft)
    except NotFoundError:
        raise
    except RejectedError as refusal:
        return console.render(visit, "adapters/draft/preview.html", row=None, problem=refusal)
    tried, view = try_document(document), NO_SAMPLE
    if place.sample < len(document.get("samples", ())):
        view = view_sample(tried, document["samples"][place.sample], place.seq)
    rows = field_rows(document, place.route, tried, view)
    row = next(row for row in rows if row.field.path == place.field)
    return console.render(visit, "adapters/draft/preview.html", row=row, problem=row.problem)
