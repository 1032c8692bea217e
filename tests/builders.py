"""Builders with defaults: a test names only what matters to it. All people and numbers are invented."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from lxml import etree

from adapters.contract import CONTRACT_NS, write_element
from adapters.messages import SOAP
from hub import setup
from hub.adapting.keeper import AdapterKeeper
from hub.adapting.office import AdapterOffice
from hub.domain.envelopes import Arrival, Envelope, Sender
from hub.domain.records import (
    PROCESS,
    RESULT,
    Application,
    ProcessRecord,
    Record,
    RecordKind,
    ResultRecord,
    ServiceItem,
    Special,
)
from hub.gateway.exchange import Exchange
from hub.stores import registry
from hub.stores.sealing import Sealer
from hub.stores.session import Database
from ingest.consumer import Consumer
from ingest.pipeline import Pipeline
from ingest.sql_queue import SqlQueue
from supervision.law import LawKeeper
from supervision.quality.desk import QualityDesk
from supervision.quality.listening import Listener
from supervision.timers import Watch

ORG_CODE = "33032400GS"
ITEM_CODE = "33032400GS-XK-0012"
MONDAY_MORNING = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)  # 09:30 in China
DAY = timedelta(days=1)
SMALL_SECRET = b"a secret of the tests"

_numbers = count(1)


def an_application(**overrides: Any) -> Application:
    values: dict[str, Any] = {
        "title": "样例商店设立登记",
        "summary": "关于样例商店设立登记的申请",
        "apply_method": "COUNTER",
        "applied_at": MONDAY_MORNING - timedelta(minutes=20),
        "accepted_at": MONDAY_MORNING,
        "applicant_type": "PERSON",
        "applicant_name": "申请人甲",
        "applicant_id_type": "111",
        "applicant_id_no": "330324199001010003",
        "applicant_phone": "13800000000",
        "promised_limit": 7,
        "limit_unit": "WORKING_DAY",
        "statutory_limit": 20,
        "statutory_limit_unit": "WORKING_DAY",
    }
    return Application(**values | overrides)


def a_step(**overrides: Any) -> ProcessRecord:
    values: dict[str, Any] = {
        "record_id": f"step-{next(_numbers)}",
        "case_no": "GS20260302-0007",
        "item_code": ITEM_CODE,
        "org_code": ORG_CODE,
        "org_name": "样例局",
        "office": "注册科",
        "step_seq": 1,
        "step_name": "受理",
        "officer_id": "GS0031",
        "officer_name": "经办人丙",
        "step_status": "ACCEPTED",
        "handled_at": MONDAY_MORNING,
        "opinion": "材料齐全，予以受理",
    }
    return ProcessRecord(**values | overrides)


def an_acceptance(**overrides: Any) -> ProcessRecord:
    return a_step(**{"application": an_application()} | overrides)


def a_result(**overrides: Any) -> ResultRecord:
    values: dict[str, Any] = {
        "record_id": f"result-{next(_numbers)}",
        "case_no": "GS20260302-0007",
        "item_code": ITEM_CODE,
        "org_code": ORG_CODE,
        "result_status": "GRANTED",
        "opinion": "准予登记",
        "finished_at": MONDAY_MORNING + 3 * DAY,
        "receivable": Decimal("0.00"),
        "paid": Decimal("0.00"),
    }
    return ResultRecord(**values | overrides)


def a_special(**overrides: Any) -> Special:
    values: dict[str, Any] = {
        "kind": "INSPECTION",
        "started_at": MONDAY_MORNING + DAY,
        "basis": "样例依据",
        "approver": "批准人丁",
    }
    return Special(**values | overrides)


def an_item(**overrides: Any) -> ServiceItem:
    values: dict[str, Any] = {
        "item_code": ITEM_CODE,
        "item_name": "样例商店设立登记",
        "item_type": "XK",
        "handling_class": "PROMISE",
        "org_code": ORG_CODE,
        "org_name": "样例局",
        "legal_basis": "样例条例第一条",
        "accept_conditions": "材料齐全",
        "is_charged": False,
        "statutory_limit": 20,
        "statutory_limit_unit": "WORKING_DAY",
        "promised_limit": 7,
        "promised_limit_unit": "WORKING_DAY",
        "address": "样例县样例路 1 号",
        "phone": "0577-00000000",
        "supervision_phone": "0577-00000001",
    }
    return ServiceItem(**values | overrides)


def a_soap_body(kind: RecordKind, message_id: str, records: Sequence[Record]) -> bytes:
    envelope_ns = "http://schemas.xmlsoap.org/soap/envelope/"
    envelope = etree.Element(f"{{{envelope_ns}}}Envelope", nsmap={"s": envelope_ns})
    operation = etree.SubElement(
        etree.SubElement(envelope, f"{{{envelope_ns}}}Body"),
        f"{{{CONTRACT_NS}}}{kind.operation}",
        nsmap={None: CONTRACT_NS},
    )
    etree.SubElement(operation, f"{{{CONTRACT_NS}}}messageId").text = message_id
    operation.extend(write_element(record, kind.element) for record in records)
    return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move_to(self, at: datetime) -> None:
        self.at = at


@dataclass
class SmallHub:
    """A hub without doors: messages are handed to the exchange, the worker and the timers run when told."""

    database: Database
    sealer: Sealer
    clock: Clock
    exchange: Exchange
    law: LawKeeper
    consumer: Consumer
    watch: Watch
    sender: Sender
    secret: str

    def envelope(
        self, kind: RecordKind, records: Sequence[Record], message_id: str | None = None, **overrides: Any
    ) -> Envelope:
        message_id = message_id or f"message-{next(_numbers)}"
        body = a_soap_body(kind, message_id, records)
        arrivals = [
            Arrival(seq, getattr(record, "record_id", None) or record.item_code, record.org_code)
            for seq, record in enumerate(records, start=1)
        ]
        values: dict[str, Any] = {
            "sender": self.sender,
            "message_id": message_id,
            "kind": kind,
            "body": body,
            "body_format": SOAP,
            "digest": hashlib.sha256(body).hexdigest(),
            "received_at": self.clock(),
            "trace_id": "trace",
            "arrivals": arrivals,
        }
        return Envelope(**values | overrides)

    def push(self, kind: RecordKind, records: Sequence[Record], message_id: str | None = None) -> Any:
        return self.exchange.receive(self.envelope(kind, records, message_id))

    def push_case(self, *records: Record) -> None:
        """Pushes steps and results of a case and has everything processed."""
        steps = [record for record in records if isinstance(record, ProcessRecord)]
        results = [record for record in records if isinstance(record, ResultRecord)]
        if steps:
            self.push(PROCESS, steps)
        if results:
            self.push(RESULT, results)
        self.work()

    def work(self) -> None:
        while self.consumer.work_once():
            pass

    def fire(self) -> int:
        fired = 0
        while did := self.watch.fire_once():
            fired += did
        return fired

    def quality(self) -> QualityDesk:
        return QualityDesk(self.database, self.law, self.clock, Listener(self.database, self.law, self.clock))

    def office(self, **options: Any) -> AdapterOffice:
        return AdapterOffice(self.database, AdapterKeeper(self.database), self.clock, **options)

    def rows(self, sql: str) -> list[Any]:
        with self.database.read() as unit:
            return list(unit.exec_driver_sql(sql).all())


def a_small_hub(database: Database, at: datetime = MONDAY_MORNING) -> SmallHub:
    sealer = Sealer(SMALL_SECRET)
    setup.prepare(database, at)
    with database.unit() as unit:
        setup.register_department(unit, ORG_CODE, "样例局", "330324", at)
        registry.add_sender(unit, sealer, "gs-system", "样例局审批系统", [ORG_CODE], at)
    return open_small_hub(database, at)


def open_small_hub(database: Database, at: datetime = MONDAY_MORNING) -> SmallHub:
    """One that was made before, perhaps by another process."""
    clock, sealer = Clock(at), Sealer(SMALL_SECRET)
    with database.read() as unit:
        known = registry.credentials_of(unit, sealer, "gs-system")
    assert known is not None
    law = LawKeeper(database, clock)
    exchange = Exchange(database, sealer, clock)
    return SmallHub(
        database, sealer, clock, exchange, law,
        Consumer(database, SqlQueue(database, clock), Pipeline(sealer, law, AdapterKeeper(database)), clock),
        Watch(database, law, clock), known.sender, known.held[0].secret,
    )  # fmt: skip
