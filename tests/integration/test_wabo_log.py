"""The WABO log (J.C.A.M. Buijs, DOI 10.4121/uuid:a07386a5-7be3-4367-9535-70bc9e77dbe6) through the hub."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.event_log import read_log
from adapters.log_import import ImportPlan, ImportSummary, import_log
from adapters.log_mapping import shipped_mapping
from adapters.transports.exchange_client import ExchangeClient
from hub.domain.receipts import Receipt
from hub.domain.records import ProcessRecord, RecordKind, ResultRecord
from hub.stores.session import Database
from tests.builders import SmallHub, a_small_hub
from tests.hub_process import HubServer

CHECKOUT = Path(__file__).parents[2]
EXCERPT = CHECKOUT / "tests" / "samples" / "wabo_excerpt.xes"
WHOLE_LOG = CHECKOUT / "tests" / "samples" / "wabo_receipt.xes.gz"
LONG_AFTER = datetime(2026, 3, 2, 2, tzinfo=UTC)

STANDING_FINDINGS = "select rule_code, outcome, count(*) from finding where retracted_at is null group by 1, 2"
FINDINGS_WITH_SUBJECT = (
    "select c.case_no, f.rule_code, f.subject, f.outcome, f.due_at, f.evidence_digest from finding f"
    " join case_library c on c.id = f.case_id where f.retracted_at is null order by 1, 2, 3"
)
STEPS_OUT_OF_PLACE = "select rule_code, subject from finding where rule_code in ('P01', 'P02') and retracted_at is null"
OPEN_CARDS = "select rule_code, count(*) from card where state = 'OPEN' group by 1"


class StraightIn:
    """Pushes into a hub without doors."""

    def __init__(self, hub: SmallHub) -> None:
        self._hub = hub

    def push(self, kind: RecordKind, message_id: str, records: Sequence[ProcessRecord | ResultRecord], /) -> Receipt:
        receipt: Receipt = self._hub.push(kind, records, message_id)
        return receipt


@contextmanager
def imported(folder: Path, log: Path, plan: ImportPlan | None = None) -> Iterator[tuple[SmallHub, ImportSummary]]:
    database = Database(f"sqlite:///{folder}/hub.db")
    hub = a_small_hub(database, LONG_AFTER)
    summary = import_log(read_log(log), shipped_mapping("wabo_receipt"), StraightIn(hub), plan=plan)
    hub.work()
    yield hub, summary
    database.dispose()


def compared(log: Path, *more: str) -> dict[str, Any]:
    command = [sys.executable, "tools/compare_wabo.py", str(log), "--json", *more]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def number_of(hub: SmallHub, table: str) -> int:
    number: int = hub.rows(f"select count(*) from {table}")[0][0]
    return number


def counts(rows: Sequence[Any]) -> dict[Any, int]:
    return {tuple(key) if len(key) > 1 else key[0]: count for *key, count in map(tuple, rows)}


@pytest.fixture(scope="module")
def excerpt_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    with imported(tmp_path_factory.mktemp("excerpt"), EXCERPT) as (hub, _):
        yield hub


def test_every_record_of_the_excerpt_is_stored_dirty_or_not(excerpt_hub: SmallHub) -> None:
    stored = [number_of(excerpt_hub, table) for table in ("process_record", "result_record", "quarantine")]
    assert stored == [143, 23, 0]


def test_steps_before_the_start_and_after_the_end_are_reported_one_by_one(excerpt_hub: SmallHub) -> None:
    assert counts(excerpt_hub.rows(STANDING_FINDINGS)) == {
        ("P01", "VIOLATES"): 12,
        ("P02", "VIOLATES"): 5,
        ("T04", "VIOLATES"): 4,  # two ended late, two never ended
        ("T06", "CANNOT_JUDGE"): 25,  # the log knows no statutory limit
    }


def test_step_within_the_second_of_the_end_is_not_after_it(excerpt_hub: SmallHub) -> None:
    assert excerpt_hub.rows("select 1 from finding where subject = 'case-5102-1'") == []


def test_order_and_repeats_leave_the_same_findings(excerpt_hub: SmallHub, tmp_path: Path) -> None:
    plan = ImportPlan(order="random", seed=11, duplicates=0.5)
    with imported(tmp_path, EXCERPT, plan) as (shuffled, summary):
        assert summary.repeated_records > 0
        assert shuffled.rows(FINDINGS_WITH_SUBJECT) == excerpt_hub.rows(FINDINGS_WITH_SUBJECT)
        assert shuffled.rows(OPEN_CARDS) == excerpt_hub.rows(OPEN_CARDS)


def test_second_import_changes_nothing(tmp_path: Path) -> None:
    with imported(tmp_path, EXCERPT) as (hub, first):
        before = hub.rows(FINDINGS_WITH_SUBJECT)
        again = import_log(read_log(EXCERPT), shipped_mapping("wabo_receipt"), StraightIn(hub))
        hub.work()
        assert (again.accepted, again.already_there) == (0, first.accepted)
        assert hub.rows(FINDINGS_WITH_SUBJECT) == before


def test_every_case_on_which_log_and_clock_disagree_is_in_the_document() -> None:
    differing = compared(EXCERPT)["differing"]
    document = (CHECKOUT / "docs" / "wabo.md").read_text(encoding="utf-8")
    assert len(differing) == 11
    for case in differing:
        assert case["late_by_log"]
        assert not case["late_by_hub"]
        assert f"| {case['case']} | {case['startdate']} | {case['deadline']} | {case['enddate']} |" in document


def test_excerpt_arrives_over_soap(hub_server: HubServer) -> None:
    mapping = shipped_mapping("wabo_receipt")
    with ExchangeClient(hub_server.url, hub_server.sender, hub_server.secret, 30.0) as client:
        first = import_log(read_log(EXCERPT), mapping, client)
        again = import_log(read_log(EXCERPT), mapping, client)
    assert (first.accepted + first.already_there, first.rejected) == (166, 0)
    assert (again.accepted, again.duplicate_messages) == (0, again.messages)


# --- the whole log ----------------------------------------------------------------------------------------------


def test_clock_and_deadlines_of_the_whole_log_agree_but_for_eleven_cases() -> None:
    result = compared(WHOLE_LOG)
    assert (result["cases"], result["events"], result["ended"]) == (1434, 8577, 1329)
    assert (result["lateByLog"], result["lateByHub"], len(result["differing"])) == (377, 366, 11)


def test_list_of_dirty_records_in_the_documents_is_that_of_the_log(tmp_path: Path) -> None:
    fresh = tmp_path / "dirty.csv"
    result = compared(WHOLE_LOG, "--dirty-records", str(fresh))
    assert result["dirty"] == {"after_deadline": 380, "after_end": 180, "before_start": 12}
    committed = CHECKOUT / "docs" / "wabo-dirty-records.csv"
    assert fresh.read_text(encoding="utf-8") == committed.read_text(encoding="utf-8")


def test_whole_log_in_random_order_with_repeats_is_stored_once_and_judged_as_documented(tmp_path: Path) -> None:
    plan = ImportPlan(order="random", seed=1, duplicates=0.05)
    with imported(tmp_path, WHOLE_LOG, plan) as (hub, summary):
        assert (summary.cases, summary.records, summary.rejected, summary.unmapped) == (1434, 9906, 0, 0)
        assert (number_of(hub, "process_record"), number_of(hub, "result_record")) == (8577, 1329)
        assert counts(hub.rows(OPEN_CARDS)) == {"P01": 12, "P02": 176, "T04": 366 + 105}
        reported = hub.rows(STEPS_OUT_OF_PLACE)
    with (CHECKOUT / "docs" / "wabo-dirty-records.csv").open(encoding="utf-8", newline="") as file:
        expected = Counter((row["finding"], row["record_id"]) for row in csv.DictReader(file) if row["finding"])
    assert Counter(map(tuple, reported)) == expected
