"""Who signs the record: keys that may stay inside a device (PKCS#11, a signing service) and never come here."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec


class RecordKey(msgspec.Struct, frozen=True):
    """A public key that the signer names: 32 bytes of Ed25519 (RFC 8032), 1312 of ML-DSA-44 (FIPS 204)."""

    algorithm: Literal["ed25519", "ml-dsa-44"]
    public: bytes


class RecordSigner(Protocol):
    """A device with keys. Ed25519 is required; without ML-DSA-44 the Ed25519 signature stands alone.

    Failure rule: whatever it raises, and a signature that does not verify, stops sealing with the alarm `key`: a fresh
    key is never made in its place. Calls go on, their rows wait, and the signer is opened and asked again until it
    answers. It is asked on a thread, one question at a time; no answer within 20 seconds is a failure as well.
    """

    @property
    def keys(self) -> Sequence[RecordKey]:
        """The public keys that it signs with now, oldest first: the newest of a kind takes over at a rotation."""
        ...

    def sign(self, key: RecordKey, payload: bytes) -> bytes:
        """The bare signature of these very bytes by this key: Ed25519 pure, ML-DSA-44 with an empty context."""
        ...
