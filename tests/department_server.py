"""A department's HTTP system on a loopback port, which answers as a test tells it to; also badly."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DRIP_SECONDS = 0.05


@dataclass
class Answer:
    """One answer. `announced`: the length that is told; more than the body: cut off. `drips`: byte by byte."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None
    drips: bool = False


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class DepartmentServer:
    """`answer` is asked for every request."""

    answer: Callable[[Asked], Answer] = lambda _: Answer()
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def allow(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def department_server() -> Iterator[DepartmentServer]:
    department = DepartmentServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(department))
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a caller that hung up
    department.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield department
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(department: DepartmentServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, dict(self.headers), body)
            department.asked.append(asked)
            answer = department.answer(asked)
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = len(answer.body) if answer.announced is None else answer.announced
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self._write(answer)

        def _write(self, answer: Answer) -> None:
            for part in [bytes([byte]) for byte in answer.body] if answer.drips else [answer.body]:
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(DRIP_SECONDS if answer.drips else 0)

        do_GET = do_POST = _answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    return Handler
