"""Puts the pages together."""

from hub.console.pages import Console
from hub.console.services import ConsoleServices
from hub.console.static_files import STATIC_PATH
from hub.console.views import (
    adapter_draft_tabs,
    adapter_editor,
    adapter_life,
    adapter_start,
    adapters,
    cards,
    cases,
    errors,
    home,
    messages,
    quality,
    quarantine,
    reconciliation,
    replay,
    senders,
    service_state,
    sign_in,
    unmapped,
)

_FAMILIES = (
    sign_in, home, cases, cards, messages, quality, quarantine, reconciliation, replay, senders, adapter_start,
    adapter_editor, adapter_draft_tabs, adapters, adapter_life, unmapped, errors, service_state,
)  # fmt: skip


def create_console(services: ConsoleServices, *, public_url: str = "", county_name: str = "") -> Console:
    """All pages and their static files, to be mounted by `router`.

    `public_url` decides on secure cookies and whose forms are taken.
    """
    console = Console(services, public_url, county_name)
    for family in _FAMILIES:
        family.register(console)
    console.router.add_route(
        f"{STATIC_PATH}/{{path:path}}", console.static.serve, methods=["GET"], include_in_schema=False
    )
    return console
