"""Where a command's words go: results to stdout, everything else to stderr; tables with lines only on a terminal."""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.table import Table

from hub.cli.logs import SINK, is_terminal
from hub.stores.paging import Page

log = structlog.get_logger()

JsonFlag = Annotated[bool, typer.Option("--json", help="以 JSON 输出，便于程序读取")]

Columns = Sequence[tuple[str, str]]
"""Key in the row and Chinese heading."""

# Instants in rows carry milliseconds and the offset of China: for people the minute is enough.
_INSTANT = re.compile(r"^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}):\d{2}(?:\.\d+)?\+08:00$")
_COLOURS = {"RED": "\033[31m", "YELLOW": "\033[33m", "GREEN": "\033[32m"}
_PLAIN = "\033[0m"


def say(text: str) -> None:
    """A word to the person at the terminal, never part of the result; in the log of a service one line among others."""
    if SINK.is_started and not is_terminal():
        log.info(text)
    else:
        SINK.msg(text)


def write(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def write_json(value: object) -> None:
    write(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def write_rows(rows: Iterable[Mapping[str, Any]], columns: Columns) -> None:
    """A table with lines on a terminal, tab-separated text elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            write("\t".join(shown(row.get(key)) for key, _ in columns))
        return
    table = Table(*(title for _, title in columns))
    for row in rows:
        table.add_row(*(shown(row.get(key)) for key, _ in columns))
    Console(no_color="NO_COLOR" in os.environ).print(table, markup=False)


def write_page(page: Page, columns: Columns, *, as_json: bool) -> None:
    """One page of a list, and whether more follows."""
    if as_json:
        write_json({"items": page.items, "next": page.next})
        return
    write_rows(page.items, columns)
    say("还有更多" if page.next else f"共 {len(page.items)} 条")


def write_fields(row: Mapping[str, Any], columns: Columns) -> None:
    """One line per field that has a value."""
    for key, title in columns:
        if row.get(key) not in (None, "", []):
            write(f"{title}：{shown(row[key])}")


def shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list | tuple | frozenset):
        return "、".join(map(str, value))
    return _INSTANT.sub(r"\1 \2", str(value))


def coloured(text: str, colour: str) -> str:
    """The text in a colour where the reader can see colours and did not refuse them (NO_COLOR)."""
    if "NO_COLOR" in os.environ or not sys.stdout.isatty():
        return text
    return f"{_COLOURS[colour]}{text}{_PLAIN}"
