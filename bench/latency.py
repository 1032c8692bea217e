"""How soon a card stands: after the record that raises it is pushed, and after the instant at which it falls due.

    python -m bench.latency                              about two minutes
    python -m bench.latency --seconds 60 --timers 50000  the full figure

Pushes leave on time (open loop), one record a message, each raising a card at once (P01: a step before its
application). What counts is when another connection first sees the committed card, looking every 20 ms; that is added
to the figure. Due cards (T04) come from cases whose promise of one working hour runs out during the run, judged by the
real clock; a calendar whose business day lasts around the clock lets this be measured at any hour.
"""

import argparse
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as time_of_day

from sqlalchemy import text

from bench.clients import ClosedLoop, percentile
from bench.hubs import ENGINES, BenchHub, end_cleanly_when_told, prepared_hub, title_of
from bench.ingest import wait_until_processed
from bench.machine import Meter
from bench.messages import MARK, Load, a_load_of, a_step, an_application, utc_now
from bench.pacing import OpenLoop
from bench.tables import Figure, cpu_line, print_figures
from hub import setup
from hub.domain.records import ProcessRecord
from supervision.judging.calendar import BusinessHours, Calendar

_LOOK_SECONDS = 0.02
_OVERLAP_SECONDS = 2.0
_CASES_PER_MESSAGE = 100
_SETTLE = timedelta(seconds=12)  # the calendar put in force is noticed, and its wake-up is over
_EARLIEST = text("SELECT min(raised_at - due_at) AS wait FROM card WHERE rule_code = 'T04'")
_CARDS = text("""
    SELECT card.id, case_library.case_no, card.due_at FROM card JOIN case_library ON case_library.id = card.case_id
    WHERE card.rule_code = :rule AND card.id > :after ORDER BY card.id
""")


@dataclass(slots=True)
class CardWatcher:
    """Looks for cards of one rule every 20 ms and notes when each was first seen."""

    hub: BenchHub
    rule: str
    seen: dict[str, float] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "CardWatcher":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        highest, earlier, settled, settled_at = 0, 0, 0, time.time()
        while not self._end.wait(_LOOK_SECONDS):
            with self.hub.database.read() as unit:
                rows = unit.execute(_CARDS, {"rule": self.rule, "after": settled}).all()
            now = time.time()
            for row in rows:
                highest = max(highest, row.id)
                if row.case_no not in self.seen:
                    self.seen[row.case_no], self.due[row.case_no] = now, row.due_at
            if (
                now - settled_at > _OVERLAP_SECONDS
            ):  # ids are given before commit: lower ones may still appear for a while
                settled, earlier, settled_at = earlier, highest, now


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds waited, and how many never came."""

    seconds: Sequence[float]
    missing: int = 0

    def figures(self, title: str) -> list[Figure]:
        shares = (("p50", 0.5), ("p99", 0.99), ("最大", 1.0))
        note = f"{len(self.seconds):,} 次" + (f"，{self.missing} 次没有等到" if self.missing else "")
        return [
            Figure(f"{title} {name}", percentile(self.seconds, share) * 1000, "毫秒", note=note)
            for name, share in shares
        ]


def pushed_cards(hub: BenchHub, per_second: float, seconds: float, series: str) -> tuple[Waits, Waits, Meter]:
    """Waits for the receipt and for the card, at so many records a second."""
    load = a_load_of("rest", [[_early_step(f"{series}-{MARK}", utc_now())]], (hub.credential, series))
    loop = OpenLoop(hub.port, load, per_second, seconds)
    with Meter(hub.roles) as meter, CardWatcher(hub, "P01") as watcher:
        loop.start()
        loop.finish()
        wait_until_processed(hub)
        time.sleep(5 * _LOOK_SECONDS)
    waits = [watcher.seen[case_no] - due for case_no, due in _due_by_case(loop, series) if case_no in watcher.seen]
    return Waits(loop.answer_seconds), Waits(waits, len(loop.due) - len(waits)), meter


def _due_by_case(loop: OpenLoop, series: str) -> list[tuple[str, float]]:
    return [(f"{series}-{number:07d}", due) for number, due in loop.due.items()]


def due_cards(hub: BenchHub, cases: int, over_seconds: float) -> Waits:
    """Waits from the due instant to the card, of cases that fall due one after another."""
    first = utc_now() + timedelta(seconds=10)
    groups = [
        [
            _case_due(f"d-{group}-{place}", first + timedelta(seconds=over_seconds * (group * 100 + place) / cases))
            for place in range(100)
        ]
        for group in range(cases // _CASES_PER_MESSAGE)
    ]
    with CardWatcher(hub, "T04") as watcher:
        _push_all(hub, a_load_of("soap", groups, (hub.credential, "due")), len(groups))
        _sleep_until(first + timedelta(seconds=over_seconds + 5))
    waits = [seen - watcher.due[case_no].timestamp() for case_no, seen in watcher.seen.items()]
    return Waits(waits, cases - len(waits))


def due_at_once(hub: BenchHub, timers: int, per_second: float) -> list[Figure]:
    """All timers run out at one instant while records keep being pushed."""
    due = utc_now() + timedelta(seconds=20 + timers / 500)
    groups = [[_case_due(f"o-{MARK}-{place}", due) for place in range(_CASES_PER_MESSAGE)]]
    started = time.perf_counter()
    _push_all(hub, a_load_of("soap", groups, (hub.credential, "once")), timers // _CASES_PER_MESSAGE)
    loaded = time.perf_counter() - started
    done: list[float] = []
    waiter = threading.Thread(target=lambda: done.append(_seconds_until_none_due(hub, due)), daemon=True)
    _sleep_until(due - timedelta(seconds=5))
    waiter.start()
    receipts, cards, _ = pushed_cards(hub, per_second, 15, "meanwhile")
    waiter.join()
    count = timers // _CASES_PER_MESSAGE * _CASES_PER_MESSAGE
    return [
        Figure(f"{count:,} 个计时器同时到时：全部提交", done[0], "秒", note=f"装入用了 {loaded:.0f} 秒"),
        Figure("  每秒判定", count / done[0], "件/秒"),
        *receipts.figures("  同时报送 → 回执"),
        *cards.figures("  同时报送 → 监察牌"),
    ]


def _push_all(hub: BenchHub, load: Load, messages: int) -> None:
    client = ClosedLoop([hub.port] * 2, load, lambda number: number < messages)
    client.start()
    client.finish()
    wait_until_processed(hub)


def _seconds_until_none_due(hub: BenchHub, due: datetime) -> float:
    _sleep_until(due)
    last = due + timedelta(seconds=1)  # a limit is passed a microsecond after its last instant
    while hub.count("SELECT CASE WHEN EXISTS (SELECT 1 FROM timer WHERE due_at <= :last) THEN 1 ELSE 0 END", last=last):
        time.sleep(0.05)
    return (utc_now() - due).total_seconds()


def _sleep_until(at: datetime) -> None:
    time.sleep(max(0.0, (at - utc_now()).total_seconds()))


def _early_step(case_no: str, now: datetime) -> ProcessRecord:
    """A step handled before its application was made: P01 fires at once."""
    application = an_application(f"样例商店{case_no}设立登记", now - timedelta(hours=1))
    return a_step(case_no, now - timedelta(hours=5), application)


def _case_due(case_no: str, due: datetime) -> ProcessRecord:
    """A case of one working hour's promise, due at that instant."""
    accepted = due - timedelta(hours=1)
    return a_step(case_no, accepted, an_application(f"样例商店{case_no}设立登记", accepted, hours=1))


