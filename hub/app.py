"""The HTTP side of a hub: SOAP and REST doors, console, probes."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

import uvicorn
from fastapi import FastAPI
from starlette.routing import Route

from adapters.contract_schema import types_xsd, wsdl
from hub.config import Settings
from hub.console.routes import create_console
from hub.console.store_services import StoreServices
from hub.gateway.admission import Admission, AdmissionLimits
from hub.gateway.catalogue import catalogue
from hub.gateway.door_threads import DoorThreads
from hub.gateway.heap import steady_heap
from hub.gateway.http_guard import GuardedProtocol
from hub.gateway.known_senders import KnownSenders
from hub.gateway.pressure import LOOK_SECONDS, Pressure, PressureLimits
from hub.gateway.probes import Probes
from hub.gateway.reception import Reception
from hub.gateway.rest.context import RestContext, RestLimits
from hub.gateway.rest.problems import install_problems
from hub.gateway.rest.router import create_rest
from hub.gateway.soap_gate import GateLimits, Published, SoapGate
from hub.gateway.tracing import Observed
from hub.parts import Hub
from hub.roles import Roles, probes
from ingest.loops import Loop, Role

GRACE_SECONDS = 20
OPEN_FILES = 8_192
SOAP_PATH = "/soap/exchange/v1"


def create_app(hub: Hub, public_url: str, roles: list[Role]) -> FastAPI:
    """The HTTP side: SOAP door, REST, console. The roles run as long as the application does."""
    pressure = Pressure(hub.database, hub.service, _pressure_limits(hub.settings))
    looking = Loop("pressure", pressure.look, LOOK_SECONDS)
    reception = _reception(hub, pressure)
    gate = _soap_gate(hub, public_url, reception)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        looking.start()
        for role in roles:
            role.start()
        yield
        reception.threads.close(GRACE_SECONDS)
        looking.stop(GRACE_SECONDS)
        for role in roles:
            role.stop(GRACE_SECONDS)

    app = FastAPI(
        title="县级政务数据交换枢纽与电子监察平台", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None
    )
    # A mount would answer the bare path with a redirect, which no SOAP client follows with its POST.
    app.router.routes.extend(Route(path, gate) for path in (SOAP_PATH, SOAP_PATH + "/"))
    console = create_console(_console_services(hub), public_url=public_url, county_name=hub.settings.county_name)
    app.include_router(console.router)
    loops = [looking, *(loop for role in roles for loop in role.loops)]
    app.include_router(create_rest(_rest_context(hub, reception, probes(hub, loops, {}))))
    install_problems(app, console.failure)
    return app


def _pressure_limits(settings: Settings) -> PressureLimits:
    return PressureLimits(
        backlog_messages=settings.max_backlog, free_bytes=settings.min_free_mb * 2**20,
        data_dir=None if settings.database_url else settings.data_dir,
    )  # fmt: skip


def _reception(hub: Hub, pressure: Pressure) -> Reception:
    settings = hub.settings
    limits = AdmissionLimits(
        messages_per_second=settings.sender_rate, burst_messages=settings.sender_burst, places=settings.door_queue,
        held_bytes=settings.door_bytes, message_bytes=settings.max_body_bytes,
    )  # fmt: skip
    admission = Admission(limits, lambda: hub.service.latest, pressure)
    return Reception(admission, DoorThreads(settings.door_threads), KnownSenders(hub.exchange))


def _rest_context(hub: Hub, reception: Reception, probes: Probes) -> RestContext:
    settings = hub.settings
    limits = RestLimits(settings.max_body_bytes, settings.body_deadline_seconds, settings.max_records)
    return RestContext(hub.database, hub.exchange, hub.law, hub.sealer, hub.now, reception, hub.service, probes, limits)


def _soap_gate(hub: Hub, public_url: str, reception: Reception) -> SoapGate:
    settings = hub.settings
    limits = GateLimits(
        body_bytes=settings.max_body_bytes, body_deadline_seconds=settings.body_deadline_seconds,
        records=settings.max_records,
    )  # fmt: skip
    return SoapGate(hub.exchange, Published(wsdl(public_url + SOAP_PATH), types_xsd()), limits, reception)


def _console_services(hub: Hub) -> StoreServices:
    errors = [
        {
            "code": entry.code,
            "title": entry.title,
            "cause": entry.cause,
            "remedy": entry.remedy,
            "retryable": entry.retryable,
            "httpStatus": entry.http_status,
        }
        for entry in catalogue().values()
    ]
    return StoreServices(
        database=hub.database,
        sealer=hub.sealer,
        law=hub.law,
        keeper=hub.service,
        clock=hub.now,
        idle=timedelta(minutes=hub.settings.session_idle_minutes),
        longest=timedelta(hours=hub.settings.session_hours),
        errors=errors,
    )


def create_server(hub: Hub, host: str, port: int, roles: list[Role]) -> uvicorn.Server:
    """A server ready to `run()`; SIGTERM lets calls under way finish."""
    public_url = hub.settings.public_url.rstrip("/") or f"http://{host}:{port}"
    app = Observed(create_app(hub, public_url, roles), hub.metrics.requests.finished)
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False,
        server_header=False, timeout_graceful_shutdown=GRACE_SECONDS, http=GuardedProtocol,
    )  # fmt: skip
    return uvicorn.Server(config)


def settle_memory() -> None:
    """Leaves what start-up built out of garbage collection; a batch of records makes many objects and few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    steady_heap()


def allow_many_files() -> None:
    """Every connection of a sender is an open file, and 1,024 of them, the usual limit, are few for slow senders."""
    if resource is not None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def serve(hub: Hub, host: str, port: int, *, workers: bool = True) -> None:
    """`hub serve`: the doors and windows and, unless other processes do it, the worker and the timers."""
    allow_many_files()
    server = create_server(hub, host, port, Roles(hub).all() if workers else [])
    settle_memory()
    try:
        server.run()
    finally:
        hub.database.dispose()
