"""Answers as bytes (RFC 9112): heads, whole answers and chunks."""

from email.utils import formatdate
from http import HTTPStatus

from app.extensions import Response

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "server", "date"))
_BODILESS = frozenset((204, 304))
LAST_CHUNK = b"0\r\n\r\n"


class Heads:
    """Makes heads; what all have in common is made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._common = ""

    def whole(self, response: Response, *, now: int, last: bool) -> bytes:
        """A whole answer; ValueError when a header would break its line."""
        body = response.body
        if response.status in _BODILESS:
            framing, body = "", b""
        else:
            framing = f"content-length: {len(body)}\r\n"
        return self._head(response.status, response.headers, framing, now, last=last) + body

    def streamed(self, status: int, headers: dict[str, str], *, now: int, last: bool) -> bytes:
        """The head of an answer in chunks; ValueError when a header would break its line."""
        return self._head(status, headers, "transfer-encoding: chunked\r\n", now, last=last)

    def _head(self, status: int, headers: dict[str, str], framing: str, now: int, *, last: bool) -> bytes:
        if now != self._second:
            self._second = now
            self._common = f"server: sallyport\r\ndate: {formatdate(now, usegmt=True)}\r\n"
        lines = [f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() not in _FRAMING]
        if "x-content-type-options" not in headers:
            lines.append("x-content-type-options: nosniff\r\n")
        if last:
            lines.append("connection: close\r\n")
        named = "".join(lines)
        if named.count("\r") != len(lines) or named.count("\n") != len(lines) or "\0" in named:
            raise ValueError("A header of the answer holds a line break.")
        start = _LINES.get(status) or f"HTTP/1.1 {status} \r\n"
        return f"{start}{named}{self._common}{framing}\r\n".encode("utf-8", "replace")


def chunk(data: bytes) -> bytes:
    """One piece of a chunked body; `data` is not empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)
