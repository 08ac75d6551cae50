"""Server-sent events, read as they come (WHATWG HTML 9.2): any split of the bytes gives the same events."""

import re

import msgspec

from app.core.errors import UpstreamError

EVENT_LIMIT = 4 * 1024 * 1024
_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")


class Event(msgspec.Struct, frozen=True):
    """One event: `raw` are its very bytes, `data` is None for comments and blank lines."""

    raw: bytes
    name: str
    data: bytes | None


class EventParser:
    """Feed it chunks, take events."""

    __slots__ = ("_buffer", "_first", "_scanned")

    def __init__(self) -> None:
        self._buffer = b""
        self._scanned = 0
        self._first = True

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that this chunk completes."""
        if not self._buffer and b"\r" not in chunk and 0 < chunk.find(b"\n\n") == len(chunk) - 2:
            first, self._first = self._first, False
            return [
                parse(chunk.removeprefix(b"\xef\xbb\xbf") if first else chunk, chunk)
            ]  # as nearly all come
        buffer = self._buffer + chunk if self._buffer else chunk
        events: list[Event] = []
        start, scan = 0, self._scanned
        while (blank := _BLANK.search(buffer, scan)) is not None:
            raw = buffer[start : blank.end()]
            start = scan = blank.end()
            events.append(parse(raw.removeprefix(b"\xef\xbb\xbf") if self._first else raw, raw))
            self._first = False
        self._buffer = buffer[start:] if start else buffer
        self._scanned = max(0, len(self._buffer) - 3)
        if len(self._buffer) > EVENT_LIMIT:
            raise UpstreamError(
                f"The upstream sent an event longer than {EVENT_LIMIT} bytes.", kind="too_large"
            )
        return events

    @property
    def rest(self) -> bytes:
        """What has come of an event that is not complete."""
        return self._buffer


def parse(text: bytes, raw: bytes) -> Event:
    """The event of one block of lines."""
    if text.startswith(b"data: ") and text.endswith(b"\n\n") and text.count(b"\n") == 2 and b"\r" not in text:
        return Event(raw, "", text[6:-2])
    name = ""
    data: bytes | None = None
    for line in text.splitlines():
        field, _, value = line.partition(b":")
        if field == b"data":
            value = value.removeprefix(b" ")
            data = value if data is None else data + b"\n" + value
        elif field == b"event":
            name = value.removeprefix(b" ").decode("utf-8", "replace")
    return Event(raw, name, data)
