"""Fixtures that need more than memory: a running hub, a fresh PostgreSQL database."""

import os
import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.hub_process import HubServer, hub_running

POSTGRES = os.environ.get("HUB_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def hub_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """A real `hub serve` on a free loopback port with the embedded database, shared by the session's tests."""
    with hub_running(tmp_path_factory.mktemp("hub")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A fresh database on the PostgreSQL of HUB_TEST_POSTGRES, dropped afterwards."""
    name = f"hub_test_{secrets.token_hex(6)}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError:
        pytest.skip("没有可用的 PostgreSQL：运行 make services，或用 HUB_TEST_POSTGRES 指定")
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{POSTGRES.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
