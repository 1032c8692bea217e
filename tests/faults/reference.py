"""A reference hub: the same messages once, in order, in one process, on SQLite, with nothing going wrong."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from adapters.messages import JSON, SOAP
from hub.adapting.keeper import AdapterKeeper
from hub.domain.envelopes import Arrival, Envelope, Sender
from hub.stores import exchange
from hub.stores.base import metadata
from hub.stores.sealing import Sealer
from hub.stores.session import Database
from ingest.pipeline import Pipeline
from supervision.law import LawKeeper
from tests.faults.holdings import Accepted, Holdings, holdings_of
from tests.faults.traffic import SENDERS, Message

_MESSAGES_PER_UNIT = 40


def reference_holdings(
    path: Path,
    sealer: Sealer,
    prepare: Callable[[Database], Mapping[str, str]],
    messages: Sequence[Message],
    accepted: Mapping[tuple[str, str], Accepted],
) -> Holdings:
    """What a hub holds that got these messages, each received when the hub under test received it."""
    path.unlink(missing_ok=True)
    database = Database(f"sqlite:///{path}")
    try:
        prepare(database)
        _process_all(database, sealer, [_envelope(message, accepted) for message in messages])
        return holdings_of(database, sealer)
    finally:
        database.dispose()


def _process_all(database: Database, sealer: Sealer, envelopes: Iterable[Envelope]) -> None:
    pipeline = Pipeline(sealer, LawKeeper(database, _now), AdapterKeeper(database))
    waiting = iter(envelopes)
    while some := list(islice(waiting, _MESSAGES_PER_UNIT)):
        with database.unit() as unit:
            for entry in some:
                exchange.accept(unit, sealer.seal_body(entry.body), entry)
            ids = list(unit.execute(metadata.tables["outbox"].select()).scalars())
            pipeline.process(unit, exchange.open_taken(unit, sealer, ids), _now())


def _now() -> datetime:
    return datetime.now(UTC)


def _envelope(message: Message, accepted: Mapping[tuple[str, str], Accepted]) -> Envelope:
    sender_id = list(SENDERS).index(message.sender) + 1  # as `prepare` registers them
    arrivals = [Arrival(seq, record.record_id, record.org_code) for seq, record in enumerate(message.records, start=1)]
    return Envelope(
        sender=Sender(sender_id, message.sender, message.sender, frozenset({SENDERS[message.sender]})),
        message_id=message.key,
        kind=message.kind,
        body=message.body,
        body_format=SOAP if message.is_soap else JSON,
        digest=message.digest,
        received_at=accepted[message.sender, message.key].received_at,
        trace_id="reference",
        arrivals=arrivals,
    )
