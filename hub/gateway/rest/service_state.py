"""The state of the service over REST: read by any staff program, set by one of the system administration."""

from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.domain.errors import RejectedError
from hub.gateway.http_bodies import DisconnectedError, RequestBody, RequestHeaders
from hub.gateway.reception import peer_of
from hub.gateway.rest.context import RestContext
from hub.gateway.rest.identity import caller_of
from hub.gateway.rest.models import ServiceChange
from hub.stores.service_state import Change, as_row

_LARGEST_BYTES = 16 * 1024
_DEADLINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ServiceOperations:
    """Who may use which is said where they are registered."""

    context: RestContext

    def show(self, request: Request) -> Response:
        return JSONResponse(as_row(self.context.service()))

    async def change(self, request: Request) -> Response:
        """Raises RejectedError HUB-4006, and as any body does."""
        body = RequestBody(request.receive, RequestHeaders(request.scope["headers"]))
        try:
            content = await body.read(_LARGEST_BYTES, _DEADLINE_SECONDS)
        except DisconnectedError as exc:
            raise RejectedError("HUB-1013", "正文没有收完") from exc
        return await run_in_threadpool(self._change, request, content)

    def _change(self, request: Request, content: bytes) -> Response:
        try:
            wanted = ServiceChange.model_validate_json(content)
        except ValidationError as exc:
            raise RequestValidationError(exc.errors(include_input=False)) from exc
        staff = caller_of(request).staff
        by = staff.name if staff is not None else ""
        change = Change(wanted.state, wanted.reason, by, peer_of(request.scope))
        return JSONResponse(as_row(self.context.service.change(change, self.context.now())))
