"""Structured logs on standard error: one line a message, as text or JSON."""

import logging
import sys
from datetime import UTC, datetime

from app.config.schema import Log
from app.core.canonical import canonical


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id := getattr(record, "trace_id", ""):
            line["trace_id"] = trace_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return canonical(line).decode()


class _TextLines(logging.Formatter):
    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        # A message holds what callers send: no line of theirs may look like one of ours.
        return super().format(record) if record.exc_info else super().format(record).replace("\n", "\\n")


def configure_logs(settings: Log) -> None:
    """Set up the root logger; libraries' own chatter only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if settings.format == "json" else _TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("app").setLevel(settings.level.upper())
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
