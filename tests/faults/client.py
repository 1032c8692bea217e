"""A department that never gives up: pushes made-up messages, remembers every answer, repeats with the same key."""

import base64
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from adapters.contract import CONTRACT_NS
from tests.faults.journal import Attempt, Journal, Outcome
from tests.faults.traffic import Message

_ANSWER_SECONDS = 20.0
_AGAIN_SECONDS = 0.1
_LONGEST_AGAIN_SECONDS = 1.0
_OUTCOMES: Mapping[int, Outcome] = {
    200: Outcome.OK, 202: Outcome.OK, 207: Outcome.OK, 409: Outcome.BUSY, 429: Outcome.BUSY, 503: Outcome.BUSY,
}  # fmt: skip
_RECEIPT_FIELDS = ("receiptNo", "messageId", "status", "digest", "acceptedCount", "rejectedCount")


@dataclass(slots=True)
class Client:
    """Pushes from `lanes` threads over keep-alive connections, to all `ports` in turn."""

    ports: Sequence[int]
    secrets: Mapping[str, str]
    journal: Journal
    messages: Iterator[Message]
    lanes: int = 4
    records_per_second: float = 0.0  # 0: as fast as it goes
    pushed: dict[int, Message] = field(default_factory=dict)
    pushed_records: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _full: threading.Event = field(default_factory=threading.Event)
    _given_up: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _began_at: float = 0.0

    def start(self) -> None:
        self._began_at = time.monotonic()
        self._threads = [threading.Thread(target=self._lane, args=(n,), daemon=True) for n in range(self.lanes)]
        for thread in self._threads:
            thread.start()

    def finish(self, seconds: float = 120.0) -> None:
        """Begins no new message; waits until every one begun has its receipt. After `seconds` it gives up."""
        self._full.set()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._given_up.set()
        for thread in self._threads:
            thread.join(_ANSWER_SECONDS + 5)

    def wait_for_records(self, count: int, seconds: float) -> bool:
        """Until so many records were acknowledged; False when it takes too long."""
        until = time.monotonic() + seconds
        while self.pushed_records < count and time.monotonic() < until:
            time.sleep(0.05)
        return self.pushed_records >= count

    def _lane(self, number: int) -> None:
        with closing(_Lane(self, number)) as lane:
            while (message := self._next()) is not None:
                if not lane.push(message):
                    return
                with self._lock:
                    self.pushed_records += len(message.records)
                self._hold_back()

    def _next(self) -> Message | None:
        with self._lock:
            if self._full.is_set():
                return None
            message = next(self.messages, None)
            if message is not None:
                self.pushed[message.number] = message
            return message

    def _hold_back(self) -> None:
        if self.records_per_second:
            ahead = self.pushed_records / self.records_per_second - (time.monotonic() - self._began_at)
            self._full.wait(max(0.0, ahead))

    @property
    def has_given_up(self) -> bool:
        return self._given_up.is_set()


class _Lane:
    """One thread's connections, one per port."""

    def __init__(self, client: Client, number: int) -> None:
        self._client = client
        self._turn = number
        self._connections: dict[int, http.client.HTTPConnection] = {}

    def push(self, message: Message) -> bool:
        """Repeats until the message is accepted or refused for good; False when the client gave up before that."""
        pause = _AGAIN_SECONDS
        while not self._client.has_given_up:
            attempt = self._attempt(message)
            self._client.journal.add(attempt)
            self._turn += 1
            if attempt.outcome in (Outcome.OK, Outcome.FAIL):
                return True
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_AGAIN_SECONDS)
        return False

    def _attempt(self, message: Message) -> Attempt:
        port = self._client.ports[self._turn % len(self._client.ports)]
        began, clock = time.time(), time.monotonic()
        try:
            status, content = self._post(port, message)
            outcome, receipt, note = _read(message, status, content)
        except (OSError, http.client.HTTPException) as exc:
            self._drop(port)
            never_sent = isinstance(exc, ConnectionRefusedError)
            outcome = Outcome.BUSY if never_sent else Outcome.UNKNOWN
            status, receipt, note = 0, None, type(exc).__name__
        return Attempt(
            message.number, message.key, message.sender, began, time.monotonic() - clock, outcome, status, receipt, note
        )

    def _post(self, port: int, message: Message) -> tuple[int, bytes]:
        connection = self._connections.get(port)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
            self._connections[port] = connection
        connection.request("POST", message.path, message.body, self._headers(message))
        answer = connection.getresponse()
        return answer.status, answer.read()

    def _headers(self, message: Message) -> dict[str, str]:
        credential = base64.b64encode(f"{message.sender}:{self._client.secrets[message.sender]}".encode()).decode()
        headers = {"Authorization": f"Basic {credential}"}
        if message.is_soap:
            return headers | {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        return headers | {"Content-Type": "application/json", "Idempotency-Key": message.key}

    def close(self) -> None:
        for port in list(self._connections):
            self._drop(port)

    def _drop(self, port: int) -> None:
        connection = self._connections.pop(port, None)
        if connection is not None:
            connection.close()


def _read(message: Message, status: int, content: bytes) -> tuple[Outcome, dict[str, Any] | None, str]:
    outcome = _OUTCOMES.get(status)
    if outcome is Outcome.OK:
        return outcome, _soap_receipt(content) if message.is_soap else _rest_receipt(content), ""
    if outcome is None:
        outcome = Outcome.FAIL if status < 500 else Outcome.UNKNOWN
    return outcome, None, content[:300].decode(errors="replace")


def _rest_receipt(content: bytes) -> dict[str, Any]:
    given = json.loads(content)
    return {name: given[name] for name in _RECEIPT_FIELDS}


def _soap_receipt(content: bytes) -> dict[str, Any]:
    receipt = next(etree.fromstring(content).iter(f"{{{CONTRACT_NS}}}receipt"))
    texts = {child.tag.rpartition("}")[2]: child.text for child in receipt}
    counts = {name: int(texts[name]) for name in ("acceptedCount", "rejectedCount")}
    return {name: texts[name] for name in _RECEIPT_FIELDS} | counts
