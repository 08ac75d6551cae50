"""AES-256 and HMAC keys of a token as master keys of secrets (CKM_AES_GCM, CKM_SHA256_HMAC); they never leave it.

A master key is a pair in the token: an AES key and a generic secret with the same label and id. Boxes have the form of all
master keys here, `SPB1`, the id, a nonce, ciphertext and tag, so that a rekey from or to a token is like any other.
"""

import os
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any

from app.core.errors import BoxError, MasterKeyError, SallyportError
from app.extensions.master_key import KnownKey
from app.extensions.pkcs11.token import Token, TokenError, text

_MAGIC, _ID, _NONCE, _TAG = b"SPB1", 16, 12, 16
_HEAD = len(_MAGIC) + _ID


class TokenKey:
    """One pair."""

    salt = b""

    def __init__(self, token: Token, found: dict[str, Any], *, random: Callable[[int], bytes]) -> None:
        self._token = token
        self._found, self._start = found, token.starts
        self._random = random
        # A name that only this pair can make, and that tells nothing of it.
        self.id = self.tag(b"sallyport key name")[:_ID].hex()

    def __repr__(self) -> str:
        return f"TokenKey({self.id})"

    def wrap(self, plain: bytes, about: bytes) -> bytes:
        """A box sealed inside the token."""
        head, nonce = _MAGIC + bytes.fromhex(self.id), self._random(_NONCE)
        return head + nonce + self._crypt("encrypt", nonce, head + about, plain)

    def unwrap(self, box: bytes, about: bytes) -> bytes:
        """What is in it; BoxError when it is not of this key about this."""
        if len(box) < _HEAD + _NONCE + _TAG or box[:_HEAD] != _MAGIC + bytes.fromhex(self.id):
            raise BoxError("The box was sealed with another key.", remedy="Use the key that its head names.")
        nonce = box[_HEAD : _HEAD + _NONCE]
        try:
            return self._crypt("decrypt", nonce, box[:_HEAD] + about, box[_HEAD + _NONCE :])
        except MasterKeyError as error:
            # Tokens say "the data is wrong" in many words: a token that still works has refused the box.
            self.tag(b"sallyport key name")
            raise BoxError(
                f"The box was changed, or belongs to another row or version ({error.message})",
                remedy="Restore the row from a backup.",
            ) from None

    def tag(self, data: bytes) -> bytes:
        """HMAC-SHA-256 inside the token."""
        return b64decode(self._asked("hmac", "second", data=text(data)))

    def export(self) -> bytes:
        """It never leaves the token: every node needs the token, or one that was cloned from it."""
        return b""

    def _crypt(self, what: str, nonce: bytes, about: bytes, data: bytes) -> bytes:
        found = self._asked(what, "handle", iv=text(nonce), aad=text(about), data=text(data))
        return b64decode(found)

    def _asked(self, what: str, half: str, **more: Any) -> str:
        try:
            return str(self._token.ask(what, handle=self._handles()[half], **more))
        except TokenError as error:
            raise MasterKeyError(error.message, remedy=error.remedy) from None

    def _handles(self) -> dict[str, Any]:
        """Of the present process: those of the one before mean nothing to it."""
        if self._start != self._token.starts or not self._token.alive:
            found = self._token.ask("keys", kind="master", label=self._token.uri.label, id=self._found["id"])
            if len(found) != 1:
                raise TokenError(
                    "The master key is not in the token any more.", remedy="Bring back the token."
                )
            self._found, self._start = found[0], self._token.starts
        return self._found


class TokenSource:
    """The pairs that the URI chooses, in the order of their id; made with the token's own tool, never here."""

    def __init__(self, token: Token, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._token = token
        self._random = random

    def ready(self) -> None:
        """See at the first start that the token is there."""
        self.find(())

    def find(self, known: Sequence[KnownKey]) -> list[TokenKey]:
        """Every pair, the newest last."""
        uri = self._token.uri
        try:
            found = self._token.ask("keys", kind="master", label=uri.label, id=text(uri.id))
        except MasterKeyError:
            raise
        except SallyportError as error:
            raise MasterKeyError(error.message, remedy=error.remedy) from None
        return [TokenKey(self._token, one, random=self._random) for one in found]

    def make(self) -> TokenKey:
        """Only the token's own tool can."""
        raise MasterKeyError(
            f"{self._token.uri.place[:1].upper()}{self._token.uri.place[1:]} holds no master key that was not used before.",
            remedy="Make an AES-256 key and a generic secret of 32 bytes in it, with one label and a higher id.",
        )

    def adopt(self, key: bytes) -> TokenKey:
        """Nothing can be put into a token from here."""
        raise MasterKeyError(
            "A token takes no master key from another node.", remedy="Clone the token, with its own tool."
        )

    def forget(self, ids: Sequence[str]) -> None:
        """Keys are destroyed with the token's own tool."""
