"""Search by any Chinese characters, or by the beginning of a number: FTS5 on SQLite, tsvector on PostgreSQL.

Each Chinese character and each pair of neighbours is a token. Tokens are written in ASCII, because the tokenisers of
both engines are older than some characters that stand in people's names.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import Connection, TextClause, text

_RUN = re.compile(r"[0-9a-z]+|[^\W0-9a-z_]+")
_IDEOGRAPHS = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")

_RUNS_REMEMBERED = 4096  # departments, items and titles say the same words again and again


def tokens(content: str) -> set[str]:
    """Every token under which a text can be found."""
    found: set[str] = set()
    for run in _RUN.findall(content.lower()):
        found.update(_of_run(run, pairs_only=False))
    return found


@lru_cache(_RUNS_REMEMBERED)
def _of_run(run: str, *, pairs_only: bool) -> tuple[str, ...]:
    if not _IDEOGRAPHS.fullmatch(run):
        return (_ascii(run),)
    pairs = tuple(_ascii(run[start : start + 2]) for start in range(len(run) - 1))
    return pairs if pairs_only and pairs else (*map(_ascii, run), *pairs)


def _ascii(run: str) -> str:
    if run.isascii():
        return run
    return "".join(sign if sign.isascii() else f"u{ord(sign):x}" for sign in run)


def _query_terms(words: str) -> list[tuple[str, bool]]:
    """Terms that must all match, and whether each may be only the beginning of a token.

    Of a number in parts only the last part may be: `c` of `C-17` would begin half of all tokens.
    """
    terms = []
    for word in words.lower().split():
        *earlier, last = _RUN.findall(word) or [""]
        is_chinese = _IDEOGRAPHS.fullmatch(last) is not None
        terms += [(term, False) for run in earlier for term in _of_run(run, pairs_only=True)]
        terms += [(term, not is_chinese) for term in _of_run(last, pairs_only=True) if last]
    return terms


def matching(unit: Connection, words: str) -> TextClause | None:
    """A condition on `case_library.id`; None when the words hold nothing that can be searched for."""
    terms = _query_terms(words)
    if not terms:
        return None
    if unit.dialect.name == "postgresql":
        query = " & ".join(f"'{term}'" + (":*" if prefix else "") for term, prefix in terms)
        return (_COMMON if _is_common(unit, query) else _RARE).bindparams(words=query)
    query = " AND ".join(f'"{term}"' + ("*" if prefix else "") for term, prefix in terms)
    return _ON_SQLITE.bindparams(words=query)


def _is_common(unit: Connection, query: str) -> bool:
    """Whether the newest cases alone fill a page. PostgreSQL cannot tell: it takes words for independent of each other,
    gathers all cases that have a common name, and walks through all cases for a number that is not there.
    """
    return int(unit.execute(_AMONG_NEWEST, {"words": query, "newest": _NEWEST_CASES}).scalar_one()) >= _COMMON_FROM


_NEWEST_CASES = 5_000
_COMMON_FROM = 50
_AMONG_NEWEST = text(
    "SELECT count(*) FROM (SELECT tokens FROM case_search "
    "WHERE case_id > (SELECT max(case_id) FROM case_search) - :newest OFFSET 0) AS newest "
    "WHERE tokens @@ CAST(:words AS tsquery)"
)
# OFFSET keeps this a question about each case in turn, until the page is full.
_COMMON = text(
    "EXISTS (SELECT 1 FROM case_search WHERE case_id = case_library.id AND tokens @@ CAST(:words AS tsquery) OFFSET 0)"
)
_RARE = text("case_library.id = ANY (ARRAY(SELECT case_id FROM case_search WHERE tokens @@ CAST(:words AS tsquery)))")
_ON_SQLITE = text("case_library.id IN (SELECT rowid FROM case_search WHERE case_search MATCH :words)")


def index(unit: Connection, texts: Mapping[int, str]) -> None:
    """Makes cases findable by their texts, replacing what was there."""
    if not texts:
        return
    rows = [{"id": case_id, "tokens": " ".join(tokens(content))} for case_id, content in sorted(texts.items())]
    if unit.dialect.name == "postgresql":
        unit.execute(_INDEX_ON_POSTGRESQL, {"rows": json.dumps(rows)})
        return
    unit.execute(text("DELETE FROM case_search WHERE rowid = :id"), [{"id": row["id"]} for row in rows])
    unit.execute(text("INSERT INTO case_search (rowid, tokens) VALUES (:id, :tokens)"), rows)


# Tokens are letters and digits alone, so that blanks between them make a tsvector.
_INDEX_ON_POSTGRESQL = text(
    "INSERT INTO case_search (case_id, tokens) "
    "SELECT id, CAST(tokens AS tsvector) "
    "FROM json_to_recordset(CAST(:rows AS json)) AS row_set (id bigint, tokens text) "
    "ON CONFLICT (case_id) DO UPDATE SET tokens = excluded.tokens"
)
