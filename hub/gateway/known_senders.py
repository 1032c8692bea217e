"""Senders whose credential held a moment ago: a burst must not cost a query each, nor a guesser be served fast."""

import hashlib
import hmac
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from hub.domain.envelopes import Sender
from hub.domain.errors import RejectedError, RetryableError
from hub.gateway.token_buckets import TokenBuckets
from hub.gateway.wsse import SenderDirectory

FRESH_SECONDS = 4.0  # disabling a sender, revoking a secret and a new quota take effect within this time
_MOST = 2_000
_WRONG_PER_SECOND, _WRONG_AT_ONCE = 0.2, 10
_REFUSED = "HUB-2001"


@dataclass(frozen=True, slots=True)
class _Known:
    outcome: Sender | RejectedError
    checked_at: float


class KnownSenders:
    """Thread-safe. Keeps a keyed hash of what was given, with a key of this process, never the secret."""

    def __init__(self, directory: SenderDirectory, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._wrong = TokenBuckets(monotonic)

    def from_peer(self, peer: str) -> "SendersOfPeer":
        """The directory for a caller at an address."""
        return SendersOfPeer(self, peer)

    def recall(self, code: str, secret: str, peer: str) -> Sender | None:
        """The sender if it was checked just now, without waiting for anything.

        Raises RejectedError HUB-2002, RetryableError HUB-2009 after too many wrong secrets.
        """
        known = self._held(self._hash(code, secret))
        if known is None:  # whose secret was right before is not kept out by a guesser next door
            self._refuse_guesser(code, peer)
            return None
        if self._monotonic() - known.checked_at > FRESH_SECONDS:
            return None
        if isinstance(known.outcome, RejectedError):
            raise RejectedError(known.outcome.code, known.outcome.message)
        return known.outcome

    def by_password(self, code: str, secret: str, peer: str) -> Sender:
        """Raises as `SenderDirectory.sender_by_password`, and as `recall`."""
        recalled = self.recall(code, secret, peer)
        if recalled is not None:
            return recalled
        hashed = self._hash(code, secret)
        try:
            sender = self._directory.sender_by_password(code, secret)
        except RejectedError as refusal:
            self._learn_refusal(hashed, refusal, code, peer)
            raise
        self._learn(hashed, sender)
        return sender

    def by_digest(self, code: str, digest: bytes, nonce: bytes, created: str, peer: str) -> Sender:
        """Never from memory: a nonce counts once. Raises as `by_password`."""
        self._refuse_guesser(code, peer)
        try:
            return self._directory.sender_by_digest(code, digest, nonce, created)
        except RejectedError as refusal:
            if refusal.code == _REFUSED:
                self._count_wrong(code, peer)
            raise

    def _refuse_guesser(self, code: str, peer: str) -> None:
        wait_seconds = self._wrong.wait_seconds((code[:100], peer), _WRONG_PER_SECOND, _WRONG_AT_ONCE)
        if wait_seconds:
            text = "凭据连续错误，暂缓核对"
            raise RetryableError("HUB-2009", text, retry_after_seconds=math.ceil(wait_seconds))

    def _count_wrong(self, code: str, peer: str) -> None:
        self._wrong.take((code[:100], peer), _WRONG_PER_SECOND, _WRONG_AT_ONCE)

    def _learn_refusal(self, hashed: bytes, refusal: RejectedError, code: str, peer: str) -> None:
        if refusal.code == _REFUSED:
            self._forget(hashed)
            self._count_wrong(code, peer)
        else:
            self._learn(hashed, refusal)

    def _hash(self, code: str, secret: str) -> bytes:
        return hmac.digest(self._key, f"{len(code)}:{code}{secret}".encode(), hashlib.sha256)

    def _held(self, hashed: bytes) -> _Known | None:
        with self._lock:
            return self._known.get(hashed)

    def _learn(self, hashed: bytes, outcome: Sender | RejectedError) -> None:
        with self._lock:
            self._known[hashed] = _Known(outcome, self._monotonic())
            self._known.move_to_end(hashed)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)

    def _forget(self, hashed: bytes) -> None:
        with self._lock:
            self._known.pop(hashed, None)


@dataclass(frozen=True, slots=True)
class SendersOfPeer:
    """A `SenderDirectory` that knows where the caller is."""

    known: KnownSenders
    peer: str

    def sender_by_password(self, code: str, secret: str) -> Sender:
        return self.known.by_password(code, secret, self.peer)

    def sender_by_digest(self, code: str, digest: bytes, nonce: bytes, created: str) -> Sender:
        return self.known.by_digest(code, digest, nonce, created, self.peer)
