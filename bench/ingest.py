"""Records per second through a door and into the stores, judged, beside the floors of the same run.

    python -m bench.ingest                                       a look at SQLite and PostgreSQL, about two minutes
    python -m bench.ingest --engines production --seconds 300    sustained: everything runs, the backlog is bounded
    python -m bench.ingest --drain 50000 --workers 1,2           workers alone, with nothing else to do
    python -m bench.ingest --engines all --doors soap,rest --batches 1,10,100,1000 --workers 1,2

The door is a real `hub serve` reached over HTTP, the rest runs in processes of its own, all on one machine together
with the client. A client that is ahead of the workers by more than `--backlog` records waits for them.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench import floors, peer
from bench.clients import ClosedLoop, percentile
from bench.hubs import (
    ENGINES,
    BenchHub,
    end_cleanly_when_told,
    engines_of,
    fresh_database,
    prepared_hub,
    running_hub,
    title_of,
)
from bench.machine import Meter
from bench.messages import Load, a_load, utc_now
from bench.tables import Figure, cpu_line, memory_line, print_figures

_LOOK_SECONDS = 0.2
_REPORT_SECONDS = 10.0
_GIVE_UP_SECONDS = 900
_DRAINED_BATCH = 100
_PEER_SECONDS = 30
DOORS = {"soap": "SOAP", "rest": "REST"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: what was accepted while the client pushed, and what was stored when nothing waited any more."""

    records: int
    push_seconds: float
    total_seconds: float
    answers: Sequence[float]
    meter: Meter

    @property
    def accepted_per_second(self) -> float:
        return self.records / self.push_seconds

    @property
    def stored_per_second(self) -> float:
        return self.records / self.total_seconds

    def answer_line(self) -> str:
        p50, p99 = (percentile(self.answers, share) * 1000 for share in (0.5, 0.99))
        return f"回执 p50 {p50:.0f} ms，p99 {p99:.0f} ms"


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is pushed and how far the client may be ahead of the workers."""

    seconds: float
    backlog_records: int
    connections: int
    show_progress: bool = False


def push(hub: BenchHub, load: Load, pace: Pace) -> Outcome:
    """Pushes for so many seconds, then waits until everything is processed. Raises RuntimeError if that never ends."""
    size, end = load.records_per_message, time.perf_counter() + pace.seconds
    client = ClosedLoop([hub.port] * pace.connections, load, lambda _: time.perf_counter() < end)
    with Meter(hub.roles) as meter:
        started = time.perf_counter()
        client.start()
        for waiting in _watch(hub, client, pace, size):
            client.gate.set() if waiting * size < pace.backlog_records else client.gate.clear()
        accepted = client.finish()
        pushed = time.perf_counter() - started
        wait_until_processed(hub)
        total = time.perf_counter() - started
    return Outcome(accepted * size, pushed, total, client.answer_seconds, meter)


def _watch(hub: BenchHub, client: ClosedLoop, pace: Pace, size: int) -> Iterator[int]:
    """Messages waiting, over and over while the client runs; every ten seconds it says how things stand."""
    started, reported, before = time.perf_counter(), 0, 0
    while client.is_running():
        waiting = hub.waiting()
        yield waiting
        elapsed = time.perf_counter() - started
        if pace.show_progress and elapsed // _REPORT_SECONDS > reported:
            reported = int(elapsed // _REPORT_SECONDS)
            stored = (len(client.answer_seconds) - waiting) * size
            rate = (stored - before) / _REPORT_SECONDS
            print(f"    {elapsed:5.0f} 秒  积压 {waiting * size:>8,} 条  近 10 秒入库 {rate:>7,.0f} 条/秒", flush=True)
            before = stored
        time.sleep(_LOOK_SECONDS)


def wait_until_processed(hub: BenchHub) -> None:
    """Raises RuntimeError when messages still wait after a quarter of an hour, or a process of the hub has ended."""
    until = time.monotonic() + _GIVE_UP_SECONDS
    while hub.waiting():
        gone = [name for name, process in hub.processes.items() if process.poll() is not None]
        if gone or time.monotonic() > until:
            words = (hub.folder / f"{gone[0]}.log").read_text(errors="replace")[-2000:] if gone else ""
            raise RuntimeError(f"messages still wait; ended: {gone}\n{words}")
        time.sleep(0.02)


def measure(engine: str, workers: int, doors: Sequence[str], sizes: Sequence[int], pace: Pace) -> None:
    """One hub, one table: every door and batch size."""
    figures: list[Figure] = []
    with running_hub(engine, workers) as hub:
        for door, size, scattered in _kinds(doors, sizes):
            series = f"{door}{size}{'s' if scattered else ''}"
            load = a_load(door, size, (hub.credential, series), utc_now(), scattered=scattered)
            outcome = push(hub, load, pace)
            title = f"{DOORS[door]}，每报文 {size} 条" + ("，各属不同办件" if scattered else "")
            figures += [
                Figure(f"接收  {title}", outcome.accepted_per_second, note=outcome.answer_line()),
                Figure(f"入库判定  {title}", outcome.stored_per_second, note=cpu_line(outcome.meter, outcome.records)),
            ]
            print(f"  {title}：{memory_line(outcome.meter.most_mib)}", flush=True)
        figures = _beside(hub, figures)
    print_figures(title_of(engine, workers), figures)


def _kinds(doors: Sequence[str], sizes: Sequence[int]) -> Iterator[tuple[str, int, bool]]:
    for door in doors:
        for size in sizes:
            yield door, size, False
    if 100 in sizes:
        yield doors[0], 100, True


def _beside(hub: BenchHub, figures: Sequence[Figure]) -> list[Figure]:
    """The figures with their floors, measured now that the hub has nothing to do."""
    load = a_load("soap", 100, (hub.credential, "floor"), utc_now())
    parse = Figure("底线：lxml 解析同样的报文", floors.parsed_records(load.bodies, 100 * len(load.bodies)))
    if hub.engine == "sqlite":
        store = Figure("底线：SQLite 插入同样的行，每 100 行提交", floors.inserted_rows(hub.folder / "hub.db"))
        rest = [store]
    else:
        copied = floors.copied_rows(hub.settings.database_url)
        store = Figure("底线：COPY 同样的行，一次提交，无索引", copied.bare)
        rest = [store, Figure("底线：COPY 同样的行，每 100 行提交，带索引", copied.indexed_each_hundred)]
    by_stage = {"接收": parse.value, "入库判定": store.value}
    named = [
        Figure(entry.title, entry.value, entry.unit, by_stage[entry.title.split()[0]], entry.note) for entry in figures
    ]
    return [parse, *rest, *named]


def measure_drain(engine: str, workers: Sequence[int], records: int) -> None:
    """How fast so many workers empty a queue that is full already, the door idle and no client there."""
    figures: list[Figure] = []
    for number in workers:
        with prepared_hub(engine) as hub:
            hub.start_door()
            _fill(hub, records // _DRAINED_BATCH)
            with Meter(hub.roles) as meter:
                started = _start_and_wait_for_first(hub, number)
                waiting = hub.waiting() * _DRAINED_BATCH
                wait_until_processed(hub)
                rate = waiting / (time.perf_counter() - started)
        times = f"一个进程的 {rate / figures[0].value:.2f} 倍，" if figures else ""
        figures.append(Figure(f"入库判定，{number} 个处理进程", rate, note=times + cpu_line(meter, records)))
    print_figures(f"{ENGINES[engine]}，只处理积压的 {records:,} 条，每报文 {_DRAINED_BATCH} 条", figures)


def _fill(hub: BenchHub, messages: int) -> None:
    client = ClosedLoop(
        [hub.port] * 2, a_load("soap", _DRAINED_BATCH, (hub.credential, "drain"), utc_now()), lambda n: n < messages
    )
    client.start()
    client.finish()


def _start_and_wait_for_first(hub: BenchHub, workers: int) -> float:
    """Starts what runs behind the door; the moment at which the first messages were done: starting is left out."""
    before = hub.waiting()
    hub.start_behind(workers)
    while hub.waiting() == before:
        time.sleep(_LOOK_SECONDS / 10)
    return time.perf_counter()


def measure_peer(pace: Pace, processes: int) -> None:
    """The small peer, fed with the same bytes."""
    with fresh_database() as url, peer.running(url, processes) as ports:
        load, end = peer.a_load(utc_now()), time.perf_counter() + pace.seconds
        per_port = max(1, pace.connections // len(ports))
        client = ClosedLoop([*ports] * per_port, load, lambda _: time.perf_counter() < end)
        started = time.perf_counter()
        client.start()
        records = client.finish() * load.records_per_message
        rate = records / (time.perf_counter() - started)
    heading = f"同类：spyne + SQLAlchemy，{processes} 个进程，直接写库，不排队、不判定"
    print_figures(heading, [Figure("入库  SOAP，每报文 100 条", rate)])


def main() -> None:
    end_cleanly_when_told()
    chosen = _arguments()
    pace = Pace(chosen.seconds, chosen.backlog, chosen.connections, show_progress=chosen.seconds >= 2 * _REPORT_SECONDS)
    for engine in engines_of(chosen.engines):
        if chosen.drain:
            measure_drain(engine, _numbers(chosen.workers), chosen.drain)
            continue
        for workers in _numbers(chosen.workers):
            measure(engine, workers, chosen.doors.split(","), _numbers(chosen.batches), pace)
    if chosen.peer and not chosen.drain:
        for processes in (1, 2):
            measure_peer(replace(pace, seconds=min(pace.seconds, _PEER_SECONDS)), processes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="sqlite,postgresql", help=f"all, or of {', '.join(ENGINES)}")
    parser.add_argument("--doors", default="soap", help="of soap, rest")
    parser.add_argument("--batches", default="1,100", help="records in a message")
    parser.add_argument("--workers", default="1", help="worker processes")
    parser.add_argument("--seconds", type=float, default=8, help="how long each combination is pushed")
    parser.add_argument("--backlog", type=int, default=10_000, help="records the client may be ahead")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--drain", type=int, default=0, help="records of a full queue; 0: push while workers run")
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
