"""The whole schema in one import, for migrations and their test."""

from hub.stores import (
    audit,
    case_library,
    exchange,
    processes,
    registry,
    replay,
    results,
    rules,
    service_items,
    service_state,
    supervision,
    users,
)
from hub.stores.base import metadata

MODULES = (
    audit, case_library, exchange, processes, registry, replay, results, rules, service_items, service_state,
    supervision, users,
)  # fmt: skip

__all__ = ["MODULES", "metadata"]
