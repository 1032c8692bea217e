"""Rules on what records must say: C06 a result without a known status."""

from hub.domain.codes import UNKNOWN
from hub.domain.findings import RuleInForce
from supervision.judging.case_reading import CaseReading
from supervision.judging.rulings import SILENT, Ruling, Verdict, result_event

STATUS_MISSING = frozenset({UNKNOWN, ""})


def result_status_unknown(_rule: RuleInForce, case: CaseReading) -> Ruling:
    result = case.history.result
    if result is None or (result.raw_status is None and result.result_status not in STATUS_MISSING):
        return SILENT
    verdict = Verdict(
        subject=result.record_id,
        occurred_at=result.finished_at,
        sentence="办结记录的结果状态缺失，或不在结果状态代码表内",
        counterfactual="若结果状态按代码表填报，则不预警",
        events=(result_event(result),),
    )
    return Ruling((verdict,))
