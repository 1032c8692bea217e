"""Messages of a made-up county day: cases of five steps, one in ten late."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from lxml import etree

from adapters.contract import CONTRACT_NS, write_element
from hub.domain.records import PROCESS, Application, ProcessRecord

ORG_CODE = "33032400GS"
ITEM_CODE = "33032400GS-XK-0012"
_STEPS = ("受理", "审查", "核准", "决定", "送达")
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def process_records(count: int, prefix: str, now: datetime, *, shuffled: bool = False) -> list[ProcessRecord]:
    """`count` steps of `count / 5` cases, about 25 fields each; the steps of a case together, or all in random order.

    Shuffled is the worst case: nearly every record of a batch belongs to a case of its own, which must be judged anew.
    """
    records = [_step(prefix, number // 5, number % 5, now) for number in range(count)]
    if shuffled:
        Random(1).shuffle(records)
    return records


def _step(prefix: str, case: int, step: int, now: datetime) -> ProcessRecord:
    start = now - timedelta(days=40 if case % 10 == 0 else 3)
    return ProcessRecord(
        record_id=f"{prefix}-{case}-{step}", case_no=f"{prefix}-{case}", item_code=ITEM_CODE, org_code=ORG_CODE,
        org_name="样例局", office="注册科", step_seq=step + 1, step_code=f"S{step + 1}",
        step_name=_STEPS[step], post="窗口岗", officer_id="GS0031", officer_name="经办人丙",
        step_status="PASSED" if step else "ACCEPTED",
        started_at=start + timedelta(hours=step), handled_at=start + timedelta(hours=step + 1),
        opinion="材料齐全，符合法定形式，予以办理",
        application=_application(case, start) if step == 0 else None,
    )  # fmt: skip


def _application(case: int, start: datetime) -> Application:
    return Application(
        title=f"样例商店{case}设立登记", summary="关于样例商店设立登记的申请", apply_method="COUNTER",
        applied_at=start, accepted_at=start + timedelta(hours=1), applicant_type="PERSON",
        applicant_name="申请人甲", applicant_id_type="111",
        applicant_id_no="330324199001010003", promised_limit=15, limit_unit="WORKING_DAY", statutory_limit=20,
        statutory_limit_unit="WORKING_DAY",
    )  # fmt: skip


def soap_messages(records: list[ProcessRecord], size: int, prefix: str) -> Iterator[bytes]:
    """SOAP 1.1 bodies of `size` records each."""
    for number, first in enumerate(range(0, len(records), size)):
        envelope = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"s": _SOAP})
        body = etree.SubElement(envelope, f"{{{_SOAP}}}Body")
        operation = etree.SubElement(body, f"{{{CONTRACT_NS}}}pushProcess", nsmap={None: CONTRACT_NS})  # type: ignore[dict-item]
        etree.SubElement(operation, f"{{{CONTRACT_NS}}}messageId").text = f"{prefix}-{number}"
        operation.extend(write_element(record, PROCESS.element) for record in records[first : first + size])
        yield etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def utc_now() -> datetime:
    return datetime.now(UTC)
