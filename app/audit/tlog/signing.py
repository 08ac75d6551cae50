"""Signatures on notes: Ed25519 (RFC 8032) on any text; cosignatures of both kinds on checkpoints (FIPS 204).

A log signs its own checkpoints by Ed25519 over the text and by ML-DSA-44 in the form of c2sp.org/tlog-cosignature,
which is the only form that C2SP defines for it.
"""

import struct
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from app.audit.tlog.checkpoint import parse_checkpoint
from app.audit.tlog.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    Signature,
    VerifierKey,
    check_name,
)
from app.core.errors import ProofError

SEED_BYTES = 32
_LABEL = b"subtree/v1\n\x00"


class Signer(Protocol):
    """Whoever holds a private key and signs with it."""

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The bare signature of these very bytes."""
        ...


class SeedSigner:
    """A private key in memory, by its 32 bytes of seed."""

    def __init__(self, name: str, algorithm: int, seed: bytes) -> None:
        check_name(name)
        if len(seed) != SEED_BYTES:
            raise ProofError(f"The seed of a signing key has {SEED_BYTES} bytes.")
        self.seed = seed
        self._private: Ed25519PrivateKey | MLDSA44PrivateKey
        if algorithm == COSIGNATURE_ML_DSA_44:
            self._private = MLDSA44PrivateKey.from_seed_bytes(seed)
        else:
            self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._key = VerifierKey(name, algorithm, self._private.public_key().public_bytes_raw())

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """The bare signature of these very bytes."""
        return self._private.sign(message)


def signed(text: str, signers: Sequence[Signer], *, seconds: int) -> Note:
    """The note of a text with a signature of each signer; `seconds` since 1970 go into cosignatures."""
    return Note(text, tuple(_line(text, signer, seconds) for signer in signers))


def verify(note: Note, key: VerifierKey) -> int | None:
    """ProofError unless this key signed the note; the seconds since 1970 that a cosignature names."""
    lines = note.signed_by(key)
    if not lines:
        raise ProofError(f"The note is not signed by {key.name} ({key.id.hex()}).")
    when: int | None = None
    for line in lines:
        when, signature = _parts(key.algorithm, line.value)
        verify_bare(key, signature, signed_bytes(note.text, key, seconds=when or 0))
    return when


def verify_bare(key: VerifierKey, signature: bytes, message: bytes) -> None:
    """ProofError unless this key signed these very bytes."""
    try:
        _public(key).verify(signature, message)
    except (InvalidSignature, ValueError, TypeError):
        raise ProofError(f"A signature of {key.name} ({key.id.hex()}) does not verify.") from None


def verified(note: Note, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """Those of the keys that signed; ProofError when a signature of one of them is wrong, or nobody signed."""
    found = [key for key in keys if note.signed_by(key)]
    for key in found:
        verify(note, key)
    if not found:
        raise ProofError("The note is signed by none of the known keys.")
    return found


def signed_bytes(text: str, key: VerifierKey, *, seconds: int) -> bytes:
    """What a key of this kind signs for a note's text; ProofError when the text is no checkpoint but must be one."""
    if key.algorithm == ED25519:
        return text.encode()
    checkpoint = parse_checkpoint(text)
    if key.algorithm == COSIGNATURE_ED25519:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    name, origin = key.name.encode(), checkpoint.origin.encode()
    if not 0 < len(origin) < 256 or not 0 < len(name) < 256:
        raise ProofError("Name and origin have at most 255 bytes.")
    return b"".join((
        *(_LABEL, bytes([len(name)]), name, struct.pack(">Q", seconds)),
        *(bytes([len(origin)]), origin, struct.pack(">QQ", 0, checkpoint.size), checkpoint.root),
    ))  # fmt: skip


def _line(text: str, signer: Signer, seconds: int) -> Signature:
    key = signer.key
    signature = signer.sign(signed_bytes(text, key, seconds=seconds))
    stamp = b"" if key.algorithm == ED25519 else struct.pack(">Q", seconds)
    return Signature(key.name, key.id, stamp + signature)


def _parts(algorithm: int, value: bytes) -> tuple[int | None, bytes]:
    if algorithm == ED25519:
        return None, value
    seconds = int.from_bytes(value[:8], "big")
    if len(value) < 9 or seconds >= 1 << 63:
        raise ProofError("A cosignature is cut off.")
    return seconds, value[8:]


def _public(key: VerifierKey) -> Ed25519PublicKey | MLDSA44PublicKey:
    if key.algorithm == COSIGNATURE_ML_DSA_44:
        return MLDSA44PublicKey.from_public_bytes(key.public)
    return Ed25519PublicKey.from_public_bytes(key.public)
