"""Selectors: where in a message a value stands. XPath for XML, JMESPath for JSON, column names for rows.

What could run long is refused when the document is compiled.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.intake import GB18030, UTF_8, decode, parse_xml
from adapters.json_paths import JMESPATH, json_text
from adapters.reading import Content
from adapters.scopes import Language, Scope, Select, SelectMany, climbing, refused, require_short
from adapters.xml_paths import XPATH

__all__ = [
    "COLUMNS", "JMESPATH", "XPATH", "Language", "Scope", "Select", "SelectMany", "inner_xml", "language_of",
    "part_language", "scopes_of_texts",
]  # fmt: skip


def language_of(form: str) -> Language:
    """`form` as `intake.format` names it."""
    return {"xml": XPATH, "json": JMESPATH}.get(form, COLUMNS)


# --- rows -----------------------------------------------------------------------------------------------------------


def _column(text: str, _: Mapping[str, str]) -> Select:
    name = require_short(text).lower()
    return lambda scope: json_text(scope.names.get(name))


def _no_lists(text: str, _: Mapping[str, str]) -> SelectMany:
    raise refused("平铺的行里没有下级清单；一格里有多个值时用 from 与 split")


def _lower_names(node: Any) -> Mapping[str, Any]:
    return {name.lower(): value for name, value in node.items()} if isinstance(node, Mapping) else {}


def _column_words(text: str) -> Iterator[str]:
    yield text.strip().lower()


COLUMNS = Language(_column, _no_lists, _lower_names, _column_words)


# --- parts of a split text ------------------------------------------------------------------------------------------


def part_language(around: Language) -> Language:
    """For the parts of a split text: `.` is the part, `../X` a field of the record that it stands in."""

    def select(text: str, namespaces: Mapping[str, str]) -> Select:
        text = require_short(text)
        if text == ".":
            return lambda scope: scope.node
        if text.startswith("../"):
            return climbing(1, around.compile(text[3:], namespaces), None)
        raise refused("拆开的每一段用 “.” 取；取所在记录的字段写 “../字段”")

    return Language(select, _no_lists, lambda node: {}, lambda text: around.words(text.removeprefix("../")))


def scopes_of_texts(scope: Scope, texts: Sequence[str]) -> list[Scope]:
    return [scope.below(text) for text in texts]


# --- XML within a value ---------------------------------------------------------------------------------------------


def inner_xml(scope: Scope, key: str, text: Any, *, repair: bool) -> Scope | None:
    """The scope of a value that is XML itself, parsed once per unit; None where there is none.

    Raises RejectedError HUB-1001 and as `parse_xml`.
    """
    if key not in scope.inner:
        root = None
        if isinstance(text, str) and text.strip():
            root, _ = parse_xml(_unpacked(text), repair=repair)
        scope.inner[key] = None if root is None else Scope(root, root, XPATH, outer=scope)
    return scope.inner[key]


def _unpacked(text: str) -> str:
    """XML that a department's database keeps as bytes arrives as Base64: rows of a table hold texts only."""
    if text.lstrip()[:1] == "<":
        return text
    try:
        body = base64.b64decode(text, validate=True)
    except ValueError:
        return text
    return decode(Content(body), (UTF_8, GB18030))[0] if b"<" in body[:8] else text
