"""What a monitor reads of one process: every family once, with its Chinese meaning. docs/metrics.md lists them all.

One registry per process, handed around, never the library's global one. Labels come from fixed sets; the only names
from outside are codes of registered senders, and of those no more than `MOST_SENDERS`.
"""

import platform
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from itertools import chain

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from hub.domain.errors import RetryableError
from hub.gateway.catalogue import catalogue
from hub.gateway.tracing import NO_STATUS, OTHER, RequestNote
from hub.stores.exchange import Waiting
from hub.stores.gauges import MOST_SENDERS, Gauges, ObservedDatabase, read_gauges
from hub.stores.session import Database
from ingest.loops import Loop
from ingest.observing import RelayObserver, WorkObserver
from ingest.pipeline import Processed

GAUGES_KEPT = timedelta(seconds=5)
_UNFORESEEN = "HUB-9001"

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_UNIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_DELAY_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800)


class _Families:
    """Makes families of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, registry=self._registry)

    def histogram(self, name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, meaning, labels, buckets=buckets, registry=self._registry)


class RequestMetrics:
    """Counts requests from their notes."""

    def __init__(self, make: _Families) -> None:
        self._senders = _Capped(MOST_SENDERS)
        self._requests = make.counter("hub_requests", "请求数", "door", "operation", "status", "code")
        self._seconds = make.histogram("hub_request_seconds", "请求时长（秒）", _REQUEST_SECONDS, "door", "operation")
        self._bytes = make.counter("hub_request_body_bytes", "收到的正文字节数", "door")
        self._messages = make.counter("hub_messages_received", "收到的报文数，按接收结果", "sender", "kind", "result")
        self._records = make.counter("hub_records_received", "收到的记录数；重复报文不计", "sender", "kind", "result")

    def finished(self, note: RequestNote) -> None:
        self._requests.labels(note.door, note.operation, _status_class(note.status), _known_code(note.code)).inc()
        self._seconds.labels(note.door, note.operation).observe(note.seconds)
        self._bytes.labels(note.door).inc(note.body_bytes)
        if note.receipt is None:
            return
        receipt, who = note.receipt, (self._senders.admit(note.sender), note.kind)
        self._messages.labels(*who, receipt.status.value).inc()
        if receipt.status.value != "DUPLICATE":
            self._records.labels(*who, "accepted").inc(receipt.accepted_count)
            self._records.labels(*who, "rejected").inc(receipt.rejected_count)


class WorkMetrics(WorkObserver):
    """Counts what workers and timers do."""

    def __init__(self, make: _Families) -> None:
        self._deliveries = make.counter("hub_deliveries", "消息队列送达的报文数；redelivered 为重新送达", "delivery")
        self._batches = make.histogram("hub_work_batch_seconds", "处理一批报文的时长（秒）", _UNIT_SECONDS)
        self._messages = make.counter("hub_messages_processed", "处理完成的报文数", "kind")
        self._stored = make.counter("hub_records_stored", "新入库的记录数；重复送达的不计")
        self._latency = make.histogram(
            "hub_stored_latency_seconds", "从收到报文到入库评判完的时长（秒）", _DELAY_SECONDS
        )
        self._failures = make.counter("hub_work_failures", "处理失败的次数，按错误代码", "code")
        self._aside = make.counter("hub_records_quarantined", "隔离的记录数，按错误代码", "code")
        self._gave_up = make.counter("hub_messages_quarantined", "整个隔离的报文数，按错误代码", "code")
        self._cases = make.counter("hub_cases_judged", "评判的办件次数")
        self._judging = make.histogram("hub_judging_seconds", "评判一批办件的时长（秒）", _UNIT_SECONDS)
        self._fired = make.counter("hub_timers_fired", "到时唤醒的办件数")
        self._lateness = make.histogram("hub_timer_lateness_seconds", "从到期时刻到评判完的时长（秒）", _DELAY_SECONDS)

    def delivered(self, redelivered: bool) -> None:
        self._deliveries.labels("redelivered" if redelivered else "first").inc()

    def committed(self, batch: Sequence[Waiting], processed: Processed, seconds: float, now: datetime) -> None:
        if batch:
            self._batches.observe(seconds)
        for waiting in batch:
            self._messages.labels(waiting.kind).inc()
            self._latency.observe(max((now - waiting.received_at).total_seconds(), 0.0))
        self._stored.inc(sum(processed.added.values()))
        for record in chain.from_iterable(processed.aside.values()):
            self._aside.labels(_known_code(record.error.code)).inc()

    def failed(self, messages: int, code: str) -> None:
        self._failures.labels(_known_code(code)).inc()

    def gave_up(self, code: str) -> None:
        self._gave_up.labels(_known_code(code)).inc()

    def judged(self, cases: int, seconds: float) -> None:
        """Cases were judged, on arrival or by timers."""
        self._cases.inc(cases)
        self._judging.observe(seconds)

    def fired(self, due: Collection[datetime], now: datetime, seconds: float) -> None:
        """Timers that had run out at `due` and are dealt with now."""
        self.judged(len(due), seconds)
        for at in due:
            self._fired.inc()
            self._lateness.observe(max((now - at).total_seconds(), 0.0))


class RelayMetrics(RelayObserver):
    """Counts what the relay does, and shows the state of every link to the broker."""

    def __init__(self, make: _Families) -> None:
        self._messages = make.counter("hub_relay_messages", "转发到消息队列的报文数，按结果", "outcome")
        self._in_flight = make.gauge("hub_relay_in_flight", "已发出、尚未确认的报文数")
        self._connected = make.gauge("hub_broker_connected", "与消息队列的连接：1 通，0 断", "link")
        self._blocked = make.gauge("hub_broker_blocked", "消息队列因内存或磁盘告警而阻塞：1 是", "link")

    def settled(self, confirmed: int, refused: int, unknown: int) -> None:
        for outcome, count in (("confirmed", confirmed), ("refused", refused), ("unknown", unknown)):
            self._messages.labels(outcome).inc(count)

    def swept(self, messages: int) -> None:
        self._messages.labels("republished").inc(messages)

    def watch_link(self, name: str, connected: Callable[[], bool], blocked: Callable[[], bool]) -> None:
        self._connected.labels(name).set_function(lambda: float(connected()))
        self._blocked.labels(name).set_function(lambda: float(blocked()))

    def watch_in_flight(self, count: Callable[[], int]) -> None:
        self._in_flight.set_function(lambda: float(count()))


class DatabaseMetrics:
    """Times units of work; the pool and the database's own gauges are read when asked."""

    def __init__(self, make: _Families) -> None:
        self._seconds = make.histogram("hub_database_unit_seconds", "一次数据库事务的时长（秒）", _UNIT_SECONDS, "kind")
        self._failures = make.counter("hub_database_failures", "因数据库不可用而失败的事务数", "kind", "code")
        self._in_use = make.gauge("hub_database_connections_in_use", "正在使用的数据库连接数")

    def unit_ended(self, kind: str, seconds: float, code: str | None) -> None:
        self._seconds.labels(kind).observe(seconds)
        if code is not None:
            self._failures.labels(kind, _known_code(code)).inc()

    def watch_pool(self, in_use: Callable[[], int]) -> None:
        self._in_use.set_function(lambda: float(in_use()))


