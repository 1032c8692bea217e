"""Pulls files: each file becomes a message, and finds a small report beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.reading import Content
from adapters.transports.files import DropFolder
from hub.domain.errors import RejectedError
from hub.domain.failpoints import failpoint
from hub.domain.receipts import Receipt
from hub.domain.times import as_json
from ingest.pulling.taker import Taker


@dataclass(frozen=True, slots=True)
class FilePull:
    """Pulls one folder. The same bytes are the same message: a file that was taken before gets its first receipt.

    `unit`: what the rows of its files are; None: a file may be named after its unit.
    """

    taker: Taker
    folder: DropFolder
    unit: str | None

    def run(self) -> None:
        """Every file that is ready. One that cannot be read is put aside with its error, the others go on."""
        for name in self.folder.claim():
            failpoint("pull_read")
            self._pull(name)

    def _pull(self, name: str) -> None:
        try:
            content = Content(self.folder.read(name), source=self.unit or Path(name).stem)
            receipt = self.taker.take(content, by_digest=True)
        except RejectedError as error:
            if error.code.startswith(_ABOUT_THE_HUB):
                raise
            self.folder.finish(name, _error_report(name, error), failed=True)
            return
        self.folder.finish(name, _receipt_report(name, receipt), failed=receipt.accepted_count == 0)
        failpoint("pull_settled")


# The adapter is disabled, its sender may not use it, the key does not fit: no fault of the file.
_ABOUT_THE_HUB = ("HUB-2", "HUB-9")


def _error_report(name: str, error: RejectedError) -> Mapping[str, Any]:
    return {"file": name, "error": {"code": error.code, "path": error.path, "message": error.message}}


def _receipt_report(name: str, receipt: Receipt) -> Mapping[str, Any]:
    return {
        "file": name,
        "receiptNo": receipt.receipt_no,
        "status": receipt.status.value,
        "receivedAt": as_json(receipt.received_at),
        "acceptedCount": receipt.accepted_count,
        "rejectedCount": receipt.rejected_count,
        "errors": [
            {"seq": error.seq, "recordId": error.record_id, "code": error.code, "path": error.path,
             "message": error.message} for error in receipt.errors
        ],
    }  # fmt: skip
