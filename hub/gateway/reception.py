"""What all doors of a process share: who is admitted, the threads behind, and the senders known from a moment ago."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from hub.domain.envelopes import Sender
from hub.gateway.admission import Admission, Visit
from hub.gateway.door_threads import DoorThreads
from hub.gateway.http_bodies import RequestHeaders
from hub.gateway.known_senders import KnownSenders
from hub.gateway.wsse import basic_credential

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reception:
    """One per process; used by every door."""

    admission: Admission
    threads: DoorThreads
    senders: KnownSenders

    async def run(self, visit: Visit, work: Callable[..., _T], *arguments: Any) -> _T:
        """Runs `work` in a thread. Raises as `Visit.place` and `DoorThreads.run`."""
        with visit.place():
            return await self.threads.run(work, *arguments, body_bytes=visit.held_bytes)

    async def basic_sender(self, visit: Visit, headers: RequestHeaders, peer: str) -> Sender | None:
        """The sender of an HTTP Basic credential, counted against its quota; None without such a credential.

        Raises RejectedError HUB-1023, HUB-2001, HUB-2002, RetryableError HUB-2009, HUB-9022, and as `run`.
        """
        authorization = headers.get("authorization")
        credential = basic_credential(authorization) if authorization else None
        if credential is None:
            return None
        sender = self.senders.recall(credential.code, credential.secret, peer)
        if sender is None:
            sender = await self.run(visit, credential.sender, self.senders.from_peer(peer))
        visit.identify(sender)
        return sender


def peer_of(scope: Any) -> str:
    """The caller's address, as the server or a trusted proxy tells it."""
    client = scope.get("client")
    return client[0] if client else ""
