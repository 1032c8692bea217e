"""What pulling is tested with: an adapter that takes every row, a keeper that holds it, a puller over a small hub."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.contract import Reading
from adapters.reading import Content, Disposition, MessageReading, Output, UnitReading
from adapters.transports.folders import Folders
from adapters.transports.outbound import AllowList, Outbound
from hub.adapting.keeper import InForce
from hub.domain.errors import FieldIssue, NotFoundError, RejectedError
from hub.domain.failpoints import arm
from hub.domain.records import PROCESS
from hub.stores import adapters
from hub.stores.adapters import NewVersion
from ingest.pulling.puller import PullBounds, Puller
from tests.builders import ORG_CODE, SmallHub

PULLED = "pulled"


@dataclass(frozen=True)
class RowsAdapter:
    """Takes JSON rows, `{"rows": [...]}` or any text; a row with a field `bad` is refused."""

    document: Mapping[str, Any]

    def read(self, content: Content) -> MessageReading:
        rows = _rows(content.body)
        return MessageReading("utf-8", None, [_unit(seq, row) for seq, row in enumerate(rows, start=1)])


def _rows(body: bytes) -> list[Any]:
    if body.startswith(b"broken"):
        raise RejectedError("HUB-1001", "不是格式良好的 XML")
    if not body.startswith((b"[", b"{")):
        return [{"NO": body.decode()}]
    document = json.loads(body)
    return list(document["rows"]) if isinstance(document, dict) else list(document)


def _unit(seq: int, row: Mapping[str, Any]) -> UnitReading:
    content = {"recordId": str(row.get("NO", seq)), "orgCode": ORG_CODE}
    output = Output("all", PROCESS, content, Reading(None, (), ()))
    if "bad" in row and row["bad"]:
        issue = FieldIssue("HUB-3001", "itemCode", "缺少事项编码")
        return UnitReading(seq, "record", Disposition.REJECTED, (output,), (issue,))
    return UnitReading(seq, "record", Disposition.ACCEPTED, (output,))


@dataclass
class OneAdapter:
    """A keeper with one adapter in force."""

    known: InForce

    def in_force(self, code: str) -> InForce:
        if code not in self.pulled():
            raise NotFoundError("HUB-4045", f"没有适配器 {code}")
        return self.known

    def pulled(self) -> list[str]:
        return [str(self.known.compiled.document["adapter"])]


def an_adapter(hub: SmallHub, transport: Mapping[str, Any], **overrides: Any) -> OneAdapter:
    given = {"specVersion": 1, "adapter": PULLED, "title": "样例", "transport": dict(transport)}
    compiled: Any = RowsAdapter(given | overrides.pop("document", {}))
    return OneAdapter(InForce(registered(hub, compiled.document), compiled, "gs-system", **overrides))


def registered(hub: SmallHub, document: Mapping[str, Any]) -> int:
    """The id of the adapter's first version; messages refer to it."""
    with hub.database.unit() as unit:
        if document["adapter"] not in adapters.codes(unit):
            adapters.add(unit, document["adapter"], NewVersion(document, "f", "d", "test"), hub.clock())
        return int(adapters.newest_version(unit, adapters.find(unit, document["adapter"]).id).id)


@dataclass
class Pulling:
    """A small hub and what it pulls from; every call of `pull` is a process of its own."""

    hub: SmallHub
    transport: dict[str, Any]
    allow: str = ""
    roots: tuple[Path, ...] = ()
    overrides: dict[str, Any] = field(default_factory=dict)
    naps: list[float] = field(default_factory=list)
    largest_bytes: int = 10 * 2**20
    exchange_seconds: float = 5.0

    def puller(self) -> Puller:
        outbound = Outbound(AllowList.parse(self.allow), seconds=self.exchange_seconds, answer_bytes=200_000)
        bounds = PullBounds(outbound, Folders.of(self.roots), self.largest_bytes)
        keeper = an_adapter(self.hub, self.transport, **self.overrides)
        return Puller(self.hub.database, self.hub.exchange, keeper, bounds, self.hub.clock, self.naps.append)

    def pull(self) -> Any:
        return self.puller().pull_once(PULLED)

    def pull_stumbling_at(self, failpoint: str) -> Any:
        """Breaks off at the failpoint; what was not committed there is lost, as if the process had been killed."""
        arm(f"{failpoint}=raise")
        try:
            return self.pull()
        finally:
            arm("")

    def bodies(self) -> list[str]:
        rows = self.hub.rows("SELECT body_sealed FROM envelope ORDER BY id")
        return [self.hub.sealer.open_body(row[0]).decode() for row in rows]

    def taken(self) -> list[Any]:
        """Every row of every message, in order."""
        return [row for body in self.bodies() for row in _rows(body.encode())]
