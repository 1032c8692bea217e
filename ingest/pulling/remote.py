"""Pulls REST and SOAP interfaces: every answer that is new becomes a message."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.reading import Content
from adapters.transports.answers import Bounds
from adapters.transports.rest import RestSource
from adapters.transports.soap import SoapSource
from hub.domain.failpoints import failpoint
from hub.domain.times import CHINA_TIME
from hub.stores import pull
from hub.stores.pull import Place, Seen
from hub.stores.session import Connection, Database
from ingest.pulling.taker import Refused, Taker

_FIRST_SPAN = timedelta(days=1)  # asked for at the very first time, where the document does not say since when
_DEFAULT_OVERLAP_MINUTES = 10


@dataclass(slots=True)
class RemotePull:
    """One run of one interface. An answer that came word for word in the run before is not taken again."""

    database: Database
    taker: Taker
    now: Callable[[], datetime]
    transport: Mapping[str, Any]
    _started: datetime = field(init=False)
    _position: dict[str, Any] = field(init=False)
    _again: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._started = self.now()
        with self.database.read() as unit:
            self._position = dict(pull.position_of(unit, self._place) or {})

    @property
    def _place(self) -> Place:
        return Place(self.taker.adapter, "answers")

    def run_rest(self, source: RestSource) -> None:
        """Page by page. Where the department's cursor is kept, each page moves it on in the page's own transaction."""
        keeps = self.transport.get("paging", {}).get("keepCursor", False)
        their_clock: datetime | None = None
        for page in source.pages(self._bounds(), self._position.get("cursor") if keeps else None):
            failpoint("pull_read")
            their_clock = their_clock or page.server_time
            if keeps and page.cursor:
                self._position["cursor"] = page.cursor
            if page.records != 0:
                self._take(page.content)
        self._finish(their_clock)

    def run_soap(self, source: SoapSource) -> None:
        content = source.fetch(self._bounds())
        failpoint("pull_read")
        if content.body.strip():
            self._take(content)
        self._finish(None)

    def _bounds(self) -> Bounds:
        """From the last complete run, a little earlier, until now."""
        since = self._position.get("since") or self.transport.get("from")
        if since is None:
            return Bounds(self._started - _FIRST_SPAN, self._started)
        overlap = timedelta(minutes=self.transport.get("overlapMinutes", _DEFAULT_OVERLAP_MINUTES))
        moment = datetime.fromisoformat(since)
        return Bounds((moment if moment.tzinfo else moment.replace(tzinfo=CHINA_TIME)) - overlap, self._started)

    def _take(self, content: Content) -> None:
        digest = hashlib.sha256(content.body).hexdigest()
        seen = Seen(digest[:40], digest, self._mark)
        with self.database.read() as unit:
            is_known = seen.row_key in pull.digests_seen(unit, self._place, [seen.row_key])
        if is_known:
            self._again.append(seen)
            return

        def together(unit: Connection, _refused: Refused) -> None:
            pull.remember(unit, self._place, [seen])
            pull.move_to(unit, self._place, self._position, self.now())

        self.taker.take(content, together)

    @property
    def _mark(self) -> str:
        return self._started.astimezone(UTC).isoformat(timespec="microseconds")

    def _finish(self, their_clock: datetime | None) -> None:
        """The next run begins where this one began: by the department's clock where that is behind ours."""
        since = min(self._started, their_clock or self._started)
        position = self._position | {"since": since.isoformat()}

        def change(unit: Connection) -> None:
            if self._again:
                pull.remember(unit, self._place, self._again)
            pull.forget_before(unit, self._place, self._mark)
            pull.move_to(unit, self._place, position, self.now())

        self.taker.note(change)
