"""Signed notes and verifier keys (c2sp.org/signed-note): a text, a blank line, and one line a signature."""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence

import msgspec

from app.core.errors import ProofError

ED25519 = 0x01
COSIGNATURE_ED25519 = 0x04
COSIGNATURE_ML_DSA_44 = 0x06
KEY_BYTES = {ED25519: 32, COSIGNATURE_ED25519: 32, COSIGNATURE_ML_DSA_44: 1312}

MAX_BYTES = 256 * 1024
MAX_SIGNATURES = 64
_DASH = "\N{EM DASH} "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_ID = re.compile(r"[0-9a-f]{8}")


class VerifierKey(msgspec.Struct, frozen=True):
    """Who signs, by which algorithm, and the public key; its text is `name+id+base64(algorithm ‖ key)`."""

    name: str
    algorithm: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that stand before each of its signatures."""
        return key_id(self.name, self.algorithm, self.public)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the whole key in hex, to be compared by people."""
        return hashlib.sha256(bytes([self.algorithm]) + self.public).hexdigest()

    def __str__(self) -> str:
        material = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{material}"


class Signature(msgspec.Struct, frozen=True):
    """One signature line: the key's name and id, and the signature proper."""

    name: str
    key: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key + self.value).decode()}\n"


class Note(msgspec.Struct, frozen=True):
    """A text that ends in a newline, and its signatures; nothing is verified by having parsed it."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    def signed_by(self, key: VerifierKey) -> list[Signature]:
        """The signatures that claim to be of this key."""
        return [line for line in self.signatures if (line.name, line.key) == (key.name, key.id)]


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """SHA-256(name ‖ newline ‖ algorithm ‖ public key), the first four bytes."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]


def check_name(name: str) -> None:
    """ProofError for a name that a note cannot hold."""
    if not name or len(name) > 255 or "+" in name or _CONTROL.search(name) or len(name.split()) != 1:
        raise ProofError(f"{name!r} is not the name of a key: it is empty or holds a space or a plus sign.")
    if name != name.strip():
        raise ProofError(f"{name!r} is not the name of a key: it begins or ends with a space.")


def parse_key(text: str) -> VerifierKey:
    """A verifier key; ProofError unless its id is that of its name and key."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise ProofError("A verifier key reads NAME+ID+KEY, the id in eight hexadecimal digits.")
    check_name(parts[0])
    material = decode(parts[2])
    key = VerifierKey(parts[0], material[0] if material else 0, material[1:])
    if KEY_BYTES.get(key.algorithm) != len(key.public):
        raise ProofError("The verifier key is of a kind or length that is not known here.")
    if key.id.hex() != parts[1]:
        raise ProofError("The id of the verifier key is not that of its name and key.")
    return key


def parse_note(data: bytes | str) -> Note:
    """Text and signatures of a note; ProofError when it is not well-formed."""
    if len(data) > MAX_BYTES:
        raise ProofError(f"A note has at most {MAX_BYTES} bytes.")
    try:
        whole = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        raise ProofError("The note is not UTF-8.") from None
    if _CONTROL.search(whole):
        raise ProofError("The note holds control characters.")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not text or not lines.endswith("\n"):
        raise ProofError("The note has no blank line between its text and its signatures.")
    return Note(text + "\n", parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Signature lines alone, as a witness answers them; ProofError when one is not well-formed."""
    if not lines.endswith("\n"):
        raise ProofError("The last signature line does not end.")
    found = lines[:-1].split("\n")
    if len(found) > MAX_SIGNATURES:
        raise ProofError(f"A note has at most {MAX_SIGNATURES} signatures.")
    return tuple(map(_signature, found))


def _signature(line: str) -> Signature:
    name, _, value = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not value:
        raise ProofError("A signature line reads EM DASH, name, base64.")
    check_name(name)
    raw = decode(value)
    if len(raw) < 5:
        raise ProofError("A signature is too short.")
    return Signature(name, raw[:4], raw[4:])


def decode(text: str) -> bytes:
    """Standard base64 in its one right spelling; ProofError otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProofError("A part of the note is not base64.") from None
    if base64.b64encode(data).decode() != text:
        raise ProofError("A part of the note is not base64 in its usual spelling.")
    return data


def cosigned(note: Note, further: Sequence[Signature]) -> Note:
    """The note with these signatures added, each once."""
    new = tuple(line for line in dict.fromkeys(further) if line not in note.signatures)
    return Note(note.text, note.signatures + new)
