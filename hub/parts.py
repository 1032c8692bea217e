"""What every process of a hub is made of: settings, database, keys, use cases, figures."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.config import Settings
from hub.domain.failpoints import arm
from hub.gateway.exchange import Exchange
from hub.metrics import Metrics
from hub.stores.gauges import ObservedDatabase
from hub.stores.sealing import Sealer
from hub.stores.service_state import ServiceKeeper
from hub.stores.session import Database
from ingest.pipeline import Pipeline
from supervision.law import LawKeeper
from supervision.timers import Watch


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Hub:
    """One process's share of a hub."""

    settings: Settings
    database: Database
    sealer: Sealer
    exchange: Exchange
    law: LawKeeper
    service: ServiceKeeper
    pipeline: Pipeline
    watch: Watch
    metrics: Metrics
    now: Callable[[], datetime]


def open_hub(settings: Settings, now: Callable[[], datetime] = utc_now, *, role: str = "hub") -> Hub:
    """Connects everything; opens no port and starts no thread. Raises FileNotFoundError before `hub init`."""
    arm(settings.failpoints)
    metrics = Metrics()
    database = ObservedDatabase(settings.database(), metrics.database, role=role)
    metrics.watch_database(database, now)
    sealer = Sealer(settings.secret())
    law = LawKeeper(database, now)
    return Hub(
        settings=settings,
        database=database,
        sealer=sealer,
        exchange=Exchange(database, sealer, now),
        law=law,
        service=ServiceKeeper(database),
        pipeline=Pipeline(sealer, law, metrics.work.judged),
        watch=Watch(database, law, now, metrics.work.fired),
        metrics=metrics,
        now=now,
    )
