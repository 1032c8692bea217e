"""Who may come in: departments, senders and their credentials."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from hub.domain.envelopes import Quota, Sender
from hub.domain.errors import NotFoundError, RejectedError
from hub.stores.base import AnyRow, RowId, UtcTime, dump_json, insert_or_ignore, metadata
from hub.stores.sealing import Sealer

department = Table(
    "department",
    metadata,
    Column("org_code", String(18), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("area", String(6), nullable=False),
    Column("letters", String(2), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

sender = Table(
    "sender",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("code", String(100), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("disabled_notice", String(500)),
    Column("created_at", UtcTime, nullable=False),
    # Quotas; null: as the county's settings say for everyone.
    Column("messages_per_second", Float),
    Column("burst_messages", Integer),
    Column("message_bytes", Integer),
    Column("message_records", Integer),
)
_QUOTA = (sender.c.messages_per_second, sender.c.burst_messages, sender.c.message_bytes, sender.c.message_records)

sender_org = Table(
    "sender_org",
    metadata,
    Column("sender_id", ForeignKey("sender.id"), nullable=False),
    Column("org_code", ForeignKey("department.org_code"), nullable=False),
    PrimaryKeyConstraint("sender_id", "org_code"),
)

credential = Table(
    "credential",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("sender_id", ForeignKey("sender.id"), nullable=False, index=True),
    # Sealed, not hashed: a PasswordDigest can only be checked by someone who knows the secret itself.
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("last_used_at", UtcTime),  # to within USE_NOTED_EVERY
)

sender_registration = Table(
    "sender_registration",
    metadata,
    Column("sender_id", ForeignKey("sender.id"), primary_key=True, autoincrement=False),
    # Sealed: it names a contact and a telephone number.
    Column("form_sealed", LargeBinary, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

used_nonce = Table(
    "used_nonce",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("sender_id", Integer, nullable=False),
    Column("nonce_digest", String(64), nullable=False),
    Column("used_at", UtcTime, nullable=False, index=True),
    UniqueConstraint("sender_id", "nonce_digest"),
)


MOST_SECRETS = 2  # the old one and the new one, until the sender has changed over
USE_NOTED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class HeldSecret:
    """A valid secret and when it was last used, as far as that was noted."""

    credential_id: int
    secret: str = field(repr=False)
    last_used_at: datetime | None

    def is_use_news(self, now: datetime) -> bool:
        return self.last_used_at is None or now - self.last_used_at > USE_NOTED_EVERY


@dataclass(frozen=True, slots=True)
class SenderCredentials:
    """A sender with the secrets that are valid now (two while one is being rotated)."""

    sender: Sender
    held: tuple[HeldSecret, ...]
    disabled_notice: str | None


def ensure_department(unit: Connection, org_code: str, name: str, subject: tuple[str, str], now: datetime) -> None:
    """Registers a department once; `subject` is its area (6 digits) and letters (2), used in case numbers."""
    known = unit.execute(select(department.c.org_code).where(department.c.org_code == org_code)).first()
    if known is None:
        area, letters = subject
        unit.execute(
            insert(department).values(org_code=org_code, name=name, area=area, letters=letters, created_at=now)
        )


def add_sender(unit: Connection, sealer: Sealer, code: str, name: str, org_codes: Iterable[str], now: datetime) -> str:
    """Registers a sender and returns its secret, which is shown once. Raises RejectedError HUB-6003 on a known code."""
    if unit.execute(select(sender.c.id).where(sender.c.code == code)).first():
        raise RejectedError("HUB-6003", f"报送方 {code} 已经登记")
    sender_id = unit.execute(
        insert(sender).values(code=code, name=name, created_at=now).returning(sender.c.id)
    ).scalar_one()
    unit.execute(insert(sender_org), [{"sender_id": sender_id, "org_code": org_code} for org_code in org_codes])
    return issue_secret(unit, sealer, sender_id, now)


def issue_secret(unit: Connection, sealer: Sealer, sender_id: int, now: datetime) -> str:
    secret = secrets.token_urlsafe(24)
    sealed = sealer.seal(secret.encode())
    unit.execute(insert(credential).values(sender_id=sender_id, secret_sealed=sealed, created_at=now))
    return secret


def rotate_secret(unit: Connection, sealer: Sealer, code: str, now: datetime, *, revoke_old: bool) -> str:
    """A new secret for a sender; the old one stays valid unless revoked.

    Raises NotFoundError HUB-4043, RejectedError HUB-5022 when a rotation is under way already.
    """
    sender_id = id_of(unit, code)
    if revoke_old:
        unit.execute(update(credential).where(_valid_of(sender_id)).values(revoked_at=now))
    elif len(_valid_ids(unit, sender_id)) >= MOST_SECRETS:
        raise RejectedError("HUB-5022", "新旧两个密钥都还有效；请先作废旧密钥，再更换")
    return issue_secret(unit, sealer, sender_id, now)


def revoke_secret(unit: Connection, code: str, credential_id: int, now: datetime) -> None:
    """Raises NotFoundError HUB-4043, RejectedError HUB-5023 when no other secret would be left."""
    valid = _valid_ids(unit, id_of(unit, code))
    if credential_id not in valid:
        raise NotFoundError("HUB-4043", "没有这个密钥，或它已经作废")
    if len(valid) == 1:
        raise RejectedError("HUB-5023", "这是唯一有效的密钥；要停止报送请停用报送方")
    unit.execute(update(credential).where(credential.c.id == credential_id).values(revoked_at=now))


def note_use(unit: Connection, credential_id: int, now: datetime) -> None:
    unit.execute(update(credential).where(credential.c.id == credential_id).values(last_used_at=now))


def id_of(unit: Connection, code: str) -> int:
    """Raises NotFoundError HUB-4043."""
    sender_id = unit.execute(select(sender.c.id).where(sender.c.code == code)).scalar()
    if sender_id is None:
        raise NotFoundError("HUB-4043", f"没有登记报送方 {code}")
    return int(sender_id)


def _valid_of(sender_id: int) -> ColumnElement[bool]:
    return (credential.c.sender_id == sender_id) & credential.c.revoked_at.is_(None)


def _valid_ids(unit: Connection, sender_id: int) -> list[int]:
    return list(unit.execute(select(credential.c.id).where(_valid_of(sender_id))).scalars())


def keep_registration(unit: Connection, sealer: Sealer, code: str, form: Mapping[str, str], now: datetime) -> None:
    """What the registration form says, in place of what it said before. Raises NotFoundError HUB-4043."""
    sender_id = id_of(unit, code)
    sealed = sealer.seal(dump_json(dict(form)).encode())
    unit.execute(delete(sender_registration).where(sender_registration.c.sender_id == sender_id))
    unit.execute(insert(sender_registration).values(sender_id=sender_id, form_sealed=sealed, updated_at=now))


def registration_of(unit: Connection, sealer: Sealer, sender_id: int) -> Mapping[str, str]:
    """Empty when no form was filled in."""
    mine = sender_registration.c.sender_id == sender_id
    sealed = unit.execute(select(sender_registration.c.form_sealed).where(mine)).scalar()
    return json.loads(sealer.open(sealed)) if sealed is not None else {}


def set_disabled(unit: Connection, code: str, notice: str | None) -> None:
    """Disables a sender with the notice its callers will read, or enables it again with None."""
    if unit.execute(update(sender).where(sender.c.code == code).values(disabled_notice=notice)).rowcount == 0:
        raise NotFoundError("HUB-4043", f"没有登记报送方 {code}")


def credentials_of(unit: Connection, sealer: Sealer, code: str) -> SenderCredentials | None:
    """Read anew for every message, so that disabling a sender or revoking a secret takes effect at once."""
    rows = unit.execute(_CREDENTIALS, {"code": code}).all()
    if not rows:
        return None
    known = rows[0]
    org_codes = frozenset(unit.execute(_ORG_CODES, {"sender_id": known.id}).scalars())
    held = tuple(_held(sealer, row) for row in rows if row.secret_sealed is not None)
    sender_ = Sender(known.id, known.code, known.name, org_codes, _quota_of(known))
    return SenderCredentials(sender_, held, known.disabled_notice)


def _held(sealer: Sealer, row: AnyRow) -> HeldSecret:
    return HeldSecret(row.credential_id, sealer.open(row.secret_sealed).decode(), row.last_used_at)


def _quota_of(row: AnyRow) -> Quota:
    return Quota(*(getattr(row, column.name) for column in _QUOTA))


def quota_of(unit: Connection, code: str) -> Quota:
    """Raises NotFoundError HUB-4043."""
    row = unit.execute(select(*_QUOTA).where(sender.c.code == code)).first()
    if row is None:
        raise NotFoundError("HUB-4043", f"没有登记报送方 {code}")
    return _quota_of(row)


def set_quota(unit: Connection, code: str, quota: Quota) -> None:
    """Raises NotFoundError HUB-4043."""
    values = asdict(quota)
    if unit.execute(update(sender).where(sender.c.code == code).values(values)).rowcount == 0:
        raise NotFoundError("HUB-4043", f"没有登记报送方 {code}")


_CREDENTIALS = (
    select(
        sender.c.id,
        sender.c.code,
        sender.c.name,
        sender.c.disabled_notice,
        *_QUOTA,
        credential.c.id.label("credential_id"),
        credential.c.secret_sealed,
        credential.c.last_used_at,
    )  # fmt: skip
    .outerjoin(credential, (credential.c.sender_id == sender.c.id) & credential.c.revoked_at.is_(None))
    .where(sender.c.code == bindparam("code"))
)
_ORG_CODES = select(sender_org.c.org_code).where(sender_org.c.sender_id == bindparam("sender_id"))


def remember_nonce(unit: Connection, sender_id: int, nonce: bytes, now: datetime) -> bool:
    """True when the nonce is new. Insert first and let the key decide, so two processes cannot both take it."""
    digest = hashlib.sha256(nonce).hexdigest()
    values = {"sender_id": sender_id, "nonce_digest": digest, "used_at": now}
    unless_used = insert_or_ignore(unit, used_nonce, ("sender_id", "nonce_digest"))
    return unit.execute(unless_used.returning(used_nonce.c.id), values).scalar() is not None


def forget_nonces(unit: Connection, before: datetime) -> None:
    unit.execute(delete(used_nonce).where(used_nonce.c.used_at < before))


def subjects_of(unit: Connection, org_codes: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Area and letters of each known department."""
    rows = unit.execute(select(department).where(department.c.org_code.in_(list(org_codes))))
    return {row.org_code: (row.area, row.letters) for row in rows}


