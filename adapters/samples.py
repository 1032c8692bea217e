"""A sample of a record that may be shown: structure and codes stay, names, numbers and free text are masked."""

import json
from collections.abc import Mapping
from typing import Any

from lxml import etree

MAX_SAMPLE_CHARACTERS = 2000
_SHOWN = frozenset({
    "recordId", "caseNo", "itemCode", "orgCode", "stepSeq", "stepCode", "stepStatus", "resultStatus", "startedAt",
    "handledAt", "finishedAt", "appliedAt", "acceptedAt", "endedAt", "kind", "limitUnit", "promisedLimit",
    "statutoryLimit", "statutoryLimitUnit", "promisedLimitUnit", "requestedLimit", "revision", "itemType",
    "handlingClass", "applyMethod", "isCharged",
})  # fmt: skip


def masked_sample(node: object) -> str:
    """JSON text of the record with every value that could be personal replaced by its length."""
    return json.dumps(_masked(node), ensure_ascii=False)[:MAX_SAMPLE_CHARACTERS]


def _masked(node: object) -> Any:
    if isinstance(node, etree._Element):
        return {
            etree.QName(child).localname: _value(etree.QName(child).localname, child if len(child) else child.text)
            for child in node
        }
    if isinstance(node, Mapping):
        return {str(name): _value(str(name), value) for name, value in node.items()}
    return f"〈{len(str(node))} 字〉"


def _value(name: str, value: object) -> Any:
    if isinstance(value, list):
        return [_value(name, single) for single in value]
    if isinstance(value, etree._Element | Mapping):
        return _masked(value)
    if value is None or name in _SHOWN:
        return value
    return f"〈{len(str(value))} 字〉"
