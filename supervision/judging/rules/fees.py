"""Rules on fees: F02 a fee taken for an item that is free."""

from hub.domain.findings import RuleInForce
from supervision.judging.case_reading import CaseReading
from supervision.judging.rulings import SILENT, Ruling, Verdict, cannot_judge, result_event


def fee_for_free_item(rule: RuleInForce, case: CaseReading) -> Ruling:
    result, item = case.history.result, case.history.item
    if result is None or not result.paid or result.paid < 0:
        return SILENT
    if item is None:
        return cannot_judge(rule, "事项库中没有该事项，不知道是否收费", ("item/isCharged",))
    if item.is_charged:
        return SILENT
    verdict = Verdict(
        occurred_at=result.finished_at,
        sentence=f"事项为不收费事项，办结记录实收 {result.paid} 元",
        counterfactual="若实收金额为零，则不发牌",
        events=(result_event(result),),
    )
    return Ruling((verdict,))
