"""Logs go to stderr, one JSON line each: stdout belongs to results. Nothing that happens to a log stops the hub.

Personal data is kept out in three ways: our own lines name numbers and codes only; of other programs' lines only the
fixed part is written, of foreign errors only their kind and place, never their text; and what still looks like a
resident ID or a mobile number is masked.
"""

import logging
import os
import queue
import re
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

import structlog

_OURS = ("hub", "ingest", "supervision", "adapters")
_MOST_WAITING_LINES = 10_000
_LONGEST_FOREIGN_CHARACTERS = 200
_FLUSH_SECONDS = 2.0
_PERSONAL = re.compile(r"(?<![0-9A-Za-z])(?:[0-9]{17}[0-9Xx]|[0-9]{15}|1[3-9][0-9]{9})(?![0-9A-Za-z])")

log = structlog.get_logger()


class Sink:
    """Takes lines and never raises. Once started a thread of its own writes them, so that nobody waits for stderr;
    when stderr takes nothing any more, lines are dropped and counted.
    """

    def __init__(self, most_waiting: int = _MOST_WAITING_LINES) -> None:
        self._waiting: queue.Queue[str | None] = queue.Queue(most_waiting)
        self._thread: threading.Thread | None = None
        self._dropped = 0

    @property
    def is_started(self) -> bool:
        return self._thread is not None

    @property
    def dropped(self) -> int:
        return self._dropped

    def msg(self, line: str) -> None:
        """Named as structlog wants it."""
        if self._thread is None:
            self._write(line)
            return
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    debug = info = warning = error = critical = exception = msg

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Writes what waits, for a moment; from now on lines are written at once again."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            self._waiting.put(None, timeout=_FLUSH_SECONDS)
        except queue.Full:
            return  # nobody reads: the thread ends with the process
        thread.join(_FLUSH_SECONDS)

    def _run(self) -> None:
        """Past Python's own buffer: its lock, held by a write that never ends, would not let the process end."""
        descriptor = _descriptor()
        while (line := self._waiting.get()) is not None:
            try:
                _write_all(descriptor, f"{line}\n".encode(errors="backslashreplace"))
            except OSError:  # disk full, pipe closed, no stderr at all
                self._dropped += 1

    def _write(self, line: str) -> None:
        try:
            sys.stderr.write(line + "\n")  # asked at each line: stderr may be replaced
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # as above; or the file is closed, or there is none
            self._dropped += 1


def _descriptor() -> int:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return -1


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


SINK = Sink()


def configure_logs(level: str) -> None:
    """JSON lines for programs, plain lines on a terminal. An unknown level counts as INFO."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[*_COMMON, _shown(), _masked],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: SINK,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Foreign) for handler in root.handlers):
        root.addHandler(_Foreign(logging.WARNING))
    for name in _OURS:
        logging.getLogger(name).setLevel(threshold)


def log_as_service() -> None:
    """For commands that run until told to end: lines no longer wait for stderr, and what nobody foresaw is logged."""
    SINK.start()
    sys.excepthook = _died
    threading.excepthook = lambda failed: _died(failed.exc_type, failed.exc_value, failed.exc_traceback)


_COMMON: list[Callable[..., Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _shown() -> Callable[..., Any]:
    if is_terminal():
        return structlog.dev.ConsoleRenderer(colors=False)
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=_kind_of)


def _kind_of(value: object) -> str:
    """What is no number, text or list may hold anything: only its kind is told."""
    return type(value).__name__


def is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def _masked(_: Any, __: str, line: Any) -> str:
    return _PERSONAL.sub("***", line)


class _Foreign(logging.Handler):
    """Hands lines of the standard library's logging over to ours.

    Our own packages' lines come whole. Of others only the first line of the fixed part is kept: arguments, further
    lines and errors' texts may quote what was sent.
    """

    def emit(self, record: logging.LogRecord) -> None:
        ours = record.name.partition(".")[0] in _OURS
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            fields |= _place_of(record.exc_info[0], record.exc_info[2])
        said = record.getMessage() if ours else _fixed_part(record.msg)
        say = {"ERROR": log.error, "CRITICAL": log.critical, "INFO": log.info, "DEBUG": log.debug}
        say.get(record.levelname, log.warning)(said, **fields)


def _fixed_part(template: object) -> str:
    lines = str(template).splitlines() if isinstance(template, str) else []
    return lines[0][:_LONGEST_FOREIGN_CHARACTERS] if lines else "log line without text"


def _died(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt | SystemExit):
        log.critical("nobody foresaw this", thread=threading.current_thread().name, **_place_of(kind, where))


def _place_of(kind: type[BaseException], where: TracebackType | None) -> dict[str, Any]:
    """Kind and frames of an error. Its text is left out: it may quote a value."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(where)]
    return {"error": kind.__name__, "frames": frames}
