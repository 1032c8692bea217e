"""Runs the fault scenarios and prints what came of each; exit code 1 when a promise was broken or a mutant survived.

python -m tests.faults [--only NAME…] [--factor 1.0] [--down 600] [--seed N] [--list]
"""

import argparse
import secrets
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.faults.scenarios.catalogue import BY_NAME, SCENARIOS
from tests.faults.scenarios.scenario import Result, Scale, Scenario, run_scenario, why_not

_LONGEST = "broker-down"
_SHOWN = ("records", "attempts", "busy", "unknown", "recovered", "lost", "duplicated", "quarantined", "waiting")


def main() -> int:
    arguments = _arguments()
    chosen = [BY_NAME[name] for name in arguments.only] if arguments.only else list(SCENARIOS)
    if arguments.list:
        for scenario in chosen:
            print(f"{scenario.name:24} {scenario.title} → {scenario.promise}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))  # so that every server is ended
    scale = Scale(arguments.seed, arguments.factor, arguments.down)
    print(f"种子 {scale.seed}，倍数 {scale.factor}，共 {len(chosen)} 个场景", flush=True)
    with ThreadPoolExecutor(1) as beside:
        # ten minutes of waiting at a county's load leave room for the others
        waiting = [beside.submit(_run, scenario, scale) for scenario in chosen if scenario.name == _LONGEST]
        others = [_run(scenario, scale) for scenario in chosen if scenario.name != _LONGEST]
        results = [*others, *(entry.result() for entry in waiting)]
    return _sum_up([result for result in results if result is not None])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(BY_NAME), metavar="NAME")
    parser.add_argument("--factor", type=float, default=1.0, help="how much of a full run")
    parser.add_argument("--down", type=float, default=600.0, help="seconds for which the broker stays down")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def _run(scenario: Scenario, scale: Scale) -> Result | None:
    reason = why_not(scenario)
    if reason:
        print(f"跳过  {scenario.name:24} {reason}", flush=True)
        return None
    result = run_scenario(scenario, scale)
    word = "符合" if result.is_as_promised else "不符"
    if scenario.caught_by:
        word = "查出" if result.is_caught else "漏网"
    elif scenario.is_measured:
        word = "测得"
    lines = [f"{word}  {scenario.name:24} {result.seconds:6.0f} s  杀死 {result.kills:3}  {_figures(result)}"]
    lines += [f"        {line}" for line in (*result.verdict.problems, result.notes) if line]
    print("\n".join(lines), flush=True)
    return result


def _figures(result: Result) -> str:
    return " ".join(f"{name}={result.verdict.counts[name]}" for name in _SHOWN)


def _sum_up(results: Sequence[Result]) -> int:
    """Totals over everything that promises to lose nothing."""
    honest = [result for result in results if not result.scenario.caught_by and not result.scenario.is_measured]
    mutants = [result for result in results if result.scenario.caught_by]
    total: Counter[str] = Counter()
    for result in honest:
        total.update({name: result.verdict.counts[name] for name in _SHOWN})
    kills = sum(result.kills for result in honest)
    caught = sum(result.is_caught for result in mutants)
    kept = sum(result.is_as_promised for result in honest)
    print(f"合计  场景 {kept}/{len(honest)} 符合，变异体 {caught}/{len(mutants)} 查出，杀死 {kills} 次")
    print("      " + " ".join(f"{name}={number}" for name, number in total.items()))
    return 0 if all(result.is_as_promised for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
