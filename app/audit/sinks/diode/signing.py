"""The key that signs files for a diode: Ed25519 (RFC 8032), made once in the data folder, never in the database.

It is not the key of the record's checkpoints: a key that signs two kinds of statements lets one be taken for the other.
"""

import os
from pathlib import Path

from app.audit.tlog.note import ED25519
from app.audit.tlog.signing import SEED_BYTES, SeedSigner, signed
from app.core.errors import ConfigError


def diode_signer(path: Path, *, node: str) -> SeedSigner:
    """The signer of this node, whose key is made when there is none; ConfigError when the file is no key."""
    try:
        if not path.exists():
            _make(path)
        seed = bytes.fromhex(path.read_text(encoding="ascii").strip())
        return SeedSigner(f"{node}/sinks", ED25519, seed)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a key"
        raise ConfigError(
            f"The key of diode sinks, {path}, cannot be used ({reason}).",
            remedy="Put back the file from the backup of the data folder.",
        ) from None


def sign_note(signer: SeedSigner, text: str) -> str:
    """The signed note of a text that ends in a newline."""
    return str(signed(text, [signer], seconds=0))


def _make(path: Path) -> None:
    """A new key; whoever comes second keeps what the first made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, os.urandom(SEED_BYTES).hex().encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
