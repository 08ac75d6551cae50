"""Keysets: who may sign releases, and how many of them it takes. A new one is signed by a quorum of the old one."""

import hashlib
import re
from collections.abc import Sequence

import msgspec

from app.audit.tlog.checkpoint import Checkpoint
from app.audit.tlog.merkle import leaf_hash
from app.audit.tlog.note import COSIGNATURE_ML_DSA_44, ED25519, Note, VerifierKey, parse_key, parse_note
from app.audit.tlog.signing import verify
from app.core import jsonsafe
from app.core.canonical import canonical
from app.core.errors import ProofError, ReleaseError, SallyportError

MAX_BYTES = 128 * 1024
MAX_STEPS = 64
"""Keysets between the one that is trusted and the newest on a medium."""
NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
LARGEST = 2**53 - 1
_KINDS = [ED25519, COSIGNATURE_ML_DSA_44]
_HOLDERS = 16

Signed = tuple[bytes, bytes]
"""A document and the note that signs it."""


class Keyset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holders by name, each with an Ed25519 and an ML-DSA-44 key; `threshold` of them must sign."""

    kind: str
    name: str
    number: int
    threshold: int
    holders: dict[str, tuple[str, ...]]
    development: bool = False

    def keys(self) -> dict[str, list[VerifierKey]]:
        """The keys of each holder."""
        return {holder: [parse_key(text) for text in keys] for holder, keys in self.holders.items()}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical bytes, to be compared by people."""
        return hashlib.sha256(canonical(self)).hexdigest()


def statement(name: str, kind: str, number: int, document: bytes) -> str:
    """What is signed for a document: the head of a log whose only entry it is (c2sp.org/tlog-checkpoint)."""
    return str(Checkpoint(f"{name}/{kind}/{number}", 1, leaf_hash(document)))


def parse_keyset(data: bytes) -> Keyset:
    """A keyset that could be used; ReleaseError says what is wrong with it."""
    if len(data) > MAX_BYTES:
        raise ReleaseError(f"A keyset has at most {MAX_BYTES} bytes.")
    try:
        keyset = jsonsafe.convert(jsonsafe.decode_object(data, max_depth=4), Keyset)
        keys = keyset.keys()
    except SallyportError as error:
        raise ReleaseError(f"The keyset cannot be read: {error.message}") from None
    if keyset.kind != "keyset" or not NAME.fullmatch(keyset.name) or not 1 <= keyset.number <= LARGEST:
        raise ReleaseError("The keyset has no usable kind, name or number.")
    _check_holders(keyset, keys)
    return keyset


def _check_holders(keyset: Keyset, keys: dict[str, list[VerifierKey]]) -> None:
    if not 1 <= keyset.threshold <= len(keys) <= _HOLDERS:
        raise ReleaseError(f"The threshold of a keyset is from 1 to the number of its holders ({len(keys)}).")
    for holder, theirs in keys.items():
        if sorted(key.algorithm for key in theirs) != _KINDS or {key.name for key in theirs} != {holder}:
            raise ReleaseError(f"Holder {holder!r} needs one Ed25519 and one ML-DSA-44 key in its own name.")
    public = [key.public for theirs in keys.values() for key in theirs]
    if len(set(public)) != len(public):
        raise ReleaseError("The keyset holds one key twice; each holder needs keys of their own.")


def require_quorum(keyset: Keyset, statement_text: str, note_data: bytes) -> list[str]:
    """The holders that signed this very statement with all of their keys; ReleaseError when they are too few."""
    try:
        note = parse_note(note_data)
        if note.text != statement_text:
            raise ReleaseError("The signatures are of another document than the one beside them.")
        signed = [holder for holder, keys in keyset.keys().items() if _signed(note, keys)]
    except ProofError as error:
        raise ReleaseError(f"The signatures cannot be believed: {error.message}") from None
    if len(signed) < keyset.threshold:
        said = ", ".join(signed) or "nobody"
        raise ReleaseError(
            f"Signed by {said}; keyset {keyset.number} of {keyset.name} asks for {keyset.threshold} of"
            f" {', '.join(keyset.holders)}.",
            remedy="Get the whole medium again from where it is made.",
        )
    return signed


def _signed(note: Note, keys: Sequence[VerifierKey]) -> bool:
    """Whether all these keys signed; ProofError when one of their signatures is wrong."""
    present = [key for key in keys if note.signed_by(key)]
    for key in present:
        verify(note, key)
    return len(present) == len(keys)


def follow(trusted: Keyset, later: Sequence[Signed]) -> Keyset:
    """The newest keyset that leads from the trusted one by quorums, each signed by the old and by itself."""
    if len(later) > MAX_STEPS:
        raise ReleaseError(f"More than {MAX_STEPS} keysets follow one another.")
    for data, note in later:
        new = parse_keyset(data)
        if (new.name, new.number) != (trusted.name, trusted.number + 1):
            raise ReleaseError(f"Keyset {new.number} of {new.name} does not follow {trusted.number}.")
        if new.development and not trusted.development:
            raise ReleaseError("A keyset for development cannot take over from one for releases.")
        text = statement(new.name, "keyset", new.number, data)
        require_quorum(trusted, text, note)
        require_quorum(new, text, note)
        trusted = new
    return trusted
