"""What no single field can tell: rules between fields of one record, and identifiers that do not add up.

Issues refuse a record (contract §3). Notes flag it: a wrong check digit is the department's matter, the record is kept.
"""

from collections.abc import Iterator
from functools import lru_cache

from hub.domain.errors import FieldIssue
from hub.domain.identifiers import is_credit_code, is_resident_id
from hub.domain.item_codes import check_item_code
from hub.domain.records import Application, ProcessRecord, Record, ServiceItem


def cross_field_issues(record: Record) -> list[FieldIssue]:
    """What no single field can tell: the rules of contract §3 between fields of one record."""
    if isinstance(record, ProcessRecord):
        return _process_issues(record)
    if isinstance(record, ServiceItem):
        return _item_issues(record)
    return []


def _process_issues(record: ProcessRecord) -> list[FieldIssue]:
    if record.handled_at is None and record.step_status != "RUNNING":
        return [FieldIssue("HUB-3001", "handledAt", "环节已处理（状态不是“正在处理”）时必须有处理时间")]
    return []


_DAYS_AT_LEAST = {"WORKING_DAY": 1, "CALENDAR_DAY": 1, "MONTH": 28, "YEAR": 365}
_DAYS_AT_MOST = {"WORKING_DAY": 1, "CALENDAR_DAY": 1, "MONTH": 31, "YEAR": 366}


def _item_issues(item: ServiceItem) -> list[FieldIssue]:
    if _promise_exceeds_statute(item):
        return [FieldIssue("HUB-4001", "promisedLimit", "承诺期限不得长于法定期限")]
    return []


def _promise_exceeds_statute(item: ServiceItem) -> bool:
    """Only when it is certain: units that cannot be compared (days of work against calendar days) are let through."""
    if item.statutory_limit is None or item.statutory_limit_unit is None:
        return False
    promised_unit, statutory_unit = item.promised_limit_unit, item.statutory_limit_unit
    if promised_unit == statutory_unit:
        return item.promised_limit > item.statutory_limit
    if promised_unit not in _DAYS_AT_LEAST or statutory_unit not in _DAYS_AT_MOST:
        return False
    return item.promised_limit * _DAYS_AT_LEAST[promised_unit] > item.statutory_limit * _DAYS_AT_MOST[statutory_unit]


def identifier_notes(record: Record) -> list[FieldIssue]:
    """Flags of an accepted record: an item code of no known scheme, a number that fails its check."""
    notes = list(_item_code_notes(record.item_code))
    if isinstance(record, ProcessRecord) and record.application is not None:
        notes += _id_notes(record.application)
    return notes


@lru_cache(maxsize=4096)  # a county has some thousand items, and every record names one
def _item_code_notes(item_code: str) -> tuple[FieldIssue, ...]:
    checked = check_item_code(item_code)
    if checked.problem is None:
        return ()
    return (FieldIssue("HUB-4101", "itemCode", "事项编码不属于已知的编码规则，或编码中的某一部分校验不通过"),)


_ID_CHECKS = {"111": is_resident_id, "001": is_credit_code}


def _id_notes(application: Application) -> Iterator[FieldIssue]:
    for name, path in (("applicant", "applicantIdNo"), ("agent", "agentIdNo")):
        number = getattr(application, f"{name}_id_no")
        check = _ID_CHECKS.get(getattr(application, f"{name}_id_type") or "")
        if number is not None and check is not None and not check(number):
            yield FieldIssue("HUB-4102", f"application/{path}", "证件号码校验不通过")
