"""The whole schema in one import, for migrations and their test."""

from hub.stores import (
    adapter_trials,
    adapters,
    attachments,
    audit,
    case_library,
    exchange,
    processes,
    pull,
    quality,
    registry,
    replay,
    results,
    rhythm,
    rules,
    secrets,
    service_items,
    service_state,
    supervision,
    unmapped_codes,
    users,
)
from hub.stores.base import metadata

MODULES = (
    adapter_trials,
    adapters,
    attachments,
    audit,
    case_library,
    exchange,
    processes,
    pull,
    quality,
    registry,
    replay,
    results,
    rhythm,
    rules,
    secrets,
    service_items,
    service_state,
    supervision,
    unmapped_codes,
    users,
)

__all__ = ["MODULES", "metadata"]
