"""One case as an event log of IEEE 1849-2016 (XES): one trace, an event per step, the result as the last one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lxml import etree

XES_NS = "http://www.xes-standard.org/"
_NAMESPACES: Any = {None: XES_NS}  # the stubs of lxml know no default namespace
_NUMBERS = {"xes.version": "1849.2016", "xes.features": ""}
_EXTENSIONS = (("Concept", "concept"), ("Time", "time"), ("Organizational", "org"), ("Lifecycle", "lifecycle"))
_CLASSIFIERS = (("环节", "concept:name"), ("经办人", "org:resource"))

# The standard transition model has no word for a refusal: the step is complete, `stepStatus` says how it ended.
_TRANSITIONS: Mapping[str, str] = MappingProxyType({
    "ACCEPTED": "complete", "RUNNING": "start", "PASSED": "complete", "OVERRULED": "complete", "RETURNED": "complete",
    "PAUSED": "suspend", "SUPPLEMENT": "suspend", "ABORTED": "ate_abort",
})  # fmt: skip
_TRACE = (
    ("string", "concept:name", "unifiedNo"), ("string", "caseNo", "caseNo"), ("string", "orgCode", "orgCode"),
    ("string", "orgName", "orgName"), ("string", "itemCode", "itemCode"), ("string", "itemName", "itemName"),
    ("string", "title", "title"), ("string", "state", "state"), ("date", "appliedAt", "appliedAt"),
    ("date", "acceptedAt", "acceptedAt"), ("date", "finishedAt", "finishedAt"),
    ("date", "promisedDueAt", "promisedDueAt"), ("date", "statutoryDueAt", "statutoryDueAt"),
)  # fmt: skip
_STEP = (
    ("string", "concept:name", "stepName"), ("string", "org:resource", "officerId"), ("string", "org:group", "office"),
    ("string", "recordId", "recordId"), ("int", "stepSeq", "stepSeq"), ("string", "stepCode", "stepCode"),
    ("string", "stepStatus", "stepStatus"), ("date", "startedAt", "startedAt"), ("date", "receivedAt", "receivedAt"),
    ("int", "revision", "revision"),
)  # fmt: skip
_RESULT = (
    ("date", "time:timestamp", "finishedAt"), ("string", "recordId", "recordId"),
    ("string", "resultStatus", "resultStatus"), ("date", "receivedAt", "receivedAt"), ("int", "revision", "revision"),
)  # fmt: skip


def write_xes(case: Mapping[str, Any]) -> bytes:
    """The log of a case detail. A step without any business time has no `time:timestamp`: none is made up."""
    log = etree.Element(_tag("log"), _NUMBERS, nsmap=_NAMESPACES)
    for name, prefix in _EXTENSIONS:
        uri = f"{XES_NS}{prefix}.xesext"
        etree.SubElement(log, _tag("extension"), {"name": name, "prefix": prefix, "uri": uri})
    for scope in ("trace", "event"):
        _append(etree.SubElement(log, _tag("global"), {"scope": scope}), "string", "concept:name", "UNKNOWN")
    for name, keys in _CLASSIFIERS:
        etree.SubElement(log, _tag("classifier"), {"name": name, "keys": keys})
    trace = etree.SubElement(log, _tag("trace"))
    _append_all(trace, _TRACE, case)
    for step in case["steps"]:
        _append_step(trace, step)
    if case["result"] is not None:
        _append_result(trace, case["result"])
    return etree.tostring(log, encoding="UTF-8", xml_declaration=True)


def _append_step(trace: etree._Element, step: Mapping[str, Any]) -> None:
    event = etree.SubElement(trace, _tag("event"))
    _append(event, "date", "time:timestamp", step["handledAt"] or step["startedAt"])
    _append(event, "string", "lifecycle:transition", _TRANSITIONS.get(step["stepStatus"]))
    _append_all(event, _STEP, step)


def _append_result(trace: etree._Element, result: Mapping[str, Any]) -> None:
    event = etree.SubElement(trace, _tag("event"))
    _append(event, "string", "concept:name", "办结")
    _append(event, "string", "lifecycle:transition", "complete")
    _append_all(event, _RESULT, result)


def _append_all(parent: etree._Element, attributes: tuple[tuple[str, str, str], ...], row: Mapping[str, Any]) -> None:
    for kind, key, name in attributes:
        _append(parent, kind, key, row[name])


def _append(parent: etree._Element, kind: str, key: str, value: object) -> None:
    if value is not None:
        etree.SubElement(parent, _tag(kind), {"key": key, "value": str(value)})


def _tag(name: str) -> str:
    return f"{{{XES_NS}}}{name}"
