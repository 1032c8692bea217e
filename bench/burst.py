"""A hundredfold burst: what the door does when far more is offered than it can take.

    python -m bench.burst                 20 seconds at up to 2,000 requests a second
    python -m bench.burst --seconds 120   the full figure

Requests of one record each leave when they are due, whatever became of those before them (open loop), over as many
connections as that takes. Every answer is counted by its status. Afterwards every message that was given a receipt is
looked for in the database: accepted must mean kept, processed and in the store.
"""

import argparse
import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import text

from bench.clients import content_length, is_accepted, percentile, status_of
from bench.hubs import ENGINES, BenchHub, end_cleanly_when_told, running_hub, title_of
from bench.ingest import wait_until_processed
from bench.machine import Meter
from bench.messages import Load, a_load, utc_now
from bench.tables import Figure, cpu_line, memory_line, print_figures

_TICK_SECONDS = 0.005
_STEADY_PER_SECOND = 20
_STEADY_SECONDS = 5.0
_LAST_ANSWERS_SECONDS = 60.0
_BUSY = (429, 503)
_NO_ANSWER = 0
_LOST = text("""
    SELECT count(*) FILTER (WHERE envelope.id IS NULL) AS unknown,
           count(*) FILTER (WHERE envelope.processed_at IS NULL) AS unprocessed,
           count(*) FILTER (WHERE process_record.id IS NULL) AS not_stored
    FROM unnest(CAST(:message_ids AS text[]), CAST(:record_ids AS text[])) AS given(message_id, record_id)
    LEFT JOIN envelope ON envelope.message_id = given.message_id
    LEFT JOIN process_record ON process_record.record_id = given.record_id
""")


@dataclass(slots=True)
class Burst:
    """The open-loop client; lives on one event loop."""

    port: int
    load: Load
    most_connections: int
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[int] = field(default_factory=list)
    accepted_seconds: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    not_offered: int = 0
    sent: int = 0
    _idle: list["_Client"] = field(default_factory=list)
    _open: int = 0

    async def offer(self, per_second: float, seconds: float) -> None:
        """Offers that many; what finds no connection free or to be opened is counted as not offered."""
        started, before = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            due = int(elapsed * per_second)
            for _ in range(due - before):
                await self._send_one()
            before = due
            await asyncio.sleep(_TICK_SECONDS)

    async def finish(self) -> None:
        """Waits for the last answers; what stays unanswered is counted under status 0."""
        until = time.perf_counter() + _LAST_ANSWERS_SECONDS
        while len(self._idle) < self._open and time.perf_counter() < until:
            await asyncio.sleep(_TICK_SECONDS)
        self.statuses[_NO_ANSWER] += self._open - len(self._idle)
        for client in self._idle:
            client.transport.close()

    async def _send_one(self) -> None:
        while self._idle:
            client = self._idle.pop()
            if not client.transport.is_closing():
                break
        else:
            if self._open >= self.most_connections:
                self.not_offered += 1
                return
            self._open += 1
            _, client = await asyncio.get_running_loop().create_connection(
                lambda: _Client(self), "127.0.0.1", self.port
            )
        client.send(self.sent, self.load.request(self.sent))
        self.sent += 1

    def answered(self, client: "_Client", head: bytes, content: bytes) -> None:
        status = status_of(head)
        self.statuses[status] += 1
        if is_accepted(status, content):
            self.accepted.append(client.number)
            self.accepted_seconds.append(time.perf_counter() - client.sent_at)
        elif status in _BUSY and b"retry-after:" not in head.lower():
            self.without_retry_after += 1
        if b"connection: close" in head.lower():
            client.transport.close()
        else:
            self._idle.append(client)

    def gone(self, client: "_Client") -> None:
        self._open -= 1
        if client.is_waiting:
            self.statuses[_NO_ANSWER] += 1
        elif client in self._idle:
            self._idle.remove(client)


