"""Which version of each adapter is in force, compiled and ready. Shared by all threads of a process."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.document import load_document
from adapters.engine import CompiledAdapter, compile_adapter
from hub.domain.errors import RejectedError
from hub.stores import adapters
from hub.stores.base import AnyRow
from hub.stores.session import Connection, Database

FRESH_SECONDS = 2.0  # an activation, a rollback or a stop takes effect within this time
PULLED_KINDS = ("table", "rest", "soap", "files")
_MOST_COMPILED = 256
_MOST_KNOWN = 2_000


@dataclass(frozen=True, slots=True)
class Version:
    """One version, compiled."""

    version_id: int
    adapter_id: int
    number: int
    compiled: CompiledAdapter

    @property
    def code(self) -> str:
        return self.compiled.code


@dataclass(frozen=True, slots=True)
class InForce:
    """An adapter as the doors and pullers use it. `trial`: only tried; nothing is stored in the five stores."""

    version_id: int
    compiled: CompiledAdapter
    sender_code: str | None
    disabled_notice: str | None = None
    trial: bool = False


@dataclass(frozen=True, slots=True)
class _Standing:
    """What of an adapter is in force at the moment: ids of versions."""

    active: int | None
    trial: int | None
    is_shadow: bool
    sender_code: str | None
    disabled_notice: str | None
    read_at: float


class AdapterKeeper:
    """Reads the standing of an adapter at most every two seconds; a version never changes and is compiled once."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._standings: OrderedDict[str, _Standing] = OrderedDict()
        self._compiled: OrderedDict[int, Version] = OrderedDict()

    def in_force(self, code: str) -> InForce:
        """The version that messages are read with: the active one, else the one on trial.

        Raises NotFoundError HUB-4045, RejectedError HUB-2012 for one that is only a draft yet.
        """
        standing = self._standing(code)
        version_id = standing.active or standing.trial
        if version_id is None:
            raise RejectedError("HUB-2012", "适配器还是草稿，没有启用")
        compiled = self.version(version_id).compiled
        return InForce(version_id, compiled, standing.sender_code, standing.disabled_notice, standing.active is None)

    def version(self, version_id: int) -> Version:
        """Raises NotFoundError HUB-4045, RejectedError HUB-3020 and on for a document that this release cannot use."""
        with self._lock:
            known = self._compiled.get(version_id)
            if known is not None:
                self._compiled.move_to_end(version_id)
                return known
        with self._database.read() as unit:
            row = adapters.version_by_id(unit, version_id)
        return self._remember(_compiled(row))

    def for_reading(self, version_id: int) -> Version:
        """The version with which a stored message is read now: the active one of its adapter, else its own."""
        own = self.version(version_id)
        active = self._standing(own.code).active
        return own if active is None else self.version(active)

    def shadow_of(self, version_id: int) -> Version | None:
        """The version on trial beside the active one of the same adapter."""
        standing = self._standing(self.version(version_id).code)
        if not (standing.is_shadow and standing.active and standing.trial):
            return None
        return self.version(standing.trial)

    def pulled(self) -> Sequence[str]:
        """Codes of the adapters in force whose messages the hub fetches itself."""
        with self._database.read() as unit:
            return adapters.pulled(unit, PULLED_KINDS)

    def forget(self, code: str) -> None:
        """After an act of this process: its own doors see the change at once."""
        with self._lock:
            self._standings.pop(code, None)

    def _standing(self, code: str) -> _Standing:
        with self._lock:
            known = self._standings.get(code)
        if known is not None and self._monotonic() - known.read_at < FRESH_SECONDS:
            return known
        with self._database.read() as unit:
            fresh = self._read(unit, code)
        with self._lock:
            self._standings[code] = fresh
            self._standings.move_to_end(code)
            if len(self._standings) > _MOST_KNOWN:
                self._standings.popitem(last=False)
        return fresh

    def _read(self, unit: Connection, code: str) -> _Standing:
        row = adapters.find(unit, code)
        trial = None if row.trial_version_id is None else adapters.version_by_id(unit, row.trial_version_id)
        return _Standing(
            active=row.active_version_id,
            trial=row.trial_version_id,
            is_shadow=trial is not None and trial.state == adapters.SHADOW,
            sender_code=row.sender_code,
            disabled_notice=row.disabled_notice if row.state == adapters.DISABLED else None,
            read_at=self._monotonic(),
        )

    def _remember(self, version: Version) -> Version:
        with self._lock:
            known = self._compiled.setdefault(version.version_id, version)
            if len(self._compiled) > _MOST_COMPILED:
                self._compiled.popitem(last=False)
        return known


def _compiled(row: AnyRow) -> Version:
    return Version(row.id, row.adapter_id, row.number, compile_adapter(current_form(row.document)))


def current_form(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A stored document as this release writes it: one saved by an earlier release is migrated."""
    return load_document(json.dumps(document, ensure_ascii=False))
