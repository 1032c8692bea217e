"""What the tabs of the editor share: the draft that is open, saving it, and the frame around a tab."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from hub.console.draft_edits import Document
from hub.console.draft_view import Tried, try_document
from hub.console.pages import Console, Visit
from hub.console.services import Row
from hub.domain.errors import NotFoundError, RejectedError

TABS = {
    "": "映射", "codes": "代码对照", "settings": "设置", "samples": "样例", "document": "文档", "trial": "试算",
}  # fmt: skip
CONFLICT = "HUB-5004"


@dataclass(frozen=True)
class OpenDraft:
    """The draft of the adapter in the address, as it is saved now."""

    code: str
    row: Row

    @property
    def document(self) -> Document:
        return dict(self.row["document"])

    @property
    def address(self) -> str:
        return f"/adapters/{self.code}/draft"

    @cached_property
    def tried(self) -> Tried:
        return try_document(self.row["document"])


def open_draft(console: Console, visit: Visit) -> OpenDraft:
    """Raises NotFoundError HUB-4045."""
    code = visit.path("code")
    return OpenDraft(code, console.services.adapters.draft(visit.user, code))


def render_tab(
    console: Console, visit: Visit, draft: OpenDraft, tab: str, status: int = HTTPStatus.OK, **context: Any
) -> Response:
    """The whole page, or only the tab when it changed in place."""
    name = tab or "mapping"
    template = f"adapters/draft/{name}{'_tab' if visit.wants_fragment else ''}.html"
    return console.render(
        visit, template, status, draft=draft, document=draft.document, tabs=TABS, tab=tab, tried=draft.tried,
        digest=draft.row["digest"], **context,
    )  # fmt: skip


def save(console: Console, visit: Visit, change: Callable[[OpenDraft], Document]) -> OpenDraft:
    """The draft with the change, saved, unless it was changed elsewhere since the form was served.

    Raises RejectedError HUB-5004, and whatever `change` raises.
    """
    draft = open_draft(console, visit)
    document = change(draft)
    if document != draft.document or not draft.row["digest"]:
        console.services.adapters.save_draft(visit.user, draft.code, document, visit.field("digest"))
    return open_draft(console, visit)


Show = Callable[[str, int], Response]
"""A tab again, with what went wrong and the status."""


def saved(console: Console, visit: Visit, change: Callable[[OpenDraft], Document], show: Show) -> Response:
    """After a change the tab anew: in place, or by the address so that going back is harmless."""
    try:
        draft = save(console, visit, change)
    except NotFoundError:
        raise
    except RejectedError as refusal:
        if refusal.code == CONFLICT:
            raise
        where = f"（{refusal.path}）" if refusal.path else ""
        return show(f"{refusal.message}{where}", HTTPStatus.UNPROCESSABLE_ENTITY)
    if visit.wants_fragment:
        return show("", HTTPStatus.OK)
    return console.done(_back(visit, draft), "draft_saved")


def _back(visit: Visit, draft: OpenDraft) -> str:
    """The tab that the form named, if it is one of this editor."""
    back = visit.field("back")
    return back if back.startswith(draft.address) and back.isprintable() else draft.address


def place_in(form: Mapping[str, str], name: str) -> int:
    """A position named by a field of a form or an address; the first one otherwise."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
