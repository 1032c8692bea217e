"""Adapters: the list, one with its health, its versions and what differs between two of them, the shipped library."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from adapters.document import diff_documents, dump_document
from adapters.engine import compile_adapter
from adapters.library import shipped, shipped_document
from adapters.sample_runs import SampleOutcome, run_samples
from hub.adapting.views import CHANGE_TITLES
from hub.console.adapter_words import ADAPTER_STATES, FORMATS, TRANSPORTS
from hub.console.pages import Console, Visit
from hub.console.services import AdapterSearch, Row
from hub.console.session import Right
from hub.console.views.lists import Filter, as_options, page_size, read_filters, show_list
from hub.domain.errors import NotFoundError, RejectedError


def register(console: Console) -> None:
    console.page("/adapters", Right.ADAPTERS, lambda visit: _list(console, visit))
    console.page("/adapter-library", Right.ADAPTERS, lambda visit: _library(console, visit))
    console.page("/adapter-library/{code}", Right.ADAPTERS, lambda visit: _shipped(console, visit))
    console.page("/adapters/{code}", Right.ADAPTERS, lambda visit: show_adapter(console, visit))
    console.page("/adapters/{code}/versions/{number}", Right.ADAPTERS, lambda visit: _version(console, visit))
    console.page("/adapters/{code}/diff", Right.ADAPTERS, lambda visit: _diff(console, visit))
    console.page("/adapters/{code}/drift", Right.ADAPTERS, lambda visit: _drift(console, visit))


def version_number(text: str) -> int:
    """Raises NotFoundError on what is no number of a version."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFoundError("HUB-4043", "没有这个版本")
    return int(text)


def _list(console: Console, visit: Visit) -> Response:
    filters = (
        Filter("q", "名称", placeholder="适配器代码或名称"),
        Filter("state", "状态", ADAPTER_STATES),
        Filter("sender", "报送方", as_options(console.services.senders(visit.user))),
    )
    values = read_filters(visit, filters)
    search = AdapterSearch(
        q=values.get("q", ""), state=values.get("state", ""), sender=values.get("sender", ""),
        limit=page_size(visit), after=visit.query("after") or None,
    )  # fmt: skip
    page = console.services.adapters.adapters(visit.user, search)
    return show_list(console, visit, "adapters", filters, values, page)


def show_adapter(console: Console, visit: Visit, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    code = visit.path("code")
    adapter = console.services.adapters.adapter(visit.user, code)
    differences = console.services.adapters.shadow_differences(visit.user, code) if adapter["shadow"] else ()
    return console.render(
        visit, "adapters/adapter.html", status, adapter=adapter, differences=differences, problem=problem,
        form=visit.form, error_titles={row["code"]: row["title"] for row in console.services.error_catalogue()},
    )  # fmt: skip


def _version(console: Console, visit: Visit) -> Response:
    adapter = console.services.adapters.adapter(visit.user, visit.path("code"))
    version = _one_version(console, visit, visit.path("number"))
    return console.render(
        visit, "adapters/version.html", adapter=adapter, version=version, samples=_outcomes(version["document"]),
        text=_text(version["document"]),
    )  # fmt: skip


def _text(document: Mapping[str, Any]) -> str:
    """The document without its samples: those may name people and are for the editor."""
    return dump_document({name: part for name, part in document.items() if name != "samples"})


def _outcomes(document: Mapping[str, Any]) -> Sequence[SampleOutcome]:
    """How the samples do; what they hold is for the editor only. None for a draft that does not work yet."""
    try:
        return run_samples(compile_adapter(document))
    except RejectedError:
        return ()


def _one_version(console: Console, visit: Visit, number: str) -> Row:
    return console.services.adapters.version(visit.user, visit.path("code"), version_number(number))


def _diff(console: Console, visit: Visit) -> Response:
    adapter = console.services.adapters.adapter(visit.user, visit.path("code"))
    old, new = (_one_version(console, visit, visit.query(name)) for name in ("old", "new"))
    changes = diff_documents(old["document"], new["document"])
    return console.render(
        visit, "adapters/diff.html", adapter=adapter, old=old, new=new, changes=changes, change_titles=CHANGE_TITLES
    )


def _drift(console: Console, visit: Visit) -> Response:
    """Read on a request of its own: it opens many messages."""
    drift = console.services.adapters.drift(visit.user, visit.path("code"))
    if visit.wants_fragment:
        return console.render(visit, "adapters/drift_panel.html", drift=drift)
    adapter = console.services.adapters.adapter(visit.user, visit.path("code"))
    return console.render(visit, "adapters/drift.html", adapter=adapter, drift=drift)


def _library(console: Console, visit: Visit) -> Response:
    documents = [shipped_document(code) for code in shipped()]
    return console.render(
        visit, "adapters/library.html", documents=documents, formats=FORMATS, transports=TRANSPORTS,
        sender=visit.query("sender"),
    )  # fmt: skip


def _shipped(console: Console, visit: Visit) -> Response:
    document = shipped_document(visit.path("code"))
    return console.render(
        visit, "adapters/shipped.html", document=document, text=_text(document),
        senders=console.services.senders(visit.user), sender=visit.query("sender"),
    )  # fmt: skip
