"""How a failure leaves the command line: one Chinese line with its code on stderr, and one exit code."""

import sys
from collections.abc import Sequence
from enum import IntEnum

from hub.domain.errors import HubError, NotFoundError, RetryableError
from hub.gateway.catalogue import catalogue


class ExitCode(IntEnum):
    """Contract §5."""

    OK = 0
    USAGE = 2
    DATA_FAILED = 3
    NOT_FOUND = 4
    REFUSED = 5
    UNAVAILABLE = 6


EXIT_CODES_BY_KIND: Sequence[tuple[type[HubError], ExitCode]] = (
    (NotFoundError, ExitCode.NOT_FOUND),
    (RetryableError, ExitCode.UNAVAILABLE),
)
EXIT_CODES_BY_FAMILY: Sequence[tuple[str, ExitCode]] = (
    ("HUB-1", ExitCode.DATA_FAILED),
    ("HUB-2", ExitCode.REFUSED),
    ("HUB-3", ExitCode.DATA_FAILED),
    ("HUB-4006", ExitCode.USAGE),
    ("HUB-4", ExitCode.DATA_FAILED),
    ("HUB-5", ExitCode.REFUSED),
    ("HUB-6", ExitCode.REFUSED),
    ("HUB-9", ExitCode.UNAVAILABLE),
)


def exit_code_of(error: HubError) -> ExitCode:
    for kind, code in EXIT_CODES_BY_KIND:
        if isinstance(error, kind):
            return code
    return next((code for family, code in EXIT_CODES_BY_FAMILY if error.code.startswith(family)), ExitCode.DATA_FAILED)


def complain(error: HubError) -> ExitCode:
    """Writes what is wrong and what to do to stderr; gives the exit code."""
    place = f"（{error.path}）" if error.path else ""
    sys.stderr.write(f"错误 [{error.code}] {error.message}{place}\n")
    known = catalogue().get(error.code)
    if known is not None and known.remedy:
        sys.stderr.write(f"处理办法：{known.remedy}\n")
    return exit_code_of(error)
