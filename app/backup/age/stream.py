"""The payload of an age v1 file: chunks of 64 KiB, each sealed with its number and whether it is the last."""

import os
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from app.backup.age.header import FileKey
from app.backup.age.keys import Random, hkdf
from app.core.errors import InputError

CHUNK = 64 * 1024
_TAG = 16
_NONCE = 16


class Sink(Protocol):
    """Where sealed bytes go."""

    def write(self, data: bytes, /) -> object:
        """Take all of them."""
        ...


class Encrypting:
    """Bytes in, sealed chunks out; nothing is readable before `close` has written the last one."""

    def __init__(self, file: Sink, key: FileKey, *, random: Random = os.urandom) -> None:
        nonce = random(_NONCE)
        file.write(nonce)
        self._file = file
        self._cipher = _cipher(key, nonce)
        self._number = 0
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Take some bytes; a chunk goes out once there is something behind it."""
        self._waiting += data
        start = 0
        while len(self._waiting) - start > CHUNK:
            self._seal(bytes(self._waiting[start : start + CHUNK]), last=False)
            start += CHUNK
        del self._waiting[:start]

    def close(self) -> None:
        """Write the last chunk, which may be the only one and empty."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), chunk, None))
        self._number += 1


class Decrypting:
    """The bytes of a payload, each released only after its chunk was found genuine."""

    def __init__(self, file: BinaryIO, key: FileKey) -> None:
        nonce = file.read(_NONCE)
        if len(nonce) != _NONCE:
            raise _damaged("it ends in its header")
        self._file = file
        self._cipher = _cipher(key, nonce)
        self._number = 0
        self._ready = b""
        self._ahead = file.read(CHUNK + _TAG)
        self._ended = False

    def read(self, size: int) -> bytes:
        """Exactly so many bytes; fewer only at the genuine end."""
        while len(self._ready) < size and not self._ended:
            self._ready += self._next()
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def _next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._file.read(CHUNK + _TAG)
        self._ended = not self._ahead
        try:
            chunk = self._cipher.decrypt(_nonce(self._number, self._ended), sealed, None)
        except (InvalidTag, ValueError):
            raise _damaged(
                f"chunk {self._number + 1} is not what was written, or the end is missing"
            ) from None
        if not chunk and self._number:
            raise _damaged("an empty chunk at its end")
        self._number += 1
        return chunk


def _cipher(key: FileKey, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(hkdf(key, salt=nonce, info=b"payload"))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _damaged(why: str) -> InputError:
    return InputError(
        f"The backup is truncated or was altered: {why}.", remedy="Copy the file again, or take another."
    )
