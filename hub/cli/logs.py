"""Logs go to stderr: stdout belongs to results."""

import logging
import sys

import structlog


def configure_logs(level: str) -> None:
    """JSON lines for programs, plain lines on a terminal. An unknown level counts as INFO."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shown = (
        structlog.dev.ConsoleRenderer(colors=False)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), shown],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),  # asked at each line: stderr may be replaced
        cache_logger_on_first_use=False,
    )