def department_names(unit: Connection) -> dict[str, str]:
    rows = unit.execute(select(department.c.org_code, department.c.name).order_by(department.c.org_code))
    return {row.org_code: row.name for row in rows}


def learn_department_names(unit: Connection, named: Mapping[str, str]) -> None:
    """Takes over what departments call themselves in their records; at registration only the sender's name is known."""
    known = department_names(unit)
    for org_code, name in sorted(named.items()):
        if known.get(org_code, name) != name:
            unit.execute(update(department).where(department.c.org_code == org_code).values(name=name))


def list_senders(unit: Connection) -> list[dict[str, Any]]:
    """Senders for the command line: code, name, organisations, disabled notice."""
    orgs: dict[int, list[str]] = {}
    for row in unit.execute(select(sender_org).order_by(sender_org.c.org_code)):
        orgs.setdefault(row.sender_id, []).append(row.org_code)
    rows = unit.execute(select(sender).order_by(sender.c.code))
    return [
        {"sender": row.code, "name": row.name, "orgCodes": orgs.get(row.id, []), "disabledNotice": row.disabled_notice}
        for row in rows
    ]


def is_registered(unit: Connection, code: str) -> bool:
    return unit.execute(select(sender.c.id).where(sender.c.code == code)).first() is not None


def org_codes_of(unit: Connection, sender_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """For which departments each sender may report."""
    found: dict[int, set[str]] = {sender_id: set() for sender_id in sender_ids}
    if not found:
        return {}
    for row in unit.execute(select(sender_org).where(sender_org.c.sender_id.in_(list(found)))):
        found[row.sender_id].add(row.org_code)
    return {sender_id: frozenset(codes) for sender_id, codes in found.items()}
