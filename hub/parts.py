"""What every process of a hub is made of: settings, database, keys, use cases, figures."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.transports.folders import Folders
from adapters.transports.outbound import AllowList, Outbound
from adapters.transports.save_checks import check_outbound
from hub.adapting.keeper import AdapterKeeper
from hub.adapting.office import AdapterOffice
from hub.adapting.trials import TrialDesk
from hub.config import Settings
from hub.domain.failpoints import arm
from hub.gateway.exchange import Exchange
from hub.metrics import Metrics
from hub.stores.gauges import ObservedDatabase
from hub.stores.sealing import Sealer
from hub.stores.service_state import ServiceKeeper
from hub.stores.session import Database
from ingest.pipeline import Pipeline
from ingest.pulling.puller import PullBounds
from supervision.law import LawKeeper
from supervision.quality.desk import QualityDesk
from supervision.quality.listening import Listener
from supervision.timers import Watch


def pull_bounds(settings: Settings) -> PullBounds:
    """Where the county lets the hub pull from. Raises RejectedError HUB-4020 on a wrong allow-list."""
    outbound = Outbound(AllowList.parse(settings.pull_allow))
    return PullBounds(outbound, Folders.of(settings.pull_roots()), settings.max_body_bytes)


def quality_desk(settings: Settings, database: Database, law: LawKeeper, now: Callable[[], datetime]) -> QualityDesk:
    """Data quality and reconciliation."""
    listener = Listener(database, law, now)
    return QualityDesk(database, law, now, listener, timedelta(hours=settings.late_hours))


def adapter_office(
    settings: Settings, database: Database, keeper: AdapterKeeper, now: Callable[[], datetime]
) -> AdapterOffice:
    """Raises RejectedError HUB-4020 on a wrong allow-list."""
    bounds = pull_bounds(settings)
    return AdapterOffice(
        database, keeper, now, settings.adapter_four_eyes,
        lambda document: check_outbound(document, bounds.outbound, bounds.folders),
    )  # fmt: skip


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
    adapters: AdapterKeeper
    office: AdapterOffice
    trials: TrialDesk
    service: ServiceKeeper
    pipeline: Pipeline
    watch: Watch
    quality: QualityDesk
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
    adapters = AdapterKeeper(database)
    return Hub(
        settings=settings,
        database=database,
        sealer=sealer,
        exchange=Exchange(database, sealer, now),
        law=law,
        adapters=adapters,
        office=adapter_office(settings, database, adapters, now),
        trials=TrialDesk(database, adapters, sealer, now),
        service=ServiceKeeper(database),
        pipeline=Pipeline(sealer, law, adapters, metrics.work.judged),
        watch=Watch(database, law, now, metrics.work.fired),
        quality=quality_desk(settings, database, law, now),
        metrics=metrics,
        now=now,
    )
