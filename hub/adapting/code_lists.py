"""The standard code lists behind code maps, and one more code in a map."""

import json
from collections.abc import Mapping
from typing import Any

from adapters.document import load_document
from hub.domain.errors import RejectedError
from hub.domain.fields import Code, Group, field_specs
from hub.domain.records import RECORD_KINDS


def with_code(document: Mapping[str, Any], code_map: str, value: str, token: str) -> dict[str, Any]:
    """The document with one more code. Raises RejectedError HUB-3006, HUB-3023."""
    held = document.get("codeMaps", {}).get(code_map)
    if held is None:
        raise RejectedError("HUB-3023", "现在的版本没有这个代码对照表", f"codeMaps/{code_map}")
    if token not in tokens_of(held["target"]):
        raise RejectedError("HUB-3006", "标准代码表里没有这个值", "token")
    maps = document["codeMaps"] | {code_map: {**held, "values": held["values"] | {value: token}}}
    return load_document(json.dumps({**document, "codeMaps": maps}, ensure_ascii=False))


def tokens_of(target: str) -> Mapping[str, str]:
    """Tokens and titles of the code list named by a target field, or by the list itself; empty for an unknown one."""
    for kind in RECORD_KINDS.values():
        for spec in field_specs(kind.record):
            inner = field_specs(spec.kind.record) if isinstance(spec.kind, Group) else ()
            for found in (spec, *inner):
                if isinstance(found.kind, Code) and target in (found.wire, found.kind.codes.name):
                    return found.kind.codes.titles
    return {}
