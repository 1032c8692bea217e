"""Cases that were only read into being: an earlier adapter took a wrong field for the number of a case."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, exists, select, text

from hub.stores.case_library import case_library, lock_cases
from hub.stores.processes import process_record
from hub.stores.results import result_record
from hub.stores.supervision import card, finding, timer

_UNSEARCHED = {
    "postgresql": text("DELETE FROM case_search WHERE case_id = ANY (:ids)"),
    "sqlite": text("DELETE FROM case_search WHERE rowid IN (SELECT value FROM json_each(:ids))"),
}


def drop_emptied(unit: Connection, case_ids: Collection[int]) -> set[int]:
    """Takes out of the library those of the cases that no fact speaks of any more; which they were.

    A case of which a card was ever raised stays: what was said of somebody is answered for. Numbers are not given
    again. The others are locked for the caller, who has to judge them.
    """
    if not case_ids:
        return set()
    lock_cases(unit, sorted(case_ids))
    speaks = [exists().where(table.c.case_id == case_library.c.id) for table in (process_record, result_record, card)]
    empty = select(case_library.c.id).where(case_library.c.id.in_(list(case_ids)), *(~found for found in speaks))
    gone = set(unit.execute(empty).scalars())
    if gone:
        _unsearch(unit, sorted(gone))
        for table in (timer, finding):
            unit.execute(delete(table).where(table.c.case_id.in_(gone)))
        unit.execute(delete(case_library).where(case_library.c.id.in_(gone)))
    return gone


def _unsearch(unit: Connection, case_ids: list[int]) -> None:
    is_sqlite = unit.dialect.name == "sqlite"
    unit.execute(_UNSEARCHED[unit.dialect.name], {"ids": str(case_ids) if is_sqlite else case_ids})
