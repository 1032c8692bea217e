"""Fills a PostgreSQL hub with years of made-up casework, straight into the tables, indexes in place.

What a judge would have derived is written as it would have written it, so that lists, search and case pages have the
true shapes and sizes: about 8.5 steps a case, nine cases in ten finished, one in twenty with a card, 24 departments.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from bench.hubs import BenchHub
from hub.domain.findings import Outcome
from hub.domain.history import ApplicationFact, CaseHistory, StepFact
from hub.domain.identifiers import make_unified_no
from hub.domain.times import china_day
from hub.stores.search import tokens
from supervision.judging.judge import judge
from supervision.law import law_in_force

STEPS_PER_CASE = 8.5  # 6 to 11 by case id
_CHUNK_CASES = 20_000
_YEARS = 3
_AREA = "330324"
_SEED = 7
_CASE_COLUMNS = (
    "id", "unified_no", "org_code", "case_no", "item_code", "first_received_at", "last_received_at", "org_name",
    "item_name", "title", "applicant_name", "applicant_type", "state", "applied_at", "accepted_at", "finished_at",
    "promised_due_at", "statutory_due_at", "provisional", "card_level", "search_text",
)  # fmt: skip
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_PLACES = "东西南北中上下大小新古青白金银石山水江溪河湖海桥塘岭坪湾洲城镇街坊里坛亭阁林"
_SIGNS = "鑫隆盛昌泰和顺安康福禄寿喜祥瑞吉庆丰裕富华荣贵兴旺发达通利恒永久长青松柏竹梅兰菊荷枫桂杏桃李梨枣栗"
_TRADES = (
    "餐饮",
    "食品",
    "建材",
    "服饰",
    "五金",
    "机械",
    "物流",
    "养殖",
    "药房",
    "网吧",
    "宾馆",
    "印刷",
    "幼儿园",
    "加油站",
)
_ACTS = (
    "设立登记",
    "变更登记",
    "注销登记",
    "经营许可",
    "卫生许可",
    "排污许可",
    "消防检查",
    "户外广告设置",
    "占道施工",
    "用地预审",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of the made-up years."""

    number: int
    unified_no: str
    org_code: str
    case_no: str
    title: str
    applied_at: datetime
    search_text: str
    row: tuple[Any, ...]


def org_codes() -> list[tuple[str, str, str]]:
    """Code, letters and name of each department."""
    return [(f"33032400{first}Z", f"{first}Z", f"样例{first}局") for first in _LETTERS]


def made_up_cases(count: int, now: datetime) -> Iterator[Case]:
    """The same cases for the same count and day, oldest first."""
    random, organisations = Random(_SEED), org_codes()
    for number in range(1, count + 1):
        applied = now - timedelta(days=365 * _YEARS * (1 - number / (count + 1)) + 1, minutes=random.randrange(480))
        code, letters, name = random.choice(organisations)
        yield _case(random, number, applied, (code, letters, name), now)


def _case(random: Random, number: int, applied: datetime, org: tuple[str, str, str], now: datetime) -> Case:
    code, letters, org_name = org
    business = "".join(random.choices(_PLACES, k=2)) + "".join(random.choices(_SIGNS, k=2)) + random.choice(_TRADES)
    act = random.choice(_ACTS)
    title, applicant = f"{business}有限公司{act}", f"{business}有限公司"
    item_code, case_no = f"{code}-XK-{_ACTS.index(act) + 1:04}", f"{letters}{applied:%Y}-{number:08}"
    unified_no = make_unified_no(_AREA, letters, china_day(applied), number % 999_999 + 1)
    finished = applied + timedelta(days=random.randrange(1, 25)) if random.random() < 0.9 else None
    finished = finished if finished and finished < now else None
    card = random.choice(("REMINDER", "YELLOW", "RED")) if random.random() < 0.05 else None
    words = " ".join((unified_no, case_no, item_code, title, act, org_name, applicant))
    row = (
        number, unified_no, code, case_no, item_code, applied, finished or applied, org_name, act, title, applicant,
        "ENTERPRISE", "FINISHED" if finished else "ACCEPTED", applied, applied + timedelta(hours=1), finished,
        applied + timedelta(days=21), applied + timedelta(days=28), False, card, words,
    )  # fmt: skip
    return Case(number, unified_no, code, case_no, title, applied, words, row)


def load_county(hub: BenchHub, cases: int, now: datetime) -> float:
    """Loads so many cases into an otherwise empty, prepared database; how many seconds that took, ANALYZE included."""
    started = time.perf_counter()
    proof = Jsonb(_a_proof(hub, now))
    with psycopg.connect(hub.settings.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO department (org_code, name, area, letters, created_at) "
            "SELECT code, name, %s, letters, %s "
            "FROM unnest(%s::text[], %s::text[], %s::text[]) AS own(code, letters, name) ON CONFLICT DO NOTHING",
            [_AREA, now, *map(list, zip(*org_codes(), strict=True))],
        )
        for chunk in _chunks(made_up_cases(cases, now), _CHUNK_CASES):
            with connection.transaction():
                _load_chunk(connection, chunk, {"now": now, "proof": proof})
        for table in ("case_library", "envelope"):
            connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        connection.execute("ANALYZE")
    return time.perf_counter() - started


