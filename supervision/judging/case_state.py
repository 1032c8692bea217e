"""The state of a case (contract §3), derived from its facts alone."""

from collections.abc import Iterator
from datetime import datetime
from types import MappingProxyType

from supervision.judging.case_reading import CaseReading, timed_steps
from supervision.judging.clock import Stop

STATE_BY_RESULT = MappingProxyType({"NOT_ACCEPTED": "NOT_ACCEPTED", "VOIDED": "VOIDED", "WITHDRAWN": "WITHDRAWN"})
STATE_BY_LAST_STEP = MappingProxyType({"SUPPLEMENT": "SUPPLEMENT", "PAUSED": "PAUSED"})
STATE_BY_STOP = MappingProxyType({"SUPPLEMENT": "SUPPLEMENT", "PAUSE": "PAUSED", "PAUSED": "PAUSED"})


def case_state(case: CaseReading) -> str:
    """A case whose application has not arrived is incomplete, whatever else is known of it."""
    history = case.history
    if history.application is None:
        return "INCOMPLETE"
    if history.result:
        return STATE_BY_RESULT.get(history.result.result_status, "FINISHED")
    return _state_by_last_step(case) or _state_by_open_stop(case) or "ACCEPTED"


def state_changes_at(case: CaseReading) -> datetime | None:
    """When the state changes by itself: a stop begins or, as when its requested limit is used up, ends."""
    if case.history.application is None or case.history.result or _state_by_last_step(case):
        return None
    return min((edge for edge in _edges(case) if edge > case.as_of), default=None)


def _state_by_last_step(case: CaseReading) -> str | None:
    steps = timed_steps(case.history)
    return STATE_BY_LAST_STEP.get(steps[-1][1].status) if steps else None


def _state_by_open_stop(case: CaseReading) -> str | None:
    """Of several stops that hold, the one that began last."""
    standing = [stop for stop in _stops(case) if _holds(stop, case.as_of)]
    return STATE_BY_STOP.get(standing[-1].reason, "SPECIAL") if standing else None


def _holds(stop: Stop, as_of: datetime) -> bool:
    return stop.start <= as_of and (stop.end is None or as_of < stop.end)


def _stops(case: CaseReading) -> tuple[Stop, ...]:
    return case.clock.stops if case.clock else ()


def _edges(case: CaseReading) -> Iterator[datetime]:
    for stop in _stops(case):
        yield stop.start
        if stop.end:
            yield stop.end
