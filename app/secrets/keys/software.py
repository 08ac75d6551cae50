"""A master key in memory: wraps by AES-256-GCM, tags by HMAC-SHA-256 under a key derived from it (RFC 5869)."""

import hmac
import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.errors import MasterKeyError
from app.secrets.box import KEY_BYTES, Random, key_name, open_box, seal_box

_PREFIX = "sallyport-master-key-1"


class SoftwareKey:
    """32 bytes that no repr, error or log shows."""

    __slots__ = ("_key", "_random", "_tag_key", "id", "salt")

    def __init__(self, key: bytes, *, salt: bytes = b"", random: Random = os.urandom) -> None:
        if len(key) != KEY_BYTES:
            raise MasterKeyError(
                f"A master key has {KEY_BYTES} bytes.", remedy="Put back the key that Sallyport made."
            )
        self._key = key
        self._random = random
        self._tag_key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sallyport tag").derive(key)
        self.id = key_name(key).hex()
        self.salt = salt

    def __repr__(self) -> str:
        return f"SoftwareKey({self.id})"

    def wrap(self, plain: bytes, about: bytes) -> bytes:
        """A box of this key."""
        return seal_box(self._key, plain, about, random=self._random)

    def unwrap(self, box: bytes, about: bytes) -> bytes:
        """What is in it."""
        return open_box(self._key, box, about)

    def tag(self, data: bytes) -> bytes:
        """HMAC-SHA-256."""
        return hmac.digest(self._tag_key, data, "sha256")

    def export(self) -> bytes:
        """The 32 bytes."""
        return self._key


def new_key(random: Random = os.urandom) -> SoftwareKey:
    """A key that was never used."""
    return SoftwareKey(random(KEY_BYTES), random=random)


def render(keys: list[SoftwareKey]) -> str:
    """Keys as text, one a line, the newest last."""
    return "".join(f"{_PREFIX} {b64encode(key.export()).decode()}\n" for key in keys)


def parse(text: str, *, source: str) -> list[SoftwareKey]:
    """Keys from text; MasterKeyError names the source and the line, never what stands in it."""
    keys: list[SoftwareKey] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        prefix, _, encoded = line.strip().partition(" ")
        try:
            key = b64decode(encoded, validate=True)
        except (Base64Error, ValueError):
            key = b""
        if prefix != _PREFIX or len(key) != KEY_BYTES:
            raise MasterKeyError(
                f"{source}, line {number}, is no master key.",
                remedy=f"A line is: {_PREFIX} and 32 bytes in base64. Put back the file from a backup.",
            )
        keys.append(SoftwareKey(key))
    return keys