class Metrics:
    """Everything one process shows, and what the composition root connects to it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        make = _Families(self.registry)
        self.requests = RequestMetrics(make)
        self.work = WorkMetrics(make)
        self.relay = RelayMetrics(make)
        self.database = DatabaseMetrics(make)
        self._silent = make.gauge("hub_loop_silent_seconds", "循环距上一步的秒数；过大即已停摆", "loop")
        self._dropped = make.gauge("hub_log_lines_dropped", "因日志写不出去而丢弃的行数")
        build = make.gauge("hub_build_info", "程序版本，恒为 1", "version", "python")
        build.labels(version("county-exchange-hub"), platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def exposition(self) -> bytes:
        """All families in the text format of Prometheus."""
        return generate_latest(self.registry)

    def watch_database(self, database: ObservedDatabase, now: Callable[[], datetime]) -> None:
        """Has the gauges that only the database knows read at each scrape, at most every `GAUGES_KEPT`."""
        self.database.watch_pool(database.connections_in_use)
        self.registry.register(_DatabaseGauges(database, now))

    def watch_loop(self, loop: Loop) -> None:
        self._silent.labels(loop.name).set_function(loop.silent_seconds)

    def watch_dropped_lines(self, count: Callable[[], int]) -> None:
        self._dropped.set_function(lambda: float(count()))


class _DatabaseGauges(Collector):
    """Read once for all scrapes within a few seconds. Without a database only `hub_database_up` remains."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._kept: Gauges | None = None
        self._read_at: datetime | None = None

    def describe(self) -> list[Metric]:
        return gauge_families(None)

    def collect(self) -> list[Metric]:
        return gauge_families(self._gauges())

    def _gauges(self) -> Gauges | None:
        with self._lock:
            now = self._now()
            if self._read_at is None or not timedelta(0) <= now - self._read_at < GAUGES_KEPT:
                self._kept, self._read_at = self._read(now), now
            return self._kept

    def _read(self, now: datetime) -> Gauges | None:
        try:
            with self._database.read() as unit:
                return read_gauges(unit, now)
        except RetryableError:
            return None


