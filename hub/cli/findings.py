"""A line of a check-up."""

from dataclasses import dataclass

OK, WARNING, FAILED = "OK", "WARNING", "FAILED"
SHOWN = {OK: ("正常", "GREEN"), WARNING: ("注意", "YELLOW"), FAILED: ("异常", "RED")}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do."""

    name: str
    state: str
    message: str
