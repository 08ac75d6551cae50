"""Redaction over chunks: what could be the beginning of a value waits for the next chunk, and nothing else does."""

from app.secrets.redaction.matcher import TooManyLooks
from app.secrets.redaction.redactor import WITHHELD, Redactor

_ESCAPED = 6
"""Bytes that one byte of a value may take when it is escaped; what is longer waits no more."""


class Stream:
    """One stream. Feed it chunks; close it for what still waits."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may be passed on."""
        text, self._held = self._held + chunk, b""
        if not self._redactor.matcher:
            return text
        cut = self._safe(text)
        try:
            for span in self._redactor.spans(text):
                if span.start < cut < span.end:
                    cut = span.start
        except TooManyLooks:
            return WITHHELD.encode()
        self._held = text[cut:]
        return self._redactor.data(text[:cut])

    def close(self) -> bytes:
        """The rest."""
        held, self._held = self._held, b""
        return self._redactor.data(held)

    def _safe(self, text: bytes) -> int:
        most = self._redactor.matcher.longest * _ESCAPED
        before = max(0, len(text) - most)
        return before + self._redactor.begins(text[before:])
