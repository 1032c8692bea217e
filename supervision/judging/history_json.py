"""A case history as JSON and back: what evidence keeps to be recomputed from, and what rule examples are written in.

What the judge never reads and what could name a person (title, applicant, approver, basis) is left out.
"""

from collections.abc import Mapping
from dataclasses import Field, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from hub.domain.history import ApplicationFact, CaseHistory, ItemFact, ResultFact, SpecialFact, StepFact
from hub.domain.times import CHINA_TIME

UNKNOWN_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
KEPT_ELSEWHERE = "*"
"""Stands for a foreign result code: that there was one decides, and a sender may have put anything into it."""

LEFT_OUT = frozenset(
    {"title", "applicant_name", "applicant_type", "handling_class", "basis", "approver", "steps", "specials"}
)
CONTRACT_NAMES = MappingProxyType({"status": "stepStatus"})

Fact = StepFact | SpecialFact | ApplicationFact | ResultFact | ItemFact | CaseHistory
FactType = TypeVar("FactType", bound=Fact)


def instant_text(instant: datetime) -> str:
    """RFC 3339 with the offset +08:00."""
    return china_time(instant).isoformat()


def china_time(instant: datetime) -> datetime:
    try:
        return instant.astimezone(CHINA_TIME)
    except OverflowError:  # the last hours of the year 9999 do not exist in China
        return instant


def parse_instant(text: str) -> datetime:
    """A time without offset is China's. Raises ValueError."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=CHINA_TIME)


def history_to_json(history: CaseHistory) -> dict[str, Any]:
    value = _write(history)
    value["steps"] = [_write(step) for step in history.steps]
    value["specials"] = [_write(special) for special in history.specials]
    return value


def history_from_json(value: Mapping[str, Any]) -> CaseHistory:
    """Raises KeyError, ValueError or TypeError when the value is none that `history_to_json` could have written."""
    return CaseHistory(
        org_code=value.get("orgCode", ""),
        case_no=value.get("caseNo", ""),
        item_code=value.get("itemCode", ""),
        application=_read(ApplicationFact, {"title": "", **value["application"]}) if "application" in value else None,
        steps=tuple(_read(StepFact, _completed_step(step)) for step in value.get("steps", ())),
        specials=tuple(_read(SpecialFact, special) for special in value.get("specials", ())),
        result=_read(ResultFact, _completed_result(value["result"])) if "result" in value else None,
        item=_read(ItemFact, value["item"]) if "item" in value else None,
    )


def _completed_step(step: Mapping[str, Any]) -> dict[str, Any]:
    received_at = step.get("handledAt") or step.get("startedAt") or instant_text(UNKNOWN_INSTANT)
    return {"stepSeq": 1, "receivedAt": received_at, **step}


def _completed_result(result: Mapping[str, Any]) -> dict[str, Any]:
    return {"receivedAt": result["finishedAt"], **result}


def _write(fact: Fact) -> dict[str, Any]:
    kind: Any = type(fact)
    return {
        name: _json_value(name, value)
        for field, name, _ in _columns(kind)
        if (value := getattr(fact, field.name)) is not None and value != field.default
    }


def _json_value(name: str, value: Any) -> Any:
    if name == "rawStatus":
        return KEPT_ELSEWHERE
    writer = WRITERS.get(type(value))
    return writer(value) if writer else value


def _read(kind: type[FactType], value: Mapping[str, Any]) -> FactType:
    described: Any = kind
    known = {
        field.name: READERS.get(held, _as_it_is)(value[name])
        for field, name, held in _columns(described, everything=True)
        if name in value
    }
    return kind(**known)


@cache
def _columns(kind: Any, *, everything: bool = False) -> tuple[tuple[Field[Any], str, type], ...]:
    """Field, its JSON name, and the type it holds when it is there."""
    hints = get_type_hints(kind)
    return tuple(
        (field, CONTRACT_NAMES.get(field.name, _camel_case(field.name)), _held_type(hints[field.name]))
        for field in fields(kind)
        if everything or field.name not in LEFT_OUT
    )


def _held_type(hint: Any) -> type:
    held = get_args(hint)[0] if isinstance(hint, UnionType) else hint
    return held if isinstance(held, type) else object


def _camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _as_it_is(value: Any) -> Any:
    return value


WRITERS: Mapping[type, Any] = MappingProxyType(
    {
        datetime: instant_text,
        date: date.isoformat,
        Decimal: str,
        ApplicationFact: _write,
        ResultFact: _write,
        ItemFact: _write,
    }
)
READERS: Mapping[type, Any] = MappingProxyType({datetime: parse_instant, date: date.fromisoformat, Decimal: Decimal})
