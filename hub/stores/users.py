"""Staff: users of the console with their sessions, and tokens of staff programs."""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, Text, delete, insert, select, update

from hub.domain.codes import ROLES
from hub.domain.errors import RejectedError
from hub.stores.base import AnyRow, RowId, UtcTime, metadata

staff_user = Table(
    "staff_user",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("display_name", String(100), nullable=False),
    Column("role", String(20), nullable=False),
    Column("org_codes", Text, nullable=False),  # JSON list; empty = the whole county
    Column("password_hash", String(200), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("failed_count", Integer, nullable=False, default=0),
    Column("locked_until", UtcTime),
)

staff_session = Table(
    "staff_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("staff_user.id"), nullable=False, index=True),
    Column("csrf_token", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
)

staff_token = Table(
    "staff_token",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("org_codes", Text, nullable=False),
    Column("label", String(100), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

MAX_FAILURES = 5
LOCK_TIME = timedelta(minutes=30)
_HASHER = PasswordHasher()
# Verified against when the user does not exist, so that the answer takes as long as for one who does.
_NOBODY_HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$YdPfcKe9wS0zqFAYaFEzq3NHZzFvO0DvT0lX0bn9Q4o"


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is acting: a signed-in user or a staff program. `scope` None means the whole county."""

    name: str
    display_name: str
    role: str
    scope: frozenset[str] | None
    csrf_token: str = ""


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be added; without organisations the whole county is theirs, a department's then has nothing."""

    name: str
    password: str
    role: str
    display_name: str = ""
    org_codes: Iterable[str] = ()


def add_user(unit: Connection, user: NewUser, now: datetime) -> None:
    """Raises RejectedError HUB-6003 on a known name, HUB-4006 on an unknown role."""
    require_role(user.role)
    if unit.execute(select(staff_user.c.id).where(staff_user.c.name == user.name)).first():
        raise RejectedError("HUB-6003", f"用户 {user.name} 已经存在")
    unit.execute(
        insert(staff_user).values(
            name=user.name,
            display_name=user.display_name or ROLES[user.role],
            role=user.role,
            org_codes=json.dumps(sorted(user.org_codes)),
            password_hash=_HASHER.hash(user.password),
            created_at=now,
            failed_count=0,
        )
    )


def require_role(role: str) -> None:
    if role not in ROLES:
        raise RejectedError("HUB-4006", f"没有这个角色；可用：{'、'.join(ROLES)}")


def check_password(unit: Connection, name: str, password: str, now: datetime) -> int:
    """The user's id. Raises RejectedError HUB-2006, with the same words for every cause but the lock."""
    row = unit.execute(select(staff_user).where(staff_user.c.name == name)).first()
    matches = _verify(row.password_hash if row else _NOBODY_HASH, password)
    if row is not None and row.locked_until is not None and row.locked_until > now:
        raise RejectedError("HUB-2006", "登录失败次数过多，账号已锁定 30 分钟")
    if row is None or not matches:
        raise RejectedError("HUB-2006", "用户名或密码不正确")
    unit.execute(update(staff_user).where(staff_user.c.id == row.id).values(failed_count=0, locked_until=None))
    return int(row.id)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def count_failure(unit: Connection, name: str, now: datetime) -> None:
    """Counts a failed sign-in in its own unit of work; the fifth locks the account for a while."""
    row = unit.execute(select(staff_user).where(staff_user.c.name == name)).first()
    if row is None or (row.locked_until is not None and row.locked_until > now):
        return
    failed = row.failed_count + 1
    values = (
        {"failed_count": 0, "locked_until": now + LOCK_TIME} if failed >= MAX_FAILURES else {"failed_count": failed}
    )
    unit.execute(update(staff_user).where(staff_user.c.id == row.id).values(values))


def open_session(unit: Connection, user_id: int, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    csrf = secrets.token_urlsafe(32)
    unit.execute(
        insert(staff_session).values(
            token_hash=digest_of(token), user_id=user_id, csrf_token=csrf, created_at=now, last_seen_at=now
        )
    )
    return token


def staff_of_session(
    unit: Connection, token: str, now: datetime, idle: timedelta, longest: timedelta
) -> tuple[Staff, datetime] | None:
    """Who holds the session and when it was last seen; None when it is unknown, idle too long or too old."""
    query = select(
        staff_user,
        staff_session.c.csrf_token,
        staff_session.c.last_seen_at,
        staff_session.c.created_at.label("opened_at"),
    )
    row = unit.execute(query.join(staff_session).where(staff_session.c.token_hash == digest_of(token))).first()
    if row is None or now - row.last_seen_at > idle or now - row.opened_at > longest:
        return None
    return Staff(row.name, row.display_name, row.role, _scope(row), row.csrf_token), row.last_seen_at


def touch_session(unit: Connection, token: str, now: datetime) -> None:
    unit.execute(update(staff_session).where(staff_session.c.token_hash == digest_of(token)).values(last_seen_at=now))


def close_session(unit: Connection, token: str) -> None:
    unit.execute(delete(staff_session).where(staff_session.c.token_hash == digest_of(token)))


def create_token(unit: Connection, role: str, label: str, now: datetime, org_codes: Iterable[str] = ()) -> str:
    """A token for a staff program, shown once: only its digest is kept. Raises RejectedError HUB-4006."""
    require_role(role)
    token = secrets.token_urlsafe(32)
    unit.execute(
        insert(staff_token).values(
            token_hash=digest_of(token), role=role, org_codes=json.dumps(sorted(org_codes)), label=label, created_at=now
        )
    )
    return token


def staff_of_token(unit: Connection, token: str) -> Staff | None:
    mine = (staff_token.c.token_hash == digest_of(token)) & staff_token.c.revoked_at.is_(None)
    row = unit.execute(select(staff_token).where(mine)).first()
    return None if row is None else Staff(f"token:{row.label}", row.label, row.role, _scope(row))


def _scope(row: AnyRow) -> frozenset[str] | None:
    """A department user without organisations sees nothing; every other role without them sees the county."""
    org_codes = frozenset(json.loads(row.org_codes))
    return org_codes if org_codes or row.role == "department" else None