class _Client(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._received = b""
        self.number = 0
        self.sent_at = 0.0
        self.is_waiting = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, number: int, request: bytes) -> None:
        self.number, self.sent_at, self.is_waiting = number, time.perf_counter(), True
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, content = self._received.partition(b"\r\n\r\n")
        if end and len(content) >= content_length(head):
            self._received, self.is_waiting = b"", False
            self._burst.answered(self, head, content)

    def connection_lost(self, exc: Exception | None) -> None:
        self._burst.gone(self)


def measure(engine: str, workers: int, per_second: float, seconds: float, most_connections: int) -> None:
    with running_hub(engine, workers) as hub:
        load = a_load("rest", 1, (hub.credential, "burst"), utc_now())
        burst = Burst(hub.port, load, most_connections)
        with Meter(hub.roles) as meter:
            asyncio.run(_offered(burst, per_second, seconds))
            drained = time.perf_counter()
            wait_until_processed(hub)
            drain_seconds = time.perf_counter() - drained
        lost = _lost(hub, burst)
    p50, p99 = (percentile(burst.accepted_seconds, share) * 1000 for share in (0.5, 0.99))
    answers = f"回执 p50 {p50:,.0f} ms，p99 {p99:,.0f} ms"
    others = {status: count for status, count in burst.statuses.items() if count and status not in (*_BUSY, 200, 202)}
    print_figures(
        f"突发：{_STEADY_PER_SECOND} → {per_second:,.0f} 请求/秒，{seconds:.0f} 秒；{title_of(engine, workers)}",
        [
            Figure("发出的请求", burst.sent / seconds, "个/秒", note=f"连接用尽未能发出 {burst.not_offered:,} 个"),
            Figure("接收的请求", len(burst.accepted) / seconds, "个/秒", note=answers),
            Figure("429", burst.statuses[429], "个"),
            Figure("503", burst.statuses[503], "个"),
            Figure("没有 Retry-After 的 429、503", burst.without_retry_after, "个"),
            Figure("其他应答和没有应答", sum(others.values()), "个", note=str(others) if others else ""),
            Figure("已接收而丢失", sum(lost.values()), "个", note=f"核对 {len(burst.accepted):,} 个回执"),
            Figure("突发后处理完积压", drain_seconds, "秒"),
        ],
    )  # fmt: skip
    print("  " + memory_line(meter.most_mib))
    print("  " + cpu_line(meter, max(1, len(burst.accepted))))


async def _offered(burst: Burst, per_second: float, seconds: float) -> None:
    await burst.offer(_STEADY_PER_SECOND, _STEADY_SECONDS)
    await burst.offer(per_second, seconds)
    await burst.finish()


def _lost(hub: BenchHub, burst: Burst) -> dict[str, int]:
    """Of the messages that were given a receipt, how many are unknown, unprocessed, or without their record."""
    ids = [_ids(burst.load, number) for number in burst.accepted]
    given = {"message_ids": [pair[0] for pair in ids], "record_ids": [pair[1] for pair in ids]}
    with hub.database.read() as unit:
        return dict(unit.execute(_LOST, given).one()._mapping)


def _ids(load: Load, number: int) -> tuple[str, str]:
    """Message and record id of the `number`-th request of single records."""
    request = load.request(number)
    message_id = request.partition(b"Idempotency-Key: ")[2].partition(b"\r\n")[0]
    record_id = request.partition(b'"recordId": "')[2].partition(b'"')[0]
    return message_id.decode(), record_id.decode()


def main() -> None:
    end_cleanly_when_told()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="production", choices=[name for name in ENGINES if name != "sqlite"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=2_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--connections", type=int, default=4_000, help="most connections at a time")
    chosen = parser.parse_args()
    measure(chosen.engine, chosen.workers, chosen.per_second, chosen.seconds, chosen.connections)


if __name__ == "__main__":
    main()
