"""The whole schema in one import, for migrations and their test."""

from hub.stores import (
    audit,
    case_library,
    exchange,
    processes,
    registry,
    results,
    rules,
    service_items,
    supervision,
    users,
)
from hub.stores.base import metadata

MODULES = (audit, case_library, exchange, processes, registry, results, rules, service_items, supervision, users)

__all__ = ["MODULES", "metadata"]
