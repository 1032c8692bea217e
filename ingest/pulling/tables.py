"""Pulls shared tables: rows become messages; what became of them is owed to the table until it is written there.

Whatever moment a process dies at: rows that were committed stand in our memory (a debt, or a row seen) in the same
transaction, so that they are known when they come again; rows that were not committed come again.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from adapters.reading import Content
from adapters.transports.table.marks import Mark, mark_from_text
from adapters.transports.table.shared import Outcome, SharedTable, SourceRow
from adapters.transports.table.specs import Watermark
from hub.domain.errors import FieldIssue, RejectedError
from hub.domain.failpoints import failpoint
from hub.domain.times import CHINA_TIME
from hub.stores import pull
from hub.stores.pull import Debt, Place, Seen
from hub.stores.session import Connection, Database
from ingest.pulling.taker import Refused, Taker

_MESSAGE_BYTES = 2 * 2**20
_DEBTS_AT_ONCE = 500
_ROWS_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class TablePull:
    """Pulls the tables of one adapter. `largest_bytes`: what one message may hold at most."""

    database: Database
    taker: Taker
    now: Callable[[], datetime]
    largest_bytes: int

    def run(self, tables: Iterable[SharedTable]) -> None:
        """Every table in turn. Raises what reading, taking or writing back raises; what was taken stays taken."""
        for table in tables:
            if table.spec.flag is not None:
                self._pull_flagged(table)
            elif table.spec.watermark is not None:
                self._pull_grown(table, table.spec.watermark)

    def _place(self, table: SharedTable) -> Place:
        return Place(self.taker.adapter, f"{table.spec.unit}@{table.spec.name}"[:100])

    def _pull_flagged(self, table: SharedTable) -> None:
        self._pay(table)
        for page in table.pages():
            failpoint("pull_read")
            for rows in self._messages(page):
                self._take_flagged(table, rows)
            self._pay(table)

    def _take_flagged(self, table: SharedTable, rows: Sequence[SourceRow]) -> None:
        """Raises as `Taker.take`. A row that no message can hold is refused by itself."""
        place, content = self._place(table), _content(table, rows)
        if len(content.body) > self.largest_bytes:
            refusal = FieldIssue("HUB-1003", "", "这一行的内容超过一个报文的上限")
            self.taker.note(lambda unit: pull.owe(unit, place, _debts(rows, {1: refusal})))
            return
        self.taker.take(content, lambda unit, refused: pull.owe(unit, place, _debts(rows, refused)))

    def _pay(self, table: SharedTable) -> None:
        """Writes back what is owed. Only then is the table read again, so that no row is taken twice for want of it."""
        place = self._place(table)
        while debts := self._debts(place):
            outcomes = [Outcome(debt.key, debt.digest, debt.error) for debt in debts]
            table.write_back(outcomes, self.now().astimezone(CHINA_TIME).replace(tzinfo=None, microsecond=0))
            failpoint("pull_written")
            self.taker.note(partial(pull.settle, debts=debts))
            failpoint("pull_settled")

    def _debts(self, place: Place) -> list[Debt]:
        with self.database.read() as unit:
            return pull.debts_of(unit, place, _DEBTS_AT_ONCE)

    def _pull_grown(self, table: SharedTable, watermark: Watermark) -> None:
        place = self._place(table)
        reached = self._reached(place)
        start = _start(watermark, reached)
        for page in table.pages(start):
            failpoint("pull_read")
            for rows in self._messages(self._unseen(place, page)):
                reached = self._take_grown(table, rows, reached)
            reached = self._move(place, page, reached)
        if start is not None:
            self.taker.note(lambda unit: pull.forget_before(unit, place, start.sort_text))

    def _reached(self, place: Place) -> Mark | None:
        with self.database.read() as unit:
            stored = pull.position_of(unit, place)
        return None if stored is None else Mark.from_json(stored)

    def _unseen(self, place: Place, page: Sequence[SourceRow]) -> list[SourceRow]:
        with self.database.read() as unit:
            seen = pull.digests_seen(unit, place, [row.key_text for row in page])
        return [row for row in page if seen.get(row.key_text) != row.digest]

    def _take_grown(self, table: SharedTable, rows: Sequence[SourceRow], reached: Mark | None) -> Mark | None:
        place, content = self._place(table), _content(table, rows)
        if len(content.body) > self.largest_bytes:
            raise RejectedError("HUB-1003", f"表 {table.spec.name} 中有一行超过一个报文的上限，拉取停在它之前")
        further = self._further(rows, reached)

        def together(unit: Connection, _refused: Refused) -> None:
            pull.remember(unit, place, [Seen(row.key_text, row.digest, _mark(row).sort_text) for row in rows])
            pull.move_to(unit, place, further.as_json(), self.now())

        self.taker.take(content, together)
        return further

    def _move(self, place: Place, page: Sequence[SourceRow], reached: Mark | None) -> Mark | None:
        """Also over rows that were known: the overlap moves on with the table."""
        if not page:
            return reached
        further = self._further(page, reached)
        if reached is None or further.sort_text > reached.sort_text:
            self.taker.note(lambda unit: pull.move_to(unit, place, further.as_json(), self.now()))
        return further

    def _further(self, rows: Sequence[SourceRow], reached: Mark | None) -> Mark:
        last = _mark(rows[-1]).capped(self.now())
        return max((mark for mark in (reached, last) if mark is not None), key=lambda mark: mark.sort_text)

    def _messages(self, rows: Sequence[SourceRow]) -> Iterator[list[SourceRow]]:
        """Runs of rows that fit into a message, in their order."""
        held: list[SourceRow] = []
        size = 0
        for row in rows:
            weight = len(json.dumps(row.values, ensure_ascii=False).encode())
            if held and size + weight > min(_MESSAGE_BYTES, self.largest_bytes // 2):
                yield held
                held, size = [], 0
            held.append(row)
            size += weight
        if held:
            yield held


def _content(table: SharedTable, rows: Sequence[SourceRow]) -> Content:
    body = json.dumps([row.values for row in rows], ensure_ascii=False, separators=(",", ":")).encode()
    return Content(body, "utf-8", _ROWS_TYPE, table.spec.unit)


def _debts(rows: Sequence[SourceRow], refused: Refused) -> list[Debt]:
    return [Debt(row.key, row.digest, _told(refused.get(seq))) for seq, row in enumerate(rows, start=1)]


def _told(issue: FieldIssue | None) -> str | None:
    """Code, place and words, never a value."""
    return None if issue is None else f"{issue.code} {issue.path} {issue.message}".replace("  ", " ")


def _start(watermark: Watermark, reached: Mark | None) -> Mark | None:
    if reached is not None:
        return reached.back(watermark.overlap, watermark.overlap_count)
    return None if watermark.start is None else mark_from_text(watermark.start)


def _mark(row: SourceRow) -> Mark:
    """Raises RejectedError HUB-4027: a database may order rows without a watermark first."""
    if row.mark is None:
        raise RejectedError("HUB-4027", "水位列为空的行不能拉取")
    return row.mark
