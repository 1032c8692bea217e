"""The HTTP side of a hub: SOAP and REST doors, console, probes."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

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
from hub.console.store_adapters import StoreAdapters
from hub.console.store_senders import StoreSenders
from hub.console.store_services import StoreServices
from hub.gateway.adapted import AdaptedIntake
from hub.gateway.admission import Admission, AdmissionLimits
from hub.gateway.attachment_intake import AttachmentIntake
from hub.gateway.catalogue import catalogue
from hub.gateway.door_threads import DoorThreads
from hub.gateway.exchange_desk import ExchangeDesk, Published
from hub.gateway.heap import steady_heap
from hub.gateway.http_guard import GuardedProtocol
from hub.gateway.known_senders import KnownSenders
from hub.gateway.pressure import LOOK_SECONDS, Pressure, PressureLimits
from hub.gateway.probes import Probes
from hub.gateway.reception import Reception
from hub.gateway.rest.context import RestContext, RestLimits
from hub.gateway.rest.problems import install_problems
from hub.gateway.rest.router import create_rest
from hub.gateway.soap_gate import GateLimits, SoapGate
from hub.gateway.soap_operations import SoapUses
from hub.gateway.string_soap import STRING_PATH, StringDesk
from hub.gateway.tracing import Observed
from hub.parts import Hub
from hub.roles import Roles, probes
from hub.setup import register_department
from ingest.loops import Loop, Role

GRACE_SECONDS = 20
OPEN_FILES = 8_192
SOAP_PATH = "/soap/exchange/v1"


def create_app(hub: Hub, public_url: str, roles: list[Role]) -> FastAPI:
    """The HTTP side: SOAP door, REST, console. The roles run as long as the application does."""
    pressure = Pressure(hub.database, hub.service, _pressure_limits(hub.settings))
    looking = Loop("pressure", pressure.look, LOOK_SECONDS)
    reception = _reception(hub, pressure)
    doors = _Doors(hub, public_url, reception)

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
    for path, gate in doors.soap_gates():
        # A mount would answer the bare path with a redirect, which no SOAP client follows with its POST.
        app.router.routes.extend([Route(path, gate), Route(path + "/", gate)])
    console = create_console(_console_services(hub), public_url=public_url, county_name=hub.settings.county_name)
    app.include_router(console.router)
    loops = [looking, *(loop for role in roles for loop in role.loops)]
    app.include_router(create_rest(doors.rest_context(probes(hub, loops, {}))))
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


class _Doors:
    """What departments and programs call, over one set of use cases."""

    def __init__(self, hub: Hub, public_url: str, reception: Reception) -> None:
        settings = hub.settings
        self._hub = hub
        self._public_url = public_url
        self._reception = reception
        self._files = AttachmentIntake(hub.database, hub.sealer, hub.now, settings.max_attachment_bytes)
        self._adapted = AdaptedIntake(hub.adapters, hub.exchange, hub.trials, settings.max_records)

    def soap_gates(self) -> list[tuple[str, SoapGate]]:
        """Address and application of each kind of SOAP door."""
        settings, reception = self._hub.settings, self._reception
        limits = GateLimits(
            body_bytes=settings.max_body_bytes, body_deadline_seconds=settings.body_deadline_seconds,
            records=settings.max_records,
        )  # fmt: skip
        published = Published(wsdl(self._public_url + SOAP_PATH), types_xsd())
        uses = SoapUses(self._hub.exchange, self._files, self._adapted)
        exchange = ExchangeDesk(uses, published, settings.max_records, reception.admission)
        strings = StringDesk(self._adapted, self._public_url, reception)
        return [
            (SOAP_PATH, SoapGate(exchange, limits, reception)),
            (STRING_PATH, SoapGate(strings, limits, reception)),
        ]

    def rest_context(self, probes: Probes) -> RestContext:
        hub, settings = self._hub, self._hub.settings
        limits = RestLimits(settings.max_body_bytes, settings.body_deadline_seconds, settings.max_records)
        return RestContext(
            hub.database, hub.exchange, hub.law, hub.sealer, hub.now, self._reception, hub.service, probes,
            files=self._files, quality=hub.quality, adapted=self._adapted, office=hub.office, limits=limits,
        )  # fmt: skip


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
    registering = partial(register_department, area_code=hub.settings.area_code)
    return StoreServices(
        database=hub.database,
        sealer=hub.sealer,
        law=hub.law,
        keeper=hub.service,
        clock=hub.now,
        idle=timedelta(minutes=hub.settings.session_idle_minutes),
        longest=timedelta(hours=hub.settings.session_hours),
        errors=errors,
        quality=hub.quality,
        registry=StoreSenders(hub.database, hub.sealer, hub.now, registering),
        adapters=StoreAdapters(hub.database, hub.sealer, hub.office, hub.now, hub.quality.silences),
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
