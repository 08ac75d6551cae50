"""Signed notes, verifier keys, checkpoints, and whose signatures count (C2SP); not the sealer's code."""

import base64
import hashlib
import re
import struct
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from app.audit.verify.report import Report
from app.audit.verify.unreadable import Unreadable

ED25519, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE = 1, 4, 6
_NOTE_BYTES = 256 * 1024
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
Line = tuple[str, bytes, bytes]
"""Name, key id, signature."""


class Key:
    """A verifier key, `name+hex(id)+base64(type ‖ key)`."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        try:
            self.name, key_id, material = self.text.split("+", 2)
            raw = base64.b64decode(material, validate=True)
            self.id = bytes.fromhex(key_id)
            self.type, self.public = raw[0], raw[1:]
        except (ValueError, IndexError):
            raise Unreadable(f"{self.text[:60]!r} is not a verifier key") from None
        if hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4] != self.id:
            raise Unreadable(f"the verifier key of {self.name} does not have its own id")

    @property
    def place(self) -> tuple[str, bytes]:
        """What a signature line names it by."""
        return self.name, self.id

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature under this text is of this key."""
        try:
            if self.type == ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
            elif self.type == ED25519_COSIGNATURE:
                (time,) = struct.unpack(">Q", signature[:8])
                message = b"cosignature/v1\ntime %d\n" % time + text
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature[8:], message)
            elif self.type == MLDSA44_COSIGNATURE:
                message = self._subtree(text, signature[:8])
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature[8:], message)
            else:
                return False
        except (InvalidSignature, ValueError, Unreadable, struct.error):
            return False
        return True

    def _subtree(self, text: bytes, time: bytes) -> bytes:
        origin, size, root = checkpoint(text)
        name, log = self.name.encode(), origin.encode()
        head = b"subtree/v1\n\0" + bytes([len(name)]) + name + time + bytes([len(log)]) + log
        return head + struct.pack(">QQ", 0, size) + root


def keys(texts: Iterable[str]) -> list[Key]:
    """Verifier keys, one a line; Unreadable for a line that is none."""
    return [Key(line) for text in texts for line in text.splitlines() if line.strip()]


def note(data: bytes) -> tuple[bytes, list[Line]]:
    """Text and signature lines; nothing is verified by having read it."""
    text, found, tail = data.rpartition(b"\n\n")
    if not found or not tail.endswith(b"\n") or len(data) > _NOTE_BYTES or _CONTROL.search(data):
        raise Unreadable("it is not a signed note")
    return text + b"\n", [_line(line) for line in tail[:-1].split(b"\n")]


def _line(line: bytes) -> Line:
    dash, _, rest = line.partition(b" ")
    name, _, value = rest.partition(b" ")
    try:
        raw = base64.b64decode(value, validate=True)
        if dash != "\u2014".encode() or not name or base64.b64encode(raw) != value or len(raw) < 5:
            raise ValueError
        return name.decode(), raw[:4], raw[4:]
    except ValueError:
        raise Unreadable("a signature line of the note is malformed") from None


def checkpoint(text: bytes) -> tuple[str, int, bytes]:
    """Origin, size and root."""
    lines = text.decode("utf-8", "replace").split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise Unreadable("it is not a checkpoint of origin, size and root")
    return lines[0], int(lines[1]), hash_of(lines[2])


def hash_of(text: str) -> bytes:
    """A SHA-256 hash in base64, in its one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 32 or base64.b64encode(raw).decode() != text:
        raise Unreadable("it holds something that is not the base64 of a SHA-256 hash")
    return raw


class Trust:
    """Keys whose signatures count: those given, or without any the log's own; `bundled` ones are known at least."""

    def __init__(self, *, given: Iterable[Key], bundled: Iterable[Key], report: Report) -> None:
        self._report = report
        self._known = {key.place: key for key in bundled}
        chosen = {key.place: key for key in given}
        self.own = not chosen
        self._keys = chosen or dict(self._known)
        self._names = {name for name, _ in [*self._known, *self._keys]}

    def signed(self, data: bytes, what: str, *, known: Iterable[Key] = ()) -> bytes:
        """The text of a note by the log; a wrong, unknown or missing signature of it is a fault.

        `known` are witnesses: their signatures are checked when they are there.
        """
        text, lines = note(data)
        others = {key.place: key for key in known}
        good = False
        for name, key_id, signature in lines:
            place = (name, key_id)
            key = self._keys.get(place) or self._known.get(place) or others.get(place)
            if key is None:
                if name in self._names:
                    self._report.fault(
                        f"the signature under {what} is of a key of {name} that is not known", file=what
                    )
            elif not key.verifies(text, signature):
                self._report.fault(f"the signature of {name} under {what} is wrong", file=what)
            elif place in self._keys:
                good = True
        if not good:
            self._unsigned(what, lines)
        return text

    def _unsigned(self, what: str, lines: list[Line]) -> None:
        if not self.own and any((name, key_id) in self._known for name, key_id, _ in lines):
            self._report.doubts.append(f"no signature under {what} is of a key that you gave")
        else:
            self._report.fault(f"{what} is not signed by a key of the record", file=what)

    def follow(self, data: bytes) -> bool:
        """A rotation names further keys: they count if one that counts has signed it."""
        try:
            text, lines = note(data)
            named = keys(line for line in text.decode().split("\n") if "+" in line)
        except (Unreadable, UnicodeDecodeError):
            return False
        if not any(
            key.verifies(text, signature)
            for name, key_id, signature in lines
            if (key := self._keys.get((name, key_id))) is not None
        ):
            return False
        self._keys.update({key.place: key for key in named})
        return True