def gauge_families(read: Gauges | None) -> list[Metric]:
    """The families of the database's own gauges; without samples but `hub_database_up` when nothing could be read."""
    families = {name: GaugeMetricFamily(name, meaning, labels=labels) for name, meaning, labels in _DATABASE_GAUGES}
    families["hub_database_up"].add_metric([], float(read is not None))
    if read is not None:
        for name, samples in _samples(read).items():
            for labels, value in samples:
                families[name].add_metric(labels, value)
    return list(families.values())


_DATABASE_GAUGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("hub_database_up", "数据库能否读取：1 能，0 不能", ()),
    ("hub_outbox_messages", "未处理完的报文数（最多数到 100000）", ("state",)),
    ("hub_outbox_oldest_seconds", "最早一个未处理完的报文已等的秒数", ()),
    ("hub_quarantine_open", "待处理的隔离记录数（最多数到 100000）", ()),
    ("hub_cards_open", "生效的监察牌数（最多数到 100000）", ("level",)),
    ("hub_timers_overdue", "已到期尚未唤醒的办件数（最多数到 100000）", ()),
    ("hub_timers_overdue_seconds", "其中最早的已到期秒数", ()),
    ("hub_sender_last_received_timestamp_seconds", "报送方最近一次报文的时刻（Unix 秒）", ("sender",)),
    ("hub_sender_silence", "报送方按其节奏：0 正常，1 偏静，2 静默；节奏未知的没有", ("sender",)),
)
_VOICES: Mapping[str, int] = {"NORMAL": 0, "QUIET": 1, "SILENT": 2}

_Samples = Iterable[tuple[tuple[str, ...], float]]


def _samples(read: Gauges) -> dict[str, _Samples]:
    return {
        "hub_outbox_messages": [((state,), count) for state, count in read.outbox.items()],
        "hub_outbox_oldest_seconds": [((), read.outbox_oldest_seconds)],
        "hub_quarantine_open": [((), read.quarantined)],
        "hub_cards_open": [((level,), count) for level, count in read.open_cards.items()],
        "hub_timers_overdue": [((), read.timers_overdue)],
        "hub_timers_overdue_seconds": [((), read.timers_overdue_seconds)],
        "hub_sender_last_received_timestamp_seconds": [
            ((code,), at.timestamp()) for code, at in read.last_received_at.items()
        ],
        "hub_sender_silence": [((code,), _VOICES[voice]) for code, voice in read.voices.items() if voice in _VOICES],
    }


class _Capped:
    """Admits the first names that come, up to a number; all others are one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._admitted: set[str] = set()

    def admit(self, name: str) -> str:
        if name not in self._admitted:
            if len(self._admitted) >= self._most:
                return OTHER
            self._admitted.add(name)
        return name


def _status_class(status: int) -> str:
    return "none" if status == NO_STATUS else f"{status // 100}xx"


def _known_code(code: str) -> str:
    return code if not code or code in catalogue() else _UNFORESEEN
