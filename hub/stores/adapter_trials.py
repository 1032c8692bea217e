"""What versions on trial made of messages: in the sandbox, and beside the version in force on live traffic."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)

from hub.domain.times import as_json
from hub.stores.base import AnyRow, Document, RowId, UtcTime, metadata
from hub.stores.paging import fitting

KEPT_PER_VERSION = 1_000
MOST_DIFFERENCES = 50

adapter_trial = Table(
    "adapter_trial",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("version_id", ForeignKey("adapter_version.id"), nullable=False),
    Column("envelope_id", RowId),  # of live traffic
    Column("sender_id", RowId),
    Column("body_sealed", LargeBinary),  # of a message that was tried only
    Column("charset", String(10)),
    Column("source", String(100)),
    Column("tried_at", UtcTime, nullable=False),
    Column("unit_count", Integer, nullable=False),
    Column("refused_count", Integer, nullable=False),
    Column("issues", Document, nullable=False),  # rows of seq, code, path, message
    Column("differences", Document, nullable=False),  # rows of target field and kind; never values
)
Index("ix_adapter_trial_version", adapter_trial.c.version_id, adapter_trial.c.id)


@dataclass(frozen=True, slots=True)
class Trial:
    """One message as a version on trial read it. `differences` are (target field, kind) against the one in force."""

    version_id: int
    unit_count: int
    refused_count: int
    issues: Sequence[Sequence[Any]] = ()
    differences: Sequence[tuple[str, str]] = ()
    envelope_id: int | None = None
    sender_id: int | None = None
    body_sealed: bytes | None = None
    charset: str | None = None
    source: str | None = None


def keep(unit: Connection, trial: Trial, now: datetime) -> int:
    """Adds the trial; of a version only the newest are kept."""
    values = {
        "version_id": trial.version_id, "envelope_id": trial.envelope_id, "sender_id": trial.sender_id,
        "body_sealed": trial.body_sealed, "charset": trial.charset, "source": trial.source, "tried_at": now,
        "unit_count": trial.unit_count, "refused_count": trial.refused_count,
        "issues": [list(issue) for issue in trial.issues[:MOST_DIFFERENCES]],
        "differences": [list(difference) for difference in trial.differences[:MOST_DIFFERENCES]],
    }  # fmt: skip
    trial_id: int = unit.execute(insert(adapter_trial).values(values).returning(adapter_trial.c.id)).scalar_one()
    oldest_kept = (
        select(adapter_trial.c.id)
        .where(adapter_trial.c.version_id == trial.version_id)
        .order_by(adapter_trial.c.id.desc())
        .offset(KEPT_PER_VERSION)
        .limit(1)
        .scalar_subquery()
    )
    unit.execute(
        delete(adapter_trial).where(adapter_trial.c.version_id == trial.version_id, adapter_trial.c.id <= oldest_kept)
    )
    return trial_id


_SAID = tuple(column for column in adapter_trial.c if column.name != "body_sealed")


def last(unit: Connection, version_id: int, limit: int = 50) -> list[AnyRow]:
    """The newest trials, without the bodies."""
    query = select(*_SAID).where(adapter_trial.c.version_id == version_id)
    return list(unit.execute(query.order_by(adapter_trial.c.id.desc()).limit(limit)).all())


def last_bodies(unit: Connection, version_id: int, limit: int, most_bytes: int) -> list[AnyRow]:
    """`body_sealed, charset, source` of the newest messages that were only tried, as many as fit."""
    mine = (adapter_trial.c.version_id == version_id) & adapter_trial.c.body_sealed.is_not(None)
    sizes = select(adapter_trial.c.id, func.length(adapter_trial.c.body_sealed).label("size")).where(mine)
    ids = fitting(unit.execute(sizes.order_by(adapter_trial.c.id.desc()).limit(limit)).all(), most_bytes)
    columns = (adapter_trial.c.body_sealed, adapter_trial.c.charset, adapter_trial.c.source)
    query = select(*columns).where(adapter_trial.c.id.in_(ids))
    return list(unit.execute(query.order_by(adapter_trial.c.id.desc())).all())


def summary(unit: Connection, version_id: int) -> Mapping[str, Any]:
    """`messages, units, refused, differing, since` of the trials that are kept, and `byTarget`: field, kind, count."""
    rows = last(unit, version_id, KEPT_PER_VERSION)
    by_target = Counter((target, kind) for row in rows for target, kind in row.differences)
    return {
        "messages": len(rows),
        "units": sum(row.unit_count for row in rows),
        "refused": sum(row.refused_count for row in rows),
        "differing": sum(bool(row.differences) for row in rows),
        "since": as_json(rows[-1].tried_at) if rows else None,
        "byTarget": [
            {"target": target, "kind": kind, "count": count} for (target, kind), count in by_target.most_common()
        ],
    }
