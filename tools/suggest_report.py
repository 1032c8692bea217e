"""How well the suggestions hit: every shipped adapter is hidden and drafted anew from messages of its format alone.

    python -m tools.suggest_report [--misses]

Prints, per shipped document, how many of its mapped fields are suggested first and among the first three. The messages
are the files of tests/samples/adapters; a field that none of them holds is not counted.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from adapters.library import shipped, shipped_document
from adapters.suggest.report import Report, report_on
from adapters.suggest.sample_files import SampleFile

MESSAGES = Path(__file__).parents[1] / "tests" / "samples" / "adapters"


def main() -> int:
    parser = argparse.ArgumentParser(description="样例起草的命中率")
    parser.add_argument("--misses", action="store_true", help="列出没有排在第一的字段")
    wants_misses = parser.parse_args().misses
    reports = shipped_reports()
    for line in _table(reports):
        print(line)
    if wants_misses:
        for line in _misses(reports):
            print(line)
    return 0


def shipped_reports() -> list[Report]:
    return [report_on(shipped_document(code), messages_of(code)) for code in shipped()]


def messages_of(code: str) -> list[SampleFile]:
    """The messages of a format as a department would hand them in: bytes under a file name."""
    return [SampleFile(path.name, path.read_bytes()) for path in sorted((MESSAGES / code).iterdir())]


def _table(reports: list[Report]) -> Iterator[str]:
    yield f"{'adapter':<26}{'fields':>8}{'first':>8}{'%':>7}{'in three':>10}{'%':>7}"
    for report in reports:
        yield _row(report.adapter, len(report.outcomes), report.first, report.among_three)
    fields = sum(len(report.outcomes) for report in reports)
    yield _row("total", fields, sum(one.first for one in reports), sum(one.among_three for one in reports))


def _row(name: str, fields: int, first: int, in_three: int) -> str:
    return f"{name:<26}{fields:>8}{first:>8}{_share(first, fields):>7}{in_three:>10}{_share(in_three, fields):>7}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _misses(reports: list[Report]) -> Iterator[str]:
    for report in reports:
        for outcome in report.outcomes:
            if outcome.rank != 1:
                mapped = outcome.mapped
                place = f"rank {outcome.rank}" if outcome.rank else "not among three"
                yield f"{report.adapter}: {mapped.unit} {mapped.target} <- {'|'.join(sorted(mapped.sources))}: {place}"


if __name__ == "__main__":
    sys.exit(main())
