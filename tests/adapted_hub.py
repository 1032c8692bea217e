"""A small hub with the adapters' office, desk and intake, and a department with a format of our own invention."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from adapters.engine import compile_adapter
from adapters.reading import Content
from adapters.sample_runs import result_of
from hub.adapting.keeper import AdapterKeeper
from hub.adapting.office import AdapterOffice, Asked
from hub.adapting.trials import TrialDesk
from hub.domain.receipts import Receipt
from hub.gateway.adapted import AdaptedIntake, Foreign
from hub.stores import replay, unmapped_codes
from hub.stores.base import AnyRow
from hub.stores.replay import Order, Selection
from hub.stores.replay_views import replay_detail
from hub.stores.unmapped_codes import UnmappedQuery
from ingest.replay import ReplayKeeper
from tests.builders import ITEM_CODE, ORG_CODE, SmallHub

CODE = "blxt"
AUTHOR = "it-staff"
SENDER = "gs-system"

_STEP = {
    "recordId": "XH", "caseNo": "BJBH", "itemCode": "SXBM", "orgCode": "BMBM", "stepSeq": "HJXH", "stepName": "HJMC",
    "officerName": "BLR",
}  # fmt: skip
_APPLICATION = {"application.title": "BJMC", "application.applicantName": "SQRMC", "application.promisedLimit": "CNQX"}
_RESULT = {"caseNo": "BJBH", "itemCode": "SXBM", "orgCode": "BMBM"}


def _from(columns: Mapping[str, str]) -> dict[str, Any]:
    return {target: {"from": column} for target, column in columns.items()}


def _time(column: str) -> dict[str, Any]:
    return {"from": column, "convert": ["datetime"]}


def a_step_route(**overrides: Any) -> dict[str, Any]:
    fields = _from(_STEP) | _from(_APPLICATION) | {
        "stepStatus": {"from": "HJZT", "codes": "hjzt"},
        "handledAt": _time("BLSJ"),
        "application.appliedAt": _time("SQSJ"),
        "application.acceptedAt": _time("BLSJ"),
        "application.limitUnit": {"constant": "WORKING_DAY"},
    }  # fmt: skip
    return {"name": "环节", "store": "PROCESS", "fields": fields} | overrides


def a_result_route(**overrides: Any) -> dict[str, Any]:
    fields = _from(_RESULT) | {
        "recordId": {"template": "{no}-BJ", "with": {"no": {"from": "BJBH"}}},
        "resultStatus": {"from": "JG", "codes": "jg"},
        "finishedAt": _time("BJSJ"),
        "receivable": {"constant": "0"},
        "paid": {"constant": "0"},
    }
    return {"name": "办结", "when": {"exists": "BJSJ"}, "store": "RESULT", "fields": fields} | overrides


def a_document(**overrides: Any) -> dict[str, Any]:
    """`<blxt><bj>…</bj></blxt>`: each `bj` is a step, and the result too once it carries one. Its sample passes."""
    values: dict[str, Any] = {
        "specVersion": 1,
        "adapter": CODE,
        "title": "办理系统导出",
        "sender": SENDER,
        "transport": {"kind": "push"},
        "intake": {"format": "xml", "messageId": "//BWBH", "units": [{"name": "bj", "select": "//bj"}]},
        "routes": [a_step_route(), a_result_route()],
        "codeMaps": {
            "hjzt": {"target": "stepStatus", "values": {"01": "ACCEPTED", "02": "PASSED"}},
            "jg": {"target": "resultStatus", "values": {"1": "GRANTED"}},
        },
    }
    return with_sample(values | overrides)


def with_sample(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with a sample that expects what comes of it now."""
    if "samples" in document:
        return dict(document)
    sample = {"name": "一件受理", "input": a_message(a_unit(HJZT="01"), message_id="sample"), "expect": {}}
    return {**document, "samples": [{**sample, "expect": result_of(compile_adapter(document), sample)}]}


def without_samples(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in deepcopy(dict(document)).items() if name != "samples"}


def with_field(document: Mapping[str, Any], target: str, value: Any, route: int = 0) -> dict[str, Any]:
    """The document with one field read otherwise, and the sample expecting so."""
    changed = without_samples(document)
    changed["routes"][route]["fields"][target] = value
    return with_sample(changed)


def by_arrival(document: Mapping[str, Any]) -> dict[str, Any]:
    changed = without_samples(document)
    for route in changed["routes"]:
        route["corrections"] = "byArrival"
    return with_sample(changed)


def a_unit(**overrides: str | None) -> str:
    values: dict[str, str | None] = {
        "XH": "r-1", "BJBH": "GS20260302-0007", "SXBM": ITEM_CODE, "BMBM": ORG_CODE, "HJXH": "1", "HJMC": "受理",
        "HJZT": "01", "BLSJ": "2026-03-02 09:30:00", "BLR": "经办人丙", "BJMC": "样例商店设立登记", "SQRMC": "申请人甲",
        "SQSJ": "2026-03-02 09:10:00", "CNQX": "7",
    }  # fmt: skip
    held = {name: text for name, text in (values | overrides).items() if text is not None}
    return "<bj>" + "".join(f"<{name}>{text}</{name}>" for name, text in held.items()) + "</bj>"


def a_message(*units: str, message_id: str | None = None) -> str:
    number = "" if message_id is None else f"<BWBH>{message_id}</BWBH>"
    return f"<blxt>{number}{''.join(units) or a_unit()}</blxt>"


@dataclass
class FakeMonotonic:
    """Seconds that pass when told."""

    at: float = 100.0

    def __call__(self) -> float:
        return self.at


