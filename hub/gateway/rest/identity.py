"""Who calls the REST door: a sender by HTTP Basic, or a staff program by its token; and what each may do."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from hub.domain.codes import ROLES
from hub.domain.envelopes import Sender
from hub.domain.errors import RejectedError
from hub.domain.service_states import Activity, Service
from hub.gateway.http_bodies import RequestHeaders
from hub.gateway.known_senders import KnownSenders
from hub.gateway.reception import peer_of
from hub.gateway.tracing import note
from hub.gateway.wsse import basic_credential
from hub.stores.session import Database
from hub.stores.users import Staff, staff_of_token

_MAX_TOKEN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """One of both. `scope`: the departments whose cases may be seen, None for the whole county."""

    sender: Sender | None = None
    staff: Staff | None = None

    @property
    def scope(self) -> frozenset[str] | None:
        if self.sender is not None:
            return self.sender.org_codes
        return self.staff.scope if self.staff is not None else frozenset()


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use an operation. `whole_county`: only staff whose scope is the county; the rows have no department.

    `in_every_state`: also while the hub is under maintenance.
    """

    roles: frozenset[str]
    senders: bool = False
    whole_county: bool = False
    in_every_state: bool = False

    def check(self, caller: Caller) -> None:
        """Raises RejectedError HUB-2003 for senders, HUB-2007 for staff."""
        if caller.staff is None:
            if not self.senders:
                raise RejectedError("HUB-2003", "报送方凭据不能使用这个操作")
        elif caller.staff.role not in self.roles or (self.whole_county and caller.staff.scope is not None):
            raise RejectedError("HUB-2007", "当前角色无权进行此操作")


ALL_STAFF = frozenset(ROLES)
CASES = Access(ALL_STAFF, senders=True)
ATTACHMENTS = Access(frozenset({"supervisor", "auditor", "department"}))
CARDS = Access(ALL_STAFF)
FIGURES = Access(ALL_STAFF)
MESSAGES = Access(ALL_STAFF - {"department"}, whole_county=True)
RECEIPTS = Access(ALL_STAFF - {"department"}, senders=True, whole_county=True)
QUARANTINE = Access(frozenset({"it_staff", "system_admin"}), whole_county=True)
REPLAYS = Access(frozenset({"it_staff", "system_admin", "supervisor"}), whole_county=True)
RUN_REPLAYS = Access(frozenset({"it_staff", "system_admin"}), whole_county=True)
ADAPTERS = Access(frozenset({"it_staff", "system_admin", "supervisor", "auditor"}), whole_county=True)
CHANGE_ADAPTERS = Access(frozenset({"it_staff", "system_admin"}), whole_county=True)
SERVICE_STATE_READ = Access(ALL_STAFF, in_every_state=True)
SERVICE_STATE = Access(frozenset({"system_admin"}), in_every_state=True)


@dataclass(frozen=True, slots=True)
class Identity:
    """Reads the Authorization header."""

    senders: KnownSenders
    database: Database
    service: Callable[[], Service]

    def not_a_sender(self, headers: RequestHeaders) -> RejectedError:
        """What a push by a staff token is told. Raises RejectedError HUB-2001 without any valid credential."""
        self.caller(headers, "")
        return RejectedError("HUB-2003", "报送须用报送方的 Basic 凭据")

    def caller(self, headers: RequestHeaders, peer: str) -> Caller:
        """Raises RejectedError HUB-2001, HUB-2002, RetryableError HUB-2009, RepeatedHeaderError."""
        headers.refuse_repeated()
        authorization = headers.get("authorization")
        if not authorization:
            raise RejectedError("HUB-2001", "请求没有带凭据")
        credential = basic_credential(authorization)
        if credential is not None:
            return Caller(sender=credential.sender(self.senders.from_peer(peer)))
        return Caller(staff=self._staff(authorization))

    def _staff(self, authorization: str) -> Staff:
        scheme, _, token = authorization.strip().partition(" ")
        staff = None
        if scheme.lower() == "bearer" and len(token) <= _MAX_TOKEN_CHARACTERS:
            with self.database.read() as unit:
                staff = staff_of_token(unit, token.strip())
        if staff is None:
            raise RejectedError("HUB-2001", "令牌无效或已撤销，或不是 Basic、Bearer 凭据")
        return staff

    def admit(self, access: Access) -> Callable[[Request], None]:
        """A dependency that lets in who has access, and keeps who it is for `caller_of`."""

        def check(request: Request) -> None:
            if not access.in_every_state:
                self.service().require(Activity.QUERY if request.method == "GET" else Activity.CHANGE)
            caller = self.caller(RequestHeaders(request.scope["headers"]), peer_of(request.scope))
            note().sender = caller.sender.code if caller.sender else ""
            access.check(caller)
            request.state.caller = caller

        return check


def caller_of(request: Request) -> Caller:
    """Who was let in by `Identity.admit`."""
    caller = request.state.caller
    assert isinstance(caller, Caller)  # noqa: S101 - an operation without `admit` is a fault of ours
    return caller
