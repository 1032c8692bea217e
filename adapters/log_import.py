"""Pushes the cases of an event log to a hub, in the order of their events or in none, with repeats if wanted."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

from adapters.event_log import LogCase
from adapters.log_mapping import LogMapping, kind_of
from hub.domain.errors import FieldIssue
from hub.domain.receipts import Receipt, ReceiptStatus, RecordError
from hub.domain.records import ProcessRecord, RecordKind, ResultRecord

ERRORS_SHOWN = 20
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

LogRecord = ProcessRecord | ResultRecord
Progress = Callable[[int, int], None]
"""Records pushed so far, records to push."""


class Pusher(Protocol):
    """What an import needs of a client."""

    def push(self, kind: RecordKind, message_id: str, records: Sequence[LogRecord], /) -> Receipt: ...


@dataclass
class ImportSummary:
    """Figures of one import. `accepted` and `rejected` count records as answered in first receipts.

    `duplicate_messages`: messages the hub had before, repeats of this import included; their records count in
    `already_there`. `repeated_messages`, `repeated_records`: sent again on purpose.
    """

    cases: int = 0
    records: int = 0
    unmapped: int = 0
    messages: int = 0
    accepted: int = 0
    rejected: int = 0
    already_there: int = 0
    duplicate_messages: int = 0
    repeated_messages: int = 0
    repeated_records: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    unmapped_shown: list[FieldIssue] = field(default_factory=list)
    errors_shown: list[RecordError] = field(default_factory=list)

    def as_json(self) -> Mapping[str, object]:
        """camelCase, without values of the log."""
        return {
            "cases": self.cases,
            "records": self.records,
            "unmapped": self.unmapped,
            "messages": self.messages,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "alreadyThere": self.already_there,
            "duplicateMessages": self.duplicate_messages,
            "repeatedMessages": self.repeated_messages,
            "repeatedRecords": self.repeated_records,
            "codes": dict(sorted(self.codes.items())),
            "unmappedShown": [_issue_json(issue) for issue in self.unmapped_shown],
            "errorsShown": [_error_json(error) for error in self.errors_shown],
        }


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """`duplicates`: the share (0 to 1) of messages sent twice, and of records that come again in another message."""

    order: Literal["log", "random"] = "log"
    seed: int = 0
    duplicates: float = 0.0


def import_log(
    cases: Iterable[LogCase],
    mapping: LogMapping,
    client: Pusher,
    *,
    plan: ImportPlan | None = None,
    progress: Progress | None = None,
) -> ImportSummary:
    """Pushes all records. The same log, mapping and plan give the same messages, so a second import answers DUPLICATE.

    All records are held in memory to be put in order (about 2 KB each). Raises what the client raises; an import that
    broke off is simply started again.
    """
    plan = plan or ImportPlan()
    # The seed makes an import repeatable; nothing here is secret.
    chance = random.Random(plan.seed)  # noqa: S311
    summary = ImportSummary()
    records = _map_cases(cases, mapping, summary)
    stream = _in_order(records, plan, chance, summary)
    for batch in batches(stream, mapping.batch):
        _push(batch, mapping, client, summary)
        if chance.random() < plan.duplicates:
            summary.repeated_messages += 1
            _push(batch, mapping, client, summary)
        if progress:
            progress(min(summary.accepted + summary.rejected + summary.already_there, len(stream)), len(stream))
    return summary


def _map_cases(cases: Iterable[LogCase], mapping: LogMapping, summary: ImportSummary) -> list[LogRecord]:
    records: list[LogRecord] = []
    for case in cases:
        mapped = mapping.map_case(case)
        records.extend(mapped.process)
        if mapped.result:
            records.append(mapped.result)
        summary.cases += 1
        _note_issues(mapped.issues, summary)
    summary.records = len(records)
    return records


def _note_issues(issues: Sequence[FieldIssue], summary: ImportSummary) -> None:
    summary.unmapped += len(issues)
    summary.codes.update(issue.code for issue in issues)
    summary.unmapped_shown.extend(issues[: ERRORS_SHOWN - len(summary.unmapped_shown)])


def _in_order(
    records: list[LogRecord], plan: ImportPlan, chance: random.Random, summary: ImportSummary
) -> list[LogRecord]:
    ordered = sorted(records, key=lambda record: (happened_at(record), record.record_id))
    if plan.order == "random":
        chance.shuffle(ordered)
    placed: list[tuple[float, LogRecord]] = []
    for place, record in enumerate(ordered):
        placed.append((float(place), record))
        if chance.random() < plan.duplicates:
            summary.repeated_records += 1
            placed.append((chance.uniform(place, len(ordered)), record))
    return [record for _, record in sorted(placed, key=lambda pair: pair[0])]


def happened_at(record: LogRecord) -> datetime:
    """When a department would have sent the record; a step without any time comes before all others."""
    if isinstance(record, ResultRecord):
        return record.finished_at
    return record.handled_at or record.started_at or _BEFORE_ALL


def batches(stream: Iterable[LogRecord], size: int) -> Iterator[list[LogRecord]]:
    """Messages of one kind each, at most `size` records, none twice in one message."""
    waiting: dict[str, dict[str, LogRecord]] = {}
    for record in stream:
        batch = waiting.setdefault(kind_of(record).name, {})
        if record.record_id in batch or len(batch) >= size:
            yield list(batch.values())
            batch.clear()
        batch[record.record_id] = record
    yield from (list(batch.values()) for batch in waiting.values() if batch)


def _push(batch: Sequence[LogRecord], mapping: LogMapping, client: Pusher, summary: ImportSummary) -> None:
    kind = kind_of(batch[0])
    receipt = client.push(kind, mapping.message_id(kind, batch), batch)
    summary.messages += 1
    if receipt.status is ReceiptStatus.DUPLICATE:
        summary.duplicate_messages += 1
        summary.already_there += len(batch)
        return
    summary.accepted += receipt.accepted_count
    summary.rejected += receipt.rejected_count
    summary.codes.update(error.code for error in receipt.errors)
    summary.errors_shown.extend(receipt.errors[: ERRORS_SHOWN - len(summary.errors_shown)])


def _issue_json(issue: FieldIssue) -> Mapping[str, str]:
    return {"code": issue.code, "path": issue.path, "message": issue.message}


def _error_json(error: RecordError) -> Mapping[str, object]:
    return {"recordId": error.record_id, "code": error.code, "path": error.path, "message": error.message}
