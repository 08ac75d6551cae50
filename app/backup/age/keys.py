"""Who can open a file of age v1: X25519 keys and passphrases."""

import hashlib
import hmac
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.backup.age import bech32
from app.backup.age.stanza import Stanza, base64_of, unbase64
from app.core.errors import InputError

_PUBLIC, _PRIVATE = "age", "age-secret-key-"
_X25519 = b"age-encryption.org/v1/X25519"
_SCRYPT = b"age-encryption.org/v1/scrypt"
_KEY_BYTES = 32
_WORK, _MOST_WORK = 18, 22
_MOST_FILE = 64 * 1024
_ZERO_NONCE = bytes(12)

Random = Callable[[int], bytes]


def hkdf(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 (RFC 5869), 32 bytes."""
    extracted = hmac.digest(salt or bytes(32), secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)


class Recipient:
    """A public key, `age1…`: whoever holds its identity can open what is wrapped to it."""

    def __init__(self, public: bytes) -> None:
        self._public = public

    @classmethod
    def parse(cls, text: str) -> "Recipient":
        """The key of this text; InputError when it is none."""
        try:
            prefix, public = bech32.decode(text)
        except ValueError:
            prefix, public = "", b""
        if prefix != _PUBLIC or len(public) != _KEY_BYTES:
            raise InputError(
                f"{text[:80]!r} is no recipient of a backup.",
                remedy="A recipient is a public key like age1…; make one by `sallyport backup new-key FILE`.",
            )
        return cls(public)

    def __str__(self) -> str:
        return bech32.encode(_PUBLIC, self._public)

    def wrap(self, file_key: bytes, *, random: Random = os.urandom) -> Stanza:
        """The file key, for the holder of the identity."""
        secret = X25519PrivateKey.from_private_bytes(random(_KEY_BYTES))
        share = secret.public_key().public_bytes_raw()
        shared = secret.exchange(X25519PublicKey.from_public_bytes(self._public))
        key = hkdf(shared, salt=share + self._public, info=_X25519)
        return Stanza(
            ("X25519", base64_of(share)), ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, file_key, None)
        )


class Identity:
    """A private key, `AGE-SECRET-KEY-1…`."""

    def __init__(self, secret: bytes) -> None:
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        self._raw = secret

    @classmethod
    def new(cls, *, random: Random = os.urandom) -> "Identity":
        """A fresh key."""
        return cls(random(_KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "Identity":
        """The key of this text; InputError, which does not repeat it, when it is none."""
        try:
            prefix, secret = bech32.decode(text)
        except ValueError:
            prefix, secret = "", b""
        if prefix != _PRIVATE or len(secret) != _KEY_BYTES:
            raise InputError(
                "A line of the identity file is no private key.", remedy="It looks like AGE-SECRET-KEY-1…."
            )
        return cls(secret)

    def render(self) -> str:
        """The text of a key file's line."""
        return bech32.encode(_PRIVATE, self._raw).upper()

    @property
    def recipient(self) -> Recipient:
        """The public half."""
        return Recipient(self._secret.public_key().public_bytes_raw())

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """The file key, None when it was wrapped for somebody else."""
        if stanza.arguments[0] != "X25519" or len(stanza.arguments) != 2:
            return None
        try:
            share = unbase64(stanza.arguments[1])
            shared = self._secret.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:
            return None
        public = self._secret.public_key().public_bytes_raw()
        return _opened(hkdf(shared, salt=share + public, info=_X25519), stanza.body)


class Passphrase:
    """Words that people remember, stretched by scrypt (256 MiB for a moment)."""

    def __init__(self, words: str) -> None:
        self._words = words.encode()

    def wrap(self, file_key: bytes, *, random: Random = os.urandom) -> Stanza:
        """The file key, for whoever knows the words."""
        salt = random(16)
        key = self._stretched(salt, _WORK)
        return Stanza(
            ("scrypt", base64_of(salt), str(_WORK)),
            ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, file_key, None),
        )

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """The file key, None when these are not the words."""
        if stanza.arguments[0] != "scrypt" or len(stanza.arguments) != 3:
            return None
        _, salt, work = stanza.arguments
        if not work.isdecimal() or str(int(work)) != work or not 0 < int(work) <= _MOST_WORK:
            return None
        try:
            return _opened(self._stretched(unbase64(salt), int(work)), stanza.body)
        except ValueError:
            return None

    def _stretched(self, salt: bytes, work: int) -> bytes:
        if len(salt) != 16:
            raise ValueError("a salt has 16 bytes")
        return Scrypt(salt=_SCRYPT + salt, length=32, n=1 << work, r=8, p=1).derive(self._words)


def _opened(key: bytes, body: bytes) -> bytes | None:
    if len(body) != 32:
        return None
    try:
        return ChaCha20Poly1305(key).decrypt(_ZERO_NONCE, body, None)
    except InvalidTag:
        return None


def read_recipients(texts: list[str] | tuple[str, ...]) -> list[Recipient]:
    """The public keys of the command line or the profile."""
    return [Recipient.parse(text.strip()) for text in texts]


def read_identities(path: Path) -> list[Identity]:
    """The private keys of a file as `age-keygen` writes it; InputError when it has none or others may read it."""
    lines = [line.strip() for line in _private_text(path).splitlines()]
    found = [Identity.parse(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise InputError(f"{path} has no private key.", remedy="Name the file that `backup new-key` made.")
    return found


def read_passphrase(path: Path) -> Passphrase:
    """The first line of a file that nobody else may read."""
    words = _private_text(path).partition("\n")[0].rstrip("\r")
    if len(words) < 12:
        raise InputError(
            f"The passphrase in {path} is too short.",
            remedy="Twelve characters at least; better a recipient's key.",
        )
    return Passphrase(words)


def _private_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
                raise InputError(f"{path} can be read by others.", remedy=f"chmod 600 {path}")
            return file.read(_MOST_FILE).decode()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).", remedy="Check the path.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text.", remedy="Check the path.") from None
