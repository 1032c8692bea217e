"""The small peer: the service one writes in an afternoon with spyne and SQLAlchemy, to measure ours against.

It takes the very bytes of our contract's `pushProcess`, validates them with spyne's lxml validator, builds a
ComplexModel of every record, and commits all records of a message to PostgreSQL by the ORM before it answers. It has
no queue, no second look at a record, no revisions, no judging. Nothing slows it down on purpose: SQLAlchemy batches its
inserts, HTTP is served by uvicorn with keep-alive, and as many processes of it run as the machine has cores.

    python -m bench.peer --port 8090 --database-url postgresql://…
"""

import argparse
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import uvicorn
from spyne import Application, ComplexModel, Integer, Mandatory, ServiceBase, Unicode, rpc
from spyne import DateTime as Instant
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication
from sqlalchemy import DateTime, ForeignKey, String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

from adapters.contract import CONTRACT_NS
from bench.hubs import ROOT, free_port, wait_until_open
from bench.messages import Load
from bench.messages import a_load as load_of

_RECORDS_PER_MESSAGE = 100
_STOP_SECONDS = 20


# Fields in the order of the contract.
_APPLICATION: list[tuple[str, Any]] = [
    ("title", Mandatory(Unicode)), ("summary", Unicode), ("applyMethod", Unicode), ("appliedAt", Instant),
    ("acceptedAt", Instant), ("applicantType", Unicode), ("applicantName", Mandatory(Unicode)),
    ("applicantIdType", Unicode), ("applicantIdNo", Unicode), ("promisedLimit", Integer), ("limitUnit", Unicode),
    ("statutoryLimit", Integer), ("statutoryLimitUnit", Unicode),
]  # fmt: skip
_STEP: list[tuple[str, Any]] = [
    ("recordId", Mandatory(Unicode)), ("caseNo", Mandatory(Unicode)), ("itemCode", Mandatory(Unicode)),
    ("orgCode", Mandatory(Unicode)), ("orgName", Unicode), ("office", Unicode), ("stepSeq", Integer),
    ("stepCode", Unicode), ("stepName", Mandatory(Unicode)), ("post", Unicode), ("officerId", Unicode),
    ("officerName", Unicode), ("stepStatus", Mandatory(Unicode)), ("startedAt", Instant), ("handledAt", Instant),
    ("opinion", Unicode),
]  # fmt: skip


class ApplicationIn(ComplexModel):  # type: ignore[misc]
    """The application within a step."""

    __namespace__ = CONTRACT_NS
    _type_info = _APPLICATION


class StepIn(ComplexModel):  # type: ignore[misc]
    """One process record: 16 fields of its own, 13 of its application."""

    __namespace__ = CONTRACT_NS
    _type_info = [*_STEP, ("application", ApplicationIn), ("revision", Integer)]


class Base(DeclarativeBase):
    """Tables of the peer."""


class ApplicationRow(Base):
    """What was applied for."""

    __tablename__ = "peer_application"
    step_id: Mapped[int] = mapped_column(ForeignKey("peer_step.id"), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str | None] = mapped_column(String(1000))
    apply_method: Mapped[str | None] = mapped_column(String(32))
    applied_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    accepted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    applicant_type: Mapped[str | None] = mapped_column(String(32))
    applicant_name: Mapped[str] = mapped_column(String(200))
    applicant_id_type: Mapped[str | None] = mapped_column(String(32))
    applicant_id_no: Mapped[str | None] = mapped_column(String(50))
    promised_limit: Mapped[int | None]
    limit_unit: Mapped[str | None] = mapped_column(String(32))
    statutory_limit: Mapped[int | None]
    statutory_limit_unit: Mapped[str | None] = mapped_column(String(32))


class StepRow(Base):
    """One step of one case."""

    __tablename__ = "peer_step"
    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[str] = mapped_column(String(100), unique=True)
    case_no: Mapped[str] = mapped_column(String(100), index=True)
    item_code: Mapped[str] = mapped_column(String(100))
    org_code: Mapped[str] = mapped_column(String(18))
    org_name: Mapped[str | None] = mapped_column(String(200))
    office: Mapped[str | None] = mapped_column(String(400))
    step_seq: Mapped[int]
    step_code: Mapped[str | None] = mapped_column(String(100))
    step_name: Mapped[str] = mapped_column(String(200))
    post: Mapped[str | None] = mapped_column(String(200))
    officer_id: Mapped[str | None] = mapped_column(String(50))
    officer_name: Mapped[str | None] = mapped_column(String(100))
    step_status: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    handled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    opinion: Mapped[str | None] = mapped_column(String(4000))
    revision: Mapped[int | None]
    application: Mapped[ApplicationRow | None] = relationship()


class CountyExchange(ServiceBase):  # type: ignore[misc]
    """The one operation."""

    @rpc(  # type: ignore[untyped-decorator]
        Mandatory(Unicode), StepIn.customize(min_occurs=1, max_occurs="unbounded"),
        _returns=Unicode, _out_variable_name="receipt",
    )  # fmt: skip
    def pushProcess(ctx, messageId: str, record: Sequence[StepIn]) -> str:  # noqa: N802, N803, N805 - names of the contract
        with ctx.app.sessions.begin() as session:
            session.add_all(_step_row(step) for step in record)
        return f"ACCEPTED R-{secrets.token_hex(6)}"


def _column(name: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)


_STEP_COLUMNS = {name: _column(name) for name, _ in [*_STEP, ("revision", Integer)]}
_APPLICATION_COLUMNS = {name: _column(name) for name, _ in _APPLICATION}


def _step_row(step: StepIn) -> StepRow:
    row = StepRow(**{column: getattr(step, name) for name, column in _STEP_COLUMNS.items()})
    held = step.application
    if held is not None:
        row.application = ApplicationRow(
            **{column: getattr(held, name) for name, column in _APPLICATION_COLUMNS.items()}
        )
    return row


def create_application(database_url: str) -> WsgiApplication:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=10)
    application = Application([CountyExchange], CONTRACT_NS, "CountyExchange", Soap11(validator="lxml"), Soap11())
    application.sessions = sessionmaker(engine, class_=Session)
    return WsgiApplication(application)


def create_tables(database_url: str) -> None:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    Base.metadata.create_all(engine)
    engine.dispose()


@contextmanager
def running(database_url: str, processes: int) -> Iterator[list[int]]:
    """The ports of so many processes of the peer over one database."""
    create_tables(database_url)
    with ExitStack() as stack:
        ports = []
        for _ in range(processes):
            port = free_port()
            command = [sys.executable, "-m", "bench.peer", "--port", str(port), "--database-url", database_url]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait, _STOP_SECONDS)
            stack.callback(process.terminate)
            wait_until_open(port, process)
            ports.append(port)
        yield ports


def a_load(now: datetime) -> Load:
    return load_of("soap", _RECORDS_PER_MESSAGE, ("none", "peer"), now)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database-url", required=True)
    chosen = parser.parse_args()
    application = create_application(chosen.database_url)
    uvicorn.run(application, host="127.0.0.1", port=chosen.port, interface="wsgi", log_level="warning")


if __name__ == "__main__":
    main()
