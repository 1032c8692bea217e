"""Who may come in: buckets, quotas, shares of places and memory, states, and senders known from a moment ago."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from hub.domain.envelopes import Quota, Sender
from hub.domain.errors import HubError, RejectedError, RetryableError
from hub.domain.service_states import SERVICE_STATES, Activity, Service, ServiceState
from hub.gateway.admission import Admission, AdmissionLimits, Visit, refuse_more_records
from hub.gateway.known_senders import FRESH_SECONDS, KnownSenders
from hub.gateway.token_buckets import TokenBuckets
from tests.fakes import SECRET, SENDER, FakeExchange

OTHER = replace(SENDER, sender_id=2, code="HJ-01")


@dataclass
class Seconds:
    """A monotonic clock that stands until it is moved."""

    at: float = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def an_admission(seconds: Seconds | None = None, service: Service | None = None, **limits: float) -> Admission:
    in_force = service or Service()
    return Admission(AdmissionLimits(**limits), lambda: in_force, monotonic=seconds or Seconds())  # type: ignore[arg-type]


def refused(code: str, *, retry_after: int | None = None) -> "pytest.RaisesExc[HubError]":
    def matches(error: HubError) -> bool:
        wait = getattr(error, "retry_after_seconds", None)
        return error.code == code and retry_after in (None, wait)

    return pytest.RaisesExc(HubError, check=matches)


def visit_of(admission: Admission, sender: Sender) -> Iterator[Visit]:
    with admission.visit(None) as visit:
        visit.identify(sender)
        yield visit


# --- buckets ----------------------------------------------------------------------------------------------------


def test_bucket_gives_a_burst_and_then_the_rate(seconds: Seconds) -> None:
    buckets = TokenBuckets(seconds)
    assert [buckets.take("a", 2, 3) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", 2, 3) == pytest.approx(0.5)
    seconds.at += 0.5
    assert buckets.take("a", 2, 3) == 0
    assert buckets.take("a", 2, 3) > 0


def test_bucket_holds_no_more_than_the_burst(seconds: Seconds) -> None:
    buckets = TokenBuckets(seconds)
    buckets.take("a", 10, 2)
    seconds.at += 3600
    assert [buckets.take("a", 10, 2) for _ in range(3)][:2] == [0, 0]
    assert buckets.take("a", 10, 2) > 0


def test_looking_takes_no_token(seconds: Seconds) -> None:
    buckets = TokenBuckets(seconds)
    assert [buckets.wait_seconds("a", 1, 1) for _ in range(3)] == [0, 0, 0]
    buckets.take("a", 1, 1)
    assert buckets.wait_seconds("a", 1, 1) == pytest.approx(1)


def test_keys_used_longest_ago_are_forgotten(seconds: Seconds) -> None:
    buckets = TokenBuckets(seconds, most=2)
    for key in ("a", "b", "a", "c"):
        buckets.take(key, 1, 1)
    assert buckets.take("a", 1, 1) > 0
    assert buckets.take("b", 1, 1) == 0


# --- quotas -----------------------------------------------------------------------------------------------------


def test_sender_that_is_too_fast_is_told_how_long_to_wait(seconds: Seconds) -> None:
    admission = an_admission(seconds, messages_per_second=0.1, burst_messages=1)
    admission.count(SENDER)
    with refused("HUB-9022", retry_after=10):
        admission.count(SENDER)
    admission.count(OTHER)
    seconds.at += 10
    admission.count(SENDER)


def test_quota_of_a_sender_counts_before_the_settings(seconds: Seconds) -> None:
    admission = an_admission(seconds)
    slow = replace(SENDER, quota=Quota(messages_per_second=0.5, burst_messages=2))
    admission.count(slow)
    admission.count(slow)
    with refused("HUB-9022", retry_after=2):
        admission.count(slow)


def test_announced_body_above_the_quota_is_refused_unread() -> None:
    small = replace(SENDER, quota=Quota(message_bytes=100))
    with an_admission().visit(101) as visit, refused("HUB-1023"):
        visit.identify(small)


def test_unannounced_body_above_the_quota_is_refused_where_it_passes_it() -> None:
    with an_admission().visit(None) as visit:
        visit.identify(replace(SENDER, quota=Quota(message_bytes=100)))
        visit.charge(100)
        with refused("HUB-1023"):
            visit.charge(1)


def test_body_read_before_its_sender_is_known_is_held_against_the_quota() -> None:
    with an_admission().visit(None) as visit:
        visit.charge(101)
        with refused("HUB-1023"):
            visit.identify(replace(SENDER, quota=Quota(message_bytes=100)))


def test_records_above_the_quota_are_refused() -> None:
    few = replace(SENDER, quota=Quota(message_records=3))
    refuse_more_records(few, 3)
    refuse_more_records(SENDER, 1000)
    with refused("HUB-1023"):
        refuse_more_records(few, 4)


# --- places and memory ------------------------------------------------------------------------------------------


def test_one_sender_gets_half_of_the_places_and_leaves_the_rest_to_others() -> None:
    admission = an_admission(places=4)
    with admission.place(1), admission.place(1):
        with refused("HUB-9022"), admission.place(1):
            pass
        with admission.place(2), admission.place(3):
            with refused("HUB-9003"), admission.place(4):
                pass
            with refused("HUB-9003"), admission.visit(None):
                pass
    with admission.place(1):
        pass


def test_bodies_in_memory_are_bounded_together_and_by_sender() -> None:
    admission = an_admission(held_bytes=100, message_bytes=50)
    for first in visit_of(admission, SENDER):
        first.charge(50)
        with refused("HUB-9022"):
            first.charge(1)
        for second in visit_of(admission, OTHER):
            second.charge(50)
            with refused("HUB-9003"), admission.visit(1):
                pass
            with admission.visit(None) as third, refused("HUB-9003"):
                third.charge(1)
    with admission.visit(50) as again:
        again.charge(50)


def test_largest_message_passes_alone_however_small_the_memory() -> None:
    with an_admission(held_bytes=10, message_bytes=1000).visit(1000) as visit:
        visit.identify(SENDER)
        visit.charge(1000)


def test_pressure_is_passed_on_to_whoever_comes() -> None:
    full = RetryableError("HUB-9024", "磁盘空间不足", retry_after_seconds=60)
    admission = Admission(AdmissionLimits(), pressure=lambda: full)
    with refused("HUB-9024", retry_after=60), admission.visit(None):
        pass


# --- states -----------------------------------------------------------------------------------------------------

ALLOWED = {
    "NORMAL": set(Activity), "INTAKE_ONLY": {Activity.INTAKE, Activity.QUERY}, "READ_ONLY": {Activity.QUERY},
    "MAINTENANCE": set(),
}  # fmt: skip


@pytest.mark.parametrize("state", SERVICE_STATES)
def test_each_state_lets_happen_what_it_says(state: str) -> None:
    service = Service(ServiceState(state), reason="演练")
    assert {activity for activity in Activity if service.allows(activity)} == ALLOWED[state]


@pytest.mark.parametrize("state", ["READ_ONLY", "MAINTENANCE"])
def test_closed_door_gives_the_reason(state: str) -> None:
    admission = an_admission(service=Service(ServiceState(state), reason="数据库切换演练"))
    with pytest.raises(RetryableError, match="数据库切换演练") as caught:
        admission.require_intake()
    assert caught.value.code == "HUB-9021"
    assert (caught.value.retry_after_seconds or 0) > 0


# --- known senders ----------------------------------------------------------------------------------------------


@dataclass
class CountingExchange(FakeExchange):
    """Counts how often it is asked; `refusal` is what a right secret is answered with."""

    asked: int = 0
    refusal: RejectedError | None = None

    def sender_by_password(self, code: str, secret: str) -> Sender:
        self.asked += 1
        sender = super().sender_by_password(code, secret)
        if self.refusal is not None:
            raise self.refusal
        return sender


@dataclass
class Callers:
    exchange: CountingExchange
    known: KnownSenders

    def call(self, secret: str = SECRET, peer: str = "10.0.0.1", code: str = SENDER.code) -> Sender:
        return self.known.from_peer(peer).sender_by_password(code, secret)


@pytest.fixture
def callers(seconds: Seconds) -> Callers:
    exchange = CountingExchange()
    return Callers(exchange, KnownSenders(exchange, seconds))


def test_burst_of_one_sender_asks_the_database_once(callers: Callers) -> None:
    assert {callers.call() for _ in range(50)} == {SENDER}
    assert callers.exchange.asked == 1


def test_disabling_a_sender_takes_effect_within_five_seconds(callers: Callers, seconds: Seconds) -> None:
    callers.call()
    callers.exchange.refusal = RejectedError("HUB-2002", "报送方已停用")
    assert FRESH_SECONDS < 5
    seconds.at += FRESH_SECONDS + 0.1
    for _ in range(20):
        with refused("HUB-2002"):
            callers.call()
    assert callers.exchange.asked == 2


def test_wrong_secret_is_never_taken_for_the_right_one(callers: Callers) -> None:
    callers.call()
    for secret in ("", SECRET + "x", SECRET[:-1]):
        with refused("HUB-2001"):
            callers.call(secret)


def test_guesser_is_slowed_down_and_others_are_not(callers: Callers, seconds: Seconds) -> None:
    for _ in range(10):
        with refused("HUB-2001"):
            callers.call("wrong")
    asked = callers.exchange.asked
    with refused("HUB-2009"):
        callers.call("wrong")
    with refused("HUB-2009"):
        callers.call()
    assert callers.exchange.asked == asked
    assert callers.call(peer="10.0.0.2") == SENDER
    seconds.at += 6
    assert callers.call() == SENDER


def test_guesser_next_door_does_not_keep_out_whose_secret_was_right(callers: Callers, seconds: Seconds) -> None:
    callers.call()
    for _ in range(10):
        with refused("HUB-2001"):
            callers.call("wrong")
    seconds.at += FRESH_SECONDS + 0.1
    assert callers.call() == SENDER


def test_no_secret_is_kept(callers: Callers) -> None:
    callers.call()
    kept = {name: value for name, value in vars(callers.known).items() if name != "_directory"}
    assert SECRET not in repr(kept)
