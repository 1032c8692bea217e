"""Puts the pages together."""

from hub.console.pages import Console
from hub.console.services import ConsoleServices
from hub.console.static_files import STATIC_PATH
from hub.console.views import cards, cases, errors, home, messages, quarantine, replay, service_state, sign_in


def create_console(services: ConsoleServices, *, public_url: str = "", county_name: str = "") -> Console:
    """All pages and their static files, to be mounted by `router`.

    `public_url` decides on secure cookies and whose forms are taken.
    """
    console = Console(services, public_url, county_name)
    for family in (sign_in, home, cases, cards, messages, quarantine, replay, errors, service_state):
        family.register(console)
    console.router.add_route(
        f"{STATIC_PATH}/{{path:path}}", console.static.serve, methods=["GET"], include_in_schema=False
    )
    return console
