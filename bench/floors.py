"""What the machine does with nothing of ours in the way: each figure of a bench stands beside one of these."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pika
import psycopg
from lxml import etree
from pika.adapters.select_connection import SelectConnection
from pika.channel import Channel
from pika.spec import BasicProperties

_ROWS = 20_000
_ROWS_PER_COMMIT = 100
_PERSISTENT = BasicProperties(delivery_mode=2)
_QUORUM = {"x-queue-type": "quorum"}
_TICKET = b'{"outboxId": 1234567}'


def per_second(count: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def parsed_records(bodies: Sequence[bytes], records: int) -> float:
    """Records per second that lxml reads out of the same bytes; `records` is how many all bodies hold."""
    times = max(1, 20_000 // records)
    return per_second(records * times, lambda: [etree.fromstring(body) for _ in range(times) for body in bodies])


@dataclass(frozen=True, slots=True)
class CopyFloor:
    """Rows per second that PostgreSQL takes by COPY: bare in one commit, and as the store has it."""

    bare: float
    indexed_each_hundred: float


def copied_rows(url: str) -> CopyFloor:
    """Copies rows of process_record, as the hub stored them, into empty tables of the same columns."""
    with psycopg.connect(url, autocommit=True) as connection:
        block, rows = _stored_block(connection)
        connection.execute("CREATE TABLE floor_bare (LIKE process_record)")
        connection.execute("CREATE TABLE floor_indexed (LIKE process_record INCLUDING ALL)")
        bare = per_second(rows, lambda: _copy(connection, "floor_bare", block))
        parts = [block[first : first + _ROWS_PER_COMMIT] for first in range(0, rows, _ROWS_PER_COMMIT)]
        indexed = per_second(rows, lambda: _copy(connection, "floor_indexed", *parts))
        connection.execute("DROP TABLE floor_bare, floor_indexed")
    return CopyFloor(bare, indexed)


def _stored_block(connection: psycopg.Connection[Any]) -> tuple[list[bytes], int]:
    with connection.cursor().copy(f"COPY (SELECT * FROM process_record LIMIT {_ROWS}) TO STDOUT") as copy:
        lines = [bytes(line) for line in copy]
    return lines, len(lines)


def _copy(connection: psycopg.Connection[Any], table: str, *parts: Sequence[bytes]) -> None:
    """One COPY and one commit for each part."""
    for lines in parts:
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(b"".join(lines))


def inserted_rows(path: Path) -> float:
    """Rows per second that SQLite takes, 100 to a commit, synchronous FULL, as the hub stored them, no index."""
    with sqlite3.connect(path, isolation_level=None) as store:
        rows = store.execute(f"SELECT * FROM process_record LIMIT {_ROWS}").fetchall()
    with sqlite3.connect(path.with_name("floor.db"), isolation_level=None) as floor:
        floor.execute("PRAGMA journal_mode = WAL")
        floor.execute("PRAGMA synchronous = FULL")
        floor.execute("CREATE TABLE floor (" + ", ".join(f"c{number}" for number in range(len(rows[0]))) + ")")
        places = ", ".join("?" * len(rows[0]))
        return per_second(len(rows), lambda: _insert(floor, f"INSERT INTO floor VALUES ({places})", rows))


def _insert(floor: sqlite3.Connection, statement: str, rows: Sequence[Any]) -> None:
    for first in range(0, len(rows), _ROWS_PER_COMMIT):
        floor.execute("BEGIN IMMEDIATE")
        floor.executemany(statement, rows[first : first + _ROWS_PER_COMMIT])
        floor.execute("COMMIT")


def confirmed_one_by_one(url: str, messages: int) -> float:
    """Persistent messages per second into a quorum queue, each confirmed before the next is sent."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare("floor.single", durable=True, arguments=_QUORUM)
        channel.confirm_delivery()

        def publish() -> None:
            for _ in range(messages):
                channel.basic_publish("", "floor.single", _TICKET, _PERSISTENT, mandatory=True)

        rate = per_second(messages, publish)
        channel.queue_delete("floor.single")
    return rate


def confirmed_in_windows(url: str, messages: int, window: int = 1000) -> float:
    """The same with up to `window` messages waiting for their confirm."""
    publisher = _WindowedPublisher(messages, window)
    return publisher.run(url)


@dataclass(slots=True)
class _WindowedPublisher:
    """Keeps a window of unconfirmed messages full; made of callbacks, as pika wants it."""

    messages: int
    window: int
    _sent: int = 0
    _open: deque[int] = field(default_factory=deque)
    _started: float = 0.0
    _seconds: float = 0.0
    _channel: Channel | None = None

    def run(self, url: str) -> float:
        connection = SelectConnection(
            pika.URLParameters(url), on_open_callback=lambda opened: opened.channel(on_open_callback=self._opened)
        )
        connection.ioloop.start()
        return self.messages / self._seconds

    def _opened(self, channel: Channel) -> None:
        self._channel = channel
        channel.queue_declare("floor.window", durable=True, arguments=_QUORUM, callback=self._declared)

    def _declared(self, _: object) -> None:
        assert self._channel is not None
        self._channel.confirm_delivery(self._confirmed)
        self._started = time.perf_counter()
        self._fill()

    def _fill(self) -> None:
        assert self._channel is not None
        while self._sent < self.messages and len(self._open) < self.window:
            self._sent += 1
            self._open.append(self._sent)
            self._channel.basic_publish("", "floor.window", _TICKET, _PERSISTENT, mandatory=True)

    def _confirmed(self, frame: Any) -> None:
        method = frame.method
        if type(method).__name__ != "Ack":
            raise RuntimeError("the broker refused a message")
        if method.multiple:
            while self._open and self._open[0] <= method.delivery_tag:
                self._open.popleft()
        else:
            self._open.remove(method.delivery_tag)
        self._fill()
        if self._sent == self.messages and not self._open:
            self._seconds = time.perf_counter() - self._started
            self._end()

    def _end(self) -> None:
        assert self._channel is not None
        connection = self._channel.connection
        self._channel.queue_delete("floor.window", callback=lambda _: connection.close())
        connection.add_on_close_callback(lambda *_: connection.ioloop.stop())
