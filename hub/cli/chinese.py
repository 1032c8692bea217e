"""Help pages and usage errors in Chinese: typer itself speaks English only."""

import re
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

_HEADINGS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"^Usage: ", re.M), "用法："),
    (re.compile(r"\[OPTIONS\]"), "[选项]"),
    (re.compile(r"COMMAND \[ARGS\]\.\.\."), "命令 [参数]..."),
    (re.compile(r"^Options:", re.M), "选项："),
    (re.compile(r"^Arguments:", re.M), "参数："),
    (re.compile(r"^Commands:", re.M), "命令："),
    (re.compile(r"\[required\]"), "[必填]"),
    (re.compile(r"\[default: (.*?)\]"), r"[默认 \1]"),
    (re.compile(r"Show this message and exit\."), "显示本帮助"),
)
# What typer says after these words may hold a value as typed: only the part named by the group is repeated.
_COMPLAINTS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"Missing option (?P<name>'[^']*')"), "缺少选项 {name}"),
    (re.compile(r"Missing argument (?P<name>'[^']*')"), "缺少参数 {name}"),
    (re.compile(r"No such option:? (?P<name>'?-[\w-]+)"), "没有选项 {name}"),
    (re.compile(r"No such command"), "没有这个命令"),
    (re.compile(r"Invalid value for (?P<name>'[^']*'(?: / '[^']*')*)"), "取值不合规：{name}"),
    (re.compile(r"Option (?P<name>'[^']*') requires an argument"), "选项 {name} 需要一个值"),
    (re.compile(r"Got unexpected extra argument"), "参数过多"),
)


_USAGE = "用法错误：{}；加 --help 查看用法"


def in_chinese(help_text: str) -> str:
    for english, chinese in _HEADINGS:
        help_text = english.sub(chinese, help_text)
    return help_text


def complaint(error: TyperException) -> str:
    """What is wrong with how the command was typed."""
    said = error.format_message()
    if said.startswith(_HEADINGS[0][1]):
        return said  # a noun without a verb: its help page
    for english, chinese in _COMPLAINTS:
        found = english.search(said)
        if found:
            return _USAGE.format(chinese.format(**found.groupdict()))
    return _USAGE.format("命令写法不对")


class Command(TyperCommand):
    """A command whose help page is Chinese."""

    def get_help(self, ctx: Any) -> str:
        return in_chinese(super().get_help(ctx))


class Group(TyperGroup):
    """A noun whose help page is Chinese."""

    def get_help(self, ctx: Any) -> str:
        return in_chinese(super().get_help(ctx))
