"""What the composition root hands to the REST door."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from hub.adapting.office import AdapterOffice
from hub.gateway.adapted import AdaptedIntake
from hub.gateway.attachment_intake import AttachmentIntake
from hub.gateway.exchange import Exchange
from hub.gateway.probes import Probes
from hub.gateway.reception import Reception
from hub.stores.sealing import Sealer
from hub.stores.service_state import ServiceKeeper
from hub.stores.session import Database
from supervision.law import Law
from supervision.quality.desk import QualityDesk


@dataclass(frozen=True, slots=True)
class RestLimits:
    """Sizes and times of the REST door."""

    body_bytes: int = 10 * 2**20
    body_deadline_seconds: float = 60.0
    records: int = 1000


@dataclass(frozen=True, slots=True)
class RestContext:
    """`now` gives aware UTC time; `law` the law in force."""

    database: Database
    exchange: Exchange
    law: Callable[[], Law]
    sealer: Sealer
    now: Callable[[], datetime]
    reception: Reception
    service: ServiceKeeper
    probes: Probes
    files: AttachmentIntake
    quality: QualityDesk
    adapted: AdaptedIntake
    office: AdapterOffice
    limits: RestLimits = field(default_factory=RestLimits)
