"""A department's database for the length of one pull."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from adapters.transports.folders import Folders
from adapters.transports.outbound import Outbound
from adapters.transports.table.database import database_address, open_database
from adapters.transports.table.shared import SharedTable
from adapters.transports.table.specs import table_specs


@contextmanager
def shared_tables(
    transport: Mapping[str, Any], password: str | None, outbound: Outbound, folders: Folders
) -> Iterator[Iterator[SharedTable]]:
    """The tables of the document, in its order, each looked at when its turn comes. Raises as `open_database`."""
    engine = open_database(database_address(transport["connection"]["url"]), password, outbound, folders)
    try:
        yield (SharedTable(engine, spec) for spec in table_specs(transport))
    finally:
        engine.dispose()
