"""The `hub` command: one noun per file, put together here."""

import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from hub.cli import (
    adapter,
    backup,
    broker,
    calendar,
    card,
    case,
    demo,
    doctor,
    init,
    log,
    loops,
    message,
    pull,
    quality,
    quarantine,
    replay,
    rule,
    secret,
    send,
    sender,
    serve,
    state,
    token,
    user,
)  # fmt: skip
from hub.cli.chinese import Command, Group, complaint
from hub.cli.failures import ExitCode, complain
from hub.domain.errors import HubError

COMMANDS = (init.init, serve.serve, send.send, loops.relay, loops.work, loops.watch, doctor.doctor, demo.demo)
NOUNS = {
    "adapter": adapter.noun,
    "sender": sender.noun,
    "user": user.noun,
    "token": token.noun,
    "log": log.noun,
    "case": case.noun,
    "card": card.noun,
    "message": message.noun,
    "quarantine": quarantine.noun,
    "quality": quality.noun,
    "replay": replay.noun,
    "pull": pull.noun,
    "secret": secret.noun,
    "calendar": calendar.noun,
    "rule": rule.noun,
    "state": state.noun,
    "broker": broker.noun,
    "backup": backup.noun,
}


def build() -> typer.Typer:
    app = typer.Typer(
        cls=Group,
        help="县级政务数据交换枢纽与电子监察平台",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for command in COMMANDS:
        app.command(cls=Command)(command)
    for name, noun in NOUNS.items():
        app.add_typer(noun.app, name=name)
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code."""
    try:
        return int(build()(arguments, prog_name="hub", standalone_mode=False) or ExitCode.OK)
    except HubError as exc:
        return complain(exc)
    except TyperException as exc:
        sys.stderr.write(complaint(exc) + "\n")
        return ExitCode.USAGE


def main() -> None:
    sys.exit(run())
