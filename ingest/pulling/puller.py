"""Pulls the sources whose time has come, each under a lease, and notes how it went."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Any, Protocol

import structlog

from adapters.transports.answers import Credential
from adapters.transports.files import DropFolder
from adapters.transports.folders import Folders
from adapters.transports.outbound import Outbound
from adapters.transports.rest import RestSource
from adapters.transports.save_checks import pulled_folder
from adapters.transports.soap import SoapSource
from adapters.transports.table.source import shared_tables
from hub.adapting.keeper import InForce
from hub.domain.envelopes import Sender
from hub.domain.errors import HubError, RejectedError, RetryableError
from hub.gateway.exchange import Exchange
from hub.stores import pull, registry
from hub.stores.secrets import open_secret
from hub.stores.session import Database
from ingest.pulling.folders import FilePull
from ingest.pulling.remote import RemotePull
from ingest.pulling.schedule import Schedule
from ingest.pulling.tables import TablePull
from ingest.pulling.taker import LEASE, InterruptedRunError, Taker

log = structlog.get_logger()


GoOn = Callable[[], bool]


def _always() -> bool:
    return True


class Keeper(Protocol):
    """What of the adapters' keeper is needed here."""

    def in_force(self, code: str) -> InForce: ...

    def pulled(self) -> Sequence[str]:
        """Codes of the adapters in force that are to be pulled."""
        ...


