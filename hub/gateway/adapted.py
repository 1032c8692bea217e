"""Messages in a department's own form: one use case for pushes, uploads, string SOAP and `submitXml`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from adapters.reading import Content
from adapters.xml_text import without_declaration
from hub.adapting.intake import adapted_envelope
from hub.adapting.keeper import InForce
from hub.adapting.office import PACKAGE
from hub.domain.envelopes import Envelope, Sender
from hub.domain.errors import RejectedError, RetryableError
from hub.domain.failpoints import failpoint
from hub.domain.receipts import Receipt
from hub.gateway.admission import refuse_more_records
from hub.gateway.replies import receipt_text, refusal_text
from hub.gateway.token_buckets import TokenBuckets
from hub.gateway.tracing import note

_BURST_SECONDS = 5  # of its rate an adapter may take at once where its document says nothing else


class Keeper(Protocol):
    """What of the adapters' keeper is needed at a door."""

    def in_force(self, code: str) -> InForce: ...


class Receiver(Protocol):
    """What of the exchange is needed to take a message."""

    def receive(self, envelope: Envelope) -> Receipt: ...

    @property
    def now(self) -> Callable[[], datetime]: ...


class Trials(Protocol):
    """What takes messages for adapters that are only tried."""

    def try_out(self, in_force: InForce, envelope: Envelope) -> Receipt: ...


@dataclass(frozen=True, slots=True)
class Foreign:
    """A message as a department wrote it. `message_id` None: the message itself says, or its digest does."""

    content: Content
    trace_id: str
    message_id: str | None = None

    @classmethod
    def text(cls, text: str, trace_id: str) -> "Foreign":
        """A message that came as a string; what it declares about its encoding was never true of it."""
        return cls(Content(without_declaration(text).encode(), charset="utf-8"), trace_id)


@dataclass(frozen=True, slots=True)
class AdaptedIntake:
    """Thread-safe; one per process. `most_records`: the county's limit for one message."""

    keeper: Keeper
    exchange: Receiver
    trials: Trials
    most_records: int = 1000
    _buckets: TokenBuckets = field(default_factory=TokenBuckets)

    def in_force(self, code: str) -> InForce:
        """Raises NotFoundError HUB-4045, RejectedError HUB-2010 with the notice when it is disabled."""
        known = self.keeper.in_force(code)
        if known.disabled_notice is not None:
            raise RejectedError("HUB-2010", f"适配器已停用：{known.disabled_notice}")
        return known

    def take(self, in_force: InForce, sender: Sender, foreign: Foreign) -> Receipt:
        """Commits the message; where the adapter is only tried, keeps it as a trial and tells what would have come.

        Raises RejectedError for a message of which nothing can be read, HUB-2011, HUB-1016, HUB-1023, HUB-6001,
        RetryableError HUB-9002, HUB-9022.
        """
        self._count(in_force, foreign)
        envelope = adapted_envelope(
            in_force, sender, foreign.content, foreign.message_id, self.exchange.now(), foreign.trace_id
        )
        self._refuse_more_units(in_force, sender, len(envelope.arrivals))
        failpoint("s4_authz")
        return self.trials.try_out(in_force, envelope) if in_force.trial else self.exchange.receive(envelope)

    def answer_text(self, in_force: InForce, sender: Sender, foreign: Foreign) -> str:
        """What came of the message, also of one that cannot be taken: such clients read nothing but this string.

        Raises RetryableError as `take`.
        """
        return self._told(in_force.compiled.document, in_force, sender, foreign)

    def submit(self, sender: Sender, text: str, trace_id: str) -> str:
        """`submitXml` of the contract: as `answer_text` with the shipped adapter, always as `Receipt` XML."""
        return self._told({}, self.in_force(PACKAGE), sender, Foreign.text(text, trace_id))

    def _told(self, shape: Mapping[str, Any], in_force: InForce, sender: Sender, foreign: Foreign) -> str:
        try:
            receipt = self.take(in_force, sender, foreign)
        except RejectedError as error:
            note().code = error.code
            return refusal_text(shape, error, foreign.trace_id)
        return receipt_text(shape, receipt)

    def _count(self, in_force: InForce, foreign: Foreign) -> None:
        quota = in_force.compiled.document.get("quota", {})
        most, rate = quota.get("messageBytes"), quota.get("messagesPerSecond")
        if most is not None and len(foreign.content.body) > most:
            raise RejectedError("HUB-1023", f"正文超过本适配器的配额 {most} 字节")
        if rate is None:
            return
        burst = quota.get("burstMessages") or math.ceil(rate * _BURST_SECONDS)
        wait_seconds = self._buckets.take(in_force.compiled.document["adapter"], rate, burst)
        if wait_seconds:
            text = f"报送过快：本适配器每秒不超过 {rate:g} 个报文"
            raise RetryableError("HUB-9022", text, retry_after_seconds=math.ceil(wait_seconds))

    def _refuse_more_units(self, in_force: InForce, sender: Sender, count: int) -> None:
        refuse_more_records(sender, count)
        most = min(in_force.compiled.document.get("quota", {}).get("messageRecords", count), self.most_records)
        if count > most:
            raise RejectedError("HUB-1016", f"报文中的记录超过 {most} 条，请拆成多个报文")
