"""The site's key that wraps persons' keys (AES key in a file outside the database)."""

import hashlib
import os
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import ConfigError

_NONCE = 12
_BYTES = 32
_WRAP = b"sallyport/record/subject/1/"


class SiteKey:
    """Wraps the keys of persons. `id` names it in the database, without saying anything about it."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _BYTES:
            raise ValueError("a site key has 32 bytes")
        self.id = hashlib.sha256(b"sallyport/record/subjects/id/" + secret).hexdigest()[:16]
        self._key = AESGCM(secret)

    def wrap(self, key: bytes, *, subject: UUID) -> bytes:
        """A person's key, bound to the subject."""
        nonce = os.urandom(_NONCE)
        return nonce + self._key.encrypt(nonce, key, _WRAP + subject.bytes)

    def unwrap(self, box: bytes, *, subject: UUID) -> bytes | None:
        """The person's key; None when another site key wrapped it, or it was moved or altered."""
        try:
            return self._key.decrypt(box[:_NONCE], box[_NONCE:], _WRAP + subject.bytes)
        except (InvalidTag, ValueError):
            return None


def read_site_key(path: Path) -> SiteKey | None:
    """The key of 64 hex digits in the file; None where there is no file. ConfigError when it is no key."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, str(error)) from None
    return parse_site_key(text, where=str(path))


def parse_site_key(text: str, *, where: str) -> SiteKey:
    """The key of 64 hex digits."""
    try:
        return SiteKey(bytes.fromhex(text.strip()))
    except ValueError:
        raise _unusable(where, "it is not 64 hexadecimal digits") from None


def make_site_key(path: Path) -> SiteKey:
    """A new key in a file that did not exist; whoever comes second reads what the first wrote."""
    secret = os.urandom(_BYTES)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secret[:4].hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        found = read_site_key(path)
        if found is None:
            raise _unusable(path, "it vanished while it was read") from None
        return found
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return SiteKey(secret)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(path: Path | str, why: str) -> ConfigError:
    return ConfigError(
        f"The key of the persons in the record, {path}, cannot be used: {why}.",
        remedy="Put back the file from the backup of the data folder, or from another node of this site.",
    )
