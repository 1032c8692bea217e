"""How figures are printed: one line each, the ratio to its floor beside it."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.machine import Meter


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value; `floor` is what the same machine did in the same run with nothing of ours in the way."""

    title: str
    value: float
    unit: str = "条/秒"
    floor: float | None = None
    note: str = ""


def print_figures(heading: str, figures: Sequence[Figure]) -> None:
    print(f"\n{heading}")
    width = max(_cells(figure.title) for figure in figures)
    for figure in figures:
        ratio = f"  = 底线的 {figure.value / figure.floor:.1%}" if figure.floor else ""
        note = f"  {figure.note}" if figure.note else ""
        print(f"  {pad(figure.title, width)} {_number(figure.value):>10} {figure.unit}{ratio}{note}", flush=True)


def cpu_line(meter: Meter, records: int) -> str:
    """CPU seconds per 1,000 records by process, and how many cores were busy with what is not ours."""
    spent = {role: seconds / records * 1000 for role, seconds in meter.cpu_spent().items() if seconds > 0}
    parts = "，".join(f"{role} {seconds:.3f}" for role, seconds in spent.items())
    return f"每千条 CPU 秒 {sum(spent.values()):.3f}：{parts}；他人占用 {meter.others_cores:.1f} 核"


def memory_line(most_mib: Mapping[str, float]) -> str:
    return "内存峰值 MiB：" + "，".join(f"{role} {mib:.0f}" for role, mib in most_mib.items())


def pad(title: str, width: int) -> str:
    return title + " " * (width - _cells(title))


def _cells(title: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in title)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