def _a_proof(hub: BenchHub, now: datetime) -> dict[str, Any]:
    """The evidence of one case truly judged late; it stands for that of every card."""
    code, letters, _ = org_codes()[0]
    applied = now - timedelta(days=60)
    application = ApplicationFact(
        title="样例", applied_at=applied, accepted_at=applied, promised_limit=15, limit_unit="WORKING_DAY"
    )
    step = StepFact(
        record_id="1", step_seq=1, step_name="受理", status="ACCEPTED", handled_at=applied, received_at=applied
    )
    history = CaseHistory(
        org_code=code, case_no=f"{letters}-1", item_code=f"{code}-XK-0001", application=application, steps=(step,)
    )
    with hub.database.read() as unit:
        law = law_in_force(unit)
    judged = judge(history, calendar=law.calendar, policy=law.policy, rules=law.rules, as_of=now)
    return dict(next(found.evidence for found in judged.findings if found.outcome is Outcome.VIOLATES))


def _chunks(cases: Iterable[Case], size: int) -> Iterator[list[Case]]:
    chunk: list[Case] = []
    for case in cases:
        chunk.append(case)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _load_chunk(connection: psycopg.Connection[Any], chunk: Sequence[Case], values: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY case_library ({', '.join(_CASE_COLUMNS)}) FROM STDIN") as copy:
            for case in chunk:
                copy.write_row(case.row)
        with cursor.copy("COPY case_search (case_id, tokens) FROM STDIN") as copy:
            for case in chunk:
                copy.write_row((case.number, " ".join(sorted(tokens(case.search_text)))))
        span = {"first": chunk[0].number, "last": chunk[-1].number, **values}
        for statement in _DERIVED_ROWS:
            cursor.execute(statement, span)


# One message of every hundred cases; the steps, application, result, card and timer of each case of a chunk.
_DERIVED_ROWS = (
    """
    INSERT INTO envelope (id, receipt_no, sender_id, message_id, kind, body_format, charset, body_sealed, body_size,
        digest, received_at, trace_id, accepted_count, rejected_count, record_ids, errors, processed_at)
    SELECT 1 + id / 100, 'C-' || id / 100, (SELECT min(id) FROM sender), 'county-' || id / 100, 'PROCESS', 'SOAP11',
        'utf-8', decode(repeat('00', 900), 'hex'), 120000, repeat('0', 64), first_received_at, 'county', 850, 0, '[]',
        '[]', first_received_at
    FROM case_library WHERE id BETWEEN %(first)s AND %(last)s AND (id %% 100 = 0 OR id = 1) ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO process_record (sender_id, record_id, revision, is_current, case_id, envelope_id, received_at,
        content_digest, item_code, org_name, office, step_seq, step_code, step_name, post, officer_id, officer_name,
        step_status, started_at, handled_at, opinion, notes)
    SELECT (SELECT min(id) FROM sender), case_no || '-' || step, 1, true, id, 1 + id / 100,
        applied_at + step * interval '1 hour',
        md5(case_no || step) || md5(case_no), item_code, org_name, '行政审批科', step, 'S' || step,
        (ARRAY['受理','审查','核准','决定','送达','勘验'])[1 + step %% 6], '窗口岗', 'GS' || id %% 100,
        '经办人' || chr(19968 + (id %% 50)::int),
        CASE WHEN step = 1 THEN 'ACCEPTED' ELSE 'PASSED' END, applied_at + (step - 1) * interval '1 hour',
        applied_at + step * interval '1 hour', '材料齐全，符合法定形式，予以办理', '[]'
    FROM case_library, generate_series(1, 6 + id %% 6) AS step WHERE id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO case_application (process_record_id, case_id, title, summary, apply_method, applied_at, accepted_at,
        applicant_type, applicant_name, promised_limit, limit_unit, statutory_limit, statutory_limit_unit)
    SELECT record.id, entry.id, entry.title, '关于' || entry.title || '的申请', 'COUNTER', entry.applied_at,
        entry.accepted_at, entry.applicant_type, entry.applicant_name, 15, 'WORKING_DAY', 20, 'WORKING_DAY'
    FROM case_library AS entry JOIN process_record AS record ON record.case_id = entry.id AND record.step_seq = 1
    WHERE entry.id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO result_record (sender_id, record_id, revision, is_current, case_id, envelope_id, received_at,
        content_digest, item_code, result_status, opinion, finished_at, notes)
    SELECT (SELECT min(id) FROM sender), case_no || '-R', 1, true, id, 1 + id / 100, finished_at,
        md5(case_no) || md5(case_no), item_code, 'GRANTED', '准予许可', finished_at, '[]'
    FROM case_library WHERE finished_at IS NOT NULL AND id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO evidence (digest, document)
    SELECT md5(case_no) || md5(unified_no), %(proof)s
    FROM case_library WHERE card_level IS NOT NULL AND id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO card (case_id, rule_code, rule_version, subject, org_code, level, state, raised_at, occurred_at, due_at,
        message, evidence_digest)
    SELECT id, CASE card_level WHEN 'RED' THEN 'T06' WHEN 'YELLOW' THEN 'T04' ELSE 'T01' END, 1, 'case', org_code,
        card_level, 'OPEN', promised_due_at, promised_due_at, promised_due_at, '已超过承诺期限',
        md5(case_no) || md5(unified_no)
    FROM case_library WHERE card_level IS NOT NULL AND id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO timer (case_id, due_at) SELECT id, %(now)s + interval '30 days' + id %% 1000 * interval '1 hour'
    FROM case_library WHERE finished_at IS NULL AND id BETWEEN %(first)s AND %(last)s
    """,
)
