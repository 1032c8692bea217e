"""Writes the place of a field as the selector that an adapter document uses for its format."""

import json
import re
from collections.abc import Sequence
from typing import Any

from adapters.suggest.sample_files import ROOT_LIST, XML_INSIDE
from adapters.suggest.shapes import Shape

TABLE_FORMATS = frozenset({"csv", "xlsx", "rows"})
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def unit_selector(shape: Shape, form: str, *, alone: bool) -> str | None:
    """What selects the records of a shape; None where the whole message, or each row, is one. `alone`: no other
    element has its name."""
    if form in TABLE_FORMATS or not shape.path or shape.path == (ROOT_LIST,):
        return None
    if form == "json":
        return _json_path(shape.path, last="[]" if shape.repeats else "")
    if len(shape.path) == 1:
        return None
    return f"//{shape.path[-1]}" if alone else "/" + "/".join(shape.path)


def field_selector(shape: Shape, path: Sequence[str], form: str, *, around: bool) -> dict[str, Any]:
    """`from`, and `xml` where the field's text is XML of its own. `path` is absolute when `around`."""
    if XML_INSIDE in path:
        at = tuple(path).index(XML_INSIDE)
        outer = field_selector(shape, path[:at], form, around=around)
        return outer | {"xml": "/".join(path[at + 2 :])}
    if form == "json":
        return {"from": f"$.{_json_path(path)}" if around else _json_path(path)}
    if form in TABLE_FORMATS:
        return {"from": "/".join(path)}
    return {"from": _relative(shape.path, path) if around else "/".join(path)}


def _relative(base: Sequence[str], path: Sequence[str]) -> str:
    shared = 0
    while shared < min(len(base), len(path)) and base[shared] == path[shared]:
        shared += 1
    return "../" * (len(base) - shared) + "/".join(path[shared:])


def _json_path(path: Sequence[str], last: str = "") -> str:
    names = ".".join(_json_name(name) for name in path)
    return names.replace(f".{ROOT_LIST}", ROOT_LIST) + last


def _json_name(name: str) -> str:
    if name == ROOT_LIST or _PLAIN_NAME.fullmatch(name):
        return name
    return json.dumps(name, ensure_ascii=False)
