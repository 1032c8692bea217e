"""The catalogue, the dashboard and the registry tell of the same families, with bounded labels."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.domain.receipts import Receipt, ReceiptStatus
from hub.gateway.tracing import RequestNote
from hub.metrics import Metrics
from hub.stores.gauges import MOST_SENDERS, ObservedDatabase
from tests.builders import MONDAY_MORNING

ROOT = Path(__file__).parents[2]
CATALOGUE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "docker" / "grafana" / "county-hub.json").read_text(encoding="utf-8"))
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", re.M)
SUFFIXES = ("_total", "_bucket", "_sum", "_count")


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    """With a database that was never prepared, so that families without samples are described too."""
    metrics = Metrics()
    metrics.watch_database(
        ObservedDatabase(f"sqlite:///{tmp_path / 'empty.db'}", metrics.database), lambda: MONDAY_MORNING
    )
    return metrics


def shown(metrics: Metrics) -> dict[str, tuple[str, str]]:
    """Type and meaning of every family of ours."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): (family.type, family.documentation)
        for family in metrics.registry.collect()
        if family.name.startswith("hub_")
    }


def documented() -> dict[str, tuple[str, str]]:
    return {name: (kind, meaning.strip()) for name, kind, _, meaning in ROW.findall(CATALOGUE)}


def family_of(name: str) -> str:
    return next((name.removesuffix(end) for end in SUFFIXES[1:] if name.endswith(end)), name)


def test_catalogue_lists_exactly_what_is_shown(metrics: Metrics):
    assert documented() == shown(metrics)


def test_labels_in_the_catalogue_are_those_of_the_families(metrics: Metrics):
    labels = {name: set(re.findall(r"`(\w+)`", told)) for name, _, told, _ in ROW.findall(CATALOGUE)}
    declared = {
        collector._name + ("_total" if collector._type == "counter" else ""): set(collector._labelnames)
        for collector in metrics.registry._collector_to_names
        if hasattr(collector, "_labelnames")
    }
    assert {name: labels[name] for name in declared} == declared


def test_dashboard_and_alarms_use_known_families_only(metrics: Metrics):
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    alarms = re.findall(r"^\| [^|]+ \| `([^`]+)` \|", CATALOGUE.partition("## 告警")[2], re.M)
    assert expressions
    assert alarms
    used = {family_of(name) for text in expressions + alarms for name in re.findall(r"\bhub_\w+", text)}
    assert used - set(shown(metrics)) == set()


def test_dashboard_shows_every_part_of_the_hub():
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["报送", "队列", "处理", "监察", "数据库", "进程"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_without_a_database_only_its_absence_is_told(metrics: Metrics):
    told = {family.name: family.samples for family in text_string_to_metric_families(metrics.exposition().decode())}
    assert [sample.value for sample in told["hub_database_up"]] == [0.0]
    assert told["hub_outbox_messages"] == []


def test_senders_beyond_the_bound_are_counted_together(metrics: Metrics):
    for number in range(MOST_SENDERS + 5):
        metrics.requests.finished(a_note(f"system-{number}"))
    names = {
        sample.labels["sender"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "hub_messages_received_total"
    }
    assert len(names) == MOST_SENDERS + 1
    assert "other" in names


def test_duplicate_messages_do_not_count_their_records_again(metrics: Metrics):
    metrics.requests.finished(a_note("gs"))
    metrics.requests.finished(a_note("gs", ReceiptStatus.DUPLICATE))
    sample = {"sender": "gs", "kind": "PROCESS", "result": "accepted"}
    assert metrics.registry.get_sample_value("hub_records_received_total", sample) == 3


def test_unknown_codes_are_one_label(metrics: Metrics):
    metrics.work.gave_up("whatever a record said")
    assert metrics.registry.get_sample_value("hub_messages_quarantined_total", {"code": "HUB-9001"}) == 1


def a_note(sender: str, status: ReceiptStatus = ReceiptStatus.ACCEPTED) -> RequestNote:
    note = RequestNote("0" * 32, "soap", "pushProcess", sender, status=200)
    note.took("PROCESS", Receipt("R1", "m-1", status, MONDAY_MORNING, "", 3, 0))
    return note
