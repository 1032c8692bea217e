"""A virtual host of its own on the RabbitMQ that the tests use."""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote, urlsplit

import pika
import pytest
from pika.exceptions import AMQPError

from ingest.topology import DEAD_QUEUE, WORK_QUEUE

RABBITMQ = os.environ.get("HUB_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672")


def rabbitmqctl(*arguments: str) -> str:
    done = subprocess.run(
        ["rabbitmqctl", "--quiet", *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@contextmanager
def a_virtual_host() -> Iterator[str]:
    """The address of an empty virtual host, deleted afterwards; skips where there is no RabbitMQ.

    Where `rabbitmqctl` may not be used the default one serves, emptied before.
    """
    parts = urlsplit(RABBITMQ)
    with socket.socket() as probe:
        probe.settimeout(5)
        if probe.connect_ex((parts.hostname or "127.0.0.1", parts.port or 5672)):
            pytest.skip("没有可用的 RabbitMQ：运行 make services，或用 HUB_TEST_RABBITMQ 指定")
    base = f"{parts.scheme}://{parts.netloc}"
    if shutil.which("rabbitmqctl") is None or os.geteuid() != 0:
        empty(base + "/%2F")
        yield base + "/%2F"
        return
    name = f"hub_test_{secrets.token_hex(6)}"
    rabbitmqctl("add_vhost", name)
    try:
        rabbitmqctl("set_permissions", "--vhost", name, parts.username or "guest", ".*", ".*", ".*")
        yield f"{base}/{quote(name)}"
    finally:
        rabbitmqctl("delete_vhost", name)


def empty(url: str) -> None:
    """Deletes the hub's queues."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        for queue in (WORK_QUEUE, DEAD_QUEUE):
            connection.channel().queue_delete(queue)


@contextmanager
def a_channel(url: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    """A plain channel, to look at the broker past the hub's own code."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        with suppress(AMQPError):
            connection.close()
