"""The REST door over a small hub, called in process."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from hub.domain.errors import HubError
from hub.domain.record_json import to_json
from hub.domain.records import ProcessRecord, Record, ResultRecord
from hub.gateway.adapted import AdaptedIntake, Keeper
from hub.gateway.admission import Admission, AdmissionLimits
from hub.gateway.attachment_intake import AttachmentIntake
from hub.gateway.door_threads import DoorThreads
from hub.gateway.known_senders import KnownSenders
from hub.gateway.probes import Probes
from hub.gateway.reception import Reception
from hub.gateway.rest.context import RestContext, RestLimits
from hub.gateway.rest.router import create_rest, install_problems
from hub.stores import registry, users
from hub.stores.service_state import ServiceKeeper
from tests.builders import SmallHub
from tests.fakes import FakeKeeper, FakeTrials

_PATHS = {ProcessRecord: "process-records", ResultRecord: "results"}


@dataclass
class RestDoor:
    """`client` carries no credential of its own."""

    hub: SmallHub
    client: TestClient

    @property
    def basic(self) -> tuple[str, str]:
        return "gs-system", self.hub.secret

    def bearer(self, role: str, org_codes: Iterable[str] = ()) -> dict[str, str]:
        with self.hub.database.unit() as unit:
            token = users.create_token(unit, role, f"{role} 程序", self.hub.clock(), org_codes)
        return {"Authorization": f"Bearer {token}"}

    def get(self, path: str, role: str = "supervisor", **more: Any) -> Response:
        return self.client.get(path, headers=self.bearer(role), **more)

    def push(self, *records: Record, key: str = "m-1", path: str | None = None) -> Response:
        body = json.dumps({"records": [to_json(record) for record in records]}, ensure_ascii=False).encode()
        return self.post(path or f"/api/v1/{_PATHS.get(type(records[0]), 'items')}", body, key=key)

    def post(self, path: str, body: bytes, *, key: str = "m-1", **headers: str) -> Response:
        sent = {"Idempotency-Key": key, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=body, headers=sent, auth=self.basic)

    def stored(self, table: str) -> int:
        return int(self.hub.rows(f"SELECT count(*) FROM {table}")[0][0])

    def other_sender(self, org_code: str) -> tuple[str, str]:
        now = self.hub.clock()
        with self.hub.database.unit() as unit:
            registry.ensure_department(unit, org_code, "另一局", ("330324", "AJ"), now)
            return "other", registry.add_sender(unit, self.hub.sealer, "other", "另一系统", [org_code], now)


def a_rest_door(
    hub: SmallHub,
    limits: RestLimits | None = None,
    admission: AdmissionLimits | None = None,
    pressure: Callable[[], HubError | None] = lambda: None,
    keeper: Keeper | None = None,
) -> RestDoor:
    service = ServiceKeeper(hub.database)
    admitting = Admission(admission or AdmissionLimits(), lambda: service.latest, pressure)
    reception = Reception(admitting, DoorThreads(), KnownSenders(hub.exchange))
    probes = Probes(hub.database, hub.law, hub.clock, service)
    context = RestContext(
        hub.database,
        hub.exchange,
        hub.law,
        hub.sealer,
        hub.clock,
        reception,
        service,
        probes,
        files=AttachmentIntake(hub.database, hub.sealer, hub.clock),
        quality=hub.quality(),
        office=hub.office(),
        adapted=AdaptedIntake(keeper or FakeKeeper(), hub.exchange, FakeTrials()),
        limits=limits or RestLimits(),
    )
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(create_rest(context))
    install_problems(app)
    return RestDoor(hub, TestClient(app, raise_server_exceptions=False))
