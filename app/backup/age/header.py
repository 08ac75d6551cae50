"""The header of an age v1 file: the file's key, wrapped for each who may open it, under a MAC."""

import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import BinaryIO, NewType

from app.backup.age.keys import Identity, Passphrase, Random, Recipient, hkdf
from app.backup.age.stanza import base64_of, malformed, parse_stanzas
from app.core.errors import InputError

FileKey = NewType("FileKey", bytes)
"""16 random bytes that open one file. Whoever wrote it can read it back without any identity."""

VERSION = "age-encryption.org/v1"
_MOST_LINES = 400
_MOST_LINE = 200


def seal_header(
    to: Sequence[Recipient] | Passphrase, *, random: Random = os.urandom
) -> tuple[bytes, FileKey]:
    """The header of a new file, and its key; a passphrase stands alone, as age wants it."""
    file_key = FileKey(random(16))
    whom = [to] if isinstance(to, Passphrase) else list(to)
    if not whom:
        raise InputError("Nobody could open the backup.", remedy="Name a --recipient or a --passphrase-file.")
    stanzas = "".join(one.wrap(file_key, random=random).render() for one in whom)
    text = f"{VERSION}\n{stanzas}---"
    return f"{text} {base64_of(_mac(file_key, text))}\n".encode(), file_key


def open_header(file: BinaryIO, by: Sequence[Identity] | Passphrase | FileKey) -> FileKey:
    """The file's key; the payload follows. InputError when it is not for us, altered, or no age file."""
    lines = _lines(file)
    text = "\n".join([VERSION, *lines[:-1], "---"])
    stanzas = parse_stanzas(lines[:-1])
    if any(one.arguments[0] == "scrypt" for one in stanzas) and len(stanzas) != 1:
        raise malformed()
    if isinstance(by, bytes):
        file_key: bytes | None = by
    else:
        openers = [by] if isinstance(by, Passphrase) else by
        file_key = next((key for one in openers for each in stanzas if (key := one.unwrap(each))), None)
    if file_key is None:
        raise InputError(
            "The backup cannot be opened: it was made for another key or passphrase.",
            remedy="Give the private key of one of its recipients by --identity, or its --passphrase-file.",
        )
    if not hmac.compare_digest(f"--- {base64_of(_mac(file_key, text))}", lines[-1]):
        raise InputError("The backup's header was altered.", remedy="Copy the file again, or take another.")
    return FileKey(file_key)


def _lines(file: BinaryIO) -> list[str]:
    """The lines between the version and the payload, the last one with the MAC."""
    lines: list[str] = []
    if file.readline(_MOST_LINE) != f"{VERSION}\n".encode():
        raise malformed()
    while len(lines) < _MOST_LINES:
        line = file.readline(_MOST_LINE)
        if not line.endswith(b"\n") or not line.isascii():
            raise malformed()
        lines.append(line[:-1].decode())
        if line.startswith(b"---"):
            return lines
    raise malformed()


def _mac(file_key: bytes, text: str) -> bytes:
    return hmac.digest(hkdf(file_key, salt=b"", info=b"header"), text.encode(), hashlib.sha256)
