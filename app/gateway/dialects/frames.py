"""AWS event stream messages (application/vnd.amazon.eventstream, Smithy 2.0), read as they come and checked twice.

A message: its length, the length of its headers, CRC-32 of these eight bytes; headers; payload; CRC-32 of all before.
"""

import struct
import zlib
from collections.abc import Iterator
from struct import unpack_from

import msgspec

from app.core.errors import UpstreamError
from app.gateway.dialects.dialect import unreadable
from app.gateway.sse import EVENT_LIMIT, Event

EXCEPTION = "exception/"
"""What the name of an event begins with that reports a failure; the kind of the failure follows."""
HEADERS_LIMIT = 128 * 1024
PRELUDE, CHECK = 12, 4
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; 6 and 7, bytes and text, have a length in front."""
_BYTES, _TEXT = 6, 7


class FrameParser:
    """Feed it chunks, take events: `name` is the event's type, `data` its payload, `raw` its very bytes."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that this chunk completes; UpstreamError after those that came before a wrong byte."""
        self._buffer += chunk
        while len(self._buffer) >= PRELUDE:
            length = self._length()
            if len(self._buffer) < length:
                break
            raw = bytes(self._buffer[:length])
            del self._buffer[:length]
            yield _event(raw)

    @property
    def rest(self) -> bytes:
        """What has come of an event that is not complete."""
        return bytes(self._buffer)

    def _length(self) -> int:
        """The length of the message that begins; nothing of it is believed before its check sum."""
        length, headers, check = unpack_from(">III", self._buffer)
        if zlib.crc32(self._buffer[:8]) != check:
            raise unreadable(ValueError("the check sum of a frame's prelude is wrong"))
        if length > EVENT_LIMIT or headers > HEADERS_LIMIT:
            raise UpstreamError(
                f"The upstream sent a frame longer than {EVENT_LIMIT} bytes.", kind="too_large"
            )
        if length < PRELUDE + headers + CHECK:
            raise unreadable(ValueError("a frame is shorter than its parts"))
        return length


def _event(raw: bytes) -> Event:
    end = len(raw) - CHECK
    if zlib.crc32(raw[:end]) != unpack_from(">I", raw, end)[0]:
        raise unreadable(ValueError("the check sum of a frame is wrong"))
    start = PRELUDE + unpack_from(">I", raw, 4)[0]
    headers = _headers(raw[PRELUDE:start])
    payload = raw[start:end]
    match headers.get(":message-type"):
        case "event":
            return Event(raw, headers.get(":event-type", ""), payload)
        case "exception":
            return Event(raw, EXCEPTION + headers.get(":exception-type", ""), payload)
        case "error":
            told = msgspec.json.encode({"message": headers.get(":error-message", "")})
            return Event(raw, EXCEPTION + headers.get(":error-code", ""), told)
        case kind:
            raise unreadable(ValueError(f"a frame of the type {str(kind)[:40]!r}"))


def _headers(block: bytes) -> dict[str, str]:
    """The headers that are text, by name; others are stepped over, and none may stand there twice."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            name = _part(block, at + 1, block[at]).decode()
            at += 1 + block[at]
            kind = block[at]
            at += 1
            if kind in (_BYTES, _TEXT):
                size = unpack_from(">H", block, at)[0]
                at += 2
            else:
                size = _SIZES[kind]
            value = _part(block, at, size)
            at += size
            if name in found:
                raise ValueError("a frame's header stands there twice")
            found[name] = value.decode() if kind == _TEXT else ""
    except (LookupError, ValueError, struct.error) as error:  # also UnicodeDecodeError
        raise unreadable(error) from None
    return found


def _part(block: bytes, at: int, size: int) -> bytes:
    if at + size > len(block):
        raise ValueError("a frame's headers are cut off")
    return block[at : at + size]
