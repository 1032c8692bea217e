"""Secrets that the hub needs towards departments' systems, sealed; documents name them and never hold them."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, String, Table, delete, insert, select, update

from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.times import as_json
from hub.stores.base import UtcTime, metadata
from hub.stores.sealing import Sealer

LONGEST_SECRET = 4000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")

kept_secret = Table(
    "kept_secret",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value_sealed", LargeBinary, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("changed_by", String(100), nullable=False),
)


def keep_secret(unit: Connection, sealer: Sealer, name: str, value: str, by: str, now: datetime) -> None:
    """Keeps a new secret or replaces one. Raises RejectedError HUB-4023 on a name or a value that cannot be."""
    if _NAME.fullmatch(name) is None:
        raise RejectedError("HUB-4023", "密钥名以字母开头，只含字母、数字、点、横线、下划线，不超过 60 个字符")
    if not 0 < len(value) <= LONGEST_SECRET:
        raise RejectedError("HUB-4023", f"密钥不能为空，也不能超过 {LONGEST_SECRET} 个字符")
    values = {"value_sealed": sealer.seal(value.encode()), "changed_at": now, "changed_by": by}
    if unit.execute(update(kept_secret).where(kept_secret.c.name == name).values(values)).rowcount == 0:
        unit.execute(insert(kept_secret).values(name=name, **values))


def open_secret(unit: Connection, sealer: Sealer, name: str) -> str:
    """Raises NotFoundError HUB-4023."""
    sealed = unit.execute(select(kept_secret.c.value_sealed).where(kept_secret.c.name == name)).scalar()
    if sealed is None:
        raise _unknown(name)
    return sealer.open(sealed).decode()


def list_secrets(unit: Connection) -> list[dict[str, Any]]:
    """Names, and who set each when; never the secrets."""
    columns = (kept_secret.c.name, kept_secret.c.changed_at, kept_secret.c.changed_by)
    rows = unit.execute(select(*columns).order_by(kept_secret.c.name))
    return [{"name": row.name, "changedAt": as_json(row.changed_at), "changedBy": row.changed_by} for row in rows]


def remove_secret(unit: Connection, name: str) -> None:
    """Raises NotFoundError HUB-4023."""
    if unit.execute(delete(kept_secret).where(kept_secret.c.name == name)).rowcount == 0:
        raise _unknown(name)


def _unknown(name: str) -> NotFoundError:
    shown = name if _NAME.fullmatch(name) else "（不合规的名称）"
    return NotFoundError("HUB-4023", f"没有保存名为 {shown} 的密钥；用 hub secret set 保存")
