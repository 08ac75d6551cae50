"""An event stream read piece by piece (WHATWG server-sent events): any split of the bytes gives the same events."""

from collections.abc import Iterator

from app.core.errors import UpstreamError

EVENT_LIMIT = 16 * 1024 * 1024
"""Bytes of one event; a server that sends more is given up."""

_LONGEST_ID = 1024
DEFAULT_RETRY, _LONGEST_RETRY = 1.0, 60.0


class EventReader:
    """Feed it chunks; it yields the data of each whole event."""

    def __init__(self, *, limit: int = EVENT_LIMIT) -> None:
        self._limit = limit
        self._tail: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0
        self._after_return = False
        self.last_id = ""
        """The id of the event that came last, for whoever wants to take up there."""
        self.retry = DEFAULT_RETRY
        """Seconds to wait before doing so, as the server says."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of the events that this chunk completes."""
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")  # the second half of a CRLF that was split
            self._after_return = False
        for line in self._lines(chunk):
            if line:
                self._take(line)
            elif self._data:
                data, self._data, self._size = b"\n".join(self._data), [], 0
                if data:
                    yield data
        if self._size > self._limit:
            raise UpstreamError("The tool server sent an event longer than the limit.", kind="too_large")

    def _lines(self, chunk: bytes) -> list[bytes]:
        if chunk.endswith(b"\r"):
            self._after_return = True
        lines = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._tail.append(lines[0])
        self._size += len(chunk)
        if len(lines) == 1:
            return []
        lines[0] = b"".join(self._tail)
        self._tail = [lines.pop()]
        return lines

    def _take(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"id" and len(value) <= _LONGEST_ID:
            self.last_id = value.removeprefix(b" ").decode("ascii", "replace")
        elif field == b"retry" and (digits := value.removeprefix(b" ")).isdigit() and len(digits) <= 9:
            self.retry = min(int(digits) / 1000, _LONGEST_RETRY)
