"""The head of a request in its plainest form (RFC 9112), read by llhttp; whatever is not plain is nobody's but aiohttp's.

Only this is read: HTTP/1.1, every line ended by CR LF, ASCII, one Host, one Content-Length, no Transfer-Encoding, no
Expect, no Upgrade. Of such a head there is one reading, so that what follows it begins at one place. `None` says
nothing about a request but that its bytes must go to the server that reads all of HTTP, which accepts or refuses it.
"""

from collections.abc import Iterator

import httptools
import msgspec

HEAD_BYTES = 16 * 1024
HEADERS = 100
_DIGITS = 10
_ONCE = frozenset(("content-length", "host", "connection"))
_NEVER = frozenset(("transfer-encoding", "expect", "upgrade", "http2-settings"))
_BEGINNING = b"POST /"
END = b"\r\n\r\n"
_UNKNOWN: object = object()


class Pairs:
    """Headers in their order, names in lower case; the first of a name is its value."""

    __slots__ = ("_pairs", "first")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self.first = dict(pairs)
        if len(self.first) != len(pairs):
            self.first = dict(reversed(pairs))

    def get(self, key: str, default: object = None, /) -> object:
        """The first value of the name."""
        return self.first.get(key.lower(), default)

    def getall(self, key: str, default: object = _UNKNOWN, /) -> object:
        """All values of the name."""
        key = key.lower()
        found = [value for name, value in self._pairs if name == key]
        if found or default is _UNKNOWN:
            if not found:
                raise KeyError(key)
            return found
        return default

    def items(self) -> list[tuple[str, str]]:
        """All pairs."""
        return self._pairs

    def __contains__(self, key: object, /) -> bool:
        return isinstance(key, str) and key.lower() in self.first

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs)


class Head(msgspec.Struct, frozen=True):
    """`length` bytes of body follow; `last` when the client closes after the answer."""

    fields: Pairs
    length: int
    last: bool


def read_head(data: bytes) -> Head | None:
    """The head that these bytes are, from the request line to the empty line; None for any that is not plain."""
    if not data.isascii() or not _lines_end_plainly(data) or len(data) > HEAD_BYTES:
        return None
    read = _Read()
    parser = httptools.HttpRequestParser(read)
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    if not read.complete or parser.get_http_version() != "1.1" or len(read.pairs) > HEADERS:
        return None
    return _framed(read.pairs)


def may_become_plain(data: bytes) -> bool:
    """Whether the beginning of a head could still become a plain one."""
    if not data.startswith(_BEGINNING) and not _BEGINNING.startswith(data):
        return False
    breaks = data.count(b"\r\n")
    lone = data.count(b"\r") - data.endswith(b"\r")
    return len(data) <= HEAD_BYTES and data.count(b"\n") == breaks and lone == breaks


def _lines_end_plainly(data: bytes) -> bool:
    """No lone CR or LF, no folded line, no white space that a value could be read with or without."""
    breaks = data.count(b"\r\n")
    return (
        data.count(b"\n") == breaks
        and data.count(b"\r") == breaks
        and b"\n " not in data
        and b"\n\t" not in data
        and b" \r" not in data
        and b"\t" not in data
    )


def _framed(pairs: list[tuple[str, str]]) -> Head | None:
    fields = Pairs(pairs)
    first = fields.first
    if not _NEVER.isdisjoint(first) or (len(first) != len(pairs) and not _once(pairs)):
        return None
    length, told = first.get("content-length", ""), first.get("connection", "keep-alive").lower()
    if not length.isdigit() or len(length) > _DIGITS or "host" not in first:
        return None
    return Head(fields, int(length), told == "close") if told in ("keep-alive", "close") else None


def _once(pairs: list[tuple[str, str]]) -> bool:
    """Whether nothing that frames or aims a request is said twice."""
    names = [name for name, _ in pairs]
    return all(names.count(name) <= 1 for name in _ONCE)


class _Read:
    """What llhttp says about a head."""

    __slots__ = ("complete", "pairs")

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.pairs.append((name.decode("ascii").lower(), value.decode("ascii")))

    def on_headers_complete(self) -> None:
        """The empty line."""
        self.complete = True
