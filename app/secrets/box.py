"""Sealed boxes: AES-256-GCM (NIST SP 800-38D), a data key for each value, wrapped by the master key.

A box is `SPB1`, 16 bytes that name its key, a 12-byte nonce, ciphertext and tag. What the box is about is
authenticated with it: a box that was moved to another row, version or purpose does not open.
"""

import hashlib
import os
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.canonical import canonical
from app.core.errors import BoxError
from app.extensions import MasterKey

Random = Callable[[int], bytes]

MAGIC = b"SPB1"
KEY_BYTES = 32
_ID, _NONCE, _TAG = 16, 12, 16
_HEAD = len(MAGIC) + _ID


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Which row a box belongs to."""

    name: str
    version: int
    purpose: str

    def about(self, part: str) -> bytes:
        """What is authenticated with the box: `key` or `value` of this row."""
        return canonical(["sallyport secret", part, self.name, self.version, self.purpose])


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A value as it is stored: its data key in a box of the master key, itself in a box of the data key."""

    wrapped: bytes
    value: bytes


def key_name(key: bytes) -> bytes:
    """16 bytes that stand for a key; a box made with another key cannot carry them."""
    return hashlib.sha256(b"sallyport key name\0" + key).digest()[:_ID]


def seal_box(key: bytes, plain: bytes, about: bytes, *, random: Random = os.urandom) -> bytes:
    """One box."""
    head = MAGIC + key_name(key)
    nonce = random(_NONCE)
    return head + nonce + AESGCM(key).encrypt(nonce, plain, head + about)


def open_box(key: bytes, box: bytes, about: bytes) -> bytes:
    """What is in the box; BoxError for anything that was not sealed by this key about this."""
    if len(box) < _HEAD + _NONCE + _TAG or box[: len(MAGIC)] != MAGIC:
        raise BoxError("The box has no form that is known here.", remedy="Restore the row from a backup.")
    if box[len(MAGIC) : _HEAD] != key_name(key):
        raise BoxError("The box was sealed with another key.", remedy="Use the key that its head names.")
    nonce, sealed = box[_HEAD : _HEAD + _NONCE], box[_HEAD + _NONCE :]
    try:
        return AESGCM(key).decrypt(nonce, sealed, box[:_HEAD] + about)
    except InvalidTag:
        raise BoxError(
            "The box was changed, or belongs to another row or version.",
            remedy="Restore the row from a backup.",
        ) from None


def key_of(box: bytes) -> str:
    """The id of the key that a box says it was sealed with; empty when it is no box."""
    return box[len(MAGIC) : _HEAD].hex() if box[: len(MAGIC)] == MAGIC else ""


def seal(master: MasterKey, identity: Identity, value: bytes, *, random: Random = os.urandom) -> Sealed:
    """A value under a data key of its own."""
    data_key = random(KEY_BYTES)
    return Sealed(
        wrapped=master.wrap(data_key, identity.about("key")),
        value=seal_box(data_key, value, identity.about("value"), random=random),
    )


def open_sealed(master: MasterKey, identity: Identity, sealed: Sealed) -> bytes:
    """The value; BoxError names nothing but what is wrong."""
    return open_box(
        master.unwrap(sealed.wrapped, identity.about("key")), sealed.value, identity.about("value")
    )


def rewrap(old: MasterKey, new: MasterKey, identity: Identity, wrapped: bytes) -> bytes:
    """The data key in a box of another master key; the value's own box stays as it is."""
    about = identity.about("key")
    return new.wrap(old.unwrap(wrapped, about), about)
