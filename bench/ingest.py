"""Records per second through the SOAP door and into the stores, beside the floors of the same run.

    python -m bench.ingest [--records 10000]

The door is a real `hub serve` process reached over HTTP by two keep-alive connections, its workers switched off, so
that accepting and processing are measured apart. Processing is one worker on the same SQLite file, all facts judged.
"""

import argparse
import base64
import http.client
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree

from bench.messages import ORG_CODE, process_records, soap_messages, utc_now
from hub import setup
from hub.app import SOAP_PATH, open_hub, settle_memory
from hub.config import Settings
from hub.stores import registry

CONNECTIONS = 2
SINGLES = 1000
BATCH = 100


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=10_000)
    count = arguments.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        report(Path(folder), count)


def report(folder: Path, count: int) -> None:
    now = utc_now()
    batches = list(soap_messages(process_records(count, "b", now), BATCH, "batch"))
    shuffled = list(soap_messages(process_records(count, "r", now, shuffled=True), BATCH, "random"))
    singles = list(soap_messages(process_records(min(SINGLES, count), "s", now), 1, "single"))
    parse = per_second(count, lambda: [etree.fromstring(message) for message in batches])
    insert = per_second(count, lambda: insert_rows(folder / "floor.db", batches, count))
    accepted, stored = measure(folder / "together", batches, count)
    accepted_singles, _ = measure(folder / "singles", singles, len(singles))
    _, stored_shuffled = measure(folder / "shuffled", shuffled, count)
    for title, figure, floor in (
        ("底线：lxml 解析", parse, None),
        (f"底线：SQLite 插入，每 {BATCH} 条提交一次，FULL", insert, None),
        (f"接收：HTTP，每报文 {BATCH} 条", accepted, parse),
        ("接收：HTTP，每报文 1 条", accepted_singles, None),
        ("入库并判定：同案环节在一起", stored, insert),
        ("入库并判定：全部打乱（最坏情形）", stored_shuffled, insert),
    ):
        ratio = f"  底线的 {figure / floor:.1%}" if floor else ""
        print(f"{figure:>10,.0f} 条/秒  {title}{ratio}")


def measure(folder: Path, messages: Sequence[bytes], count: int) -> tuple[float, float]:
    """Records per second accepted by a fresh hub's door, then stored and judged by one worker."""
    with door(folder) as (url, credential):
        accepted = per_second(count, lambda: post_all(url, credential, messages))
    hub = open_hub(Settings(data_dir=folder))
    settle_memory()
    return accepted, per_second(count, lambda: drain(hub.consumer.work_once))


def per_second(count: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def drain(step: Callable[[], int]) -> None:
    while step():
        pass


def insert_rows(path: Path, messages: Sequence[bytes], count: int) -> None:
    """The same number of rows of the same size, nothing computed, with the pragmas of the hub."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT)")
        per_message = count // len(messages)
        for number, message in enumerate(messages):
            part = message[:400].decode(errors="ignore")
            rows = [(f"{number}-{place}", part, part) for place in range(per_message)]
            connection.executemany("INSERT INTO row (a, b, c) VALUES (?, ?, ?)", rows)
            connection.commit()


@contextmanager
def door(folder: Path) -> Iterator[tuple[str, str]]:
    """A `hub serve` without workers; its address and the Basic credential of a sender."""
    folder.mkdir()
    settings = Settings(data_dir=folder)
    settings.ensure_secret()
    hub = open_hub(settings)
    setup.prepare(hub.database, utc_now())
    with hub.database.unit() as unit:
        setup.register_department(unit, ORG_CODE, "样例局", "330324", utc_now())
        secret = registry.add_sender(unit, hub.sealer, "bench", "测量", [ORG_CODE], utc_now())
    hub.database.dispose()
    port = free_port()
    command = [sys.executable, "-m", "hub", "serve", "--no-workers", "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | {"HUB_DATA_DIR": str(folder)}, stderr=subprocess.DEVNULL)
    try:
        wait_until_open(port)
        yield f"http://127.0.0.1:{port}{SOAP_PATH}", "Basic " + base64.b64encode(f"bench:{secret}".encode()).decode()
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_open(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("hub serve did not open its port")


def post_all(url: str, credential: str, messages: Sequence[bytes]) -> None:
    shares = [messages[number::CONNECTIONS] for number in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda share: post_share(url, credential, share), shares))


def post_share(url: str, credential: str, messages: Sequence[bytes]) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    headers = {"Content-Type": "text/xml; charset=utf-8", "Authorization": credential, "SOAPAction": '""'}
    for message in messages:
        connection.request("POST", parts.path, message, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200 or b"ACCEPTED" not in content:
            raise RuntimeError(f"the door answered {answer.status}")
    connection.close()


if __name__ == "__main__":
    main()
