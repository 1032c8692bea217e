"""The SOAP door's dispatch and answers, the only module that knows spyne.

spyne finds the operation by the body element and writes the answer. It parses nothing, validates nothing and catches
nothing: the tree comes in parsed, every operation takes its element as it is, and failures leave as our errors.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from lxml import etree
from spyne import (
    Application,
    ComplexModel,
    Date,
    DateTime,
    Integer32,
    MethodContext,
    ServiceBase,
    Unicode,
    rpc,
)
from spyne.protocol.soap import Soap11, Soap12
from spyne.server import ServerBase

from adapters.contract import CONTRACT_NS
from hub.domain.receipts import Receipt
from hub.domain.times import CHINA_TIME
from hub.gateway.soap_envelope import OpenEnvelope, SoapVersion
from hub.gateway.soap_operations import OPERATIONS, Call

SERVICE = "CountyExchange"


def silence_spyne() -> None:
    """spyne writes whole messages to its loggers; what we want to know of a call we log ourselves."""
    spyne = logging.getLogger("spyne")
    spyne.setLevel(logging.CRITICAL + 1)
    spyne.propagate = False


# --- answers: names and order as in the contract ----------------------------------------------------------------


def _model(name: str, **fields: Any) -> Any:
    return type(
        name, (ComplexModel,), {"__namespace__": CONTRACT_NS, "__type_name__": name, "_type_info": list(fields.items())}
    )


_Text = Unicode(min_occurs=1)
_Count = Integer32(min_occurs=1)
_Moment = DateTime(min_occurs=1)

_RecordError = _model("RecordError", seq=_Count, recordId=Unicode, code=_Text, path=_Text, message=_Text)
_RecordState = _model("RecordState", seq=_Count, recordId=Unicode, state=_Text, code=Unicode, message=Unicode)
_Receipt = _model(
    "Receipt",
    receiptNo=_Text,
    messageId=_Text,
    status=_Text,
    receivedAt=_Moment,
    digest=_Text,
    acceptedCount=_Count,
    rejectedCount=_Count,
    error=_RecordError.customize(max_occurs="unbounded"),
    recordState=_RecordState.customize(max_occurs="unbounded"),
)
_DayCount = _model("DayCount", recordKind=_Text, state=_Text, count=_Count)


def _receipt_answer(receipt: Receipt) -> Any:
    return _Receipt(
        receiptNo=receipt.receipt_no,
        messageId=receipt.message_id,
        status=receipt.status.value,
        receivedAt=receipt.received_at.astimezone(CHINA_TIME),
        digest=receipt.digest,
        acceptedCount=receipt.accepted_count,
        rejectedCount=receipt.rejected_count,
        error=[
            _RecordError(
                seq=error.seq, recordId=error.record_id, code=error.code, path=error.path, message=error.message
            )
            for error in receipt.errors
        ],
        recordState=[
            _RecordState(
                seq=line.seq, recordId=line.record_id, state=line.state.value, code=line.code, message=line.message
            )
            for line in receipt.record_states
        ],
    )


def _numbers_answer(numbers: list[str]) -> list[str]:
    return numbers


def _reconcile_answer(reconciliation: Any) -> tuple[Any, str, list[Any]]:
    counts = [_DayCount(recordKind=line.kind, state=line.state, count=line.count) for line in reconciliation.counts]
    return reconciliation.day, reconciliation.digest, counts


def _text_answer(text: str) -> str:
    return text


def _ping_answer(answer: tuple[datetime, str]) -> tuple[datetime, str]:
    return answer


_RECEIPT_ANSWER = (_receipt_answer, {"receipt": _Receipt.customize(min_occurs=1)})
_ANSWERS: Mapping[str, tuple[Callable[[Any], Any], Mapping[str, Any]]] = MappingProxyType({
    "pushItems": _RECEIPT_ANSWER,
    "pushProcess": _RECEIPT_ANSWER,
    "pushResults": _RECEIPT_ANSWER,
    "pushAttachment": _RECEIPT_ANSWER,
    "queryReceipt": _RECEIPT_ANSWER,
    "allocateCaseNos": (_numbers_answer, {"unifiedNo": Unicode(max_occurs="unbounded")}),
    "reconcile": (
        _reconcile_answer,
        {"date": Date(min_occurs=1), "digest": _Text, "count": _DayCount.customize(max_occurs="unbounded")},
    ),
    "submitXml": (_text_answer, {"receiptXml": _Text}),
    "ping": (_ping_answer, {"serverTime": _Moment, "contract": _Text}),
})  # fmt: skip


# --- dispatch ---------------------------------------------------------------------------------------------------


def _service_method(name: str) -> Any:
    perform = OPERATIONS[name]
    shape, answer = _ANSWERS[name]

    def method(ctx: Any, operation: etree._Element) -> Any:
        return shape(perform(ctx.udc, operation))

    method.__name__ = name
    returns, names = list(answer.values()), list(answer)
    if len(returns) == 1:
        return rpc(Unicode, _returns=returns[0], _out_variable_name=names[0])(method)
    return rpc(Unicode, _returns=returns, _out_variable_names=names)(method)


class _TreeIn:
    """Protocol part shared by both versions: takes the parsed tree, hands the operation element through."""

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """The gate has parsed the message; `ctx.in_document` is set."""

    def decompose_incoming_envelope(self, ctx: Any, message: Any = None) -> None:
        ctx.in_body_doc = ctx.in_document
        ctx.method_request_string = ctx.in_body_doc.tag

    def deserialize(self, ctx: Any, message: Any) -> None:
        ctx.in_object = [ctx.in_body_doc]


class _Soap11(_TreeIn, Soap11):  # type: ignore[misc]
    """SOAP 1.1 over a parsed tree."""


class _Soap12(_TreeIn, Soap12):  # type: ignore[misc]
    """SOAP 1.2 over a parsed tree."""


class _Application(Application):  # type: ignore[misc]
    """spyne turns every exception into a fault with its text inside; here they pass."""

    def process_request(self, ctx: Any) -> None:
        ctx.out_object = self.call_wrapper(ctx)
        if len(ctx.descriptor.out_message._type_info) <= 1:
            ctx.out_object = [ctx.out_object]


class _Server(ServerBase):  # type: ignore[misc]
    """Runs one call in the calling thread."""

    transport = CONTRACT_NS

    def answer(self, operation: etree._Element, call: Call) -> bytes:
        initial = MethodContext(self, MethodContext.SERVER)
        initial.in_document = operation
        initial.udc = call
        (ctx,) = self.generate_contexts(initial)
        try:
            self.get_in_object(ctx)
            self.get_out_object(ctx)
            self.get_out_string(ctx)
            return b"".join(ctx.out_string)
        finally:
            _let_go(initial)
            _let_go(ctx)


def _let_go(ctx: Any) -> None:
    """A spyne context is part of a cycle; the message in it must not wait for the garbage to be collected."""
    ctx.udc = ctx.in_document = ctx.in_body_doc = ctx.in_object = ctx.out_object = ctx.out_document = None


class SoapService:
    """Answers calls of both SOAP versions. Thread-safe."""

    def __init__(self) -> None:
        silence_spyne()
        methods = {name: _service_method(name) for name in OPERATIONS}
        service = type(SERVICE, (ServiceBase,), methods)
        self._servers = {
            version: _Server(_Application([service], CONTRACT_NS, SERVICE, protocol(), protocol()))
            for version, protocol in ((SoapVersion.SOAP_11, _Soap11), (SoapVersion.SOAP_12, _Soap12))
        }

    def answer(self, envelope: OpenEnvelope, call: Call) -> bytes:
        """The whole answer envelope in UTF-8. Errors of the operation pass through."""
        return self._servers[envelope.version].answer(envelope.operation, call)
