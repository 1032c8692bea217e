"""The acts of an adapter's life: drafted, tried, put into force, rolled back, stopped. Used by every window and door.

草稿 DRAFT → 沙箱 SANDBOX → 试运行 SHADOW → 运行 ACTIVE; 停用 is of the adapter, not of a version. Every act is audited
with who and why, in the transaction of the act.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from adapters.document import check_document, fingerprint
from adapters.engine import compile_adapter
from adapters.library import shipped_document
from adapters.sample_runs import SampleOutcome, run_samples
from hub.adapting.code_lists import with_code
from hub.adapting.keeper import AdapterKeeper, current_form
from hub.domain.errors import FieldIssue, NotFoundError, RejectedError
from hub.stores import adapters, audit, registry, unmapped_codes
from hub.stores.adapters import ACTIVE, DISABLED, DRAFT, RETIRED, SANDBOX, SHADOW, Event, NewVersion
from hub.stores.base import AnyRow
from hub.stores.session import Connection, Database

LONGEST_REASON = 500
PACKAGE = "package"

Check = Callable[[Mapping[str, Any]], Sequence[FieldIssue]]
"""What of a document the county does not allow: places it would connect to."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act: its title, the states of a version that it takes (none: it is about the adapter), whether it needs a
    reason."""

    name: str
    title: str
    takes: frozenset[str] = frozenset()
    needs_reason: bool = False


ACTS: Mapping[str, Act] = MappingProxyType({
    act.name: act
    for act in (
        Act("sandbox", "进入沙箱", frozenset({DRAFT})),
        Act("shadow", "开始试运行", frozenset({DRAFT, SANDBOX})),
        Act("withdraw", "退回草稿", frozenset({SANDBOX, SHADOW})),
        Act("activate", "启用", frozenset({SANDBOX, SHADOW})),
        Act("rollback", "回到这个版本", frozenset({RETIRED}), needs_reason=True),
        Act("disable", "停用", needs_reason=True),
        Act("enable", "恢复使用"),
    )
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """An act as somebody asks for it.

    `version` None: the one that it must be about. `fingerprint`: of the version as it was looked at; another one is a
    conflict. `reason` is what callers read when the adapter is stopped.
    """

    act: str
    actor: str
    version: int | None = None
    reason: str = ""
    fingerprint: str = ""
    until: date | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class AdapterOffice:
    """Thread-safe; one per process."""

    database: Database
    keeper: AdapterKeeper
    now: Callable[[], datetime]
    four_eyes: bool = False
    check: Check = lambda document: ()

    # --- documents ---------------------------------------------------------------------------------------------------

    def save(self, document: Mapping[str, Any], actor: str, expected: str | None = None) -> AnyRow:
        """Keeps the document as the draft of the adapter that it names, which is registered when it is new. It may be
        unfinished: that it works is seen to when it leaves the draft.

        `expected`: digest of the draft as it was looked at, or of the newest version ("" will do) where there is none;
        None to save over whatever is there. Raises RejectedError for a document that is wrong, HUB-5004 when the draft
        was changed by somebody else meanwhile.
        """
        self._require_allowed(document)
        version = NewVersion(document, fingerprint(document), content_digest(document), actor)
        with self.database.unit() as unit:
            row = self._saved(unit, document["adapter"], version, expected)
            self._audited(unit, Asked("save", actor), document["adapter"], row.number)
        return row

    def examine(self, document: Mapping[str, Any]) -> None:
        """Raises RejectedError HUB-3001 and on with the path of what is wrong, HUB-4020 and on for a place that the
        county does not let the hub connect to."""
        self._require_allowed(document)
        compile_adapter(document)

    def _require_allowed(self, document: Mapping[str, Any]) -> None:
        check_document(document)
        for issue in self.check(document):
            raise RejectedError(issue.code, issue.message, issue.path)

    def _saved(self, unit: Connection, code: str, version: NewVersion, expected: str | None) -> AnyRow:
        now = self.now()
        if code not in adapters.codes(unit):
            if expected:
                raise adapters.no_such_adapter()
            return adapters.newest_version(unit, adapters.add(unit, code, version, now))
        held = adapters.lock(unit, code)
        draft = adapters.draft_of(unit, held.id)
        looked_at = ("", adapters.newest_version(unit, held.id).content_digest)
        if expected is not None and expected not in (looked_at if draft is None else (draft.content_digest,)):
            raise RejectedError("HUB-5004", "这份草稿已被别人改过，请重新打开后再改")
        if draft is not None:
            return adapters.change_draft(unit, draft.id, version, now)
        return adapters.add_version(unit, held.id, version, now)

    # --- acts --------------------------------------------------------------------------------------------------------

    def act(self, code: str, asked: Asked) -> AnyRow:
        """The adapter afterwards.

        Raises NotFoundError HUB-4045, RejectedError HUB-5005 when samples do not pass, HUB-5008 when the author may
        not, HUB-5009 when the state does not allow it, HUB-5004 on another fingerprint, HUB-4006 without a reason.
        """
        act = ACTS.get(asked.act)
        if act is None:
            raise NotFoundError("HUB-4043", "没有这个操作")
        _require_reason(act, asked)
        with self.database.unit() as unit:
            held = adapters.lock(unit, code)
            version = self._version(unit, held, act, asked) if act.takes else None
            done = _DOING[act.name](self, unit, held, version, asked)
            self._audited(unit, asked, code, None if version is None else done or version.number)
            row = adapters.find(unit, code)
        self.keeper.forget(code)
        return row

    def _version(self, unit: Connection, held: AnyRow, act: Act, asked: Asked) -> AnyRow:
        if asked.version is None:
            standing = [row for row in adapters.versions(unit, held.id) if takes(act, row)]
            if not standing:
                raise RejectedError("HUB-5009", f"没有可以“{act.title}”的版本")
            version = standing[0]
        else:
            version = adapters.version_of(unit, held.id, asked.version)
        if not takes(act, version):
            state = adapters.VERSION_STATES[version.state]
            raise RejectedError("HUB-5009", f"第 {version.number} 版是“{state}”，不能“{act.title}”")
        if asked.fingerprint and asked.fingerprint not in (version.fingerprint, version.content_digest):
            raise RejectedError("HUB-5004", "这个版本的内容已经改变，请重新查看后再办")
        return version

    def _try(self, unit: Connection, held: AnyRow, version: AnyRow, state: str) -> None:
        """Into the sandbox or under trial; one version of an adapter at a time."""
        self._require_samples(version)
        self._require_sender(unit, version)
        if held.trial_version_id not in (None, version.id):
            adapters.set_version(unit, held.trial_version_id, state=RETIRED)
        adapters.set_version(unit, version.id, state=state)
        adapters.set_adapter(unit, held.id, trial_version_id=version.id)
        if held.active_version_id is None:
            adapters.describe_by(unit, held.id, version.document)
            _set_state(unit, held, state)

    def _sandbox(self, unit: Connection, held: AnyRow, version: AnyRow, asked: Asked) -> None:
        self._try(unit, held, version, SANDBOX)

    def _shadow(self, unit: Connection, held: AnyRow, version: AnyRow, asked: Asked) -> None:
        self._try(unit, held, version, SHADOW)

    def _withdraw(self, unit: Connection, held: AnyRow, version: AnyRow, asked: Asked) -> None:
        """Back to the desk, as a new draft: what was tried stays what it was. A draft begun meanwhile is kept."""
        adapters.set_version(unit, version.id, state=RETIRED)
        adapters.set_adapter(unit, held.id, trial_version_id=None)
        if adapters.draft_of(unit, held.id) is None:
            content = NewVersion(version.document, version.fingerprint, version.content_digest, version.author)
            adapters.add_version(unit, held.id, content, self.now())
        if held.active_version_id is None:
            _set_state(unit, held, DRAFT)

    def _activate(self, unit: Connection, held: AnyRow, version: AnyRow, asked: Asked) -> None:
        self._require_samples(version)
        self._require_sender(unit, version)
        if self.four_eyes and version.author == asked.actor:
            raise RejectedError("HUB-5008", "按本县规定，启用须由编写者以外的人办理")
        _put_in_force(unit, held, version, asked.actor, self.now())

    def _rollback(self, unit: Connection, held: AnyRow, version: AnyRow, asked: Asked) -> int:
        """A new version with the old content, in force at once: what stood in between stays in the list."""
        content = NewVersion(version.document, version.fingerprint, version.content_digest, asked.actor)
        again = adapters.add_version(unit, held.id, content, self.now())
        _put_in_force(unit, held, again, asked.actor, self.now())
        number: int = again.number
        return number

    def _disable(self, unit: Connection, held: AnyRow, version: AnyRow | None, asked: Asked) -> None:
        if held.state == DISABLED:
            raise RejectedError("HUB-5009", "适配器已经停用")
        notice = asked.reason + (f"（预计 {asked.until:%Y-%m-%d} 恢复）" if asked.until else "")
        adapters.set_adapter(
            unit, held.id, state=DISABLED, disabled_notice=notice[:LONGEST_REASON], disabled_until=asked.until
        )

    def _enable(self, unit: Connection, held: AnyRow, version: AnyRow | None, asked: Asked) -> None:
        if held.state != DISABLED:
            raise RejectedError("HUB-5009", "适配器没有停用")
        adapters.set_adapter(
            unit, held.id, state=_standing_state(unit, held), disabled_notice=None, disabled_until=None
        )

    def _require_samples(self, version: AnyRow) -> None:
        outcomes = run_samples(compile_adapter(current_form(version.document)))
        failing = [outcome for outcome in outcomes if not outcome.passed]
        if not outcomes:
            raise RejectedError("HUB-5005", "文档里还没有样例：至少要有一个样例并写明应得的结果", "samples")
        if failing:
            raise RejectedError("HUB-5005", _samples_say(failing), "samples")

    def _require_sender(self, unit: Connection, version: AnyRow) -> None:
        """Whom it belongs to must be registered; a shipped adapter for everybody names nobody."""
        code = version.document.get("sender")
        if code is not None and not registry.is_registered(unit, code):
            raise RejectedError("HUB-5009", "文档写的报送方还没有登记", "sender")

    def _audited(self, unit: Connection, asked: Asked, code: str, version: int | None) -> None:
        now, held = self.now(), adapters.find(unit, code)
        adapters.note_event(unit, held.id, Event(asked.actor, asked.act, version, asked.reason), now)
        detail = {"version": version, "reason": asked.reason}
        act = audit.Act(asked.actor, f"adapter.{asked.act}", "adapter", code, address=asked.address, detail=detail)
        audit.record(unit, act, now)

    # --- codes -------------------------------------------------------------------------------------------------------

    def map_code(self, entry_id: int, token: str, actor: str) -> dict[str, Any]:
        """Enters a code that was met into its code map: a new version, in force at once where the adapter is in force
        and the actor may put his own versions there, and the draft that somebody is writing; else the draft alone.
        `adapter, version, activated`.

        Raises NotFoundError HUB-4045, RejectedError HUB-5005, HUB-5006, HUB-3006 for a token that the list lacks.
        """
        with self.database.unit() as unit:
            entry = unmapped_codes.find(unit, entry_id)
            held = adapters.lock(unit, entry.code)
            code = (entry.code_map, entry.value, token)
            unmapped_codes.settle(unit, entry_id, unmapped_codes.MAPPED, actor, token, self.now())
            activated = held.active_version_id is not None and not self.four_eyes
            draft = adapters.draft_of(unit, held.id)
            if draft is not None and (not activated or entry.code_map in draft.document.get("codeMaps", {})):
                draft = self._mapped_draft(unit, draft, code)
            version = self._mapped_version(unit, held, code, actor) if activated or draft is None else draft
            if activated:
                self._require_samples(version)
                _put_in_force(unit, held, version, actor, self.now())
            self._audited(unit, Asked("map", actor, reason=entry.code_map), entry.code, version.number)
        self.keeper.forget(entry.code)
        return {"adapter": entry.code, "version": version.number, "activated": activated}

    def _mapped_version(self, unit: Connection, held: AnyRow, code: tuple[str, str, str], actor: str) -> AnyRow:
        """The version that decides, with the code, as a new one. Raises as `with_code` and `examine`."""
        document = with_code(self._standing_document(unit, held), *code)
        self.examine(document)
        content = NewVersion(document, fingerprint(document), content_digest(document), actor)
        return adapters.add_version(unit, held.id, content, self.now())

    def _mapped_draft(self, unit: Connection, draft: AnyRow, code: tuple[str, str, str]) -> AnyRow:
        """The draft with the code, or it would be lost again when the draft is activated. It stays its author's."""
        document = with_code(current_form(draft.document), *code)
        content = NewVersion(document, fingerprint(document), content_digest(document), draft.author)
        return adapters.change_draft(unit, draft.id, content, self.now())

    def ignore_code(self, entry_id: int, reason: str, actor: str) -> None:
        """Raises NotFoundError HUB-4045, RejectedError HUB-5006, HUB-4006 without a reason."""
        _require_text(reason)
        with self.database.unit() as unit:
            entry = unmapped_codes.find(unit, entry_id)
            unmapped_codes.settle(unit, entry_id, unmapped_codes.IGNORED, actor, reason, self.now())
            self._audited(unit, Asked("ignore", actor, reason=reason), entry.code, None)

    def _standing_document(self, unit: Connection, held: AnyRow) -> Mapping[str, Any]:
        version_id = held.active_version_id or held.trial_version_id
        row = adapters.newest_version(unit, held.id) if version_id is None else adapters.version_by_id(unit, version_id)
        return current_form(row.document)

    # --- what comes with the product ---------------------------------------------------------------------------------

    def adopt(self, code: str, changes: Mapping[str, Any], actor: str) -> AnyRow:
        """A shipped document as a new draft, with the parts that the county sets itself (`adapter`, `sender`,
        `department`, `title`, `transport`). Raises NotFoundError HUB-4045, and as `save`."""
        return self.save(shipped_document(code) | dict(changes), actor, "")