@dataclass
class AdaptedHub:
    """A small hub whose doors and workers share one keeper."""

    small: SmallHub
    keeper: AdapterKeeper
    seconds: FakeMonotonic
    office: AdapterOffice
    trials: TrialDesk
    intake: AdaptedIntake

    @classmethod
    def over(cls, hub: SmallHub, **office_options: Any) -> "AdaptedHub":
        seconds = FakeMonotonic()
        keeper = AdapterKeeper(hub.database, seconds)
        trials = TrialDesk(hub.database, keeper, hub.sealer, hub.clock)
        hub.consumer = replace(
            hub.consumer, pipeline=replace(hub.consumer.pipeline, adapters=keeper), shadow=trials.shadow
        )
        office = AdapterOffice(hub.database, keeper, hub.clock, **office_options)
        return cls(hub, keeper, seconds, office, trials, AdaptedIntake(keeper, hub.exchange, trials))

    # --- life cycle

    def save(self, document: Mapping[str, Any], actor: str = AUTHOR, expected: str | None = None) -> AnyRow:
        return self.office.save(document, actor, expected)

    def act(self, act: str, version: int | None = None, actor: str = AUTHOR, **more: Any) -> AnyRow:
        return self.office.act(CODE, Asked(act, actor, version, **more))

    def stop(self, reason: str = "对方系统升级", until: date | None = None) -> AnyRow:
        return self.act("disable", reason=reason, until=until)

    def put(self, document: Mapping[str, Any]) -> int:
        """Brings a document into force; the number of its version."""
        number: int = self.save(document).number
        self.act("sandbox", number)
        self.act("activate", number)
        return number

    def states(self) -> list[tuple[int, str]]:
        """Numbers and states of the versions, oldest first."""
        wanted = f"WHERE a.code = '{CODE}' ORDER BY v.number"
        rows = self.small.rows(
            f"SELECT v.number, v.state FROM adapter_version v JOIN adapter a ON a.id = v.adapter_id {wanted}"
        )
        return [(row[0], row[1]) for row in rows]

    # --- messages

    def take(self, text: str, message_id: str | None = None, code: str = CODE) -> Receipt:
        """Pushes one message through the door's use case."""
        content = Content(text.encode("gb18030"))
        return self.intake.take(self.intake.in_force(code), self.small.sender, Foreign(content, "trace", message_id))

    def push(self, *units: str, message_id: str | None = None) -> Receipt:
        """Pushes a message of these units and has it processed."""
        receipt = self.take(a_message(*units, message_id=message_id))
        self.small.work()
        return receipt

    # --- what stands

    def steps(self) -> list[tuple[Any, ...]]:
        """Record id, revision, whether it is current, status; in that order."""
        return [
            (row[0], row[1], bool(row[2]), row[3])
            for row in self.small.rows(
                "SELECT record_id, revision, is_current, step_status FROM process_record ORDER BY 1, 2"
            )
        ]

    def current(self, column: str) -> list[Any]:
        """A column of the steps in force."""
        query = f"SELECT {column} FROM process_record WHERE is_current = {self._true} ORDER BY record_id"
        return [row[0] for row in self.small.rows(query)]

    @property
    def _true(self) -> str:
        return "1" if self.small.database.is_sqlite else "true"

    def results(self) -> list[tuple[Any, ...]]:
        return [
            tuple(row)
            for row in self.small.rows("SELECT record_id, revision, result_status FROM result_record ORDER BY 1, 2")
        ]

    def aside(self) -> list[tuple[Any, ...]]:
        """Place, code and path of what is set aside and open."""
        query = "SELECT seq, code, path FROM quarantine WHERE state = 'OPEN' ORDER BY envelope_id, seq"
        return [tuple(row) for row in self.small.rows(query)]

    def cards(self) -> list[tuple[Any, ...]]:
        query = "SELECT level FROM card WHERE state = 'OPEN' ORDER BY id"
        return [row[0] for row in self.small.rows(query)]

    def count(self, table: str) -> int:
        return int(self.small.rows(f"SELECT count(*) FROM {table}")[0][0])

    def unmapped(self, state: str = "OPEN") -> list[dict[str, Any]]:
        with self.small.database.read() as unit:
            return unmapped_codes.search(unit, UnmappedQuery(CODE, state)).items

    # --- replay

    def replay(self, **selection: Any) -> dict[str, Any]:
        """Has messages processed again, all of the adapter when nothing is said; the job when it is done."""
        job_id = self._job(rehearse=False, **selection)
        with self.small.database.unit() as unit:
            replay.turn(unit, job_id, "start", AUTHOR, self.small.clock())
        self.run_replays()
        return self.job(job_id)

    def rehearse_replay(self, **selection: Any) -> dict[str, Any]:
        """What a rehearsal foretells."""
        job_id = self._job(rehearse=True, **selection)
        while self.replay_keeper.step():
            pass
        found: dict[str, Any] = self.job(job_id)["forecast"]
        return found

    def run_replays(self) -> None:
        """Keeper and worker by turns until neither finds anything."""
        while self.replay_keeper.step() + self.small.consumer.work_once():
            pass

    def job(self, job_id: int) -> dict[str, Any]:
        with self.small.database.read() as unit:
            return replay_detail(unit, job_id)

    @property
    def replay_keeper(self) -> ReplayKeeper:
        return ReplayKeeper(self.small.database, self.small.consumer.pipeline, self.small.clock)

    def _job(self, *, rehearse: bool, **selection: Any) -> int:
        wanted = selection or {"state": "PROCESSED", "adapter": CODE}
        with self.small.database.unit() as unit:
            return replay.create(unit, Order(Selection(**wanted), rehearse=rehearse), AUTHOR, self.small.clock())


def table_counts(hub: AdaptedHub, tables: Sequence[str]) -> dict[str, int]:
    return {table: hub.count(table) for table in tables}
