"""Messages of a made-up county day: cases of five steps, one in ten late; built once, renumbered for every sending."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree

from adapters.contract import CONTRACT_NS, write_element
from hub.domain.record_json import to_json
from hub.domain.records import PROCESS, Application, ProcessRecord

ORG_CODE = "33032400GS"
ITEM_CODE = "33032400GS-XK-0012"
STEPS_PER_CASE = 5
MARK = "ZZZZZZZ"  # stands in every number of a template and gives way to seven digits
SOAP_PATH = "/soap/exchange/v1"
REST_PATH = "/api/v1/process-records"
_STEPS = ("受理", "审查", "核准", "决定", "送达")
_CASES_PER_ROUND = 10  # every tenth is late
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def utc_now() -> datetime:
    return datetime.now(UTC)


def process_records(cases: int, now: datetime, prefix: str) -> list[ProcessRecord]:
    """Five steps each of `cases` cases, about 25 fields in a record, the steps of a case together."""
    return [_step(prefix, case, step, now) for case in range(cases) for step in range(STEPS_PER_CASE)]


def _step(prefix: str, case: int, step: int, now: datetime) -> ProcessRecord:
    start = now - timedelta(days=40 if case % _CASES_PER_ROUND == 0 else 3)
    application = an_application(f"样例商店{prefix}{case}设立登记", start) if step == 0 else None
    return a_step(f"{prefix}-{case}", start + timedelta(hours=step + 1), application, step)


def a_step(case_no: str, handled_at: datetime, application: Application | None, step: int = 0) -> ProcessRecord:
    """The `step`-th of five steps of a case, from 0."""
    return ProcessRecord(
        record_id=f"{case_no}-{step}", case_no=case_no, item_code=ITEM_CODE, org_code=ORG_CODE, org_name="样例局",
        office="注册科", step_seq=step + 1, step_code=f"S{step + 1}", step_name=_STEPS[step], post="窗口岗",
        officer_id="GS0031", officer_name="经办人丙", step_status="PASSED" if step else "ACCEPTED",
        started_at=handled_at - timedelta(hours=1), handled_at=handled_at,
        opinion="材料齐全，符合法定形式，予以办理", application=application,
    )  # fmt: skip


def an_application(title: str, applied_at: datetime, hours: int | None = None) -> Application:
    """Accepted after an hour and promised within 15 working days, or accepted at once and promised within `hours`."""
    accepted_at = applied_at if hours else applied_at + timedelta(hours=1)
    limit, unit = (hours, "WORKING_HOUR") if hours else (15, "WORKING_DAY")
    return Application(
        title=title, summary="关于样例商店设立登记的申请", apply_method="COUNTER",
        applied_at=applied_at, accepted_at=accepted_at, applicant_type="PERSON", applicant_name="申请人甲",
        applicant_id_type="111", applicant_id_no="330324199001010003", promised_limit=limit, limit_unit=unit,
        statutory_limit=20, statutory_limit_unit="WORKING_DAY",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """HTTP requests ready to be sent but for their number; together they hold whole cases."""

    series: str
    templates: tuple[bytes, ...]
    bodies: tuple[bytes, ...]
    records_per_message: int

    def request(self, number: int) -> bytes:
        """The `number`-th request, from 0; no two of a series share a message, record or case number."""
        turn, place = divmod(number, len(self.templates))
        return self.templates[place].replace(MARK.encode(), b"%07d" % turn)


def a_load(door: str, size: int, hub: tuple[str, str], now: datetime, *, scattered: bool = False) -> Load:
    """A load for the `soap` or `rest` door, `size` records in a message; `hub` is a credential and a series name.

    Scattered is the worst case: no two records of a message belong to the same case, so each must be judged anew.
    """
    prefix = f"{hub[1]}-{MARK}"
    if scattered:
        records = process_records(size, now, prefix)
        groups = [records[step::STEPS_PER_CASE] for step in range(STEPS_PER_CASE)]
    else:
        records = process_records(max(_CASES_PER_ROUND, -(-size // STEPS_PER_CASE)), now, prefix)
        groups = [records[first : first + size] for first in range(0, len(records), size)]
    return a_load_of(door, groups, hub)


def a_load_of(door: str, groups: Sequence[Sequence[ProcessRecord]], hub: tuple[str, str]) -> Load:
    """A load of one message for each group; their numbers must hold MARK, or be sent once only."""
    credential, series = hub
    prefix = f"{series}-{MARK}"
    bodies = tuple(_BODIES[door](groups, prefix))
    headers = [_HEADERS[door].format(prefix=prefix, number=number) for number in range(len(bodies))]
    templates = tuple(a_post(_PATHS[door], *pair, credential) for pair in zip(headers, bodies, strict=True))
    return Load(series, templates, bodies, len(groups[0]))


def a_post(path: str, headers: str, body: bytes, credential: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {credential}\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def a_get(path: str, authorization: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}\r\n\r\n".encode()


def soap_bodies(groups: Sequence[Sequence[ProcessRecord]], prefix: str) -> Iterator[bytes]:
    """SOAP 1.1 messages, one for each group of records."""
    for number, records in enumerate(groups):
        envelope = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"s": _SOAP})
        body = etree.SubElement(envelope, f"{{{_SOAP}}}Body")
        operation = etree.SubElement(body, f"{{{CONTRACT_NS}}}pushProcess", nsmap={None: CONTRACT_NS})  # type: ignore[dict-item]
        etree.SubElement(operation, f"{{{CONTRACT_NS}}}messageId").text = f"{prefix}-{number}"
        operation.extend(write_element(record, PROCESS.element) for record in records)
        yield etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def rest_bodies(groups: Sequence[Sequence[ProcessRecord]], _prefix: str) -> Iterator[bytes]:
    for records in groups:
        yield json.dumps({"records": [to_json(record) for record in records]}, ensure_ascii=False).encode()


_BODIES = {"soap": soap_bodies, "rest": rest_bodies}
_PATHS = {"soap": SOAP_PATH, "rest": REST_PATH}
_HEADERS = {
    "soap": 'Content-Type: text/xml; charset=utf-8\r\nSOAPAction: ""\r\n',
    "rest": "Content-Type: application/json\r\nIdempotency-Key: {prefix}-{number}\r\n",
}