def install_package(unit: Connection, now: datetime) -> None:
    """Puts the shipped adapter behind `submitXml` into force, once. Safe to repeat."""
    if PACKAGE in adapters.codes(unit):
        return
    document = shipped_document(PACKAGE)
    version = NewVersion(document, fingerprint(document), content_digest(document), "system")
    adapter_id = adapters.add(unit, PACKAGE, version, now)
    _put_in_force(unit, adapters.find(unit, PACKAGE), adapters.newest_version(unit, adapter_id), "system", now)


def _put_in_force(unit: Connection, held: AnyRow, version: AnyRow, actor: str, now: datetime) -> None:
    if held.active_version_id is not None:
        adapters.set_version(unit, held.active_version_id, state=RETIRED)
    adapters.set_version(unit, version.id, state=ACTIVE, activated_by=actor, activated_at=now)
    trial = None if held.trial_version_id == version.id else held.trial_version_id
    adapters.set_adapter(unit, held.id, active_version_id=version.id, trial_version_id=trial)
    adapters.describe_by(unit, held.id, version.document)
    _set_state(unit, held, ACTIVE)
    for name, code_map in version.document.get("codeMaps", {}).items():
        unmapped_codes.settle_known(unit, held.id, name, list(code_map["values"]), actor, now)
        unmapped_codes.reopen_unknown(unit, held.id, name, list(code_map["values"]))


