"""No known secret in our own logs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from app.secrets import Redactor

_TEXT = logging.Formatter()


@contextmanager
def quiet_logs(redactor: Redactor) -> Iterator[None]:
    """While the block runs no line of our own log holds a known value."""

    def without(record: logging.LogRecord) -> bool:
        if not redactor.matcher:
            return True
        message = record.getMessage()
        cleaned = redactor.text(message)
        if record.exc_info and not redactor.clean(trace := _TEXT.formatException(record.exc_info).encode()):
            cleaned = f"{cleaned}\n{redactor.data(trace).decode('utf-8', 'replace')}"
            record.exc_info = None
        if cleaned is not message:
            record.msg, record.args = cleaned, None
        return True

    handlers = list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(without)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(without)
