"""Signed notes, verifier keys, checkpoints, and whose signatures count (C2SP); not the sealer's code."""

import base64
import hashlib
import re
import struct
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from app.audit.verify.report import Report
from app.audit.verify.unreadable import Unreadable

ED25519, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE = 1, 4, 6
_NOTE_BYTES = 256 * 1024
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
ROTATION = "sallyport.record/key-rotation/v1"
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
    """Keys whose signatures count: those given, or without any the log's own, and what follows from rotations.

    `bundled` keys are known: what they sign is checked, and counts for nothing. Former keys came before one that
    counts: they may have signed what is old, but not the newest checkpoint.
    """

    def __init__(
        self, *, given: Iterable[Key], bundled: Iterable[Key], rotations: Iterable[bytes] = (), report: Report
    ) -> None:
        self._report = report
        self._known = {key.place: key for key in bundled}
        chosen = {key.place: key for key in given}
        self.own = not chosen
        self._keys = chosen or dict(self._known)
        self._former: dict[tuple[str, bytes], Key] = {}
        left = [_rotation(data, report) for data in rotations]
        while followed := [change for change in left if change and self._follow(*change)]:
            left = [change for change in left if change not in followed]
        self._known |= self._former | self._keys
        self._names = {name for name, _ in self._known}

    def _follow(self, old: list[Key], new: list[Key]) -> bool:
        """Whoever trusts one signer of a rotation learns the other side; keys that did not sign it vouch for nothing."""
        if old[0].place in self._keys:
            self._keys.update({key.place: key for key in new})
        elif new[0].place in self._keys or new[0].place in self._former:
            self._former.update({key.place: key for key in old})
        else:
            return False
        return True

    def checkpoint(
        self, data: bytes, what: str, *, witnesses: Sequence[Key] = (), old: bool = True
    ) -> tuple[str, int, bytes]:
        """Origin, size and root of a checkpoint that the log signed by a key of each kind that it has.

        Signatures of `witnesses` are checked when they are there. `old`: former keys count as well.
        """
        origin, size, root = checkpoint(self.signed(data, what, known=witnesses, old=old))
        log = self._known
        kinds = {log[line[:2]].type for line in note(data)[1] if line[:2] in log}
        if missing := {key.type for key in log.values()} - kinds:
            self._report.fault(f"{what} lacks a signature of kind {min(missing)}", file=what)
        return origin, size, root

    def signed(self, data: bytes, what: str, *, known: Sequence[Key] = (), old: bool = True) -> bytes:
        """The text of a note by the log; a wrong, unknown or missing signature of it is a fault."""
        text, lines = note(data)
        others = {key.place: key for key in known}
        counts = self._keys | self._former if old else self._keys
        good = False
        for name, key_id, signature in lines:
            place = (name, key_id)
            key = self._known.get(place) or others.get(place)
            if key is None:
                if name in self._names:
                    what_else = f"a signature under {what} is of a key of {name} that is not known"
                    self._report.fault(what_else, file=what)
            elif not key.verifies(text, signature):
                self._report.fault(f"the signature of {name} under {what} is wrong", file=what)
            elif place in counts:
                good = True
        if not good:
            self._unsigned(what, lines)
        return text

    def _unsigned(self, what: str, lines: list[Line]) -> None:
        if not self.own and any((name, key_id) in self._known for name, key_id, _ in lines):
            self._report.doubts.append(f"no signature under {what} is of a key that counts")
        else:
            self._report.fault(f"{what} is not signed by a key of the record", file=what)


def _rotation(data: bytes, report: Report) -> tuple[list[Key], list[Key]] | None:
    """Old and new keys of a rotation that both have signed; any other is a fault."""
    try:
        text, lines = note(data)
        said = text.decode().split("\n")
        old = [Key(line[4:]) for line in said if line.startswith("old ")]
        new = [Key(line[4:]) for line in said if line.startswith("new ")]
        if (
            said[0] == ROTATION
            and old
            and new
            and all(_signed_by(key, text, lines) for key in (old[0], new[0]))
        ):
            return old, new
    except (Unreadable, UnicodeDecodeError):
        pass
    report.fault("a change of keys is not signed by the old and the new key")
    return None


def _signed_by(key: Key, text: bytes, lines: list[Line]) -> bool:
    under = [value for name, key_id, value in lines if (name, key_id) == key.place]
    return bool(under) and all(key.verifies(text, value) for value in under)