def _set_state(unit: Connection, held: AnyRow, state: str) -> None:
    if held.state != DISABLED:  # what was stopped stays stopped until somebody lets it go on
        adapters.set_adapter(unit, held.id, state=state)


_DOING: Mapping[str, Callable[[AdapterOffice, Connection, AnyRow, Any, Asked], int | None]] = MappingProxyType({
    "sandbox": AdapterOffice._sandbox, "shadow": AdapterOffice._shadow, "withdraw": AdapterOffice._withdraw,
    "activate": AdapterOffice._activate, "rollback": AdapterOffice._rollback, "disable": AdapterOffice._disable,
    "enable": AdapterOffice._enable,
})  # fmt: skip


def takes(act: Act, version: AnyRow) -> bool:
    """Going back is only to what was in force once: a version that was merely tried has to be activated."""
    return version.state in act.takes and (act.name != "rollback" or version.activated_at is not None)


def content_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 in hex of the whole document."""
    return hashlib.sha256(json.dumps(document, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _samples_say(failing: Sequence[SampleOutcome]) -> str:
    first = failing[0]
    return f"{len(failing)} 个样例没有通过，先是“{first.name}”：{first.differences[0]}"


def _require_reason(act: Act, asked: Asked) -> None:
    if act.needs_reason:
        _require_text(asked.reason)


def _require_text(reason: str) -> None:
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise RejectedError("HUB-4006", f"须写明理由，不超过 {LONGEST_REASON} 字", "reason")


def _standing_state(unit: Connection, held: AnyRow) -> str:
    if held.active_version_id is not None:
        return ACTIVE
    if held.trial_version_id is not None:
        state: str = adapters.version_by_id(unit, held.trial_version_id).state
        return state
    return DRAFT
