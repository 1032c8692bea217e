"""Every request is noted once, however it ends."""

import asyncio
from typing import Any

import pytest

from hub.domain.errors import RejectedError
from hub.gateway.faults import fault_reply
from hub.gateway.tracing import NO_STATUS, Observed, RequestNote, note

SCOPE = {"type": "http", "method": "POST", "path": "/soap/exchange/v1", "headers": []}


def observed(app: Any, **more: Any) -> tuple[RequestNote, list[Any]]:
    """One request to `app`: what was noted and what was sent."""
    notes: list[RequestNote] = []
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"12345"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Observed(app, notes.append)(SCOPE | more, receive, send))
    (noted,) = notes
    return noted, sent


async def answering(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await asyncio.to_thread(lambda: setattr(note(), "sender", "gs"))
    await send({"type": "http.response.start", "status": 202, "headers": []})


def test_answer_carries_the_id_that_the_door_saw():
    seen: list[Any] = []

    async def looking(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])
        await answering(scope, receive, send)

    noted, sent = observed(looking)
    assert seen == [(b"x-trace-id", noted.trace_id.encode())]
    assert sent[0]["headers"] == [(b"x-request-id", noted.trace_id.encode())]


def test_what_a_thread_finds_out_is_noted():
    noted, _ = observed(answering)
    assert (noted.sender, noted.status, noted.body_bytes, noted.door) == ("gs", 202, 5, "soap")


def test_refusal_notes_its_code():
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        reply = fault_reply(RejectedError("HUB-1002", "x"), None, "t")
        await send({"type": "http.response.start", "status": reply.status, "headers": []})

    assert observed(refusing)[0].code == "HUB-1002"


def test_caller_that_went_away_has_no_status():
    async def leaving(scope: Any, receive: Any, send: Any) -> None:
        """Sends nothing."""

    assert observed(leaving)[0].status == NO_STATUS


def test_failure_of_ours_is_noted_and_goes_on():
    notes: list[RequestNote] = []

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(Observed(failing, notes.append)(dict(SCOPE), answering, answering))
    assert (notes[0].status, notes[0].code) == (500, "HUB-9001")


def test_address_that_nobody_serves_is_no_name_of_its_own():
    noted, _ = observed(answering, path="/whatever/13800000000")
    assert (noted.door, noted.operation) == ("console", "other")
