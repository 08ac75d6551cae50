"""Request bodies in a Content-Encoding (RFC 9110 8.4): gzip, deflate, zstd (RFC 8878), undone bit by bit under caps."""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from app.core.errors import InputError
from app.extensions import Request

RATIO = 200
"""Bytes that one compressed byte may stand for, over the whole; JSON and base64 stay far below."""
FREE = 1024 * 1024
"""Bytes that any body may become, whatever the ratio: short texts of repetitions are no attack."""
WINDOW_LOG = 23
"""Eight megabytes of window, which every zstd decoder must offer (RFC 8878 3.1.1.1.2), and no more."""
PIECE = 256 * 1024
_DIGITS = 20
TURN = 4 * PIECE
"""Bytes after which other requests get their turn."""


class Undoing(Protocol):
    """An incremental decompressor with a cap for each step."""

    def step(self, data: bytes) -> bytes:
        """At most PIECE bytes more; empty when it needs more input or is over."""
        ...

    @property
    def rest(self) -> bytes:
        """Input that the next step takes."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the compressed text is whole."""
        ...


async def read_body(request: Request, *, limit: int) -> bytes:
    """The body as its client meant it; InputError, status 413 for bombs and 415 for other encodings."""
    announced = request.headers.get("Content-Length", "")
    if announced.isdecimal() and len(announced) < _DIGITS and int(announced) > limit:
        raise _too_large(limit)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return _within(await request.read(), limit)
    undo = ENCODINGS.get(encoding)
    if undo is None:
        raise InputError(
            f"Content-Encoding {encoding[:40]!r} is not accepted.",
            remedy="Send the body uncompressed, or as gzip, deflate or zstd.",
            status=415,
            code="unsupported_encoding",
        )
    raw = _within(await request.read(), limit)
    return await undone(raw, undo(raw), limit=limit) if raw else raw


async def undone(raw: bytes, undo: Undoing, *, limit: int) -> bytes:
    """The whole text of `raw`; InputError once it grows beyond `limit` or beyond what its size explains."""
    pieces: list[bytes] = []
    size, turn, data = 0, TURN, raw
    most = min(limit, max(FREE, len(raw) * RATIO))
    while not undo.ended:
        piece = undo.step(data)
        data = undo.rest
        size += len(piece)
        if size > most:
            raise _bomb(most, limit)
        pieces.append(piece)
        if not piece and not data and not undo.ended:
            raise _broken("it breaks off")
        if size > turn:
            turn = size + TURN
            await asyncio.sleep(0)
    if undo.rest:
        raise _broken("something follows its end")
    return b"".join(pieces)


class _Inflate:
    """gzip (RFC 1952) or zlib (RFC 1950), which `deflate` means."""

    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)

    def step(self, data: bytes) -> bytes:
        try:
            return self._zlib.decompress(data, PIECE)
        except zlib.error as error:
            raise _broken(str(error)) from None

    @property
    def rest(self) -> bytes:
        return self._zlib.unused_data if self.ended else self._zlib.unconsumed_tail

    @property
    def ended(self) -> bool:
        return self._zlib.eof


class _Zstandard:
    def __init__(self) -> None:
        # Only clients of this encoding pay for its import.
        from backports import zstd  # noqa: PLC0415

        self._broken = zstd.ZstdError
        self._zstd = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})

    def step(self, data: bytes) -> bytes:
        try:
            return self._zstd.decompress(data, PIECE)
        except self._broken as error:
            raise _broken(str(error)) from None

    @property
    def rest(self) -> bytes:
        return self._zstd.unused_data if self.ended else b""

    @property
    def ended(self) -> bool:
        return self._zstd.eof


def _gzip(raw: bytes) -> Undoing:
    return _Inflate(zlib.MAX_WBITS | 16)


def _deflate(raw: bytes) -> Undoing:
    """With zlib's head as the standard says, or bare, as some clients do it."""
    headed = len(raw) >= 2 and raw[0] & 0x0F == zlib.DEFLATED and (raw[0] << 8 | raw[1]) % 31 == 0
    return _Inflate(zlib.MAX_WBITS if headed else -zlib.MAX_WBITS)


def _zstandard(raw: bytes) -> Undoing:
    return _Zstandard()


ENCODINGS: Mapping[str, Callable[[bytes], Undoing]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstandard,
}


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> InputError:
    return InputError(
        f"The request body is larger than {limit} bytes.",
        remedy="Send less.",
        status=413,
        code="body_too_large",
    )


def _bomb(most: int, limit: int) -> InputError:
    if most < limit:
        return InputError(
            f"The request body grows to more than {RATIO} times its compressed size.",
            remedy="Send it uncompressed.",
            status=413,
            code="body_too_dense",
        )
    return InputError(
        f"The request body is larger than {limit} bytes when it is decompressed.",
        remedy="Send less, or raise listen.max_body_bytes.",
        status=413,
        code="body_too_large",
    )


def _broken(why: str) -> InputError:
    return InputError(
        f"The compressed request body cannot be read ({why[:200]}).",
        remedy="Send it again, or uncompressed.",
        code="invalid_encoding",
    )
