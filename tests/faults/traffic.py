"""Made-up messages, all determined by a seed: cases whose steps, corrections and results arrive in any order."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from random import Random

from hub.domain.record_json import to_json
from hub.domain.records import PROCESS, RESULT, Application, ProcessRecord, Record, RecordKind, ResultRecord
from tests.builders import a_result, a_soap_body, a_step, an_application

SENDERS = {"faults-a": "33032400GS", "faults-b": "33032400AJ"}
CASES_PER_EPISODE = 20
_STEPS = ("受理", "审查", "核准", "决定", "送达")
_SIZES = (1, 1, 2, 5, 20, 60)
_LATE_DAYS, _FRESH_DAYS = 40, 3  # far from every due date, so that it does not matter when a case is judged
_ADDRESSES = {PROCESS.name: "/api/v1/process-records", RESULT.name: "/api/v1/results"}
SOAP_PATH = "/soap/exchange/v1"


@dataclass(frozen=True)
class Message:
    """One push. `records` may hold a twin: same id and revision, other content, which must be quarantined."""

    number: int
    key: str
    sender: str
    kind: RecordKind
    records: Sequence[Record]
    is_soap: bool

    @property
    def path(self) -> str:
        return SOAP_PATH if self.is_soap else _ADDRESSES[self.kind.name]

    @cached_property
    def body(self) -> bytes:
        if self.is_soap:
            return a_soap_body(self.kind, self.key, self.records)
        return json.dumps({"records": [to_json(record) for record in self.records]}).encode()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Traffic:
    """The messages of one run: the same seed and day give the same bytes."""

    seed: int
    day: datetime = field(
        default_factory=lambda: datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    )  # fmt: skip

    def messages(self) -> Iterator[Message]:
        """Without end. Neighbours belong to the same cases, so that concurrent pushes meet."""
        number = 0
        for episode in count():
            random = Random(f"{self.seed}/{episode}")  # noqa: S311 - a repeatable run, not a secret
            for message in self._episode(episode, random):
                yield replace(message, number=number, key=f"m{self.seed}-{number}")
                number += 1

    def _episode(self, episode: int, random: Random) -> Iterator[Message]:
        sender = random.choice(sorted(SENDERS))
        steps: list[Record] = []
        results: list[Record] = []
        for place in range(CASES_PER_EPISODE):
            self._case(f"{self.seed}-{episode}-{place}", SENDERS[sender], random, (steps, results))
        messages = [*_cut(sender, PROCESS, steps, random), *_cut(sender, RESULT, results, random)]
        # The same records once more under another key, as a sender does that lost its own bookkeeping.
        messages.append(random.choice(messages))
        random.shuffle(messages)
        yield from messages

    def _case(self, name: str, org_code: str, random: Random, out: tuple[list[Record], list[Record]]) -> None:
        start = self.day - timedelta(days=random.choice((_LATE_DAYS, _FRESH_DAYS)))
        identity = {"case_no": f"F{name}", "org_code": org_code, "item_code": f"{org_code}-XK-0012"}
        steps = [
            _step(identity, f"{name}-{place}", place, start) for place in range(random.randint(2, len(_STEPS)))
        ]  # fmt: skip
        out[0].extend(steps)
        if random.random() < 0.3:
            out[0].append(replace(random.choice(steps), revision=2, opinion="更正后的意见"))
        if random.random() < 0.05:
            out[0].append(replace(steps[-1], revision=3, opinion="甲"))
            out[0].append(replace(steps[-1], revision=3, opinion="乙"))
        if random.random() < 0.7:
            finished = start + timedelta(hours=len(steps) + 1)
            out[1].append(a_result(record_id=f"{name}-r", finished_at=finished, **identity))


def _step(identity: dict[str, str], record_id: str, place: int, start: datetime) -> ProcessRecord:
    application: Application | None = None
    if place == 0:
        application = an_application(
            applied_at=start, accepted_at=start + timedelta(hours=1), promised_limit=15, statutory_limit=20
        )
    return a_step(
        record_id=record_id, step_seq=place + 1, step_name=_STEPS[place], application=application,
        step_status="PASSED" if place else "ACCEPTED", handled_at=start + timedelta(hours=place + 1), **identity,
    )  # fmt: skip


def _cut(sender: str, kind: RecordKind, records: list[Record], random: Random) -> Iterator[Message]:
    """Messages of mixed sizes over the records in random order; contradictory twins stay in one message."""
    random.shuffle(records)
    groups: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        assert isinstance(record, ProcessRecord | ResultRecord)
        groups.setdefault((record.record_id, record.revision), []).append(record)
    waiting = list(groups.values())
    while waiting:
        size = random.choice(_SIZES)
        taken, waiting = waiting[:size], waiting[size:]
        flat = [record for group in taken for record in group]
        yield Message(0, "", sender, kind, flat, is_soap=random.random() < 0.6)
