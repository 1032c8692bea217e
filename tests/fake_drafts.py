"""Drafts of adapters held in memory: the part of `AdapterServices` that the editor uses."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from adapters.document import check_document
from adapters.library import shipped_document
from hub.console.services import ConsoleUser
from hub.domain.errors import NotFoundError, RejectedError
from tests.fake_county import NOW

Row = dict[str, Any]


class FakeDrafts:
    """Holds one adapter in force without a draft, `package`, and what is created."""

    def __init__(self) -> None:
        self.in_force: dict[str, Row] = {"package": shipped_document("package")}
        self.drafts: dict[str, Row] = {}
        self.saved: list[tuple[str, str]] = []

    def create(self, user: ConsoleUser, document: Mapping[str, Any]) -> None:
        code = str(document["adapter"])
        if code in self.in_force or code in self.drafts:
            raise RejectedError("HUB-6003", "这个适配器代码已经登记", "adapter")
        self._keep(user, code, document)

    def draft(self, user: ConsoleUser, code: str) -> Row:
        document = self.drafts.get(code) or self.in_force.get(code)
        if document is None:
            raise NotFoundError("HUB-4045", "没有登记这个适配器")
        digest = _digest(document) if code in self.drafts else ""
        return {
            "number": 1, "document": deepcopy(document), "digest": digest, "author": user.name,
            "changedAt": NOW.isoformat(),
        }  # fmt: skip

    def save_draft(self, user: ConsoleUser, code: str, document: Mapping[str, Any], digest: str) -> None:
        if digest != self.draft(user, code)["digest"]:
            raise RejectedError("HUB-5004", "这份草稿已被别人改过，请重新打开后再改")
        self._keep(user, code, document)

    def dry_run(self, user: ConsoleUser, code: str, limit: int) -> Row:
        self.draft(user, code)
        return {
            "messages": limit, "units": 40, "accepted": 37, "refusedMessages": 1, "changedMessages": 3,
            "byTarget": [
                {"target": "opinion", "title": "处理意见", "kind": "CHANGED", "kindTitle": "值不同", "count": 3}
            ],
            "byIssue": [{"code": "HUB-3007", "path": "handledAt", "count": 2}],
        }  # fmt: skip

    def _keep(self, user: ConsoleUser, code: str, document: Mapping[str, Any]) -> None:
        check_document(document)
        self.drafts[code] = json.loads(json.dumps(document))
        self.saved.append((user.name, code))


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
