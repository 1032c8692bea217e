"""Changes to the document of a draft, each giving a new document; none touches the one it was given.

A change may leave a document that cannot be put to use yet, never one that is no document: `checked` sees to that.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.document import check_document, read_mapping
from adapters.engine import CompiledAdapter
from adapters.sample_runs import result_of
from hub.console.adapter_words import CORRECTIONS, FORMATS, POLICIES, STORES
from hub.domain.codes import CODE_LISTS
from hub.domain.errors import NotFoundError, RejectedError

Document = dict[str, Any]
_LONGEST_TEXT_SAMPLE = 200_000
_LONGEST_BINARY_SAMPLE = 300_000


def checked(document: Document) -> Document:
    """Raises RejectedError HUB-3001 to HUB-3006 when a change went against the schema."""
    check_document(document)
    return document


def route_at(document: Mapping[str, Any], place: int) -> Mapping[str, Any]:
    """Raises NotFoundError HUB-4043."""
    routes: Sequence[Mapping[str, Any]] = document["routes"]
    if not 0 <= place < len(routes):
        raise NotFoundError("HUB-4043", "没有这条路由")
    return routes[place]


def with_field(document: Document, place: int, target: str, expression: Mapping[str, Any] | None) -> Document:
    """The field read by the expression; with None it has no source any more."""
    route = route_at(document, place)
    fields = {name: value for name, value in route["fields"].items() if name != target or expression is not None}
    if expression is not None:
        fields[target] = expression
    return with_route(document, place, {**route, "fields": fields})


def with_route(document: Document, place: int, route: Mapping[str, Any]) -> Document:
    routes = [route if number == place else held for number, held in enumerate(document["routes"])]
    return checked({**document, "routes": routes})


# --- routes and units ---------------------------------------------------------------------------------------------


def add_route(document: Document, form: Mapping[str, str]) -> Document:
    """A route with nothing but the department in it yet."""
    route = _route_of(form, {"store": form.get("store"), "fields": {"orgCode": {"department": "orgCode"}}})
    return checked({**document, "routes": [*document["routes"], route]})


def change_route(document: Document, place: int, form: Mapping[str, str]) -> Document:
    return with_route(document, place, _route_of(form, route_at(document, place)))


def remove_route(document: Document, place: int) -> Document:
    route_at(document, place)
    return checked({**document, "routes": [*document["routes"][:place], *document["routes"][place + 1 :]]})


def _route_of(form: Mapping[str, str], held: Mapping[str, Any]) -> dict[str, Any]:
    when = form.get("when", "").strip()
    said = {
        "name": form.get("name", "").strip(), "unit": form.get("unit", "").strip(),
        "when": read_mapping(when) if when else None, "store": _one_of(STORES, form.get("store", "")),
        "corrections": _one_of(CORRECTIONS, form.get("corrections", "")),
    }  # fmt: skip
    return {name: value for name, value in {**said, "fields": held["fields"]}.items() if value}


def _one_of(words: Mapping[str, Any], value: str) -> str | None:
    return value if value in words else None


def units_of(text: str) -> list[dict[str, str]]:
    """One a line: name, then `=` and the selector where there is one. Raises RejectedError HUB-3004."""
    units = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, select = (part.strip() for part in line.partition("="))
        if not name or (equals and not select):
            raise RejectedError("HUB-3004", "记录每行一种，写成：名字 = 选择器", "units")
        units.append({"name": name, "select": select} if select else {"name": name})
    return units


# --- settings -----------------------------------------------------------------------------------------------------


def with_settings(document: Document, form: Mapping[str, str]) -> Document:
    """Title, sender, department, intake, policies, quota and rhythm as the settings form says."""
    changed = {
        **document,
        "title": form.get("title", "").strip(),
        "description": form.get("description", "").strip(),
        "sender": form.get("sender", "").strip(),
        "department": _given({"orgCode": form.get("orgCode", "").strip(), "orgName": form.get("orgName", "").strip()}),
        "intake": _intake(document["intake"], form),
        "contract": {name: form[name] for name, (_, words) in POLICIES.items() if form.get(name) in words},
        "quota": _numbers(form, ("messagesPerSecond", "burstMessages", "messageBytes", "messageRecords")),
        "rhythm": _rhythm(form),
    }
    return checked({name: value for name, value in changed.items() if value})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _intake(held: Mapping[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
    changed = {
        **held,
        "format": _one_of(FORMATS, form.get("format", "")) or held["format"],
        "encodings": form.get("encodings", "").split(),
        "nullWords": form.get("nullWords", "").split(),
        "messageId": form.get("messageId", "").strip(),
        "units": units_of(form.get("units", "")),
    }
    return _given(changed) | {"repair": form.get("repair") == "yes"}


def _numbers(form: Mapping[str, str], names: Sequence[str]) -> dict[str, float]:
    found = {}
    for name in names:
        text = form.get(name, "").strip()
        if text and not (text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 12):
            raise RejectedError("HUB-3004", "配额须是数字，或留空", name)
        if text:
            found[name] = float(text) if "." in text else int(text)
    return found


def _rhythm(form: Mapping[str, str]) -> dict[str, Any]:
    every = form.get("expectEvery", "").strip()
    numbers = _numbers({"every": every}, ("every",)) if every not in ("", "auto") else {}
    expected: Any = numbers.get("every", "auto" if every else None)
    return _given({"expectEvery": expected, "days": form.get("days", "") if expected else ""})


# --- code maps ----------------------------------------------------------------------------------------------------


def with_codes(document: Document, name: str, form: Mapping[str, str]) -> Document:
    """A code map as its table says: fields `source-N` and `token-N`; a line without a source or a token is gone."""
    maps = dict(document.get("codeMaps", {}))
    if name not in maps:
        raise NotFoundError("HUB-4043", "没有这个代码对照表")
    rows = ((form.get(f"source-{number}", "").strip(), form.get(f"token-{number}", "")) for number in _numbers_in(form))
    values = {source: token for source, token in rows if source and token}
    kept = {} if form.get("whole") == "yes" else maps[name]["values"]
    otherwise = form.get("otherwise", "")
    maps[name] = {"target": maps[name]["target"], "values": {**kept, **values}} | _given({"otherwise": otherwise})
    return checked({**document, "codeMaps": maps})


def _numbers_in(form: Mapping[str, str]) -> list[int]:
    numbers = [name.removeprefix("source-") for name in form if name.startswith("source-")]
    return sorted(int(text) for text in numbers if text.isascii() and text.isdigit() and len(text) < 6)


def add_code_map(document: Document, name: str, target: str) -> Document:
    if not name or name in document.get("codeMaps", {}):
        raise RejectedError("HUB-6003", "请给新的代码对照表起一个没有用过的名字", "name")
    if target not in CODE_LISTS:
        raise RejectedError("HUB-3006", "请选择对照到哪一个标准代码表", "target")
    return checked({**document, "codeMaps": {**document.get("codeMaps", {}), name: {"target": target, "values": {}}}})


def remove_code_map(document: Document, name: str) -> Document:
    maps = {held: entry for held, entry in document.get("codeMaps", {}).items() if held != name}
    rest = {part: value for part, value in document.items() if part != "codeMaps"}
    return checked({**rest, "codeMaps": maps} if maps else rest)


# --- samples ------------------------------------------------------------------------------------------------------


def sample_at(document: Mapping[str, Any], place: int) -> Mapping[str, Any]:
    """Raises NotFoundError HUB-4043."""
    samples: Sequence[Mapping[str, Any]] = document.get("samples", ())
    if not 0 <= place < len(samples):
        raise NotFoundError("HUB-4043", "没有这个样例")
    return samples[place]


def add_sample(document: Document, name: str, body: bytes, unit: str) -> Document:
    """A sample that expects nothing yet: it fails until somebody has looked at what it gives."""
    sample = {"name": name[:100], **_sample_body(body), **_given({"unit": unit}), "expect": {"records": []}}
    return checked({**document, "samples": [*document.get("samples", ()), sample]})


def _sample_body(body: bytes) -> dict[str, str]:
    """As text where the text gives the same bytes again."""
    for encoding in ("utf-8", "gb18030"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.encode(encoding) == body and "\r" not in text and "\0" not in text and len(text) < _LONGEST_TEXT_SAMPLE:
            return {"input": text} | ({"encoding": encoding} if encoding != "utf-8" else {})
    if len(body) > _LONGEST_BINARY_SAMPLE:
        raise RejectedError("HUB-3005", f"一个样例不超过 {_LONGEST_BINARY_SAMPLE // 1000} KB")
    return {"base64": base64.b64encode(body).decode("ascii")}


def remove_sample(document: Document, place: int) -> Document:
    sample_at(document, place)
    return checked({**document, "samples": [*document["samples"][:place], *document["samples"][place + 1 :]]})


def expect_present(document: Document, compiled: CompiledAdapter, places: Sequence[int]) -> Document:
    """What the samples give now becomes what is expected of them."""
    samples = list(document.get("samples", ()))
    for place in places:
        samples[place] = {**sample_at(document, place), "expect": result_of(compiled, samples[place])}
    return checked({**document, "samples": samples})