def around_the_clock(now: datetime) -> Calendar:
    """Every day is worked, from midnight to a minute before the next."""
    days = [(now + timedelta(days=offset)).date() for offset in range(-60, 61)]
    hours = BusinessHours(((time_of_day(0), time_of_day(23, 59)),))
    return Calendar.from_rows("bench", [(day, True, "") for day in days], days[0], days[-1], hours)


def earliness(hub: BenchHub) -> Figure:
    """How long after its due instant the earliest card was raised, by the hub's own clock; below 0 is too early."""
    with hub.database.read() as unit:
        wait = unit.execute(_EARLIEST).scalar_one()
    return Figure("最早的一张在到时之后", wait.total_seconds() * 1000, "毫秒")


def measure(engine: str, chosen: argparse.Namespace) -> None:
    with prepared_hub(engine) as hub:
        with hub.database.unit() as unit:
            setup.add_calendar(unit, around_the_clock(utc_now()), "测量用", utc_now())
        hub.start_door()
        hub.start_behind(chosen.workers)
        _sleep_until(utc_now() + _SETTLE)
        receipts, cards, meter = pushed_cards(hub, chosen.per_second, chosen.seconds, "push")
        due = due_cards(hub, chosen.due_cases, chosen.seconds)
        figures = [
            *receipts.figures("报送 → 回执"), *cards.figures("报送 → 监察牌提交"),
            *due.figures("到时 → 监察牌提交"), earliness(hub),
            *due_at_once(hub, chosen.timers, chosen.per_second), earliness(hub),
        ]  # fmt: skip
    print_figures(f"{title_of(engine, chosen.workers)}，每秒 {chosen.per_second:.0f} 条", figures)
    print("  报送期间" + cpu_line(meter, len(receipts.seconds)))


def main() -> None:
    end_cleanly_when_told()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="production", choices=[name for name in ENGINES if name != "sqlite"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--due-cases", type=int, default=1_000, help="cases that fall due one after another")
    parser.add_argument("--timers", type=int, default=5_000, help="cases that fall due at one instant")
    chosen = parser.parse_args()
    measure(chosen.engine, chosen)


if __name__ == "__main__":
    main()
