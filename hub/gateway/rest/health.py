"""The probes as addresses of the REST door."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.gateway.probes import METRICS_MEDIA_TYPE, Probes


@dataclass(frozen=True, slots=True)
class Health:
    """Answers as `Probes` says; its errors become problems like all others."""

    probes: Probes

    def live(self, request: Request) -> Response:
        return JSONResponse(self.probes.live())

    def ready(self, request: Request) -> Response:
        return JSONResponse(self.probes.ready())

    def metrics(self, request: Request) -> Response:
        return Response(self.probes.exposition(), headers={"Content-Type": METRICS_MEDIA_TYPE})
