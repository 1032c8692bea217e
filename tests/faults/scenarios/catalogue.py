"""All scenarios, in the order in which a full run takes them."""

from tests.faults.scenarios import broker, clocks, cluster, database, kills, mutants, power, records, slice

SCENARIOS = (
    *slice.SCENARIOS, *kills.SCENARIOS, *broker.SCENARIOS, *cluster.SCENARIOS, *database.SCENARIOS, *power.SCENARIOS,
    *records.SCENARIOS, *clocks.SCENARIOS, *mutants.SCENARIOS,
)  # fmt: skip
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
