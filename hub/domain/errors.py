"""Two kinds of failure: what can never succeed, and what only stumbled.

Every code stands in `schemas/errors.toml` with its Chinese title, cause and remedy; a test keeps both equal.
"""

from dataclasses import dataclass


class HubError(Exception):
    """Base of all failures that carry a catalogue code. `path` points into the message, never at a value."""

    def __init__(self, code: str, message: str, path: str | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.path = path


class RejectedError(HubError):
    """The input can never be taken as it is. Never retried."""


class RetryableError(HubError):
    """Something we depend on stumbled; the same input may succeed later.

    `retry_after_seconds` is given where it is known how much later.
    """

    def __init__(
        self, code: str, message: str, path: str | None = None, *, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(code, message, path)
        self.retry_after_seconds = retry_after_seconds


class NotFoundError(RejectedError):
    """What was asked for does not exist, or not for the asker."""


@dataclass(frozen=True, slots=True)
class FieldIssue:
    """One finding about one field of one record.

    `path` is relative to the record (`application/appliedAt`). `raw` keeps a foreign code that was mapped to a
    fallback; it is stored, and never put into a fault or a log.
    """

    code: str
    path: str
    message: str
    raw: str | None = None