@dataclass(frozen=True, slots=True)
class PullBounds:
    """Where the county lets the hub reach, and what one message may hold."""

    outbound: Outbound
    folders: Folders
    largest_bytes: int


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one run brought; `problem` is what ended it early."""

    adapter: str
    messages: int
    records: int
    problem: HubError | None


@dataclass(frozen=True, slots=True)
class Puller:
    """Thread-safe; any number of them, in any number of processes, may run."""

    database: Database
    exchange: Exchange
    keeper: Keeper
    bounds: PullBounds
    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep

    def step(self, go_on: GoOn = _always) -> int:
        """Pulls the source that has waited longest, if any is due; 1 or 0. Raises RetryableError HUB-9002.

        `go_on` is called between pieces: a sign of life, and False when the run is to end early.
        """
        codes = self.keeper.pulled()
        with self.database.read() as unit:
            waiting = pull.due(unit, codes, self.now())
        return int(any(self._pull_if_free(code, go_on) for code in waiting))

    def _pull_if_free(self, code: str, go_on: GoOn) -> bool:
        try:
            known = self.keeper.in_force(code)
        except RejectedError as problem:  # its stored document cannot be used: seen in its state, not by the others
            self._note_unusable(code, problem)
            return False
        now = self.now()
        if known.disabled_notice is not None or known.trial:
            return False
        if Schedule.of(known.compiled.document["transport"]).opening(now) != now:
            return False
        owner = self._lease(code)
        if owner is not None:
            self._run(known, owner, go_on)
        return owner is not None

    def _note_unusable(self, code: str, problem: RejectedError) -> None:
        owner, now = self._lease(code), self.now()
        if owner is not None:
            with self.database.unit() as unit:
                pull.end_run(unit, code, owner, now, Schedule.of({}).next_after(now, problem, 0), problem)

    def pull_once(self, code: str) -> PullReport:
        """Pulls one source now, whatever its schedule says.

        Raises NotFoundError HUB-4045, RejectedError HUB-2010 and HUB-4021 when it is not to be pulled, RetryableError
        HUB-9029 when another process is at it.
        """
        known = self.keeper.in_force(code)
        if known.disabled_notice is not None:
            raise RejectedError("HUB-2010", f"适配器已停用：{known.disabled_notice}")
        if known.trial:
            raise RejectedError("HUB-4021", "试运行的适配器不拉取：拉取会改变对方的处理标志；请先转为运行")
        if known.compiled.document.get("transport", {}).get("kind") not in RUNS:
            raise RejectedError("HUB-4021", "这个适配器由对方报送，不用拉取")
        owner = self._lease(code)
        if owner is None:
            raise pull.taken_by_another()
        return self._run(known, owner)

    def _lease(self, code: str) -> str | None:
        owner, now = secrets.token_hex(8), self.now()
        with self.database.unit() as unit:
            return owner if pull.take_lease(unit, code, owner, now, now + LEASE) else None

    def _run(self, known: InForce, owner: str, go_on: GoOn = _always) -> PullReport:
        """One run under the lease; however it ends, the state says so and the next time is set."""
        document, ended = known.compiled.document, _Ended()
        taker: Taker | None = None
        with ended:
            taker = Taker(self.database, self.exchange, known, self._sender(known), owner, self.now, go_on)
            RUNS[document["transport"]["kind"]](self, document, taker)
        code, now = document["adapter"], self.now()
        with self.database.unit() as unit:
            failures = pull.failures_of(unit, code)
            schedule = Schedule.of(document["transport"])
            next_at = now if ended.is_interrupted else schedule.next_after(now, ended.problem, failures)
            pull.end_run(unit, code, owner, now, next_at, ended.problem)
        report = PullReport(code, taker.taken if taker else 0, taker.records if taker else 0, ended.problem)
        ended.tell(report)
        return report

    def _sender(self, known: InForce) -> Sender:
        """Raises RejectedError HUB-2002 when the sender is disabled, HUB-2011 when the adapter has none."""
        with self.database.read() as unit:
            found = registry.credentials_of(unit, self.exchange.sealer, known.sender_code or "")
        if found is None:
            raise RejectedError("HUB-2011", "适配器没有登记的报送方，不能拉取")
        if found.disabled_notice is not None:
            raise RejectedError("HUB-2002", f"报送方已停用：{found.disabled_notice}")
        return found.sender

    def _secret(self, name: str | None) -> str:
        """Raises NotFoundError HUB-4023."""
        if name is None:
            return ""
        with self.database.read() as unit:
            return open_secret(unit, self.exchange.sealer, name)

    def pull_table(self, document: Mapping[str, Any], taker: Taker) -> None:
        transport = document["transport"]
        if "connection" not in transport:
            raise RejectedError("HUB-4024", "适配器没有写数据库地址，不能拉取", "transport/connection")
        name = transport["connection"].get("secret")
        password = self._secret(name) if name is not None else None
        with shared_tables(transport, password, self.bounds.outbound, self.bounds.folders) as tables:
            TablePull(self.database, taker, self.now, self.bounds.largest_bytes).run(tables)

    def pull_rest(self, document: Mapping[str, Any], taker: Taker) -> None:
        with self.bounds.outbound.session() as session:
            self._credential(document).put_on(session)
            source = RestSource(document["transport"], session, self.sleep)
            RemotePull(self.database, taker, self.now, document["transport"]).run_rest(source)

    def pull_soap(self, document: Mapping[str, Any], taker: Taker) -> None:
        with self.bounds.outbound.session() as session:
            self._credential(document).put_on(session)
            source = SoapSource(document["transport"], session, self.sleep)
            RemotePull(self.database, taker, self.now, document["transport"]).run_soap(source)

    def _credential(self, document: Mapping[str, Any]) -> Credential:
        entry = document.get("authentication", {})
        secret = self._secret(entry.get("secret"))
        return Credential(entry.get("kind", "none"), secret, entry.get("user", ""), entry.get("header", ""))

    def pull_files(self, document: Mapping[str, Any], taker: Taker) -> None:
        transport = document["transport"]
        folder = DropFolder(
            root=pulled_folder(transport, self.bounds.folders),
            pattern=transport.get("pattern", "*"),
            stable_seconds=transport.get("stableSeconds", 2),
            control=transport.get("control"),
            largest_bytes=self.bounds.largest_bytes,
            sleep=self.sleep,
        )
        FilePull(taker, folder, transport.get("unit")).run()


RUNS: Mapping[str, Callable[[Puller, Mapping[str, Any], Taker], None]] = MappingProxyType({
    "table": Puller.pull_table, "rest": Puller.pull_rest, "soap": Puller.pull_soap, "files": Puller.pull_files,
})  # fmt: skip


class _Ended:
    """How a run ended. One source that fails as nobody foresaw must not keep the others from being pulled."""

    def __init__(self) -> None:
        self.problem: HubError | None = None
        self.is_interrupted = False
        self._unforeseen = ""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        if isinstance(error, InterruptedRunError):
            self.is_interrupted = True
        elif isinstance(error, HubError):
            self.problem = error
        else:
            self.problem = RetryableError("HUB-9033", "拉取时出现没有预料到的错误，见日志")
            self._unforeseen = f"{type(error).__name__} at {_last_line(where)}"
        return True

    def tell(self, report: PullReport) -> None:
        """One line per run that brought something or failed; never a foreign error's text, which may quote data."""
        if self.problem is not None:
            log.warning("pull failed", adapter=report.adapter, code=self.problem.code, error=self._unforeseen or None)
        elif report.messages:
            log.info("pulled", adapter=report.adapter, messages=report.messages, records=report.records)


def _last_line(where: TracebackType | None) -> str:
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    return "" if where is None else f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}"
