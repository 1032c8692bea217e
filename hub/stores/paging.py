"""Keyset paging: newest first by row id, the cursor is the last id of the page before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select

from hub.domain.errors import RejectedError
from hub.stores.base import AnyRow

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Page:
    """JSON-ready items and the cursor of the next page, None at the end."""

    items: list[dict[str, Any]]
    next: str | None


def page(
    unit: Connection,
    query: Select[Any],
    key: Column[int],
    *,
    after: str | None,
    limit: int,
    item: Callable[[AnyRow], dict[str, Any]],
) -> Page:
    """Raises RejectedError HUB-3004 on a cursor that this hub did not give."""
    limit = max(1, min(limit, LARGEST_PAGE))
    if after is not None:
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise RejectedError("HUB-3004", "翻页标记无效", "after")
        query = query.where(key < int(after))
    rows = unit.execute(query.order_by(key.desc()).limit(limit + 1)).all()
    more = len(rows) > limit
    shown = rows[:limit]
    return Page([item(row) for row in shown], str(getattr(shown[-1], key.name)) if more else None)


def fitting(sizes: Iterable[AnyRow], most_bytes: int) -> list[int]:
    """Ids of the first rows of `id, size` that together are not larger."""
    ids, total = [], 0
    for row in sizes:
        total += row.size
        if total > most_bytes:
            break
        ids.append(row.id)
    return ids
