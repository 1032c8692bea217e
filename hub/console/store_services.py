"""The console's services over the stores: each call one unit of work, each change audited in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hub.console.services import CardSearch, CaseSearch, ConsoleUser, MessageSearch, QuarantineSearch
from hub.console.store_adapters import StoreAdapters
from hub.console.store_replays import StoreReplays
from hub.console.store_senders import StoreSenders
from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.service_states import Service
from hub.domain.times import china_day, day_bounds
from hub.stores import audit, card_views, case_views, dashboard, message_views, quarantine_acts, registry, users
from hub.stores.paging import Page
from hub.stores.sealing import Sealer
from hub.stores.service_state import Change, ServiceKeeper
from hub.stores.session import Database
from supervision.law import Law
from supervision.proof import recomputes_the_same
from supervision.quality.desk import QualityDesk

TOUCH_AFTER = timedelta(minutes=1)  # a session's last use is written this often at most


@dataclass(frozen=True, slots=True)
class StoreServices:
    """Implements `ConsoleServices`."""

    database: Database
    sealer: Sealer
    law: Callable[[], Law]
    keeper: ServiceKeeper
    clock: Callable[[], datetime]
    idle: timedelta
    longest: timedelta
    errors: Sequence[Mapping[str, Any]]
    quality: QualityDesk
    registry: StoreSenders
    adapters: StoreAdapters

    def now(self) -> datetime:
        return self.clock()

    def service(self) -> Service:
        return self.keeper()

    def change_service(self, user: ConsoleUser, state: str, reason: str, address: str) -> None:
        self.keeper.change(Change(state, reason, user.name, address), self.clock())

    def sign_in(self, name: str, password: str, address: str) -> str:
        now = self.clock()
        try:
            with self.database.unit() as unit:
                user_id = users.check_password(unit, name, password, now)
                audit.record(unit, audit.Act(name, "sign-in", "user", name, address=address), now)
                return users.open_session(unit, user_id, now)
        except RejectedError:
            with self.database.unit() as unit:
                users.count_failure(unit, name, now)
                audit.record(
                    unit, audit.Act("", "sign-in", "user", name[:100], outcome="REFUSED", address=address), now
                )
            raise

    def user_of(self, token: str) -> ConsoleUser | None:
        now = self.clock()
        with self.database.read() as unit:
            found = users.staff_of_session(unit, token, now, self.idle, self.longest)
        if found is None:
            return None
        staff, last_seen_at = found
        if now - last_seen_at > TOUCH_AFTER:
            with self.database.unit() as unit:
                users.touch_session(unit, token, now)
        return ConsoleUser(staff.name, staff.display_name, staff.role, staff.scope)

    def sign_out(self, token: str) -> None:
        with self.database.unit() as unit:
            users.close_session(unit, token)

    def figures(self, user: ConsoleUser) -> Mapping[str, Any]:
        with self.database.read() as unit:
            now = self.clock()
            return dashboard.todays_figures(unit, now, self.law().due_soon_until(now), user.org_codes)

    def departments(self, user: ConsoleUser) -> Sequence[Mapping[str, Any]]:
        with self.database.read() as unit:
            names = registry.department_names(unit)
        return [
            {"code": code, "name": name}
            for code, name in names.items()
            if user.org_codes is None or code in user.org_codes
        ]

    def senders(self, user: ConsoleUser) -> Sequence[Mapping[str, Any]]:
        with self.database.read() as unit:
            return [{"code": row["sender"], "name": row["name"]} for row in registry.list_senders(unit)]

    def search_cases(self, user: ConsoleUser, search: CaseSearch) -> Page:
        wanted = case_views.CaseQuery(
            q=search.q, org_code=search.org_code, item_code=search.item_code, state=search.state, card=search.card,
            from_day=search.from_day, to_day=search.to_day, limit=search.limit, after=search.after,
            scope=user.org_codes, **self._progress(search.progress),
        )  # fmt: skip
        with self.database.read() as unit:
            return case_views.search_cases(unit, wanted)

    def _progress(self, progress: str) -> dict[str, Any]:
        now = self.clock()
        spans: dict[str, dict[str, Any]] = {
            "RUNNING": {"running": True},
            "DUE_SOON": {"running": True, "due": (now, self.law().due_soon_until(now))},
            "FINISHED_TODAY": {"finished": day_bounds(china_day(now))},
        }
        return spans.get(progress, {})

    def case(self, user: ConsoleUser, unified_no: str) -> Mapping[str, Any]:
        law = self.law()
        reader = case_views.CaseReader(law.calendar, law.policy, self.sealer, self.clock())
        with self.database.read() as unit:
            return reader.by_unified_no(unit, unified_no, user.org_codes)

    def search_cards(self, user: ConsoleUser, search: CardSearch) -> Page:
        wanted = card_views.CardQuery(
            search.level, search.state, search.org_code, search.rule_code, search.limit, search.after, user.org_codes
        )
        with self.database.read() as unit:
            return card_views.search_cards(unit, wanted)

    def card(self, user: ConsoleUser, card_id: str) -> Mapping[str, Any]:
        with self.database.read() as unit:
            return card_views.card_detail(unit, _row_id(card_id), user.org_codes)

    def recompute_card(self, user: ConsoleUser, card_id: str) -> bool | None:
        evidence = self.card(user, card_id)["evidence"]
        with self.database.read() as unit:
            return recomputes_the_same(unit, evidence)

    def search_messages(self, user: ConsoleUser, search: MessageSearch) -> Page:
        wanted = message_views.MessageQuery(
            sender=search.sender, status=search.status, state=search.state, q=search.q, limit=search.limit,
            after=search.after, received_from=day_bounds(china_day(self.clock()))[0] if search.today else None,
        )  # fmt: skip
        with self.database.read() as unit:
            return message_views.search_messages(unit, wanted)

    def message(self, user: ConsoleUser, receipt_no: str) -> Mapping[str, Any]:
        with self.database.read() as unit:
            return message_views.message_detail(unit, receipt_no)

    def message_body(self, user: ConsoleUser, receipt_no: str, reason: str) -> str:
        with self.database.unit() as unit:
            act = audit.Act(user.name, "message.read-body", "message", receipt_no, detail={"reason": reason})
            audit.record(unit, act, self.clock())
            return message_views.message_body(unit, self.sealer, receipt_no)

    def search_quarantine(self, user: ConsoleUser, search: QuarantineSearch) -> Page:
        wanted = message_views.QuarantineQuery(search.state, search.code, search.limit, search.after)
        with self.database.read() as unit:
            return message_views.search_quarantine(unit, wanted)

    def quarantined(self, user: ConsoleUser, entry_id: str) -> Mapping[str, Any]:
        with self.database.read() as unit:
            return message_views.quarantined(unit, _row_id(entry_id))

    def discard(self, user: ConsoleUser, entry_id: str, reason: str) -> None:
        with self.database.unit() as unit:
            quarantine_acts.discard(unit, _row_id(entry_id), user.name, reason, self.clock())

    def replay(self, user: ConsoleUser, entry_id: str) -> None:
        with self.database.unit() as unit:
            quarantine_acts.replay(unit, _row_id(entry_id), user.name, self.clock())

    @property
    def replays(self) -> StoreReplays:
        return StoreReplays(self.database, self.clock)

    def error_catalogue(self) -> Sequence[Mapping[str, Any]]:
        return self.errors


def _row_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFoundError("HUB-4043", "没有这条记录")
    return int(text)
