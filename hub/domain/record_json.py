"""A record as contract v1 JSON: camelCase names, absent fields left out, times with the offset of China."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hub.domain.fields import Group, field_specs
from hub.domain.times import CHINA_TIME


def to_json(record: object) -> dict[str, Any]:
    """JSON-ready; amounts as text, so that no reader rounds them."""
    out: dict[str, Any] = {}
    for spec in field_specs(type(record)):
        value = getattr(record, spec.name)
        if value is None or value == ():
            continue
        as_json = to_json if isinstance(spec.kind, Group) else _json_value
        out[spec.wire] = [as_json(single) for single in value] if spec.many else as_json(value)
    return out


def _json_value(value: object) -> Any:
    return plain_text(value) if isinstance(value, datetime | date | Decimal) else value


def plain_text(value: object) -> str:
    """A single value as the contract writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(CHINA_TIME).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
