"""Search by any Chinese characters, or by the beginning of a number: FTS5 on SQLite, tsvector on PostgreSQL.

Each Chinese character and each pair of neighbours is a token. Tokens are written in ASCII, because the tokenisers of
both engines are older than some characters that stand in people's names.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, TextClause, text

_RUN = re.compile(r"[0-9a-z]+|[^\W0-9a-z_]+")
_IDEOGRAPHS = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def tokens(content: str) -> set[str]:
    """Every token under which a text can be found."""
    found: set[str] = set()
    for run in _RUN.findall(content.lower()):
        found.update(_of_run(run, pairs_only=False))
    return found


def _of_run(run: str, *, pairs_only: bool) -> Iterator[str]:
    if not _IDEOGRAPHS.fullmatch(run):
        yield _ascii(run)
        return
    if len(run) == 1 or not pairs_only:
        yield from map(_ascii, run)
    yield from (_ascii(run[start : start + 2]) for start in range(len(run) - 1))


def _ascii(run: str) -> str:
    return "".join(sign if sign.isascii() else f"u{ord(sign):x}" for sign in run)


def _query_terms(words: str) -> list[tuple[str, bool]]:
    """Terms that must all match, and whether each may be only the beginning of a token."""
    terms = []
    for run in _RUN.findall(words.lower()):
        is_chinese = _IDEOGRAPHS.fullmatch(run) is not None
        terms += [(term, not is_chinese) for term in _of_run(run, pairs_only=True)]
    return terms


def matching(unit: Connection, words: str) -> TextClause | None:
    """A condition on `case_library.id`; None when the words hold nothing that can be searched for."""
    terms = _query_terms(words)
    if not terms:
        return None
    if unit.dialect.name == "postgresql":
        query = " & ".join(f"'{term}'" + (":*" if prefix else "") for term, prefix in terms)
        condition = text("case_library.id IN (SELECT case_id FROM case_search WHERE tokens @@ CAST(:words AS tsquery))")
    else:
        query = " AND ".join(f'"{term}"' + ("*" if prefix else "") for term, prefix in terms)
        condition = text("case_library.id IN (SELECT rowid FROM case_search WHERE case_search MATCH :words)")
    return condition.bindparams(words=query)


def index(unit: Connection, texts: Mapping[int, str]) -> None:
    """Makes cases findable by their texts, replacing what was there."""
    if not texts:
        return
    rows: list[dict[str, Any]] = [
        {"id": case_id, "tokens": sorted(tokens(content))} for case_id, content in texts.items()
    ]
    if unit.dialect.name == "postgresql":
        statement = (
            "INSERT INTO case_search (case_id, tokens) VALUES (:id, array_to_tsvector(CAST(:tokens AS text[]))) "
            "ON CONFLICT (case_id) DO UPDATE SET tokens = excluded.tokens"
        )
        unit.execute(text(statement), rows)
        return
    unit.execute(text("DELETE FROM case_search WHERE rowid = :id"), [{"id": row["id"]} for row in rows])
    joined = [{"id": row["id"], "tokens": " ".join(row["tokens"])} for row in rows]
    unit.execute(text("INSERT INTO case_search (rowid, tokens) VALUES (:id, :tokens)"), joined)
