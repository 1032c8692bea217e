"""The SOAP door that the tests of one module share."""

from collections.abc import Iterator

import pytest

from tests.soap_door import Door, open_door


@pytest.fixture(scope="module")
def shared_door() -> Iterator[Door]:
    with open_door() as door:
        yield door


@pytest.fixture
def door(shared_door: Door) -> Door:
    shared_door.exchange.envelopes.clear()
    shared_door.exchange.nonces.clear()
    shared_door.exchange.files.clear()
    return shared_door
