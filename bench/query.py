"""Searching and opening cases over HTTP in a county of years, and what the size costs ingest.

    python -m bench.query                                     200,000 process records, about a minute and a half
    python -m bench.query --records 10000000 --ingest 60      the full figure: 1.2 million cases

The floor is `/healthz` over the same connection just before every query: it touches no database, so what it takes is
the machine and HTTP.
"""

import argparse
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from urllib.parse import quote, urlencode

from sqlalchemy import text

from bench.clients import Connection, percentile
from bench.county import STEPS_PER_CASE, Case, load_county, made_up_cases
from bench.hubs import BenchHub, end_cleanly_when_told, prepared_hub
from bench.ingest import Outcome, Pace, push
from bench.messages import a_get, a_load, utc_now
from bench.tables import Figure, cpu_line, print_figures
from hub.stores import users

_SEED = 11
_SAMPLE_CASES = 2_000
_BACKLOG_RECORDS = 5_000
_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of request; `path` makes one of it for a case that exists."""

    title: str
    path: Callable[[Case], str]
    is_console: bool = False


def _list(**filters: Callable[[Case], object]) -> Callable[[Case], str]:
    """The case list filtered by what is known of the case."""
    return lambda case: "/api/v1/cases?" + urlencode({name: value(case) for name, value in filters.items()})


def _always(value: str) -> Callable[[Case], str]:
    return lambda _: value


def _sign(case: Case) -> str:
    """The two characters that name the business, out of 50 × 50."""
    return case.title[2:4]


def _org(case: Case) -> str:
    return case.org_code


def _number(case: Case) -> int:
    return case.number


def _day(case: Case) -> str:
    return f"{case.applied_at:%Y-%m-%d}"


def _week_later(case: Case) -> str:
    return f"{case.applied_at + timedelta(days=7):%Y-%m-%d}"


QUESTIONS = (
    Question("搜索：一个常见汉字", _list(q=lambda case: case.title[2])),
    Question("搜索：两个汉字，常见（登记）", _list(q=_always("登记"))),
    Question("搜索：两个汉字，字号", _list(q=_sign)),
    Question("搜索：四个汉字", _list(q=lambda case: case.title[:4])),
    Question("搜索：没有的词", _list(q=_always("麒麟"))),
    Question("搜索：统一办件编号", _list(q=lambda case: case.unified_no)),
    Question("搜索：部门办件编号的开头", _list(q=lambda case: case.case_no[:6])),
    Question("搜索：两个汉字 + 部门", _list(q=_sign, orgCode=_org)),
    Question("搜索：两个汉字 + 在办", _list(q=_sign, state=_always("ACCEPTED"))),
    Question("筛选：部门", _list(orgCode=_org)),
    Question("筛选：红牌", _list(card=_always("RED"))),
    Question("筛选：部门 + 在办 + 黄牌", _list(orgCode=_org, state=_always("ACCEPTED"), card=_always("YELLOW"))),
    Question("筛选：申请日期一周", _list(**{"from": _day, "to": _week_later})),
    Question("筛选：部门 + 申请日期一周", _list(orgCode=_org, **{"from": _day, "to": _week_later})),
    Question("翻页：中间任意一页", _list(after=_number)),
    Question("翻页：搜索结果的后页", _list(q=_sign, after=_number)),
    Question("办件：REST，统一编号", lambda case: f"/api/v1/cases/{case.unified_no}"),
    Question("办件：REST，部门编号", lambda case: f"/api/v1/cases/by/{case.org_code}/{case.case_no}"),
    Question("办件：页面", lambda case: f"/cases/{case.unified_no}", is_console=True),
    Question("办件清单：页面，两个汉字", lambda case: f"/cases?q={quote(_sign(case))}", is_console=True),
)


def measure(records: int, asked: int, ingest_seconds: float) -> None:
    cases, now = int(records / STEPS_PER_CASE), utc_now()
    with prepared_hub("postgresql") as hub:
        hub.start_door()
        empty = _ingest(hub, "empty", ingest_seconds)
        # ingest has taken the lowest numbers; the county starts afresh
        _forget_ingest(hub)
        loading = load_county(hub, cases, now)
        stored = hub.count("SELECT count(*) FROM process_record")
        print(f"装入 {stored:,} 条办理过程、{cases:,} 个办件：{loading:,.0f} 秒，索引在位", flush=True)
        print(f"数据库大小 {hub.count('SELECT pg_database_size(current_database())') / 2**20:,.0f} MiB", flush=True)
        sample = _sample(cases, now)
        figures = _figures(hub, sample, asked)
        full = _ingest(hub, "full", ingest_seconds)
    print_figures(f"查询，{cases:,} 个办件，每种 {asked} 次，一个连接", figures)
    _print_ingest(empty, full)


def _ingest(hub: BenchHub, series: str, seconds: float) -> Outcome | None:
    if seconds <= 0:
        return None
    hub.start("work", "work")
    hub.start("watch", "watch")
    load = a_load("soap", 100, (hub.credential, series), utc_now())
    push(hub, load, Pace(seconds / 4, _BACKLOG_RECORDS, _CONNECTIONS))  # the first moments of a process are slower
    warm = a_load("soap", 100, (hub.credential, series + "2"), utc_now())
    outcome = push(hub, warm, Pace(seconds, _BACKLOG_RECORDS, _CONNECTIONS))
    hub.end("work", "watch")
    return outcome


def _forget_ingest(hub: BenchHub) -> None:
    with hub.database.unit() as unit:
        unit.execute(text("TRUNCATE envelope, case_library, evidence RESTART IDENTITY CASCADE"))


def _sample(cases: int, now: datetime) -> list[Case]:
    every = max(1, cases // _SAMPLE_CASES)
    return list(islice(made_up_cases(cases, now), 0, None, every))


def _figures(hub: BenchHub, sample: Sequence[Case], asked: int) -> list[Figure]:
    connection, random = Connection(hub.port), Random(_SEED)
    token, cookie = f"Authorization: Bearer {hub.token}", f"Cookie: hub_session={_session(hub)}"
    health: list[float] = []
    figures = []
    for question in QUESTIONS:
        who = cookie if question.is_console else token
        requests = [a_get(question.path(random.choice(sample)), who) for _ in range(asked)]
        seconds = [_ask(connection, request, health, a_get("/healthz", token)) for request in requests]
        figures.append(_figure(question.title, seconds))
    connection.close()
    return [_figure("底线：/healthz，每次查询之前问一次", health), *figures]


def _figure(title: str, seconds: Sequence[float]) -> Figure:
    p50, p95, most = (percentile(seconds, share) * 1000 for share in (0.5, 0.95, 1.0))
    return Figure(f"{title} p95", p95, "毫秒", note=f"p50 {p50:.1f}，最大 {most:.1f}")


def _ask(connection: Connection, request: bytes, health: list[float], health_request: bytes) -> float:
    """Seconds to a good answer, after noting those of the health check just before it."""
    started = time.perf_counter()
    connection.ask(health_request)
    asked = time.perf_counter()
    health.append(asked - started)
    status, content = connection.ask(request)
    if status != 200:
        raise RuntimeError(f"{request[:200]!r} answered {status}: {content[:300].decode(errors='replace')}")
    return time.perf_counter() - asked


def _session(hub: BenchHub) -> str:
    """A signed-in supervisor of the console."""
    user = users.NewUser("bench", secrets.token_urlsafe(12), "supervisor")
    with hub.database.unit() as unit:
        users.add_user(unit, user, utc_now())
        return users.open_session(unit, users.check_password(unit, user.name, user.password, utc_now()), utc_now())


def _print_ingest(empty: Outcome | None, full: Outcome | None) -> None:
    if empty is None or full is None:
        return
    figures = [
        Figure("底线：空库时", empty.stored_per_second, note=cpu_line(empty.meter, empty.records)),
        Figure(
            "装满以后", full.stored_per_second, "条/秒", empty.stored_per_second, cpu_line(full.meter, full.records)
        ),
    ]
    print_figures("入库判定，SOAP，每报文 100 条，一个处理进程", figures)


def main() -> None:
    end_cleanly_when_told()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000, help="process records to load")
    parser.add_argument("--asked", type=int, default=50, help="requests of each kind")
    parser.add_argument("--ingest", type=float, default=8, help="seconds of ingest before and after; 0 for none")
    chosen = parser.parse_args()
    measure(chosen.records, chosen.asked, chosen.ingest)


if __name__ == "__main__":
    main()
