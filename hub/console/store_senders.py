"""The console's senders over the stores: each call one unit of work, each change audited in it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from hub.console.services import ConsoleUser, Registration, Row, SenderAsked
from hub.domain.envelopes import Quota
from hub.domain.errors import NotFoundError
from hub.stores import audit, registry
from hub.stores.sealing import Sealer
from hub.stores.sender_views import list_senders, sender_detail
from hub.stores.session import Connection, Database


@dataclass(frozen=True, slots=True)
class StoreSenders:
    """Implements `SenderServices`. `register_department(unit, org_code, name, now=…)` makes sure that a
    department is known."""

    database: Database
    sealer: Sealer
    clock: Callable[[], datetime]
    register_department: Callable[..., None]

    def senders(self, user: ConsoleUser) -> Sequence[Row]:
        with self.database.read() as unit:
            return list_senders(unit, self.clock())

    def sender(self, user: ConsoleUser, code: str) -> Row:
        with self.database.read() as unit:
            return sender_detail(unit, self.sealer, code, self.clock())

    def register(self, user: ConsoleUser, asked: SenderAsked) -> str:
        now = self.clock()
        with self.database.unit() as unit:
            for org_code, name in asked.departments.items():
                self.register_department(unit, org_code, name, now=now)
            secret = registry.add_sender(unit, self.sealer, asked.code, asked.name, asked.departments, now)
            registry.keep_registration(unit, self.sealer, asked.code, asdict(asked.registration), now)
            self._record(unit, user, "sender.add", asked.code, orgCodes=sorted(asked.departments))
        return secret

    def change_registration(self, user: ConsoleUser, code: str, registration: Registration) -> None:
        with self.database.unit() as unit:
            registry.keep_registration(unit, self.sealer, code, asdict(registration), self.clock())
            self._record(unit, user, "sender.registration", code)

    def rotate(self, user: ConsoleUser, code: str) -> str:
        with self.database.unit() as unit:
            secret = registry.rotate_secret(unit, self.sealer, code, self.clock(), revoke_old=False)
            self._record(unit, user, "sender.rotate", code, revokedOld=False)
        return secret

    def revoke(self, user: ConsoleUser, code: str, credential_id: str) -> None:
        with self.database.unit() as unit:
            registry.revoke_secret(unit, code, _row_id(credential_id), self.clock())
            self._record(unit, user, "sender.revoke", code, credential=credential_id)

    def disable(self, user: ConsoleUser, code: str, notice: str) -> None:
        with self.database.unit() as unit:
            registry.set_disabled(unit, code, notice)
            self._record(unit, user, "sender.disable", code, notice=notice)

    def enable(self, user: ConsoleUser, code: str) -> None:
        with self.database.unit() as unit:
            registry.set_disabled(unit, code, None)
            self._record(unit, user, "sender.enable", code)

    def change_quota(self, user: ConsoleUser, code: str, quota: Quota) -> None:
        with self.database.unit() as unit:
            registry.set_quota(unit, code, quota)
            self._record(unit, user, "sender.quota", code, **asdict(quota))

    def _record(self, unit: Connection, user: ConsoleUser, action: str, code: str, **detail: Any) -> None:
        audit.record(unit, audit.Act(user.name, action, "sender", code, detail=detail), self.clock())


def _row_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFoundError("HUB-4043", "没有这个密钥")
    return int(text)
