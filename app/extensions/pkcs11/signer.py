"""Ed25519 keys of a token as a signer of the record (CKM_EDDSA)."""

from base64 import b64decode

from app.extensions.pkcs11.token import Token, text
from app.extensions.record_signer import RecordKey


class TokenSigner:
    """Keys are looked up once, in the order of their id: the next key of a rotation has a higher one."""

    def __init__(self, token: Token) -> None:
        self._token = token
        asked = {"label": token.uri.label, "id": text(token.uri.id)}
        found = token.ask("keys", kind="ed25519", **asked)
        self._handles = {b64decode(one["public"]): one["handle"] for one in found}

    @property
    def keys(self) -> list[RecordKey]:
        """The public keys, oldest first."""
        return [RecordKey("ed25519", public) for public in self._handles]

    def sign(self, key: RecordKey, payload: bytes) -> bytes:
        """The bare signature, made inside the token."""
        return b64decode(self._token.ask("sign", handle=self._handles[key.public], data=text(payload)))
