"""What is looked at when a document is saved: does it point only where the county lets the hub reach."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adapters.transports.folders import Folders
from adapters.transports.outbound import Outbound, split_address
from adapters.transports.table.database import database_address
from hub.domain.errors import FieldIssue, RejectedError


def check_outbound(document: Mapping[str, Any], outbound: Outbound, folders: Folders) -> list[FieldIssue]:
    """Every place that a document names and that is not allowed, by path; nothing is resolved or connected to."""
    transport = document.get("transport", {})
    checks = _CHECKS.get(transport.get("kind"))
    issues: list[FieldIssue] = []
    for path, check in checks(transport, outbound, folders) if checks else ():
        try:
            check()
        except RejectedError as refusal:
            issues.append(FieldIssue(refusal.code, f"transport/{path}", refusal.message))
    return issues


_Checks = Iterator[tuple[str, Callable[[], object]]]


def _table_checks(transport: Mapping[str, Any], outbound: Outbound, folders: Folders) -> _Checks:
    if "connection" in transport:
        yield "connection/url", lambda: database_address(transport["connection"]["url"]).check(outbound, folders)


def _rest_checks(transport: Mapping[str, Any], outbound: Outbound, _folders: Folders) -> _Checks:
    yield "url", lambda: outbound.require(*split_address(transport["url"]))


def _soap_checks(transport: Mapping[str, Any], outbound: Outbound, _folders: Folders) -> _Checks:
    if "url" in transport["wsdl"]:
        yield "wsdl/url", lambda: outbound.require(*split_address(transport["wsdl"]["url"]))
    if "endpoint" in transport:
        yield "endpoint", lambda: outbound.require(*split_address(transport["endpoint"]))


def _file_checks(transport: Mapping[str, Any], _outbound: Outbound, folders: Folders) -> _Checks:
    yield "folder", lambda: pulled_folder(transport, folders)


def pulled_folder(transport: Mapping[str, Any], folders: Folders) -> Path:
    """Raises RejectedError HUB-4022 when the folder is not below one of the county's roots."""
    return folders.require(Path(transport["folder"]))


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Outbound, Folders], _Checks]] = MappingProxyType({
    "table": _table_checks, "rest": _rest_checks, "soap": _soap_checks, "files": _file_checks,
})  # fmt: skip
