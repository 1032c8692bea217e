"""Adapter documents for tests, as small as can be; a test names what matters to it."""

from collections.abc import Mapping
from typing import Any

from adapters.engine import CompiledAdapter, compile_adapter
from adapters.reading import Content, MessageReading, UnitReading

FIELDS: Mapping[str, Any] = {
    "recordId": {"template": "{no}-BJ", "with": {"no": {"from": "NO"}}},
    "caseNo": {"from": "NO"},
    "itemCode": {"from": "ITEM"},
    "orgCode": {"department": "orgCode"},
    "resultStatus": {"from": "STATUS", "codes": "status"},
    "finishedAt": {"from": "AT", "convert": ["datetime"]},
}
ROW: Mapping[str, Any] = {
    "NO": "GS-1", "ITEM": "33032400GS-XK-0012", "STATUS": "1", "AT": "2026-03-02 10:00:00",
}  # fmt: skip


def a_route(fields: Mapping[str, Any] | None = None, **overrides: Any) -> dict[str, Any]:
    """Into RESULT, with everything that must be there; a field None is left out."""
    merged = {**FIELDS, **(fields or {})}
    return {"store": "RESULT", **overrides, "fields": {name: value for name, value in merged.items() if value}}


def a_document(fields: Mapping[str, Any] | None = None, **overrides: Any) -> dict[str, Any]:
    """JSON in, one route. Other keyword arguments replace whole parts of the document."""
    return {
        "specVersion": 1,
        "adapter": "sample",
        "title": "样例适配器",
        "department": {"orgCode": "33032400GS", "orgName": "样例县市场监督管理局"},
        "intake": {"format": "json"},
        "routes": [a_route(fields)],
        "codeMaps": {"status": {"target": "resultStatus", "values": {"1": "GRANTED", "2": "DENIED"}}},
        **overrides,
    }


def an_adapter(fields: Mapping[str, Any] | None = None, **overrides: Any) -> CompiledAdapter:
    return compile_adapter(a_document(fields, **overrides))


def read(adapter: CompiledAdapter, body: bytes | str, source: str | None = None) -> MessageReading:
    return adapter.read(Content(body.encode() if isinstance(body, str) else body, source=source))


def only_unit(reading: MessageReading) -> UnitReading:
    (unit,) = reading.units
    return unit
