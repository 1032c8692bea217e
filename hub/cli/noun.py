"""A noun of the command line: `hub NOUN VERB`."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer

from hub.cli.chinese import Command, Group

Verb = TypeVar("Verb", bound=Callable[..., Any])


class Noun:
    """Collects the verbs of one noun."""

    def __init__(self, help_text: str) -> None:
        self.app = typer.Typer(cls=Group, help=help_text, no_args_is_help=True, rich_markup_mode=None)
        # With a callback of its own a noun of one verb stays a noun.
        self.app.callback()(_nothing)
        self.stands_alone = False

    def alone(self, act: Verb) -> Verb:
        """Makes the noun a command of its own where no verb follows; `act` looks at `context.invoked_subcommand`."""
        self.stands_alone = True
        return self.app.callback(invoke_without_command=True, no_args_is_help=False)(act)

    def verb(self, name: str | None = None) -> Callable[[Verb], Verb]:
        return self.app.command(name, cls=Command)


def _nothing() -> None:
    pass
