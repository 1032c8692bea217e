"""Secrets of a sender: rotated with overlap, their use noted, never left without one; and its registration form."""

from datetime import timedelta

import pytest

from hub.domain.errors import NotFoundError, RejectedError
from hub.domain.records import PROCESS
from hub.stores import registry
from hub.stores.sender_views import list_senders, sender_detail
from tests.builders import SmallHub, a_step


def rotated(hub: SmallHub, *, revoke_old: bool = False) -> str:
    with hub.database.unit() as unit:
        return registry.rotate_secret(unit, hub.sealer, hub.sender.code, hub.clock(), revoke_old=revoke_old)


def detail(hub: SmallHub) -> dict:
    with hub.database.read() as unit:
        return sender_detail(unit, hub.sealer, hub.sender.code, hub.clock())


def revoke(hub: SmallHub, credential_id: int) -> None:
    with hub.database.unit() as unit:
        registry.revoke_secret(unit, hub.sender.code, credential_id, hub.clock())


def test_old_and_new_secret_both_hold_until_the_old_one_is_revoked(hub: SmallHub) -> None:
    new = rotated(hub)
    for secret in (hub.secret, new):
        assert hub.exchange.sender_by_password(hub.sender.code, secret).code == hub.sender.code
    revoke(hub, detail(hub)["credentials"][1]["id"])
    assert hub.exchange.sender_by_password(hub.sender.code, new)
    with pytest.raises(RejectedError) as refusal:
        hub.exchange.sender_by_password(hub.sender.code, hub.secret)
    assert refusal.value.code == "HUB-2001"


def test_one_sees_which_secret_is_used(hub: SmallHub) -> None:
    new = rotated(hub)
    assert [row["lastUsedAt"] for row in detail(hub)["credentials"]] == [None, None]
    hub.exchange.sender_by_password(hub.sender.code, new)
    used, unused = (row["lastUsedAt"] for row in detail(hub)["credentials"])
    assert used is not None
    assert unused is None


def test_use_is_noted_every_ten_minutes_at_most(hub: SmallHub) -> None:
    def use() -> str:
        hub.exchange.sender_by_password(hub.sender.code, hub.secret)
        return str(detail(hub)["credentials"][0]["lastUsedAt"])

    first = use()
    hub.clock.at += timedelta(minutes=9)
    assert use() == first
    hub.clock.at += timedelta(minutes=2)
    assert use() != first


def test_a_third_secret_is_refused_while_two_hold(hub: SmallHub) -> None:
    rotated(hub)
    with pytest.raises(RejectedError) as refusal:
        rotated(hub)
    assert refusal.value.code == "HUB-5022"
    assert rotated(hub, revoke_old=True)


def test_the_only_secret_is_never_revoked(hub: SmallHub) -> None:
    with pytest.raises(RejectedError) as refusal:
        revoke(hub, detail(hub)["credentials"][0]["id"])
    assert refusal.value.code == "HUB-5023"
    with pytest.raises(NotFoundError):
        revoke(hub, 987_654)


def test_the_registration_form_is_kept_sealed(hub: SmallHub) -> None:
    form = {"contact": "联系人丁", "phone": "0577-00000000"}
    for kept in ({"contact": "别人"}, form):
        with hub.database.unit() as unit:
            registry.keep_registration(unit, hub.sealer, hub.sender.code, kept, hub.clock())
    assert detail(hub)["registration"] == form
    sealed = hub.rows("SELECT form_sealed FROM sender_registration")
    assert len(sealed) == 1
    assert "联系人丁".encode() not in bytes(sealed[0][0])


def test_a_sender_shows_its_day_and_its_problems(hub: SmallHub) -> None:
    hub.push(PROCESS, [a_step(record_id="s-1")])
    with hub.database.read() as unit:
        row = next(row for row in list_senders(unit, hub.clock()) if row["code"] == hub.sender.code)
    assert row["today"] == {"received": 1, "accepted": 1, "rejected": 0}
    assert row["silentSeconds"] == 0
    assert detail(hub)["problems"] == []
