"""What the conveyor tells of itself, for whoever counts. Both classes do nothing; the composition root may give others.

Nothing here may raise: observing is no reason for a message to fail.
"""

from collections.abc import Sequence
from datetime import datetime

from hub.stores.exchange import Waiting
from ingest.pipeline import Processed


class WorkObserver:
    """Told by workers."""

    def delivered(self, redelivered: bool) -> None:
        """A message came from the broker, for the first time or not."""

    def committed(self, batch: Sequence[Waiting], processed: Processed, seconds: float, now: datetime) -> None:
        """A batch is stored and judged; `now` is when."""

    def failed(self, messages: int, code: str) -> None:
        """A batch, or one message alone, did not go through; it is tried again or quarantined."""

    def gave_up(self, code: str) -> None:
        """A whole message went into quarantine."""


class RelayObserver:
    """Told by the relay."""

    def settled(self, confirmed: int, refused: int, unknown: int) -> None:
        """What became of messages handed to the broker; all but the confirmed come due again."""

    def swept(self, messages: int) -> None:
        """Messages that had been published and were never processed, taken back to be published again."""
