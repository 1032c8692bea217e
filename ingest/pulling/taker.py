"""Takes what one pull brings: each piece becomes a message, committed together with how far the source was read."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.reading import Content
from hub.adapting.intake import adapted_envelope
from hub.adapting.keeper import InForce
from hub.domain.envelopes import Sender
from hub.domain.errors import FieldIssue, RejectedError, RetryableError
from hub.domain.failpoints import failpoint
from hub.domain.receipts import Receipt
from hub.gateway.exchange import Exchange
from hub.stores import pull
from hub.stores.session import Connection, Database

LEASE = timedelta(minutes=3)  # longer than any single exchange with a department's system may last

Refused = Mapping[int, FieldIssue]
Together = Callable[[Connection, Refused], None]
"""What is committed together with a message; told why units of it were refused, by number from 1."""


class InterruptedRunError(RetryableError):
    """The process is to end: the run stops between two pieces, and goes on at once wherever it is taken up."""

    def __init__(self) -> None:
        super().__init__("HUB-9032", "拉取因本进程停止而中断，随后自动继续")


def nothing_more(_unit: Connection, _refused: Refused) -> None:
    pass


@dataclass(slots=True)
class Taker:
    """One run of one source, while it holds the lease. Not for many threads."""

    database: Database
    exchange: Exchange
    in_force: InForce
    sender: Sender
    owner: str
    now: Callable[[], datetime]
    go_on: Callable[[], bool] = lambda: True
    """A sign of life to whoever watches; False when the process is to end."""
    taken: int = 0
    records: int = 0
    _serial: int = field(init=False)

    def __post_init__(self) -> None:
        with self.database.read() as unit:
            self._serial = pull.messages_taken(unit, self.adapter)

    @property
    def adapter(self) -> str:
        return str(self.in_force.compiled.document["adapter"])

    def take(self, content: Content, together: Together = nothing_more, *, by_digest: bool = False) -> Receipt:
        """Commits a message; `by_digest`: the same bytes are the same message, whenever they come.

        Raises RejectedError when nothing of it can be read, RetryableError HUB-9029, HUB-9002, InterruptedRunError.
        """
        if not self.go_on():
            raise InterruptedRunError
        message_id = None if by_digest else self._numbered(content)
        envelope = adapted_envelope(self.in_force, self.sender, content, message_id, self.now(), secrets.token_hex(8))
        refused = {arrival.seq: arrival.issues[0] for arrival in envelope.arrivals if arrival.issues}
        if not envelope.arrivals:
            raise RejectedError("HUB-4030", "取到的内容中没有一条记录")

        def also(unit: Connection, is_new: bool) -> None:
            self.hold(unit)
            if is_new:
                pull.count(unit, self.adapter, len(envelope.arrivals), len(refused))
            together(unit, refused)
            failpoint("pull_accept")

        receipt = self.exchange.receive(envelope, also)
        failpoint("pull_committed")
        self._serial += 1
        self.taken += 1
        self.records += len(envelope.arrivals)
        return receipt

    def hold(self, unit: Connection) -> None:
        """Fences this run: nothing is written once another process has the source. Raises RetryableError HUB-9029."""
        pull.hold_lease(unit, self.adapter, self.owner, self.now() + LEASE)

    def note(self, change: Callable[[Connection], None]) -> None:
        """Commits a change of memory without a message."""
        with self.database.unit() as unit:
            self.hold(unit)
            change(unit)

    def _numbered(self, content: Content) -> str:
        """A message id of the run's place in the source's life.

        The same content may come again after other content and then counts; content that was committed does not come
        again, since that is remembered in the same transaction.
        """
        named = f"{self.adapter}\0{content.source or ''}\0{self._serial}\0".encode()
        return "sha256-" + hashlib.sha256(named + content.body).hexdigest()[:48]
