"""Composition root: builds what each command runs; knows everyone, decides nothing."""

import gc
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import uvicorn
from fastapi import FastAPI
from starlette.routing import Route

from adapters.contract_schema import types_xsd, wsdl
from hub.config import Settings
from hub.console.routes import create_console
from hub.console.store_services import StoreServices
from hub.gateway.catalogue import catalogue
from hub.gateway.exchange import Exchange
from hub.gateway.rest.context import RestContext, RestLimits
from hub.gateway.rest.problems import install_problems
from hub.gateway.rest.router import create_rest
from hub.gateway.soap_gate import GateLimits, Published, SoapGate
from hub.stores.sealing import Sealer
from hub.stores.session import Database
from ingest.consumer import Consumer
from ingest.loops import Loop
from ingest.pipeline import Pipeline
from supervision.law import LawKeeper
from supervision.timers import Watch

GRACE_SECONDS = 20
SOAP_PATH = "/soap/exchange/v1"


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
    consumer: Consumer
    watch: Watch
    now: Callable[[], datetime]

    def loops(self) -> list[Loop]:
        """The roles that the embedded default runs inside `hub serve`."""
        return [
            Loop("work", self.consumer.work_once, self.settings.poll_seconds),
            Loop("watch", self.watch.fire_once, self.settings.poll_seconds),
        ]


def open_hub(settings: Settings, now: Callable[[], datetime] = utc_now) -> Hub:
    """Connects everything; opens no port and starts no thread. Raises FileNotFoundError before `hub init`."""
    database = Database(settings.database())
    sealer = Sealer(settings.secret())
    law = LawKeeper(database, now)
    return Hub(
        settings=settings,
        database=database,
        sealer=sealer,
        exchange=Exchange(database, sealer, now),
        law=law,
        consumer=Consumer(database, Pipeline(sealer, law), now),
        watch=Watch(database, law, now),
        now=now,
    )


def create_app(hub: Hub, public_url: str, loops: list[Loop]) -> FastAPI:
    """The HTTP side: SOAP door, REST, console. The loops run as long as the application does."""
    gate = _soap_gate(hub, public_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for loop in loops:
            loop.start()
        yield
        gate.close(GRACE_SECONDS)
        for loop in loops:
            loop.stop(GRACE_SECONDS)

    app = FastAPI(
        title="县级政务数据交换枢纽与电子监察平台", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None
    )
    # A mount would answer the bare path with a redirect, which no SOAP client follows with its POST.
    app.router.routes.extend(Route(path, gate) for path in (SOAP_PATH, SOAP_PATH + "/"))
    console = create_console(_console_services(hub), public_url=public_url, county_name=hub.settings.county_name)
    app.include_router(console.router)
    app.include_router(create_rest(_rest_context(hub)))
    install_problems(app, console.failure)
    return app


def _rest_context(hub: Hub) -> RestContext:
    settings = hub.settings
    limits = RestLimits(
        settings.max_body_bytes, settings.body_deadline_seconds, settings.max_records, settings.door_queue
    )
    return RestContext(hub.database, hub.exchange, hub.law, hub.sealer, hub.now, limits)


def _soap_gate(hub: Hub, public_url: str) -> SoapGate:
    settings = hub.settings
    limits = GateLimits(
        body_bytes=settings.max_body_bytes, body_deadline_seconds=settings.body_deadline_seconds,
        records=settings.max_records, calls=settings.door_queue,
    )  # fmt: skip
    pool = ThreadPoolExecutor(settings.door_threads, thread_name_prefix="door")
    return SoapGate(hub.exchange, Published(wsdl(public_url + SOAP_PATH), types_xsd()), limits, pool)


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
        clock=hub.now,
        idle=timedelta(minutes=hub.settings.session_idle_minutes),
        longest=timedelta(hours=hub.settings.session_hours),
        errors=errors,
    )


def create_server(hub: Hub, host: str, port: int, loops: list[Loop]) -> uvicorn.Server:
    """A server ready to `run()`; SIGTERM lets calls under way finish."""
    public_url = hub.settings.public_url.rstrip("/") or f"http://{host}:{port}"
    config = uvicorn.Config(
        create_app(hub, public_url, loops), host=host, port=port, log_config=None, access_log=False,
        server_header=False, timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip
    return uvicorn.Server(config)


def settle_memory() -> None:
    """Leaves what start-up built out of garbage collection; a batch of records makes many objects and few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def serve(hub: Hub, host: str, port: int, *, workers: bool = True) -> None:
    """`hub serve`: the doors and windows and, unless other processes do it, the worker and the timers."""
    server = create_server(hub, host, port, hub.loops() if workers else [])
    settle_memory()
    try:
        server.run()
    finally:
        hub.database.dispose()
