"""Doors for adapters on a loopback port, with documents for small senders of our own invention."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from adapters.engine import compile_adapter
from hub.adapting.keeper import InForce
from hub.gateway.adapted import AdaptedIntake
from hub.gateway.admission import Admission, AdmissionLimits
from hub.gateway.door_threads import DoorThreads
from hub.gateway.known_senders import KnownSenders
from hub.gateway.reception import Reception
from hub.gateway.soap_gate import GateLimits, SoapGate
from hub.gateway.string_soap import STRING_PATH, StringDesk
from tests.fakes import SENDER, FakeExchange, FakeKeeper, FakeTrials
from tests.soap_door import Door, on_a_port

MESSAGE = {"name": "ParasXml", "role": "message"}
SECRET_TEXT = {"name": "ValidateData", "role": "secret"}
SENDER_TEXT = {"name": "UserCode", "role": "sender"}
STRING_TRANSPORT: Mapping[str, Any] = {
    "kind": "soap_string",
    "namespace": "http://tempuri.org/",
    "operation": "PushProcess",
    "parameters": [SECRET_TEXT, MESSAGE],
}
_STEP_FIELDS = {
    "recordId": "XH", "caseNo": "BJBH", "itemCode": "SXBM", "stepSeq": "HJXH", "stepName": "HJMC", "officerName": "BLR",
    "handledAt": "BLSJ",
}  # fmt: skip


def a_document(**overrides: Any) -> dict[str, Any]:
    """An adapter of steps: `<paras><step><XH>…`, any number of them."""
    fields = {name: {"from": source} for name, source in _STEP_FIELDS.items()}
    fields |= {"orgCode": {"constant": "33032400GS"}, "stepStatus": {"constant": "ACCEPTED"}}
    values: dict[str, Any] = {
        "specVersion": 1,
        "adapter": "paras",
        "title": "旧审批系统",
        "transport": dict(STRING_TRANSPORT),
        "intake": {"format": "xml", "messageId": "//BWBH", "units": [{"name": "step", "select": "//step"}]},
        "routes": [{"name": "step", "store": "PROCESS", "fields": fields}],
        "contract": {"missingRequired": "reject", "badValue": "reject"},
    }
    return values | overrides


def a_step_xml(**overrides: str) -> str:
    values = {
        "XH": "r-1", "BJBH": "GS20260302-0007", "SXBM": "33032400GS-XK-0012", "HJXH": "1", "HJMC": "受理",
        "BLR": "经办人丙", "BLSJ": "2026-03-02T09:30:00",
    }  # fmt: skip
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in (values | overrides).items())
    return f"<step>{inner}</step>"


def a_message(*steps: str, message_id: str = "p-1") -> str:
    return f"<paras><BWBH>{message_id}</BWBH>{''.join(steps) or a_step_xml()}</paras>"


def in_force(document: Mapping[str, Any], **more: Any) -> InForce:
    """A document as it works at a door, for any sender."""
    return replace(InForce(version_id=1, compiled=compile_adapter(document), sender_code=None), **more)


@dataclass
class StringDoor:
    """A running door; `door` sends, `keeper` says which adapters there are."""

    door: Door
    keeper: FakeKeeper
    exchange: FakeExchange

    def put(self, document: Mapping[str, Any], **more: Any) -> None:
        """Brings an adapter of the tests' sender into force."""
        self.keeper.held[document["adapter"]] = in_force(document, **{"sender_code": SENDER.code} | more)

    def address(self, adapter: str = "paras") -> str:
        return f"http://127.0.0.1:{self.door.port}" + STRING_PATH.format(adapter=adapter)


@contextmanager
def open_string_door() -> Iterator[StringDoor]:
    exchange, keeper = FakeExchange(), FakeKeeper()
    reception = Reception(Admission(AdmissionLimits()), DoorThreads(2), KnownSenders(exchange))
    desk = StringDesk(AdaptedIntake(keeper, exchange, FakeTrials()), "", reception)
    app = Starlette(routes=[Route(STRING_PATH, SoapGate(desk, GateLimits(), reception))])
    try:
        with on_a_port(app) as port:
            served = StringDesk(AdaptedIntake(keeper, exchange, FakeTrials()), f"http://127.0.0.1:{port}", reception)
            app.router.routes[:] = [Route(STRING_PATH, SoapGate(served, GateLimits(), reception))]
            yield StringDoor(Door(port, exchange, reception), keeper, exchange)
    finally:
        reception.threads.close()
