"""When a route takes a unit: a small closed set of conditions on what the selectors find."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.converters import as_text
from adapters.expressions import Setting
from adapters.selectors import Scope

Holds = Callable[[Scope], bool]


def compile_condition(document: Mapping[str, Any], setting: Setting) -> Holds:
    """Raises RejectedError HUB-3022 for a selector that cannot be used."""
    name, argument = next(iter(document.items()))
    return _FORMS[name](argument, setting)


def _exists(selector: str, setting: Setting) -> Holds:
    raw = _raw(selector, setting)
    return lambda scope: raw(scope) is not None


def _absent(selector: str, setting: Setting) -> Holds:
    raw = _raw(selector, setting)
    return lambda scope: raw(scope) is None


def _equals(wanted: Mapping[str, Any], setting: Setting) -> Holds:
    return _in({selector: [value] for selector, value in wanted.items()}, setting)


def _in(wanted: Mapping[str, Sequence[Any]], setting: Setting) -> Holds:
    pairs = [(_raw(selector, setting), frozenset(map(as_text, values))) for selector, values in wanted.items()]
    return lambda scope: all((value := raw(scope)) is not None and as_text(value) in among for raw, among in pairs)


def _all(parts: Sequence[Mapping[str, Any]], setting: Setting) -> Holds:
    conditions = [compile_condition(part, setting) for part in parts]
    return lambda scope: all(holds(scope) for holds in conditions)


def _any(parts: Sequence[Mapping[str, Any]], setting: Setting) -> Holds:
    conditions = [compile_condition(part, setting) for part in parts]
    return lambda scope: any(holds(scope) for holds in conditions)


def _not(part: Mapping[str, Any], setting: Setting) -> Holds:
    holds = compile_condition(part, setting)
    return lambda scope: not holds(scope)


def _raw(selector: str, setting: Setting) -> Callable[[Scope], Any]:
    return setting.raw(setting.language.compile(selector, setting.namespaces))


_FORMS: Mapping[str, Callable[[Any, Setting], Holds]] = {
    "exists": _exists, "absent": _absent, "equals": _equals, "in": _in, "all": _all, "any": _any, "not": _not,
}  # fmt: skip
