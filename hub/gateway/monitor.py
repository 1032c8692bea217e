"""The probes on an address of their own, for processes that have no door: `hub work`, `hub relay`, `hub watch`."""

import json
import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hub.domain.errors import HubError, RejectedError
from hub.gateway.catalogue import catalogue
from hub.gateway.probes import METRICS_MEDIA_TYPE, Probes

_JSON = "application/json; charset=utf-8"
_CALLER_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Monitor:
    """Serves from a thread of its own until closed."""

    def __init__(self, probes: Probes, host: str, port: int) -> None:
        """Raises RejectedError HUB-4006 when the address cannot be listened on."""
        try:
            self._server = _Server((host, port), _Handler)
        except OSError as exc:
            text = f"不能监听 {host}:{port}：端口已被占用，或地址不属于本机；请换 HUB_METRICS_PORT"
            raise RejectedError("HUB-4006", text) from exc
        self._server.probes = probes
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    probes: Probes

    def handle_error(self, request: Any, client_address: Any) -> None:
        # the library would print the whole error; its text may hold anything
        _log.warning("monitor call failed: %s", getattr(sys.exc_info()[0], "__name__", "?"))


class _Handler(BaseHTTPRequestHandler):
    timeout = _CALLER_SECONDS
    server_version, sys_version = "county-hub", ""
    server: _Server

    def do_GET(self) -> None:
        probes = self.server.probes
        answers: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/healthz": lambda: _fitness(probes.live),
            "/readyz": lambda: _fitness(probes.ready),
            "/metrics": lambda: (200, METRICS_MEDIA_TYPE, probes.exposition()),
        }
        answer = answers.get(self.path.partition("?")[0], _not_there)
        self._send(*answer())

    def _send(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: monitors call every few seconds."""


def _fitness(probe: Callable[[], dict[str, Any]]) -> tuple[int, str, bytes]:
    try:
        status, content = 200, probe()
    except HubError as error:
        status = catalogue()[error.code].http_status
        content = {"status": "unfit", "code": error.code, "detail": error.message}
    return status, _JSON, json.dumps(content, ensure_ascii=False).encode()


def _not_there() -> tuple[int, str, bytes]:
    return 404, _JSON, b"{}"
