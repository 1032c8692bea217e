"""Secrets towards departments' systems: kept sealed, opened by name, never shown."""

import pytest

from hub.domain.errors import NotFoundError, RejectedError
from hub.stores.secrets import keep_secret, list_secrets, open_secret, remove_secret
from tests.builders import DAY, MONDAY_MORNING, SmallHub


def test_a_secret_is_kept_replaced_and_removed(hub: SmallHub) -> None:
    with hub.database.unit() as unit:
        keep_secret(unit, hub.sealer, "gs-db", "第一个", "cli:a", MONDAY_MORNING)
        keep_secret(unit, hub.sealer, "gs-db", "second", "cli:b", MONDAY_MORNING + DAY)
        assert open_secret(unit, hub.sealer, "gs-db") == "second"
        listed = list_secrets(unit)
        assert [(row["name"], row["changedBy"]) for row in listed] == [("gs-db", "cli:b")]
        assert "second" not in str(listed)
        remove_secret(unit, "gs-db")
        with pytest.raises(NotFoundError):
            open_secret(unit, hub.sealer, "gs-db")
        with pytest.raises(NotFoundError):
            remove_secret(unit, "gs-db")


def test_a_secret_stands_sealed_in_the_database(hub: SmallHub) -> None:
    with hub.database.unit() as unit:
        keep_secret(unit, hub.sealer, "gs-db", "recognisable", "cli:a", MONDAY_MORNING)
    ((sealed,),) = hub.rows("SELECT value_sealed FROM kept_secret")
    assert b"recognisable" not in bytes(sealed)


@pytest.mark.parametrize(
    ("name", "value"), [("", "x"), ("1a", "x"), ("a b", "x"), ("a" * 61, "x"), ("a", ""), ("a", "x" * 4001)]
)
def test_a_name_or_value_that_cannot_be_is_refused(hub: SmallHub, name: str, value: str) -> None:
    with hub.database.unit() as unit, pytest.raises(RejectedError) as caught:
        keep_secret(unit, hub.sealer, name, value, "cli:a", MONDAY_MORNING)
    assert caught.value.code == "HUB-4023"
